"""What the stages cost, from Snakemake's benchmark files beside the results."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

ORDER = ("download", "index", "preprocess", "features", "train", "predict", "evaluate", "submission", "explain")
NUMBER = re.compile(r"[\d.]+")
OF_TRAINING = re.compile(r"train-(.+)-fold-\d+")


def training_minutes(folder: Path) -> dict[str, float]:
    """The minutes that all folds of each model took, by its name; what has no benchmark is left out."""
    spent: dict[str, float] = defaultdict(float)
    for path in sorted((folder / "benchmarks").glob("train-*.tsv")):
        if found := OF_TRAINING.fullmatch(path.stem):
            spent[found[1]] += seconds_of(path) / 60
    return dict(spent)


def stages_table(folder: Path) -> list[list[str]]:
    """Stage, jobs, minutes of all of them, CPU minutes, the most memory that one took.

    Of the jobs that made what lies there now; times are those of the machine that they ran on.
    """
    jobs: dict[str, list[dict[str, float]]] = defaultdict(list)
    for path in sorted((folder / "benchmarks").glob("*.tsv")):
        stage = path.stem.split("-")[0]
        if stage in ORDER:
            jobs[stage].append(_benchmark(path))
    return [
        [
            stage,
            f"{len(of_stage)}",
            f"{sum(job['s'] for job in of_stage) / 60:.1f}",
            f"{sum(job['cpu_time'] for job in of_stage) / 60:.1f}",
            f"{max(job['max_rss'] for job in of_stage):,.0f} MB",
        ]
        for stage, of_stage in sorted(jobs.items(), key=lambda item: ORDER.index(item[0]))
    ]


def seconds_of(path: Path) -> float:
    """How long the job of a benchmark file took."""
    return _benchmark(path)["s"]


def _benchmark(path: Path) -> dict[str, float]:
    """The numbers of a benchmark file; one that Snakemake could not measure ("NA", "-") is 0."""
    header, row = path.read_text(encoding="utf-8").splitlines()[:2]
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    return {name: float(cell) if NUMBER.fullmatch(cell) else 0.0 for name, cell in cells.items()}
