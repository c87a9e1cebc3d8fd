"""Jobs whose result comes back from the store; the traps are those of Snakemake's own cache."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params

from catscan.flow import going_back, terminal
from catscan.flow.bucket import Bucket
from catscan.flow.going_back import NEVER, Run, key_of, restore
from catscan.flow.schema import ROOT
from catscan.flow.store import Store, name_of
from catscan.flow.why import cost

COMMAND = "catscan toy --settings {params.stage:q} --in {input.a} --split {wildcards.split} --out {output} | tee {log}"


def named(kind: type, values: dict[str, Any], *, flat: bool = True) -> Any:
    """A list of Snakemake's: an item a path, or a name."""
    found = kind()
    for name, value in values.items():
        items = value if flat and isinstance(value, list) else [value]
        found.extend(items)
        found._set_name(name, len(found) - len(items), len(found) if isinstance(value, list) and flat else None)
    return found


@dataclass(eq=False)
class Job:
    """A job that joins its inputs, as Snakemake shows one."""

    command: str = COMMAND
    rule_name: str = "toy"
    stage: dict[str, Any] = field(default_factory=lambda: {"epochs": 1, "code": "c0de"})
    wildcards_dict: dict[str, str] = field(default_factory=lambda: {"competition": "cats", "split": "train"})
    inputs: dict[str, Any] = field(default_factory=lambda: {"a": "a", "b": "b"})
    outputs: Sequence[str] = ("results/weights", "results/history")
    others: dict[str, Any] = field(default_factory=dict)
    threads: int = 1
    resources: dict[str, str] = field(default_factory=dict)
    message: str = "toy cats: train"
    jobid: int = 7
    runs: int = 0

    def __post_init__(self) -> None:
        self.rule = SimpleNamespace(name=self.rule_name, shellcmd=self.command)
        self.params = named(Params, {"stage": json.dumps(self.stage), **self.others}, flat=False)
        self.input = named(InputFiles, self.inputs)
        self.output, self.log = OutputFiles(self.outputs), Log(["results/toy.log"])
        self.benchmark = "results/toy.tsv"

    def compute(self) -> None:
        """Write what is the same for the same inputs, and told apart from that of others."""
        self.runs += 1
        Path("results").mkdir(exist_ok=True)
        for output in self.output:
            text = [Path(path).read_text() for path in self.input]
            Path(output).write_text(f"{Path(output).name} {text} {self.stage} {self.wildcards_dict} {self.others}")
        Path("results/toy.log").write_text("computed\n")
        Path("results/toy.tsv").write_text("s\n12\n")


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(going_back, "say", lines.append)
    monkeypatch.setattr(terminal, "WORDS", terminal.Words())
    return lines


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run with an empty store, in a folder with two inputs."""
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setattr(going_back, "_code", lambda: ("as planned",))
    Path("a").write_text("pixels")
    Path("b").write_text("labels")
    return Run(Store(tmp_path / "a store", 10**9), ("as planned",))


def serve(run: Run, job: Job, *, forced: bool = False) -> bool:
    """Whether the job came back; its outputs are removed before, as Snakemake does."""
    for output in job.output:
        Path(output).unlink(missing_ok=True)
    hits = len(run.hits)
    run.serve(job, job.compute, forced=forced, stopped=lambda: False)
    return len(run.hits) > hits


def results() -> dict[str, str]:
    return {path.name: path.read_text() for path in Path("results").iterdir() if path.suffix != ".log"}


def test_a_result_comes_back_whole_with_log_and_benchmark(run: Run) -> None:
    assert not serve(run, Job())
    made = results()
    for path in Path("results").iterdir():
        path.unlink()

    assert serve(run, Job())
    assert results() == made
    log = Path("results/toy.log").read_text().splitlines()
    assert log[0] == "computed"
    assert log[1].startswith("This is the log of ")
    assert terminal.WORDS.came_back == {7}


def test_after_three_changes_and_back_nothing_computes(run: Run) -> None:
    jobs = [Job(stage={"epochs": epochs, "code": "c0de"}) for epochs in (1, 2, 3, 4)]
    for job in jobs:
        serve(run, job)
    made = results()

    assert [serve(run, job) for job in (*jobs, jobs[0], jobs[3])] == [True] * 6
    assert [job.runs for job in jobs] == [1] * 4
    assert results() == made


def test_a_plan_tells_how_many_results_of_its_settings_the_store_holds(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, other = Job(), Job(stage={"epochs": 2, "code": "c0de"})
    serve(run, done)
    (run.store.folder / ("0" * 64)).write_text("broken")
    monkeypatch.setattr(going_back, "IN_USE", [run])

    assert going_back.known([done, other]) == 1
    assert cost([done, other]) == (
        "2 jobs; by the times of their last run 24 s one after another; up to 1 result may come back from the store"
    )
    monkeypatch.setattr(going_back, "LOOKED_AT", 1)  # the one used last
    os.utime(run.store.folder / ("0" * 64), (1, 1))
    assert going_back.known([done, other]) == 1
    monkeypatch.setattr(going_back, "IN_USE", [])
    assert going_back.known([done, other]) == 0


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_plan_beside_a_store_that_cannot_be_read_is_made(
    run: Run, said: list[str], monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    make(run.store.folder)
    monkeypatch.setattr(going_back, "IN_USE", [run])

    assert [going_back.known([Job()]) for _ in range(2)] == [0, 0]
    assert said == [f"catscan: The store in {run.store.place} is passed over where it cannot be used: Not a directory."]


def test_a_plan_asks_no_bucket_for_each_of_its_results(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.store = Bucket.__new__(Bucket)
    monkeypatch.setattr(Bucket, "names", lambda _: pytest.fail("asks"), raising=False)
    monkeypatch.setattr(going_back, "IN_USE", [run])

    assert going_back.known([Job()]) == 0


def test_it_comes_back_in_another_clone(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(run, Job())
    (tmp_path / "another").mkdir()
    for name in "ab":
        (tmp_path / "another" / name).write_text(Path(name).read_text())
    monkeypatch.chdir(tmp_path / "another")

    assert serve(run, Job())


# Each row of the traps of Snakemake's own cache: what was taken from it though it was another job's.
@pytest.mark.parametrize(
    "other",
    [
        lambda: Job(stage={"epochs": 2, "code": "c0de"}),
        lambda: Job(stage={"epochs": 1, "code": "f00d"}),
        lambda: Job(wildcards_dict={"competition": "cats", "split": "test"}),
        lambda: Job(inputs={"a": "b", "b": "a"}),
        lambda: Job(inputs={"a": ["a", "b"]}),
        lambda: Job(others={"models": ["resnet"]}),
        lambda: Job(command=COMMAND.replace("--split", "--part")),
        lambda: Job(rule_name="another"),
    ],
    ids=[
        "setting",
        "code",
        "a wildcard in the command",
        "inputs exchanged",
        "names of inputs",
        "params",
        "command",
        "rule",
    ],
)
def test_a_job_gets_no_result_of_another(run: Run, other: Callable[[], Job]) -> None:
    serve(run, Job())

    assert not serve(run, other())


@pytest.mark.parametrize("paths", [["b", "a"], ["a", "again"], ["a"]], ids=["order", "place", "number"])
def test_inputs_of_one_name_count_by_their_order_and_place(run: Run, paths: list[str]) -> None:
    Path("again").write_text(Path("b").read_text())
    serve(run, Job(inputs={"a": ["a", "b"]}))

    assert not serve(run, Job(inputs={"a": paths}))


def test_inputs_that_exchange_their_contents_are_told_apart(run: Run) -> None:
    serve(run, Job())
    Path("a").rename("c")
    Path("b").rename("a")
    Path("c").rename("b")

    assert not serve(run, Job())


def test_two_settings_that_exchange_their_values_are_told_apart(run: Run) -> None:
    serve(run, Job(stage={"code": "", "a": 1, "b": 2}))

    assert not serve(run, Job(stage={"code": "", "a": 2, "b": 1}))


def test_each_input_counts_by_all_its_bytes(run: Run) -> None:
    Path("a").write_bytes(b"0" * 5_000_000)
    state = Path("a").stat()
    serve(run, Job())
    Path("other").write_bytes(b"0" * 4_000_000 + b"1" + b"0" * 999_999)
    os.utime("other", ns=(state.st_atime_ns, state.st_mtime_ns))
    Path("other").replace("a")

    assert not serve(run, Job())


def test_the_output_that_a_rule_takes_counts_not_the_job_that_made_it(run: Run) -> None:
    serve(run, Job())
    for output in Job().outputs:
        assert not serve(run, Job(inputs={"a": output, "b": "b"}, outputs=[f"{output} taken"], rule_name="pick"))


@pytest.mark.parametrize(
    "same",
    [
        lambda: Job(threads=8),
        lambda: Job(resources={"device": "gpu", "bad_samples": "{}"}),
        lambda: Job(command=COMMAND.replace(" --", " \\\n        --")),
    ],
    ids=["threads", "device", "layout of the command"],
)
def test_what_cannot_change_a_result_does_not_count(run: Run, same: Callable[[], Job]) -> None:
    serve(run, Job())

    assert serve(run, same())


@pytest.mark.parametrize(
    "job",
    [
        lambda: Job(command="toy --epochs {config[epochs]} > {output}"),
        lambda: Job(command="toy {SCRIPT} > {output}"),
        lambda: Job(command=""),
        lambda: Job(others={"folder": Path("x")}),
        lambda: Job(others={"names": {"a", "b"}}),
        lambda: Job(rule_name="submit_submission"),
        lambda: Job(rule_name="render_report"),
        lambda: Job(rule_name="download_files", stage={"kind": "kaggle", "code": ""}),
        lambda: Job(rule_name="download_files", stage={"kind": "directory", "code": ""}),
    ],
    ids=["config", "global", "run", "Path", "set", "submit", "report", "Kaggle", "folder"],
)
def test_what_a_key_cannot_tell_never_goes_through_the_store(run: Run, job: Callable[[], Job]) -> None:
    assert key_of(job()) is None
    assert not serve(run, job())
    assert not serve(run, job())
    assert run.store.names() == []


def test_rules_that_never_go_through_it_are_there() -> None:
    rules = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    tables = (NEVER, going_back.READ_TOO, going_back.MADE_TOO, going_back.FOLDERS, going_back.RAW)

    assert [name for table in tables for name in table if f"\nrule {name}:\n" not in rules] == []


def test_an_input_that_is_a_folder_is_told_and_the_job_computes(run: Run, said: list[str]) -> None:
    Path("folder").mkdir()
    job = Job(inputs={"a": "a", "folder": "folder"}, outputs=["results/x"])
    job.compute = lambda: Path("results/x").parent.mkdir(exist_ok=True)  # type: ignore[method-assign]
    run.serve(job, job.compute, forced=False, stopped=lambda: False)

    assert "Is a directory" in said[0]


def test_a_forced_job_computes_and_takes_the_place_of_what_was_kept(run: Run) -> None:
    job = Job()
    serve(run, job)

    assert not serve(run, job, forced=True)
    assert job.runs == 2
    assert serve(run, job)


def test_a_broken_entry_is_told_dropped_and_computed_anew(run: Run, said: list[str]) -> None:
    serve(run, Job())
    made = results()
    path = run.store.folder / name_of(key_of(Job()))
    path.write_bytes(path.read_bytes()[:-1])
    job = Job()

    assert not serve(run, job)
    assert job.runs == 1
    assert results() == made
    assert "is broken (it is longer or shorter than it says)" in said[0]
    assert serve(run, Job())


def test_an_output_that_is_edited_in_place_does_not_edit_the_store(run: Run) -> None:
    serve(run, Job())
    made = results()
    serve(run, Job())
    with Path("results/weights").open("r+") as file:
        file.write("edited")

    assert serve(run, Job())
    assert results() == made


@pytest.mark.parametrize("name", ["../outside", "/outside", "folder 0/../../outside", "folder 0//tmp/outside", "log 9"])
def test_a_file_that_is_none_of_the_jobs_is_refused(run: Run, name: str, tmp_path: Path, said: list[str]) -> None:
    job = Job(rule_name="train_fold", wildcards_dict={"competition": "c", "model": "m", "fold": "0"})
    run.store.write(key_of(job), "", {"output 0": Path("a"), "output 1": Path("a"), name: Path("b")})

    assert not serve(run, job)
    assert "is no file of this job" in said[0]
    assert not list(tmp_path.rglob("outside"))
    assert not list(Path().rglob("*.partial"))


def test_an_entry_that_lacks_an_output_is_broken(run: Run, said: list[str]) -> None:
    run.store.write(key_of(Job()), "", {"output 0": Path("a")})

    assert not serve(run, Job())
    assert "an output is missing" in said[0]


def test_the_store_is_read_where_it_cannot_be_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(run, Job())

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Store, "write", refuse)
    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(Store, "_make", refuse)

    assert serve(run, Job())
    assert not serve(run, Job(stage={"code": "", "epochs": 5}))


def test_a_disk_that_is_full_stops_no_job_and_is_told_once(
    run: Run, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "write", full)
    jobs = [Job(), Job(stage={"code": "", "epochs": 7})]

    assert [serve(run, job) for job in jobs] == [False, False]
    assert [job.runs for job in jobs] == [1, 1]
    assert len(said) == 1
    assert said[0].endswith("cannot be used: No space left on device.")


def test_a_result_that_is_too_large_is_told_and_stops_no_job(run: Run, said: list[str]) -> None:
    run.store.limit = 10

    assert not serve(run, Job())
    assert "a result has 0.0 GB, all may have 0.0" in said[0]


def test_a_job_that_fails_keeps_nothing(run: Run) -> None:
    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run.serve(Job(), fail, forced=False, stopped=lambda: False)
    assert run.store.names() == []


def test_what_was_made_while_an_input_changed_is_not_kept(run: Run) -> None:
    job = Job()

    def compute() -> None:
        job.compute()
        Path("a").write_text("other pixels")

    run.serve(job, compute, forced=False, stopped=lambda: False)
    assert run.store.names() == []


def test_what_was_made_while_the_code_changed_is_not_kept(
    run: Run, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(going_back, "_code", lambda: ("edited",))
    serve(run, Job())

    assert run.store.names() == []
    assert "code has changed" in said[0]


def test_what_was_made_while_the_networks_file_changed_is_not_kept(run: Run) -> None:
    Path("net.py").write_text("def network(): ...")
    serve(run, Job(stage={"code": "", "network": "net.py", "network_digest": "another"}))

    assert run.store.names() == []


def test_a_job_that_another_run_computes_is_waited_for_and_then_taken(run: Run, said: list[str]) -> None:
    job, other = Job(), Job()
    locked = [False, False, True]
    run.store._lock = lambda _: locked.pop(0) if locked else True  # type: ignore[method-assign]

    def stopped() -> bool:
        if not run.store.names():  # the other run is through
            other.compute()
            run.store.write(key_of(other), "", going_back.made_by(other))
        return False

    run.serve(job, job.compute, forced=False, stopped=stopped)
    assert (job.runs, len(run.hits)) == (0, 1)
    assert said[0] == "toy cats: train: another run computes the same, and its result is waited for"


def test_who_waits_for_another_run_ends_with_his_own(run: Run) -> None:
    run.store._lock = lambda _: False  # type: ignore[method-assign]

    with pytest.raises(KeyboardInterrupt):
        run.serve(Job(), pytest.fail, forced=False, stopped=lambda: True)


def test_a_shard_with_more_bad_samples_than_are_tolerated_now_is_not_taken(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(run, Job())
    monkeypatch.setattr(going_back, "exceeded", lambda _: True)
    job = Job()

    assert not serve(run, job)
    assert job.runs == 1


TRAINED = {"competition": "cats", "model": "m", "fold": "0"}


def training() -> Job:
    return Job(rule_name="train_fold", wildcards_dict=TRAINED)


def test_a_trainings_curves_come_back_and_an_old_checkpoint_goes(run: Run) -> None:
    folder = Path("results/cats/models/m/fold-0")
    (folder / "events").mkdir(parents=True)
    (folder / "events" / "new").write_text("curve")
    serve(run, training())
    (folder / "events" / "new").rename(folder / "events" / "old")
    (folder / "checkpoint").mkdir()

    assert serve(run, training())
    assert [path.name for path in folder.iterdir()] == ["events"]
    assert [path.name for path in (folder / "events").iterdir()] == ["new"]


def test_generated_raw_files_come_back_and_a_persons_own_stay(run: Run) -> None:
    raw = Path("results/cats/raw")
    job = Job(
        rule_name="download_files",
        stage={"kind": "sample", "code": ""},
        wildcards_dict={"competition": "cats"},
        inputs={},
        outputs=[str(raw / "manifest.json")],
    )

    def compute() -> None:
        folder = going_back.RawFolder(raw)
        with folder.scratch("sample") as scratch:
            (scratch / "scans").mkdir()
            (scratch / "scans" / "1.dcm").write_text("slice")
            folder.put([scratch / "scans"])
        folder.finish(threads=1)
        Path("results/cats/truth").mkdir(exist_ok=True)
        Path("results/cats/truth/solution.csv").write_text("id,label\n")
        (raw / "mine.txt").write_text("notes")

    run.serve(job, compute, forced=False, stopped=lambda: False)
    manifest = (raw / "manifest.json").read_text()
    for path in (raw / "manifest.json", raw / "scans" / "1.dcm", Path("results/cats/truth/solution.csv")):
        path.unlink()
    run.serve(job, pytest.fail, forced=False, stopped=lambda: False)

    assert (raw / "manifest.json").read_text() == manifest
    assert (raw / "scans" / "1.dcm").read_text() == "slice"
    assert (raw / "mine.txt").read_text() == "notes"
    assert Path("results/cats/truth/solution.csv").read_text() == "id,label\n"
    (raw / "scans" / "2.dcm").write_text("put there by hand")
    going_back._is_raw.cache_clear()
    assert key_of(Job(inputs={"manifest": str(raw / "manifest.json")})) is None


def test_the_truth_of_the_test_set_counts_for_the_submission(run: Run) -> None:
    def submission() -> Job:
        return Job(rule_name="write_submission", wildcards_dict={"competition": "cats"})

    serve(run, submission())
    Path("results/cats/truth").mkdir(parents=True)
    Path("results/cats/truth/solution.csv").write_text("id,label\n")

    assert not serve(run, submission())


def test_what_a_killed_run_left_is_in_nobodys_way(run: Run) -> None:
    serve(run, Job())
    Path("results/.weights.store.partial").write_text("half")

    assert restore(run.store, Job(), name_of(key_of(Job()))) is not None
    assert not list(Path("results").glob(".*.partial"))


def test_the_count_is_told_at_the_end(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.sum_up()
    assert capsys.readouterr().err == ""
    serve(run, Job())
    serve(run, Job())
    run.sum_up()

    assert capsys.readouterr().err.startswith("1 of 2 jobs came back from the store")
