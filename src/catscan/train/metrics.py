"""The few measures that a training watches on its held-out fold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SMALLEST = 1e-7  # float32 probabilities carry no more


def log_loss(probabilities: Array, targets: Array, *, multilabel: bool) -> float:
    """Mean negative log probability of what is true; (n, classes) both, ``targets`` 0 or 1."""
    clipped = np.clip(probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST)
    if multilabel:
        return float(-np.mean(targets * np.log(clipped) + (1 - targets) * np.log(1 - clipped)))
    return float(-np.mean(np.sum(targets * np.log(clipped), axis=1)))


def accuracy(probabilities: Array, targets: Array, *, multilabel: bool) -> float:
    """Share of samples whose most probable class is the true one; of right yes-or-no answers when ``multilabel``."""
    if multilabel:
        return float(np.mean((probabilities > 0.5) == (targets > 0.5)))
    return float(np.mean(probabilities.argmax(axis=1) == targets.argmax(axis=1)))


def auc(probabilities: Array, targets: Array, *, multilabel: bool) -> float:
    """Area under the ROC curve, the mean over the classes of which both answers occur; 0.5 where none does."""
    columns = range(1, 2) if probabilities.shape[1] == 2 and not multilabel else range(probabilities.shape[1])
    areas = [_area(probabilities[:, column], targets[:, column] > 0.5) for column in columns]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if known else 0.5


def _area(scores: Array, positive: NDArray[np.bool_]) -> float | None:
    """By the mean rank of the positives (Mann-Whitney), ties counted half."""
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


METRICS: dict[str, tuple[Callable[..., float], bool]] = {  # name: function, whether larger is better
    "log_loss": (log_loss, False),
    "accuracy": (accuracy, True),
    "auc": (auc, True),
}


def watched(metric: str) -> str:
    """The measure that early stopping goes by: the competition's metric where it is here, else the log loss."""
    return metric if metric in METRICS else "log_loss"


def better(metric: str, new: float, old: float | None) -> bool:
    """Whether ``new`` beats ``old`` (None: nothing yet)."""
    if old is None:
        return True
    return new > old if METRICS[metric][1] else new < old
