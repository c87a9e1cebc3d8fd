"""Labels that are amounts (an age, a size), not classes: what a regression would predict."""

from __future__ import annotations

import math
from collections.abc import Iterable

MOST_GRADES = 25  # of a scale that is graded by numbers, such as 0, 0.5, 1, 2, 3 of the clinical dementia rating
REGRESSION = "If the numbers are amounts (an age, a size), this is a regression, which catscan does not do."


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
