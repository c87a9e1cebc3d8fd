"""The workflow on a real SLURM of three nodes: what fails there, or is killed, ends in a local run's bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from slurm_cluster import MISSING, Cluster
from training_process import checkpoint_in, slow_steps, text_of, wait_until

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(
        bool(MISSING) and "CATSCAN_SLURM" not in os.environ, reason=f"there is no SLURM here: no {', '.join(MISSING)}"
    ),
]
Copies = Callable[[Path], Any]
OVERLAY = Path(__file__).parent / "slurm.yaml"
RESULTS = Path("results/dogs-vs-cats")
MODEL = RESULTS / "models" / "resnet" / "fold-0"
SECONDS_A_STEP = 0.7  # of a training of 12 steps
# Writes down which command runs where, with which GPU, and lets the test split's shard fail once.
SHIM = """#!/bin/sh
echo "$1 ${{SLURMD_NODENAME:-here}} ${{CUDA_VISIBLE_DEVICES:-none}}" >>{told}
case "$*" in
    *"--split test"*) mkdir {once} 2>/dev/null && exit 7 ;;
esac
exec {catscan} "$@"
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """The cluster, in a folder of a short path."""
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as folder, Cluster(Path(folder)) as found:
        yield found


@dataclass(frozen=True)
class Site:
    """A copy of the project that a cluster and this machine share."""

    project: Any
    cluster: Cluster

    @property
    def told(self) -> list[list[str]]:
        """Of each command that has begun: its name, its node, its GPU."""
        return [line.split() for line in text_of(self.project.home / "told").splitlines()]

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a run: slow steps, the shim before the true `catscan`."""
        ours, theirs = self.project.environment, self.cluster.environment
        path = os.pathsep.join([str(self.project.home / "bin"), theirs["PATH"], ours["PATH"]])
        return {
            **theirs,
            **ours,
            "PATH": path,
            "PYTHONPATH": f"{self.project.home / 'slow'}{os.pathsep}{ours['PYTHONPATH']}",
        }

    def slow(self, seconds: float) -> None:
        """Let each step of the trainings to come last."""
        shutil.rmtree(self.project.home / "slow", ignore_errors=True)
        slow_steps(self.project.home / "slow", seconds)

    @contextmanager
    def run(self) -> Iterator[subprocess.Popen[str]]:
        """A run through the profile, until the block ends."""
        command = [sys.executable, "-m", "catscan.flow.front", "submission", "--configfile", str(OVERLAY)]
        command += ["--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "1"]
        with (
            (self.project.home / "printed").open("w") as out,
            subprocess.Popen(
                command, cwd=self.project.home, env=self.environment, stdout=out, stderr=out, text=True
            ) as run,
        ):
            try:
                yield run
            finally:
                run.kill()

    @property
    def printed(self) -> str:
        """What the last run has printed."""
        return text_of(self.project.home / "printed")

    def wait_until(self, there: Callable[[], object], run: subprocess.Popen[str]) -> None:
        """Wait for what a run does."""
        wait_until(there, run, self.project.home / "printed")

    def ends_well(self, run: subprocess.Popen[str]) -> None:
        """Wait for its end."""
        assert run.wait(timeout=300) == 0, self.printed

    def job_of(self, rule: str) -> dict[str, str]:
        """The job of a rule that runs now."""
        return next(job for job in self.cluster.jobs(states="running") if rule in job["rule"])

    def clean(self) -> subprocess.CompletedProcess[str]:
        """`catscan cluster clean`."""
        return subprocess.run(
            [sys.executable, "-m", "catscan", "cluster", "clean"],
            cwd=self.project.home, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip


def site_in(project: Any, cluster: Cluster) -> Site:
    home = project.home
    (home / "bin").mkdir()
    shim, catscan = home / "bin" / "catscan", Path(sys.executable).with_name("catscan")
    shim.write_text(SHIM.format(told=home / "told", once=home / "failed", catscan=catscan))
    shim.chmod(0o755)
    site = Site(project, cluster)
    site.slow(SECONDS_A_STEP)
    return site


@pytest.fixture(scope="module")
def local(copied_to: Copies, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run on this machine alone."""
    project = copied_to(tmp_path_factory.mktemp("local") / "project")
    project.overlays = [OVERLAY]
    project.snakemake("submission")
    return project.home / RESULTS


