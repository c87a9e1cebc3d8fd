"""How long a run still takes goes by what its jobs cost."""

import os
from pathlib import Path

import pytest

from catscan.flow.run_time import RunTime, measured


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def run_time(clock: Clock, **expected: float) -> RunTime:
    return RunTime({"index_samples": 1, "train_fold": 2, "all": 1}, expected, clock)


def test_a_cheap_job_is_a_small_part_of_the_run(clock: Clock) -> None:
    time = run_time(clock, index_samples=10, train_fold=100)
    time.start(1, "index_samples", "index")
    clock.now = 10
    time.finish(1)

    assert time.share() == pytest.approx(10 / 210)
    assert time.left() == pytest.approx(200)
    assert time.line() == "1 of 3 jobs, 5 %, about 3 min left"


def test_what_a_job_took_in_this_run_is_believed_before_what_was_expected(clock: Clock) -> None:
    time = run_time(clock, index_samples=0, train_fold=100)
    time.start(1, "train_fold", "train")
    clock.now = 20
    time.finish(1)

    assert time.cost("train_fold") == 20
    assert time.left() == pytest.approx(20)


def test_what_came_back_from_the_store_is_no_work_and_tells_nothing_of_its_rule(clock: Clock) -> None:
    time = run_time(clock, index_samples=100, train_fold=100)
    for number in (1, 2):
        time.start(number, "train_fold", "train")
    clock.now = 1
    time.finish(1, came_back=True)
    clock.now = 50

    assert time.cost("train_fold") == 100
    assert time.share() == pytest.approx((100 + 50) / 300)
    assert time.line() == "1 of 3 jobs, 50 %, about 2 min left"  # 50 of 200 seconds' work took 50 seconds


def test_a_run_whose_jobs_all_came_back_is_done(clock: Clock) -> None:
    time = run_time(clock, index_samples=100, train_fold=100)
    for number, rule in enumerate(["index_samples", "train_fold", "train_fold"]):
        time.start(number, rule, rule)
        time.finish(number, came_back=True)
    clock.now = 10

    assert time.line() == "3 of 3 jobs, 100 %"


def test_a_job_that_notes_how_far_it_is_counts_by_that(clock: Clock, tmp_path: Path) -> None:
    time = run_time(clock, index_samples=0, train_fold=100)
    time.start(1, "train_fold", "train dogs", "dogs resnet fold 0")
    (tmp_path / "17").write_text("30 40 dogs resnet fold 0: steps")
    (tmp_path / "18").write_text("3")  # in the middle of being written
    time.read_notes(tmp_path)

    assert time.share() == pytest.approx(0.75 / 2)
    assert time.doing() == "dogs resnet fold 0: steps: 30 of 40"


def test_a_job_whose_work_has_several_parts_never_goes_back(clock: Clock, tmp_path: Path) -> None:
    time = run_time(clock, index_samples=0, train_fold=100)
    time.start(1, "train_fold", "train dogs", "dogs")
    for noted in ("30 40 dogs: pictures", "1 40 dogs: others"):
        (tmp_path / "17").write_text(noted)
        time.read_notes(tmp_path)

    assert time.share() == pytest.approx(0.75 / 2)
    assert time.doing() == "dogs: others: 1 of 40"


def test_what_an_earlier_job_of_the_same_name_has_noted_is_not_the_next_ones(clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "17").write_text("30 40 dogs: pictures")
    os.utime(tmp_path / "17", (1e9, 1e9))
    time = run_time(clock, index_samples=0, train_fold=100)
    time.start(1, "train_fold", "train dogs", "dogs")
    time.read_notes(tmp_path)

    assert time.share() == 0
    assert time.doing() == "train dogs"


def test_a_job_that_notes_nothing_is_never_done_before_its_end(clock: Clock) -> None:
    time = run_time(clock, index_samples=0, train_fold=10)
    time.start(1, "train_fold", "train dogs")
    clock.now = 1000

    assert time.share() == pytest.approx(0.9 / 2)


def test_a_finished_run_has_no_time_left(clock: Clock) -> None:
    time = run_time(clock)
    for number, rule in enumerate(("index_samples", "train_fold", "train_fold", "all")):
        time.start(number, rule, rule)
        clock.now += 10
        time.finish(number)

    assert time.line() == "3 of 3 jobs, 100 %"


def test_earlier_runs_tell_what_jobs_cost(tmp_path: Path) -> None:
    folder = tmp_path / "dogs" / "benchmarks"
    folder.mkdir(parents=True)
    for fold, seconds in enumerate((50, 70)):
        (folder / f"train-a-fold-{fold}.tsv").write_text(f"s\th:m:s\n{seconds}.0\t0:01:00\n")
    (folder / "evaluate.tsv").write_text("s\th:m:s\n")  # cut off

    assert measured(tmp_path) == {"train_fold": 60.0}


def test_every_rule_that_does_work_has_a_cost() -> None:
    import re

    from catscan.flow.run_time import FILES, USUAL

    rules = Path(__file__).resolve().parents[2] / "workflow" / "rules"
    named = [
        re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE)[0]
        for path in rules.glob("*.smk")
        if path.stem != "common"
    ]

    assert sorted(USUAL) == sorted(named)
    assert set(FILES) == set(USUAL) - {"submit_submission"}
