"""The answers of a regression: amounts in the targets' own unit, one column of them.

Arrays are float (n, 1). What `calibration` is for probabilities is here one question: whether amounts beyond those of
the training samples are told as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catscan.scores.calibration import parted
from catscan.scores.metrics import Problem, score
from catscan.scores.tasks import REGRESSION

Array = NDArray[np.float64]
Rows = NDArray[np.integer]
Bounds = tuple[float, float]


def losses_of(values: Array, targets: Array) -> Array:
    """(n,) squared error of each sample, which is what the networks minimise."""
    return np.asarray(((values - targets) ** 2).sum(axis=1))


def root_mean(losses: Array) -> float:
    """What the losses of samples come to, in the targets' unit."""
    return float(np.sqrt(losses.mean()))


def bounds_of(targets: Array) -> Bounds:
    """The smallest and the largest amount."""
    return float(targets.min()), float(targets.max())


def within(values: Array, bounds: Bounds | None) -> Array:
    """The values, none beyond ``bounds``; the same array without any."""
    return values if bounds is None else np.clip(values, *bounds)


def learn(values: Array, targets: Array, folds: Rows, metric: str) -> Bounds | None:
    """The bounds of ``targets``, where keeping to bounds lowers the metric of samples that gave none of them."""
    return bounds_of(targets) if _pays(values, targets, folds, metric) else None


def cross_fitted(values: Array, targets: Array, folds: Rows, metric: str) -> Array:
    """Out-of-fold values, each fold within the bounds of the others, where `learn` keeps to bounds."""
    return _left_out(values, targets, folds) if _pays(values, targets, folds, metric) else values


def _pays(values: Array, targets: Array, folds: Rows, metric: str) -> bool:
    """Whether the bounds lower the metric; those of a regression are errors."""
    problem = Problem(REGRESSION)
    bounded = score(metric, _left_out(values, targets, folds), targets, problem)
    return bounded < score(metric, values, targets, problem)


def _left_out(values: Array, targets: Array, folds: Rows) -> Array:
    parts, bounded = parted(folds, targets), np.empty(values.shape)
    for part in np.unique(parts):
        rows = parts == part
        bounded[rows] = within(values[rows], bounds_of(targets[~rows]))
    return bounded


def blend_gains(folds: Sequence[Array], _task: str) -> Array:
    """(n,) by how much the squared error of the folds' mean is below the mean of theirs: their variance.

    It is so for any truth (Krogh and Vedelsby 1995, the ambiguity of an ensemble).
    """
    return np.asarray(np.var(folds, axis=0).sum(axis=1))


def as_blended(values: Array, targets: Array, rows: Rows, gain: float, _task: str) -> Array:
    """Out-of-fold values as good as a blend would be: the mean squared error of ``rows`` is lower by ``gain``.

    All errors shrink by the same share.
    """
    error = float(losses_of(values[rows], targets[rows]).mean())
    share = np.sqrt(max(0.0, 1 - gain / error)) if error > 0 else 1.0
    return np.asarray(targets + share * (values - targets))
