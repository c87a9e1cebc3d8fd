"""Whether a written submission is what the competition asks for, row by row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from catscan.common.errors import CatscanError, listed
from catscan.common.tables import rows_of
from catscan.common.words import number_of
from catscan.scores.answers import ANSWERS
from catscan.scores.tasks import ONE_CLASS
from catscan.stages.submission.sheet import SEPARATOR, Form

ADDS_UP = 1e-4  # how far the probabilities of a row may add up beside 1, after rounding


def check_sheet(path: Path | str, sample: pd.DataFrame, form: Form, *, name: str = "") -> None:
    """Check a written submission row by row against the sample submission.

    Parameters
    ----------
    name
        What to call the file in an error, when it is not yet in its place.

    Raises
    ------
    CatscanError
        For the first thing that is wrong, with its line: a column missing or in another place, a row missing, twice or
        in another place, an unknown id (with a hint when it lost its leading zeros), a value that is not allowed.
    """
    with Path(path).open(encoding="utf-8", newline="") as file:
        numbered = list(rows_of(file, name=name or str(path)))
    path = name or path
    header, rows = numbered[0][1] if numbered else [], numbered[1:]
    _check_header(path, header, list(sample.columns))
    for line, row in rows:
        if len(row) != len(header):
            raise _wrong(path, line, f"{len(row)} cells; the header has {len(header)}")
    at = header.index(form.id_column)
    _check_ids(path, [(line, row[at]) for line, row in rows], list(sample[form.id_column]))
    places = [header.index(name) for name in form.columns]
    for line, row in rows:
        reason = next(_mistakes([row[place] for place in places], form), "")
        if reason:
            raise _wrong(path, line, f"id {row[at]!r}: {reason}")


def _wrong(path: Path | str, line: int, found: str) -> CatscanError:
    return CatscanError(
        "The submission is not what the competition asks for.",
        where=f"{path}, line {line}",
        found=found,
        do="Delete the file and run the submission stage again; do not edit it by hand.",
    )


def _check_header(path: Path | str, header: list[str], expected: list[str]) -> None:
    if header != expected:
        order = "columns in another order: " if sorted(header) == sorted(expected) else ""
        raise _wrong(
            path,
            1,
            f"{order}{listed([repr(name) for name in header])}\nexpected {listed([repr(name) for name in expected])}",
        )


def _check_ids(path: Path | str, found: list[tuple[int, str]], expected: list[str]) -> None:
    known, seen = set(expected), dict[str, int]()
    by_bare = {name.lstrip("0"): name for name in expected}
    for line, name in found:
        if name in seen:
            raise _wrong(path, line, f"id {name!r} stands in line {seen[name]} already")
        seen[name] = line
        if name not in known:
            right = by_bare.get(name.lstrip("0"))
            lost = f"; {right!r} has lost its leading zeros" if right and right.endswith(name) else ""
            raise _wrong(path, line, f"id {name!r} is not in the sample submission{lost}")
    missing = [name for name in expected if name not in seen]
    if missing:
        lines = [line for line, _ in found]
        place = expected.index(missing[0])  # as many rows stand before it
        line = lines[place] if place < len(lines) else lines[-1] + 1 if lines else 2
        raise _wrong(path, line, f"{number_of(len(missing), 'row')} missing: ids {listed(missing)}")
    for (line, name), right in zip(found, expected, strict=True):
        if name != right:
            raise _wrong(path, line, f"rows in another order: id {name!r} stands where {right!r} is expected")


def _mistakes(cells: list[str], form: Form) -> Iterator[str]:
    """What is wrong with the value cells of one row."""
    if form.value == "probability":
        yield from _wrong_numbers(cells, form)
    elif form.value == "one_hot":
        yield from (f"{cell!r} is neither 0 nor 1" for cell in cells if cell not in ("0", "1"))
        if _adds_up(cells, form) and cells.count("1") != 1:
            yield f"{cells.count('1')} classes are 1, not one"
    elif form.value == "index":
        numbers = [str(number) for number in range(len(form.classes))]
        yield from (f"{cell!r} is not a class number from 0 to {numbers[-1]}" for cell in cells if cell not in numbers)
    elif form.value == "label":
        yield from (f"{cell!r} is not a class" for cell in cells if cell not in form.classes)
    else:
        names = [name for cell in cells for name in cell.split(SEPARATOR) if cell]
        yield from (f"{name!r} is not a class" for name in names if name not in form.classes)


def _wrong_numbers(cells: list[str], form: Form) -> Iterator[str]:
    numbers = []
    for cell in cells:
        try:
            numbers.append(float(cell))
        except ValueError:
            yield f"{cell!r} is not a number"
    noun = ANSWERS[form.task].noun
    yield from (f"{number} is not a {noun}" for number in numbers if not math.isfinite(number))
    fit = ANSWERS[form.task].fit(np.array(numbers))
    yield from (f"{number} lies outside 0 to 1" for number, fits in zip(numbers, fit, strict=True) if not fits)
    if _adds_up(cells, form) and abs(sum(numbers) - 1) > ADDS_UP:
        yield f"the probabilities add up to {sum(numbers):.6g}, not 1"


def _adds_up(cells: list[str], form: Form) -> bool:
    """Whether the cells of a row are all classes, of which exactly one applies."""
    return len(cells) > 1 and form.task in ONE_CLASS
