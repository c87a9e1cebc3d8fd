"""What one training sees: the samples it learns from, and those of the fold it is held out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.arrays import Samples, open_samples
from catscan.common.contracts.summary import Summary
from catscan.common.errors import CatscanError, listed
from catscan.common.tables import read_table
from catscan.scores.metrics import targets_of
from catscan.scores.tasks import REGRESSION


@dataclass(frozen=True)
class Data:
    """The samples of one competition with labels, split by one fold.

    Attributes
    ----------
    shards
        All of them, by memory map.
    sample_ids
        One a row of the shards.
    targets
        (rows, classes) float32, 0 or 1; of a regression (rows, 1), amounts.
    train_rows, held_rows
        Rows to learn from, rows of the held-out fold; ascending.
    classes
        In the order of the columns.
    positive
        The column of the positive class.
    scale
        Of a regression, the mean and the deviation of the targets to learn from; None for classes.
    n_bad
        Samples of the index without a row, because they could not be read.
    """

    shards: Samples
    sample_ids: list[str]
    targets: NDArray[np.float32]
    train_rows: NDArray[np.int64]
    held_rows: NDArray[np.int64]
    classes: list[str]
    positive: int
    scale: tuple[float, float] | None
    n_bad: int

    @property
    def digest(self) -> str:
        """Digest of ids, targets and split, to know the data of a checkpoint again; the pixels are not read."""
        digest = hashlib.sha256(repr((self.sample_ids, self.classes, self.shards.sample_shape)).encode())
        for part in (self.targets, self.train_rows, self.held_rows):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]


def open_data(index: Path, summary: Path, arrays: Sequence[Path], *, fold: int, task: str) -> Data:
    """Open the shards and look up each row's label and fold.

    Raises
    ------
    CatscanError
        When a label is not a class, the index has none of the shards' ids, or no sample is left to learn from.
    """
    table = read_table(index, columns=["sample_id", "split", "label", "fold"])
    table = table[table["split"] == "train"]
    facts = Summary.read(summary)
    classes = list(facts.classes)
    shards = open_samples(arrays)
    labels = dict(zip(table["sample_id"], table["label"], strict=True))
    folds = dict(zip(table["sample_id"], table["fold"], strict=True))
    strangers = [name for name in shards.sample_ids if name not in labels]
    if strangers:
        raise CatscanError(
            "The shards hold samples that the index does not.",
            where=str(index),
            found=listed(strangers),
            do="Delete the arrays and run again.",
        )
    targets = _targets([labels[name] for name in shards.sample_ids], classes, task=task, where=str(index))
    held = np.array([folds[name] == str(fold) for name in shards.sample_ids], bool)
    data = Data(
        shards=shards,
        sample_ids=shards.sample_ids,
        targets=targets,
        train_rows=np.flatnonzero(~held),
        held_rows=np.flatnonzero(held),
        classes=classes,
        positive=classes.index(facts.positive),
        scale=scale_of(targets[~held]) if task == REGRESSION else None,
        n_bad=len(table) - len(shards.sample_ids),
    )
    if not len(data.train_rows):
        raise CatscanError(
            f"No sample is left to learn from when fold {fold} is held out.",
            where=str(index),
            found=f"{len(data.held_rows)} samples, all of fold {fold}",
            do="Set `index.folds` to at least 2.",
        )
    return data


def _targets(labels: list[str], classes: list[str], *, task: str, where: str) -> NDArray[np.float32]:
    if task == REGRESSION:
        return targets_of(labels, classes, task).astype(np.float32)
    column = {name: number for number, name in enumerate(classes)}
    targets = np.zeros((len(labels), len(classes)), np.float32)
    for row, label in enumerate(labels):
        for name in label.split() if task == "multilabel" else [label]:
            if name not in column:
                raise CatscanError(f"The label {name!r} is not one of the classes.", where=where, found=listed(classes))
            targets[row, column[name]] = 1
    return targets


def remarks(data: Data, fold: int) -> list[str]:
    """What a person should know about the split before the training: counts, and what is too small."""
    per_class = data.targets[data.train_rows].sum(axis=0).astype(int)
    if data.scale is not None:
        return _counted(data, fold, "{} of {:.4g} ± {:.4g}".format(data.classes[0], *data.scale))
    counts = ", ".join(f"{name} {count:,}" for name, count in zip(data.classes, per_class, strict=True))
    first, *others = _counted(data, fold, counts)
    missing = [name for name, count in zip(data.classes, per_class, strict=True) if not count]
    if missing:
        others.insert(0, f"note: no sample to learn {listed(missing)} from; its probability will mean nothing")
    return [first, *others]


def _counted(data: Data, fold: int, learnt: str) -> list[str]:
    lines = [
        f"{len(data.train_rows):,} samples to learn from ({learnt}), {len(data.held_rows):,} in the held-out "
        f"fold {fold}" + (f"; {data.n_bad:,} could not be read" if data.n_bad else "")
    ]
    if not len(data.held_rows):
        lines.append("note: the held-out fold is empty: nothing tells how well this network does")
    return lines


def class_weights(targets: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    """One weight a sample, of mean 1: all equal, or ("balanced") such that every class that occurs weighs the same.

    A sample of several classes has the mean of their weights, one of none has weight 1 before the scaling.
    """
    weights = np.ones(len(targets), np.float64)
    if kind == "balanced":
        counts = targets.sum(axis=0).astype(np.float64)
        per_class = np.where(counts > 0, len(targets) / np.maximum(counts, 1), 0.0)
        labels = targets.sum(axis=1)
        weights = np.where(labels > 0, targets @ per_class / np.maximum(labels, 1), 1.0)
    return (weights / weights.mean()).astype(np.float32)


def scale_of(targets: NDArray[np.float32]) -> tuple[float, float]:
    """Mean and standard deviation of amounts (n, 1); a deviation of 1 where they are all alike."""
    exact = targets.astype(np.float64)
    return float(exact.mean()), float(exact.std()) or 1.0


def standardised(targets: NDArray[np.float32], scale: tuple[float, float]) -> NDArray[np.float32]:
    """Amounts as the network learns them: of mean 0 and deviation 1, where ``scale`` is theirs."""
    mean, deviation = scale
    return ((targets.astype(np.float64) - mean) / deviation).astype(np.float32)


def smoothed(targets: NDArray[np.float32], smoothing: float, *, multilabel: bool) -> NDArray[np.float32]:
    """Targets of which the share ``smoothing`` is spread evenly: over the classes, or over yes and no."""
    even = 0.5 if multilabel else 1 / targets.shape[1]
    return (targets * (1 - smoothing) + smoothing * even).astype(np.float32)


def read_as(shards: Samples) -> dict[str, Any]:
    """{kind, reader, features} for `model.json`: how a file becomes a sample."""
    return {**asdict(shards.sidecars[0].settings), "features": shards.sources}
