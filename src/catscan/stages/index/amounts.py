"""Labels that are amounts (an age, a size), not classes: what a regression predicts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

MOST_BINS = 10  # of amounts, which the folds share alike
MOST_GRADES = 25  # of a scale that is graded by numbers, such as 0, 0.5, 1, 2, 3 of the clinical dementia rating
IS_REGRESSION = "If the numbers are amounts (an age, a size), this is a regression: set `data.task: regression`."


def numbers_in(names: Iterable[str]) -> list[float]:
    """The names as numbers, smallest first; empty when one of them is none.

    >>> numbers_in(["10", "9.5"]), numbers_in(["10", "cat"]), numbers_in(["nan"])
    ([9.5, 10.0], [], [])
    """
    try:
        numbers = sorted(float(name) for name in names)
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def are_amounts(names: Iterable[str]) -> bool:
    """Whether these are more numbers than a scale of grades has, with decimals among them."""
    numbers = numbers_in(names)
    return len(numbers) > MOST_GRADES and not all(number.is_integer() for number in numbers)


def may_be_amounts(names: Iterable[str]) -> bool:
    """Whether these are more numbers than a scale of grades has, and not simply counted through.

    >>> may_be_amounts(map(str, range(100))), may_be_amounts(map(str, range(0, 100, 2)))
    (False, True)
    """
    numbers = numbers_in(names)
    return len(numbers) > MOST_GRADES and numbers[-1] - numbers[0] != len(numbers) - 1


def amount_in(cell: str) -> str:
    """A cell's number, written in one way; "" when it is none, or not finite.

    >>> [amount_in(cell) for cell in ("63", "63.0", " 0.5", "1e3", "", "63 y", "1_000", "nan", "inf")]
    ['63', '63', '0.5', '1000', '', '', '', '', '']
    """
    numbers = [] if "_" in cell else numbers_in([cell])
    return repr(numbers[0]).removesuffix(".0") if numbers else ""


def binned(amounts: Sequence[float], folds: int) -> NDArray[np.int64]:
    """(n, bins) the bin of each amount, as 0 and 1: of quantiles, as many as leave a sample of each to every fold.

    >>> binned([5, 1, 1, 9], 2).tolist()
    [[0, 1], [1, 0], [1, 0], [0, 1]]
    """
    bins = max(1, min(MOST_BINS, len(amounts) // folds))
    edges = np.quantile(amounts, np.arange(1, bins) / bins)
    return np.eye(bins, dtype=np.int64)[np.searchsorted(edges, amounts, side="right")]
