"""Cancel the jobs that a killed run has left in SLURM, wait until they are gone, and lift its locks.

A run that is killed leaves its jobs to SLURM, where they go on and write; the next run does not know them and would
submit each a second time. So the jobs bear the name of the run's folder: `name_jobs` refuses to plan while some of an
earlier run are there, and `catscan cluster clean` cancels just these.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from catscan.common.errors import CatscanError, TryAgain, listed
from catscan.common.words import number_of

PREFIX = "catscan"
PATIENCE = 600.0  # seconds for cancelled jobs to end: more than SLURM usually gives a node that does not answer
EVERY = 1.0  # seconds


def register(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("action", choices=["clean"], help="what to do: there is one thing")
    parser.add_argument("--directory", type=Path, default=Path(), help="as for snakemake")


def run(args: argparse.Namespace) -> None:
    """Cancel, wait and unlock."""
    folder = args.directory.absolute()
    jobs = jobs_of(folder)
    from catscan.flow.locks import lift, living, refusal  # with Snakemake, which takes two seconds

    for other in living(folder, surely=True):
        raise refusal(other)
    if jobs:
        _ask("scancel", *jobs)
        print(f"cancelled: {listed(list(jobs.values()))}", flush=True)
        _wait_for(folder)
        print(f"{number_of(len(jobs), 'job')} gone.")
    for other in living(folder):
        print(f"The lock of process {other.pid} on {other.host}, since {other.since}, is lifted.")
    lift(folder / ".snakemake" / "locks")
    print("Nothing is at work here now: the same command goes on.")


def name_jobs(dag: Any) -> None:
    """Let the jobs of a planned run bear the name of its folder, where they go to SLURM.

    Parameters
    ----------
    dag
        Snakemake's plan.

    Raises
    ------
    CatscanError
        When there is no SLURM here.
    TryAgain
        When jobs of an earlier run of the folder are there, and nobody waits for them.
    """
    settings = dag.workflow.executor_settings
    if dag.workflow.dryrun or not hasattr(settings, "jobname_prefix"):
        return
    here = Path.cwd()
    settings.jobname_prefix = f"{settings.jobname_prefix or PREFIX}-{_mark(here)}"
    left = jobs_of(here)
    from catscan.flow.locks import living

    if left and not living(here):
        raise TryAgain(
            "Jobs of an earlier run are still in SLURM, and would write the same files.",
            where=str(here),
            found=listed(list(left.values())),
            do=f"./run catscan cluster clean --directory {shlex.quote(str(here))}\n"
            "cancels them and waits until they are gone; then the same command goes on.",
        )


def jobs_of(folder: Path) -> dict[str, str]:
    """The jobs of a folder's runs that wait or run: number -> what it is, for people.

    Raises
    ------
    CatscanError
        When there is no SLURM here, or it does not answer.
    """
    lines = _ask("squeue", "--noheader", f"--user={os.geteuid()}", "--format=%i|%T|%j|%k").splitlines()
    rows = [line.strip().split("|", 3) for line in lines if f"-{_mark(folder)}_" in line]
    return {number: f"{number} {_called(rule)} ({state.lower()})" for number, state, _, rule in rows}


def _called(comment: str) -> str:
    """What a job makes: the plugin says "rule_train_fold_wildcards_dogs-vs-cats_resnet_0"."""
    return comment.removeprefix("rule_").replace("_wildcards_", " ")


def _mark(folder: Path) -> str:
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:10]


def _wait_for(folder: Path) -> None:
    """Wait until the folder has no job in SLURM any more."""
    until = time.monotonic() + PATIENCE
    while left := jobs_of(folder):
        if time.monotonic() > until:
            raise TryAgain(
                "Cancelled jobs are still there.",
                where=str(folder),
                found=listed(list(left.values())),
                do="A node that does not answer keeps its jobs until SLURM gives it up. Run the same command again.",
            )
        time.sleep(EVERY)


def _ask(command: str, *arguments: str) -> str:
    """What a command of SLURM's prints."""
    if shutil.which(command) is None:
        raise CatscanError(
            "There is no SLURM here.",
            where="PATH",
            found=f"no {command!r}",
            do="Run it where jobs are submitted from, a login node. Without a cluster: ./run snakemake --cores 8",
        )
    done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise TryAgain("SLURM does not answer.", where=command, found=done.stderr.strip(), do="Try again later.")
    return done.stdout
