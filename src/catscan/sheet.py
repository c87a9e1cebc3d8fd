"""The submission sheet: what its rows and columns mean, how values are written, and whether a written one is right."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.errors import CatscanError, did_you_mean, listed
from catscan.metrics import decide
from catscan.places import line_of
from catscan.words import number_of

Array = NDArray[np.float64]

FIELD = re.compile(r"\{(\w+)\}")
DIGITS = ".9g"  # of a probability: enough to tell any two apart that a metric could tell apart
ADDS_UP = 1e-4  # how far the probabilities of a row may add up beside 1, after rounding
SEPARATOR = " "
PER_CLASS = ("probability", "one_hot")


@dataclass(frozen=True)
class Form:
    """What a sheet looks like.

    Attributes
    ----------
    id_column
        Its first or named column.
    columns
        The value columns, in the sheet's order.
    of_class
        The class number of each value column; empty when one column speaks of all classes.
    value
        probability, label, index, one_hot or list.
    row_id
        The template of the row ids; with {class} there is one row a sample and class.
    task, classes, positive
        As in the index's summary; `positive` is the number of the class.
    """

    id_column: str
    columns: tuple[str, ...]
    of_class: tuple[int, ...]
    value: str
    row_id: str
    task: str
    classes: tuple[str, ...]
    positive: int

    @property
    def is_long(self) -> bool:
        """Whether there is one row a sample and class."""
        return "{class}" in self.row_id


def form_of(
    sample: pd.DataFrame,
    *,
    id_column: str,
    columns: Sequence[str],
    value: str,
    row_id: str,
    task: str,
    classes: Sequence[str],
    positive: str,
) -> Form:
    """The form of the sheet that looks like ``sample``, the sample submission.

    Raises
    ------
    CatscanError
        When it has an id twice, or its columns and the classes do not fit each other.
    """
    id_column = id_column or str(sample.columns[0])
    there = [str(name) for name in sample.columns if name != id_column]
    if columns and set(columns) != set(there):
        unknown = [name for name in columns if name not in there]
        raise CatscanError(
            "The submission's columns are not those of the sample submission.",
            where="config key submission.columns",
            found=f"{listed(list(columns))}; the sample submission has {listed(there)}",
            do=did_you_mean(unknown[0], there) if unknown else "Name all of them, or none.",
        )
    twice = sample[id_column][sample[id_column].duplicated()]
    if len(twice):
        raise CatscanError(
            "The sample submission has an id twice.",
            where=f"line {line_of(twice.index[0])}",
            found=repr(twice.iloc[0]),
            do="Fetch it again.",
        )
    form = Form(id_column, tuple(there), (), value, row_id, task, tuple(classes), list(classes).index(positive))
    if form.is_long or value not in PER_CLASS:
        if len(there) != 1 or (form.is_long and value not in PER_CLASS):
            raise _misfit(form, "one value column" if len(there) != 1 else "probabilities, or 0 and 1")
        return form
    if len(there) == 1 and task == "binary":
        return _with_classes(form, [form.positive])
    if len(there) != len(classes):
        raise _misfit(form, f"one column a class ({len(classes)})")
    if columns:
        return _with_classes(form, [list(columns).index(name) for name in there])
    plain = ["_".join(name.split()) for name in there]
    for names in (there, plain):
        if set(names) == set(classes):
            return _with_classes(form, [list(classes).index(name) for name in names])
    raise CatscanError(
        "It is not clear which column of the sample submission is which class.",
        where="config key submission.columns",
        found=f"columns {listed(there)}; classes {listed(list(classes))}",
        do="Name the columns in the order of the classes.",
    )


def _with_classes(form: Form, of_class: list[int]) -> Form:
    return replace(form, of_class=tuple(of_class))


def _misfit(form: Form, wanted: str) -> CatscanError:
    return CatscanError(
        f"A submission of this form needs {wanted}.",
        where="config keys submission.value, submission.row_id and data.task",
        found=f"{form.value} values of a {form.task} task in the columns {listed(list(form.columns))}",
        do="Compare the sample submission with the config.",
    )


def foreign_values(sample: pd.DataFrame, form: Form) -> list[str]:
    """Values of the sample submission that no row of ours can have, which hints at another form.

    >>> classes = Form("id", ("label",), (), "label", "{id}", "binary", ("healthy", "cancer"), 1)
    >>> foreign_values(pd.DataFrame({"id": ["1", "2"], "label": ["0", "1"]}), classes)
    ['0', '1']
    """
    if form.value not in ("label", "index", "list"):
        return []
    known = {str(number) for number in range(len(form.classes))} if form.value == "index" else set(form.classes)
    cells = {part for cell in sample[form.columns[0]] for part in _parts(cell, form)}
    return sorted(cells - known)


def _parts(cell: str, form: Form) -> list[str]:
    return [part for part in (cell.split(SEPARATOR) if form.value == "list" else [cell]) if part]


def fill_in(template: str, fields: dict[str, str]) -> str:
    """The row id that ``template`` gives for ``fields``.

    >>> fill_in("{patient}-{side}", {"patient": "0012", "side": "L"})
    '0012-L'
    """

    def text(found: re.Match[str]) -> str:
        if found[1] not in fields:
            raise CatscanError(
                f"The template of the row ids names an unknown field {found[1]!r}.",
                where="config key submission.row_id",
                found=repr(template),
                do=did_you_mean(found[1], list(fields)),
            )
        return fields[found[1]]

    return FIELD.sub(text, template)


def split_row_id(row_id: str, form: Form, *, where: str) -> tuple[tuple[str, ...], int]:
    """The fields of a long sheet's row id, and the number of the class it speaks of.

    Raises
    ------
    CatscanError
        When it does not follow the template.
    """
    names = FIELD.findall(form.row_id)
    found = _row_id_regex(form.row_id, form.classes).fullmatch(row_id)
    if not found:
        raise CatscanError(
            f"The row id {row_id!r} does not follow the template.",
            where=where,
            found=f"template {form.row_id!r}, classes {listed(list(form.classes))}",
            do="Mend submission.row_id, or data.classes.",
        )
    texts = list(found.groups())
    number = form.classes.index(texts.pop(names.index("class")))
    return tuple(texts), number


@cache
def _row_id_regex(template: str, classes: tuple[str, ...]) -> re.Pattern[str]:
    texts = FIELD.split(template)  # text, field, text, field, ..., text
    fields = [f"({'|'.join(map(re.escape, classes))})" if name == "class" else "(.+)" for name in texts[1::2]]
    pieces = [re.escape(text) + field for text, field in zip(texts[::2], [*fields, ""], strict=True)]
    return re.compile("".join(pieces), re.DOTALL)


def write_cells(probabilities: Array, form: Form, *, at_least_one: bool) -> list[list[str]]:
    """The value cells of rows that each speak of all classes.

    Parameters
    ----------
    probabilities
        (rows, classes).
    at_least_one
        As in `metrics.decide`.

    Returns
    -------
    list of list of str
        (rows, columns); for a long sheet (rows, classes), to be stood upright by the caller.
    """
    if form.value == "probability":
        shown = probabilities if form.is_long else probabilities[:, list(form.of_class)]
        return [[format(cell, DIGITS) for cell in row] for row in shown.tolist()]
    decided = decide(probabilities, form.task, at_least_one=at_least_one)
    if form.value == "one_hot":
        shown = decided if form.is_long else decided[:, list(form.of_class)]
        return [[str(int(cell)) for cell in row] for row in shown]
    if form.value == "list":
        return [[SEPARATOR.join(form.classes[number] for number in np.flatnonzero(row))] for row in decided]
    numbers = decided.argmax(axis=1)
    return [[str(number) if form.value == "index" else form.classes[number]] for number in numbers]


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
        in another place, an unknown id (one that lost its leading zeros is told so), a value that is none.
    """
    with Path(path).open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        rows = [(reader.line_num, row) for row in reader]
    path = name or path
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
        raise _wrong(
            path, expected.index(missing[0]) + 2, f"{number_of(len(missing), 'row')} missing: ids {listed(missing)}"
        )
    for (line, name), right in zip(found, expected, strict=True):
        if name != right:
            raise _wrong(path, line, f"rows in another order: id {name!r} stands where {right!r} is expected")


