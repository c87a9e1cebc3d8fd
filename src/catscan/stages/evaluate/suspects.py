"""Labels that are likely wrong, by predictions of networks that never saw them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.scores.tasks import REGRESSION
from catscan.stages.evaluate.held_out import HeldOut

Array = NDArray[np.float64]

COLUMNS = ["sample_id", "label", "likely", "label_value", "likely_value"]
SURE = 0.9  # enough, whatever the samples of the class get
FAR = 4.0  # robust standard deviations


def suspects(held_out: HeldOut, classes: list[str], task: str) -> pd.DataFrame:
    """The samples whose label is likely wrong, the likeliest first.

    Of classes it is confident learning (Northcutt et al. 2021): another class gets more than the label, and at least
    0.9 or what the samples of that class get on average; before calibration, whose clip makes some equal. Of a
    regression: the error is more than four standard deviations, those being told by the median error.

    Returns
    -------
    pandas.DataFrame
        ``label`` and ``likely``, the class that the networks say, of a multilabel task one such row a class and sample
        (likely is then "not" and its name, or its name); ``label_value`` and ``likely_value``, the probabilities given
        to both, of a regression empty and the amount told.
    """
    if task == REGRESSION:
        rows = _of_amounts(held_out)
    elif task == "multilabel":
        rows = _of_flags(held_out, classes)
    else:
        rows = _of_classes(held_out, classes)
    table = pd.DataFrame([row for _, row in sorted(rows, key=lambda row: row[0])], columns=COLUMNS)
    return table.map(lambda cell: f"{cell:.6g}" if isinstance(cell, float) else cell)


Rows = list[tuple[float, tuple[str, str, str, float | str, float]]]


def _of_classes(held_out: HeldOut, classes: list[str]) -> Rows:
    given, label = held_out.blend, held_out.targets.argmax(axis=1)
    usual = _usual(given, held_out.targets)
    everyone = np.arange(len(given))
    likely = np.where(given >= usual, given, -1).argmax(axis=1)
    found = (
        (likely != label)
        & (given[everyone, likely] >= usual[likely])
        & (given[everyone, likely] > given[everyone, label])
    )
    return [
        (
            float(given[i, label[i]] - given[i, likely[i]]),
            (
                held_out.sample_ids[i],
                classes[label[i]],
                classes[likely[i]],
                float(given[i, label[i]]),
                float(given[i, likely[i]]),
            ),
        )
        for i in np.flatnonzero(found)
    ]


def _of_flags(held_out: HeldOut, classes: list[str]) -> Rows:
    given, targets = held_out.blend, held_out.targets
    usual, usual_not = _usual(given, targets), _usual(1 - given, 1 - targets)
    missing = (targets == 0) & (given >= usual) & (given > 0.5)
    surplus = (targets == 1) & (1 - given >= usual_not) & (given < 0.5)
    rows: Rows = []
    for i, k in np.argwhere(missing | surplus).tolist():
        name, p = classes[k], float(given[i, k])
        label, likely, of_label = (f"not {name}", name, 1 - p) if missing[i, k] else (name, f"not {name}", p)
        rows.append((2 * of_label - 1, (held_out.sample_ids[i], label, likely, of_label, 1 - of_label)))
    return rows


def _of_amounts(held_out: HeldOut) -> Rows:
    told, true = held_out.blend[:, 0], held_out.targets[:, 0]
    off = np.abs(told - true)
    far = FAR * 1.4826 * float(np.median(off))
    return [
        (-float(off[i]), (held_out.sample_ids[i], f"{true[i]:.6g}", f"{told[i]:.6g}", "", float(told[i])))
        for i in np.flatnonzero(off > far)
    ]


def _usual(given: Array, targets: Array) -> Array:
    """(classes,) what the samples of each class get for it on average, 0.9 at most; 1 for a class without samples."""
    counts = targets.sum(axis=0)
    return np.where(counts > 0, np.minimum((given * targets).sum(axis=0) / counts.clip(1), SURE), 1.0)
