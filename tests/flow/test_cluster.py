"""Jobs in SLURM bear the name of their run's folder, and what a killed run has left is cancelled by it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from catscan.cli import main
from catscan.common.errors import CatscanError, TryAgain
from catscan.flow import cluster

ROOT = Path(__file__).resolve().parents[2]
PROFILE = yaml.safe_load((ROOT / "profiles" / "slurm" / "config.yaml").read_text())
# What SLURM's commands do, with a file a line of which is a job.
SQUEUE = "#!/bin/sh\ncat {queue}\n"
SCANCEL = '#!/bin/sh\nfor job in "$@"; do sed -i "/^$job|/d" {queue}; done\n'


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The jobs that SLURM has, as a file."""
    monkeypatch.chdir(tmp_path)
    queue = tmp_path / "queue"
    queue.touch()
    (tmp_path / "bin").mkdir()
    for name, text in (("squeue", SQUEUE), ("scancel", SCANCEL)):
        path = tmp_path / "bin" / name
        path.write_text(text.format(queue=queue))
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return queue


def plan(*, dryrun: bool = False) -> SimpleNamespace:
    """A plan whose jobs go to SLURM."""
    settings = SimpleNamespace(jobname_prefix=PROFILE["slurm-jobname-prefix"])
    return SimpleNamespace(workflow=SimpleNamespace(executor_settings=settings, dryrun=dryrun))


def name_of_a_run() -> str:
    """The name that SLURM knows the jobs of a run of this folder by."""
    planned = plan()
    cluster.name_jobs(planned)
    return f"{planned.workflow.executor_settings.jobname_prefix}_6381267b"


def test_jobs_of_this_folder_alone_are_cancelled_and_gone_and_its_locks_lifted(
    queue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = f"7|RUNNING|{name_of_a_run()}|rule_train_fold_wildcards_dogs-vs-cats_resnet_0\n"
    other = "8|RUNNING|catscan-0123456789_6381267b|rule_train_fold\n9|PENDING|a night's work|mine\n"
    queue.write_text(ours + other)
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    lock = '{"pid": 7, "host": "login 2", "since": "2020-02-02 02:02:02", "input": [], "output": ["b"]}'
    (locks / "login 2-7.json").write_text(lock)

    assert main(["cluster", "clean"]) == 0
    assert queue.read_text() == other
    assert not locks.exists()
    assert capsys.readouterr().out.splitlines() == [
        "cancelled: 7 train_fold dogs-vs-cats_resnet_0 (running)",
        "1 job gone.",
        "The lock of process 7 on login 2, since 2020-02-02 02:02:02, is lifted.",
        "Nothing is at work here now: the same command goes on.",
    ]


def test_a_run_refuses_to_start_beside_jobs_of_an_earlier_one(queue: Path, tmp_path: Path) -> None:
    queue.write_text(f"7|PENDING|{name_of_a_run()}|rule_index_samples\n")
    with pytest.raises(TryAgain) as told:
        cluster.name_jobs(plan())

    assert told.value.where == str(tmp_path)
    assert told.value.found == "7 index_samples (pending)"
    assert told.value.do.startswith(f"./run catscan cluster clean --directory {tmp_path}\n")


def test_a_dry_run_and_a_run_on_this_machine_do_not_ask_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    on_this_machine = SimpleNamespace(workflow=SimpleNamespace(executor_settings=None, dryrun=False))

    cluster.name_jobs(plan(dryrun=True))
    cluster.name_jobs(on_this_machine)


def test_without_slurm_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CatscanError, match="There is no SLURM here"):
        cluster.name_jobs(plan())

    assert main(["cluster", "clean"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "catscan cluster: There is no SLURM here.",
        "  where  PATH",
        "  found  no 'squeue'",
        "  do     Run it where jobs are submitted from, a login node. Without a cluster: ./run snakemake --cores 8",
    ]


def test_the_profile_speaks_of_rules_that_are_there_and_asks_for_more_memory_each_time() -> None:
    rules = {
        name
        for path in ROOT.glob("workflow/rules/*.smk")
        for name in re.findall(r"^rule (\w+):", path.read_text(), re.M)
    }
    asked = [PROFILE["default-resources"], *PROFILE["set-resources"].values()]

    assert set(PROFILE["set-resources"]) <= rules
    assert all(int(one["mem_mb"].removesuffix(" * attempt")) >= 1000 for one in asked)
    assert all(one["runtime"] > 0 and "tasks" not in one for one in asked)
    assert "slurm-array-jobs" not in PROFILE
