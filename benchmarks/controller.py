"""What the process that plans and hands out jobs takes: to read the Snakefile, to plan many jobs, to plan many samples.

    python benchmarks/controller.py --work FOLDER [--samples 10000 100000]

Three tables. *Reading the Snakefile* is paid again in every job on a cluster: CPU seconds beyond those of a Snakefile
that says nothing (goal: 1). *Planning jobs*: a dry run of 10,000, once of shards and once of a sweep's trainings (goal:
60 seconds). *Planning samples*: a dry run of everything after the download of a folder of so many files, which the plan
has to look at again, and the most memory that it takes (goal: 200 MB). CPU seconds are those of the process and its
children; of the first table the lowest of `TRIES`. The files hold one byte each; a million of them want 4 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TRIES = 3
JOBS = 10_000
SHARDS = 250  # of a split; 256 is the most
A_FOLDER = 10_000  # files


@dataclass(frozen=True)
class Took:
    """What a command took: seconds, those of the processor, and MB at its peak."""

    wall: float
    cpu: float
    peak: float


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="a folder to work in; what is there is removed")
    parser.add_argument("--samples", type=int, nargs="*", default=[10_000, 100_000])
    args = parser.parse_args()
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    read_the_snakefile(args.work)
    plan_jobs(args.work)
    for samples in args.samples:
        plan_samples(args.work / f"{samples}", samples)


def read_the_snakefile(work: Path) -> None:
    """The rules listed, which needs no plan, by an empty Snakefile and by ours."""
    (work / "Snakefile").write_text("rule all:\n    input: []\n")
    empty, ours = (
        min((snakemake(work, file, "--list-rules") for _ in range(TRIES)), key=lambda took: took.cpu)
        for file in (work / "Snakefile", ROOT / "Snakefile")
    )
    told("a Snakefile that says nothing", empty)
    told("ours", ours)
    print(f"beyond Snakemake's own start: {ours.cpu - empty.cpu:.2f} CPU s, {ours.wall - empty.wall:.2f} s\n")


def plan_jobs(work: Path) -> None:
    """Dry runs of `JOBS` jobs: of shards, and of a sweep."""
    shards = {"index": {"shards": SHARDS}, "models": {"main": {}}}
    points = JOBS // 2 // 5  # trainings of five folds, each with its prediction
    rates = [round(0.001 + number / 1e6, 6) for number in range(points)]
    sweep = {"index": {"folds": 5, "shards": 1}, "models": {"main": {}}, "sweep": {"over": {"learning_rate": rates}}}
    competitions = JOBS // (2 * SHARDS)
    for title, config in {
        f"{competitions} competitions of {SHARDS} shards": generated(shards, competitions),
        f"a sweep of {points} points": generated(sweep),
    }.items():
        told(title, snakemake(work, ROOT / "Snakefile", "--dry-run", "--quiet", "all", config=config))
    print()


def plan_samples(work: Path, samples: int) -> None:
    """A dry run of all that follows the download of a folder of so many files."""
    for first in range(0, samples, A_FOLDER):
        folder = work / "source" / "train" / f"{first // A_FOLDER}"
        folder.mkdir(parents=True)
        for number in range(first, min(first + A_FOLDER, samples)):
            (folder / f"{number}.jpg").write_bytes(b"\0")
    of_folder = {
        "source": {"kind": "directory", "path": str(work / "source")},
        "data": {"train": "train/{label}/{id}.jpg", "test": "train/0/{id}.jpg", "test_ids": "files"},
        "submission": {"sample": ""},
        "models": {"main": {}},
    }
    config = {"run": ["many"], "competitions": {"many": of_folder}}
    told(f"{samples:,} files: download", snakemake(work, ROOT / "Snakefile", "download", config=config))
    told(f"{samples:,} files: the plan", snakemake(work, ROOT / "Snakefile", "--dry-run", config=config))
    shutil.rmtree(work)


def generated(described: dict[str, Any], competitions: int = 1) -> dict[str, Any]:
    """The config of generated competitions with these keys."""
    data = {"train": "train/{label}.{id}.jpg", "test": "test/{id}.jpg", "classes": ["cat", "dog"], "positive": "dog"}
    source = {"kind": "sample", "sample": "pictures"}
    names = [f"many-{number}" for number in range(competitions)]
    return {"run": names, "competitions": {key: {"source": source, "data": data, **described} for key in names}}


def snakemake(work: Path, snakefile: Path, *words: str, config: dict[str, Any] | None = None) -> Took:
    """Run Snakemake as every job on a cluster does, from ``work``."""
    given: list[str] = []
    if config:
        (work / "config.yaml").write_text(json.dumps(config))
        given = ["--configfile", "config.yaml"]
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--cores", "2", *given, "--", *words]
    if words[0].startswith("--"):
        command.remove("--")
    started = time.monotonic()
    with (work / "printed.txt").open("w") as printed:
        environment = {**os.environ, "CATSCAN_CACHE": "off"}
        process = subprocess.Popen(command, cwd=work, stdout=printed, stderr=printed, env=environment)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit((work / "printed.txt").read_text()[-3000:])
    return Took(time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def told(title: str, took: Took) -> None:
    """One row."""
    print(f"{title:<34} {took.cpu:7.2f} CPU s {took.wall:7.2f} s {took.peak:6.0f} MB", flush=True)


if __name__ == "__main__":
    main()
