"""Rates of yes or no: how sure a share is, and what each threshold finds.

Arrays are (n,): ``given`` probabilities of a class, ``true`` 1 for its samples, else 0.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Z = 1.959964  # of a normal distribution, 95 % lie as near to its middle


def wilson(found: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share, ``found`` of ``n`` (Wilson 1927); (0, 1) of nothing.

    >>> tuple(round(end, 3) for end in wilson(9, 10))
    (0.596, 0.982)
    """
    if not n:
        return 0.0, 1.0
    share, weight = found / n, Z**2 / n
    middle = share + weight / 2
    reach = Z * math.sqrt(share * (1 - share) / n + weight / (4 * n))
    return max(0.0, (middle - reach) / (1 + weight)), min(1.0, (middle + reach) / (1 + weight))


def operating_points(given: Array, true: Array) -> tuple[Array, Array, Array]:
    """What is reached as the threshold falls past each probability: sensitivity, false alarms, precision.

    Each (points,): the share of the class's samples that reach the threshold, that of the others, and how many of those
    that reach it are of the class. The first point is that of a threshold which nothing reaches.
    """
    order = np.argsort(-given, kind="stable")
    last = np.flatnonzero(np.diff(given[order], append=-np.inf))  # equal probabilities reach it together
    found, false = np.cumsum(true[order])[last], np.cumsum(1 - true[order])[last]
    precision = found / (found + false)
    sensitivity, alarms = found / max(true.sum(), 1), false / max((1 - true).sum(), 1)
    return np.append(0.0, sensitivity), np.append(0.0, alarms), np.append(precision[:1], precision)


def average_precision(given: Array, true: Array) -> float:
    """The area under precision by recall, as steps; not-a-number without a sample of the class."""
    sensitivity, _, precision = operating_points(given, true)
    return float((np.diff(sensitivity) * precision[1:]).sum()) if true.any() else math.nan


def decided(reached: NDArray[np.bool_], true: Array) -> tuple[int, int, int, int]:
    """Of the class's samples: how many reach the threshold, how many there are; of the others: not reach, there are."""
    of_class = true > 0
    return (
        int((reached & of_class).sum()),
        int(of_class.sum()),
        int((~reached & ~of_class).sum()),
        int((~of_class).sum()),
    )
