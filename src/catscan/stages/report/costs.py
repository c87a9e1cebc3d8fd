"""What the stages cost, from Snakemake's benchmark files beside the results."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

OF_TRAINING = re.compile(r"train-(.+)-fold-\d+")


def training_minutes(folder: Path) -> dict[str, float]:
    """The minutes that all folds of each model took, by its name; what has no benchmark is left out."""
    spent: dict[str, float] = defaultdict(float)
    for path in sorted((folder / "benchmarks").glob("train-*.tsv")):
        if found := OF_TRAINING.fullmatch(path.stem):
            spent[found[1]] += seconds_of(path) / 60
    return dict(spent)


def seconds_of(path: Path) -> float:
    """How long the job of a benchmark file took."""
    header, row = path.read_text(encoding="utf-8").splitlines()[:2]
    return float(dict(zip(header.split("\t"), row.split("\t"), strict=True))["s"])
