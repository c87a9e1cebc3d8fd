"""Can training and test samples be told apart? One number, by a classifier that sees no more than coarse looks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catscan.scores.rates import Z

Array = NDArray[np.float64]

GRID = 4  # parts along each side of a picture, and of a scan's slices
PARTS, PENALTY = 5, 10.0
FEWEST = 20  # samples of each split
WORDS = ("brightness", "contrast", "darkest tenth", "brightest tenth", "detail")


@dataclass(frozen=True)
class Drift:
    """How far two splits can be told apart.

    Attributes
    ----------
    auc, interval
        How often a test sample looks more like the test split than a training sample does, 0.5 when nothing tells
        them apart, and its 95 % interval (Hanley and McNeil 1982).
    likeness
        (test samples,) how much each looks like the test split alone, in no unit.
    differences
        In words, by which of `WORDS` the splits differ most: its name, and the means of training and test.
    """

    auc: float
    interval: tuple[float, float]
    likeness: Array
    differences: tuple[str, float, float]


def looks(samples: NDArray[np.uint8]) -> Array:
    """(n, numbers) of samples (n, height, width, channels) or (n, depth, height, width, channels).

    The first are `WORDS`, in grey levels; then the mean levels of a coarse grid, channel by channel.
    """
    levels = samples.astype(np.float32)
    if levels.ndim == 5:  # a scan: its slices' mean and maximum
        levels = np.concatenate([levels.mean(axis=1), levels.max(axis=1)], axis=-1)
    flat = levels.reshape(len(levels), -1)
    low, high = np.quantile(flat[:, :: max(1, flat.shape[1] // 2000)], [0.1, 0.9], axis=1)
    detail = np.abs(np.diff(levels, axis=2)).mean(axis=(1, 2, 3))
    words = np.stack([flat.mean(axis=1), flat.std(axis=1), low, high, detail], axis=1)
    rows, columns = (np.array_split(np.arange(side), min(GRID, side)) for side in levels.shape[1:3])
    grid = [
        levels[:, row[0] : row[-1] + 1, column[0] : column[-1] + 1].mean(axis=(1, 2))
        for row in rows
        for column in columns
    ]
    return np.concatenate([words, *grid], axis=1).astype(np.float64)


def drift(train: Array, test: Array, *, seed: int = 1) -> Drift | None:
    """Tell test from training samples by their `looks`; None where there are too few.

    The classifier is a ridge regression on standardised looks; each sample is judged by one that never saw it.
    """
    if min(len(train), len(test)) < FEWEST:
        return None
    looks_ = np.concatenate([train, test])
    of_test = np.concatenate([np.zeros(len(train)), np.ones(len(test))])
    spread = looks_.std(axis=0)
    x = (looks_ - looks_.mean(axis=0)) / np.where(spread > 0, spread, 1)
    weight = np.where(of_test == 1, len(train) / len(of_test), len(test) / len(of_test))
    draw = np.random.default_rng(seed)
    parts = np.concatenate([draw.permutation(n) % PARTS for n in (len(train), len(test))])
    judged, areas = np.empty(len(x)), []
    for part in range(PARTS):
        left = parts == part
        scaled = x[~left] * weight[~left, None]
        matrix = x[~left].T @ scaled + PENALTY * np.eye(x.shape[1])
        judged[left] = x[left] @ np.linalg.solve(matrix, scaled.T @ (2 * of_test[~left] - 1))
        # Only those that one classifier judged can be compared.
        areas.append(_area(judged[left & (of_test == 0)], judged[left & (of_test == 1)]))
    area = float(np.mean(areas))
    words = slice(0, len(WORDS))
    shift = np.abs(x[of_test == 1, words].mean(axis=0) - x[of_test == 0, words].mean(axis=0))
    most = int(shift.argmax())
    told = (WORDS[most], float(train[:, most].mean()), float(test[:, most].mean()))
    return Drift(area, _interval(area, len(train), len(test)), judged[of_test == 1], told)


def _area(lower: Array, higher: Array) -> float:
    """How often one of ``higher`` lies above one of ``lower``; a tie counts half."""
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, "left") + np.searchsorted(ordered, higher, "right")
    return float(below.mean() / 2 / len(lower))


def _interval(area: float, n_lower: int, n_higher: int) -> tuple[float, float]:
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (n_higher - 1) * (q1 - area**2) + (n_lower - 1) * (q2 - area**2)
    reach = Z * math.sqrt(max(variance, 0) / (n_lower * n_higher))
    return max(0.0, area - reach), min(1.0, area + reach)
