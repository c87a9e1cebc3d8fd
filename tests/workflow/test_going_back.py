"""Earlier results come back from the store: after changes and back, in a second clone, and in two runs at once."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter, defaultdict
from fnmatch import fnmatch
from pathlib import Path

import forked_snakemake
import pytest
from local_s3 import serving

from catscan.common.files import PARTIAL
from catscan.flow.going_back import NEVER, RAW, READ_TOO
from catscan.flow.records import ENDING
from catscan.flow.store import VARIABLE, Store

TINY = Path(__file__).parent / "tiny.yaml"
CHANGES = [  # each with what is made of it: one stage of every kind, and no more, since it is computed
    ("{submission: {aggregate: max}}", "results/dogs-vs-cats/submission.csv"),
    ("{preprocess: {picture: {size: [16, 16]}}}", "results/dogs-vs-cats/arrays/test-1-of-2.npy"),
    ("{models: {resnet: {epochs: 2}}}", "results/dogs-vs-cats/models/resnet/fold-0/weights.npz"),
]


def came_back(done: subprocess.CompletedProcess[str]) -> tuple[int, int]:
    """How many jobs of a run came back, and of how many; the report's always computes."""
    found = re.search(r"(\d+) of (\d+) jobs? came back from the store", done.stderr)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def bytes_of(project) -> dict[str, bytes]:
    """All results but what tells of this run: its logs, its records, its line among the runs, the report."""
    results = project.home / "results"
    files = [path for path in results.rglob("*") if path.is_file() and not path.name.startswith(".")]
    told = {str(path.relative_to(results)): path.read_bytes() for path in files if path.suffix != ".log"}
    return {name: text for name, text in told.items() if "/" in name and not re.search("^benchmarks/|/runs", name)}


def test_a_run_keeps_what_it_computes(finished) -> None:
    store = Store(finished[0].home.parent / "store", 0)
    kept = Counter(entry.stage for name in store.names() if (entry := store.entry(name)))

    assert kept == {"download": 2, "index": 2, "preprocess": 6, "train": 3, "predict": 3} | dict.fromkeys(
        ("evaluate", "submission", "explain"), 2
    )


def test_a_stage_opens_no_result_that_its_key_does_not_know(finished) -> None:
    home = finished[0].home
    known: dict[str, set[str]] = defaultdict(set)
    for path in home.glob("results/**/.*.stage.json"):
        kept = json.loads(path.read_text())
        rule, command = kept["record"]["rule"], kept["record"]["code"]
        if rule not in NEVER:
            output = path.with_name(path.name[1 : -len(ENDING)]).relative_to(home)
            has_raw = rule in RAW or any(name.endswith("/manifest.json") for name in kept["inputs"])
            names = {*kept["inputs"], str(output), *READ_TOO.get(rule, ()), *(["results/*/raw/*"] if has_raw else [])}
            known[re.findall(r"catscan (\w+)", command)[0]] |= {re.sub(r"{\w+}", "*", name) for name in names}
    lines = (home.parent / "opened.txt").read_text().splitlines()
    opened = {(stage, path) for stage, _, path in (line.partition(" ") for line in lines)}

    assert {"index", "train", "predict", "submission"} <= {stage for stage, _ in opened} & known.keys()
    assert {
        (stage, path)
        for stage, path in opened
        if stage in known and not path.endswith(PARTIAL) and not any(fnmatch(path, name) for name in known[stage])
    } == set()


@pytest.mark.slow
def test_after_three_changes_and_back_no_stage_computes(project, stored: Path) -> None:
    project.store = stored
    before, plain = bytes_of(project), list(project.overlays)
    for change, target in CHANGES:
        project.overlay(f"competitions: {{dogs-vs-cats: {change}}}\n")
        assert came_back(project.snakemake(target))[0] == 0
        project.overlays = list(plain)
    planned = project.planned()
    back = project.snakemake()

    assert {"preprocess_shard", "train_fold", "write_submission"} <= planned
    assert came_back(back)[0] == came_back(back)[1] - 1  # the report
    assert project.planned() == set()
    assert bytes_of(project) == before
    assert came_back(project.snakemake("results/dogs-vs-cats/index.csv", "--forcerun", "index_samples")) == (0, 0)


@pytest.mark.slow
def test_in_a_second_clone_all_comes_back(finished, fresh, stored: Path) -> None:
    fresh.store = stored
    hits, jobs = came_back(fresh.snakemake())

    assert hits == jobs - 1 > 20
    assert bytes_of(fresh) == bytes_of(finished[0])
    assert fresh.planned() == set()


@pytest.mark.slow
def test_two_clones_at_once_compute_each_job_once(clones) -> None:
    for clone in clones:
        clone.overlay("run: [dogs-vs-cats]\ncompetitions: {dogs-vs-cats: {train: {folds: [0]}}}\n")
    runs = [
        subprocess.Popen(
            clone.command("submission"),
            cwd=clone.home,
            env=clone.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for clone in clones
    ]
    said = [run.communicate()[1] for run in runs]
    done = [
        subprocess.CompletedProcess(run.args, run.returncode, "", text) for run, text in zip(runs, said, strict=True)
    ]

    assert [one.returncode for one in done] == [0, 0]
    jobs = max(came_back(one)[1] for one in done)
    assert sum(came_back(one)[0] for one in done) == jobs == 10
    assert bytes_of(clones[0]) == bytes_of(clones[1])


@pytest.mark.cloud
def test_what_one_clone_keeps_in_a_bucket_comes_back_in_another(clones, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as s3:
        s3.client.create_bucket(Bucket="team")
        for name, value in (s3.as_aws | {VARIABLE: "s3://team/catscan"}).items():
            monkeypatch.setenv(name, value)
        one, another = clones
        for clone in clones:
            clone.store = None  # the variable says it
            clone.overlays = [TINY]
        one.snakemake("preprocess")
        done = another.snakemake("preprocess")

    assert came_back(done) == (4, 4)  # download, index, and the arrays of two splits
    assert arrays_of(another) == arrays_of(one) != {}


def arrays_of(project) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in project.home.glob("results/*/arrays/*.npy")}


@pytest.mark.slow
def test_a_job_on_another_machine_looks_in_the_store_too_unless_its_rule_is_forced(fresh, tmp_path: Path) -> None:
    """There Snakemake forces every job, so that the run has to tell which ones a person has asked for."""
    fresh.store = tmp_path / "store"
    index, log = (fresh.home / "results" / "dogs-vs-cats" / name for name in ("index.csv", "logs/index.log"))
    fresh.snakemake("results/dogs-vs-cats/index.csv")
    made = index.read_bytes()
    job = ["--target-jobs", "index_samples:competition=dogs-vs-cats", "--allowed-rules", "index_samples"]
    job += ["--configfile", *map(str, fresh.overlays), "--cores", "2", "--force", "--nolock", "--ignore-incomplete"]

    for forced, came_back in (("train_fold", True), ("index_samples,train_fold", False)):
        index.unlink()
        environment = {**fresh.environment, "CATSCAN_FORCED": forced}
        done = forked_snakemake.run([*job, "--mode", "remote"], fresh.home, environment, module="snakemake")
        assert done.returncode == 0, done.stderr
        assert log.read_text().endswith("came back from the store.\n") == came_back
        assert index.read_bytes() == made