@pytest.fixture(scope="module")
def disturbed(copied_to: Copies, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A run on the cluster in which a shard fails once, and the training's job is cancelled once."""
    site = site_in(copied_to(tmp_path_factory.mktemp("cluster") / "project"), cluster)
    with site.run() as run:
        site.wait_until(checkpoint_in(site.project.home / MODEL), run)
        cluster.cancel(site.job_of("train_fold")["id"])
        site.ends_well(run)
    return site


def test_the_submission_has_the_bytes_of_a_run_on_one_machine(disturbed: Site, local: Path) -> None:
    there = disturbed.project.home / RESULTS

    assert (there / "submission.csv").read_bytes() == (local / "submission.csv").read_bytes()
    assert (there / "models/resnet/fold-0/weights.npz").read_bytes() == (
        local / "models/resnet/fold-0/weights.npz"
    ).read_bytes()


def test_the_shards_are_made_on_two_nodes(disturbed: Site) -> None:
    assert len({node for command, node, _ in disturbed.told if command == "preprocess"} - {"here"}) >= 2


def test_what_needs_the_internet_or_no_time_runs_where_the_run_was_started(disturbed: Site) -> None:
    assert {command for command, node, _ in disturbed.told if node == "here"} == {"download", "submission"}


def test_the_training_sees_the_gpu_that_slurm_gave_it(disturbed: Site) -> None:
    assert {gpu for command, _, gpu in disturbed.told if command == "train"} == {"0"}
    assert {gpu for command, _, gpu in disturbed.told if command == "preprocess"} == {"none"}


def test_a_job_that_failed_comes_again(disturbed: Site) -> None:
    assert [command for command, *_ in disturbed.told].count("preprocess") == 3


def test_a_training_whose_job_was_cancelled_goes_on(disturbed: Site) -> None:
    assert [command for command, *_ in disturbed.told].count("train") == 2
    assert "going on after step " in text_of(disturbed.project.home / RESULTS / "logs" / "train-resnet-fold-0.log")


def test_a_failed_job_is_told_with_slurms_own_log(disturbed: Site) -> None:
    told = disturbed.printed[disturbed.printed.index("failed: preprocess") :]

    assert ".snakemake/slurm_logs/rule_preprocess_shard/" in told.partition("\ndone: ")[0]


def test_a_killed_controller_and_a_killed_node_end_in_the_same_bytes(
    copied_to: Copies, cluster: Cluster, local: Path, tmp_path: Path
) -> None:
    site = site_in(copied_to(tmp_path / "project"), cluster)
    there = site.project.home / RESULTS
    shutil.copytree(local, there, symlinks=True)
    for name in ("models", "predictions", "evaluation"):
        shutil.rmtree(there / name)
    (there / "submission.csv").unlink()
    log = there / "logs" / "train-resnet-fold-0.log"
    log.unlink()

    site.slow(10)  # not to end before it is cancelled
    with site.run() as run:
        site.wait_until(checkpoint_in(site.project.home / MODEL), run)
        run.kill()
    with site.run() as run:  # the job of the killed one is at work still
        assert run.wait(timeout=120) == 75
    assert "Jobs of an earlier run are still in SLURM" in site.printed
    cleaned = site.clean()
    assert cleaned.returncode == 0, cleaned.stderr
    assert "1 job gone." in cleaned.stdout
    assert not cluster.jobs(states="pending,running,completing")

    site.slow(SECONDS_A_STEP)
    with site.run() as run:
        site.wait_until(lambda: "going on after step" in text_of(log), run)
        job = site.job_of("train_fold")
        cluster.kill_node(job["node"])
        site.wait_until(lambda: job["id"] in [one["id"] for one in cluster.jobs(states="pending")], run)
        cluster.hurry(job["id"])
        site.ends_well(run)
    cluster.start_node(job["node"])
    assert [command for command, *_ in site.told].count("train") == 3  # SLURM itself brought it to another node
    assert (there / "submission.csv").read_bytes() == (local / "submission.csv").read_bytes()
