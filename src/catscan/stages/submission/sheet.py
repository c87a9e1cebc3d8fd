"""The submission sheet: what its rows and columns mean, and how values are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.common.errors import CatscanError, listed
from catscan.common.tables import place_of_row
from catscan.raw.row_ids import FIELD, is_long
from catscan.raw.sample_submission import Layout, classes_of_columns
from catscan.scores.metrics import decide

Array = NDArray[np.float64]

DIGITS = ".9g"  # of a probability: enough to tell any two apart that a metric could tell apart
SEPARATOR = " "


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
        probability (of a regression the amount itself), label, index, one_hot or list.
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
        return is_long(self.row_id)


def form_of(
    sample: pd.DataFrame, layout: Layout, *, id_column: str, task: str, classes: Sequence[str], positive: str
) -> Form:
    """The form of the sheet that looks like ``sample``, the sample submission.

    Raises
    ------
    CatscanError
        When it has an id twice, or its columns and the classes do not fit each other.
    """
    id_column = id_column or str(sample.columns[0])
    there = [str(name) for name in sample.columns if name != id_column]
    twice = sample[id_column][sample[id_column].duplicated()]
    if len(twice):
        raise CatscanError(
            "The sample submission has an id twice.",
            where=place_of_row(twice, 0),
            found=repr(twice.iloc[0]),
            do="Fetch it again.",
        )
    return Form(
        id_column,
        tuple(there),
        classes_of_columns(there, layout, task=task, classes=classes, positive=positive),
        layout.value,
        layout.row_id,
        task,
        tuple(classes),
        list(classes).index(positive),
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
            do="Correct submission.row_id, or data.classes.",
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
        (rows, columns); for a long sheet (rows, classes), which the caller turns into one row a class.
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
