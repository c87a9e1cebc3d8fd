"""The line that each run leaves, and what `catscan runs` says of them."""

from pathlib import Path
from typing import Any

import pytest
from factories import check_of, metrics_of

from catscan.cli import main
from catscan.common.files import write_json
from catscan.flow import runs


def config_of(**settings: Any) -> dict[str, Any]:
    return {"run": ["dogs", "not-run-yet"], "competitions": {"dogs": settings, "not-run-yet": {}}}


def ran(results: Path, *, submission: str = "a", loss: float = 0.2, **settings: Any) -> list[runs.Run]:
    """A run has ended; the lines that there are then."""
    folder = results / "dogs"
    metrics = metrics_of()
    from dataclasses import replace

    replace(metrics, loss=replace(metrics.loss, value=loss)).write(folder / "evaluation" / "metrics.json")
    check_of(sha256=submission * 64).write(folder / "submission.json")
    (folder / "benchmarks").mkdir(exist_ok=True)
    (folder / "benchmarks" / "train-a-fold-0.tsv").write_text("s\th:m:s\n90.0\t0:01:30\n")
    runs.record(config_of(**settings), results, results)
    return runs.read(folder / "runs.csv")


def test_a_run_leaves_its_scores_its_settings_and_its_minutes(tmp_path: Path) -> None:
    (line,) = ran(tmp_path, index={"folds": 5})

    assert (line.models, line.out_of_fold, line.expected, line.true, line.public) == (
        "resnet:1.00",
        "0.2000",
        "0.2000",
        "0.2500",
        "",
    )
    assert line.minutes == "1.5"
    assert (tmp_path / "dogs" / "runs" / f"{line.settings}.json").is_file()
    assert not (tmp_path / "not-run-yet").exists()


def test_a_time_that_is_cut_off_counts_for_none(tmp_path: Path) -> None:
    (tmp_path / "dogs" / "benchmarks").mkdir(parents=True)
    (tmp_path / "dogs" / "benchmarks" / "index.tsv").write_text("s\th:m:s\n")

    assert [line.minutes for line in ran(tmp_path)] == ["1.5"]


def test_a_run_that_changed_nothing_adds_no_line(tmp_path: Path) -> None:
    ran(tmp_path)

    assert len(ran(tmp_path)) == 1
    assert len(ran(tmp_path, submission="b")) == 2


def test_the_public_score_is_added_to_its_own_submission_alone(tmp_path: Path) -> None:
    ran(tmp_path)
    write_json(tmp_path / "dogs" / "submitted.json", {"submission_sha256": "a" * 64, "public_score": 0.31})

    assert [line.public for line in ran(tmp_path)] == ["0.3100"]
    assert [line.public for line in ran(tmp_path, submission="b")] == ["0.3100", ""]


def test_two_runs_are_compared_by_scores_and_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran(tmp_path, index={"folds": 5}, models={"a": {"epochs": 3}})
    ran(tmp_path, submission="b", loss=0.15, index={"folds": 5}, models={"a": {"epochs": 6}, "b": {}})
    assert main(["runs", "--results", str(tmp_path)]) == 0
    said = capsys.readouterr().out

    assert "From run 1 to run 2: out of fold 0.2000 to 0.1500." in said
    assert "  models.a.epochs: 3 -> 6\n  models.b: nothing -> {}\n" in said
    assert "folds" not in said


def test_of_two_lists_of_layers_the_one_that_differs_is_told() -> None:
    before, after = ({"network": [{"convolution": {"window": side}}, {"pooling": {"window": 2}}]} for side in (5, 3))

    assert list(runs.differences(before, after)) == [("network.1.convolution.window", 5, 3)]
    assert [name for name, *_ in runs.differences(before, {"network": before["network"][:1]})] == ["network"]


def test_a_run_that_is_not_there_is_one_block(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran(tmp_path)
    assert main(["runs", "dogs", "1", "4", "--results", str(tmp_path)]) == 2
    assert "1, 4; there are 1 to 1" in capsys.readouterr().err

    assert main(["runs", "cats", "--results", str(tmp_path)]) == 2
    assert "There is no run to tell of." in capsys.readouterr().err


def test_an_edited_table_is_told_and_does_not_end_a_good_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(tmp_path)
    (tmp_path / "dogs" / "runs.csv").write_text("mine\n")
    runs.record(config_of(), tmp_path, tmp_path)

    assert "runs.csv" in capsys.readouterr().err
    assert (tmp_path / "dogs" / "runs.csv").read_text() == "mine\n"


def test_without_a_repository_the_version_stands_for_the_code(tmp_path: Path) -> None:
    assert runs.code_of(tmp_path) == runs.__version__