def _mistakes(cells: list[str], form: Form) -> Iterator[str]:
    """What is wrong with the value cells of one row."""
    if form.value == "probability":
        yield from _wrong_probabilities(cells, form)
    elif form.value == "one_hot":
        yield from (f"{cell!r} is neither 0 nor 1" for cell in cells if cell not in ("0", "1"))
        if _adds_up(cells, form) and cells.count("1") != 1:
            yield f"{cells.count('1')} classes are 1, not one"
    elif form.value == "index":
        numbers = [str(number) for number in range(len(form.classes))]
        yield from (f"{cell!r} is no class number from 0 to {numbers[-1]}" for cell in cells if cell not in numbers)
    elif form.value == "label":
        yield from (f"{cell!r} is no class" for cell in cells if cell not in form.classes)
    else:
        names = [name for cell in cells for name in cell.split(SEPARATOR) if cell]
        yield from (f"{name!r} is no class" for name in names if name not in form.classes)


def _wrong_probabilities(cells: list[str], form: Form) -> Iterator[str]:
    numbers = []
    for cell in cells:
        try:
            numbers.append(float(cell))
        except ValueError:
            yield f"{cell!r} is no number"
    yield from (f"{number} is no probability" for number in numbers if not math.isfinite(number))
    yield from (f"{number} lies outside 0 to 1" for number in numbers if not 0 <= number <= 1)
    if _adds_up(cells, form) and abs(sum(numbers) - 1) > ADDS_UP:
        yield f"the probabilities add up to {sum(numbers):.6g}, not 1"


def _adds_up(cells: list[str], form: Form) -> bool:
    """Whether the cells of a row are all classes, of which exactly one applies."""
    return len(cells) > 1 and form.task != "multilabel"
