"""The rows of the submission, filled with the predictions that belong to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.raw.row_ids import Fields, row_ids_of
from catscan.raw.sample_submission import Layout, blank_columns
from catscan.scores.tasks import ONE_CLASS
from catscan.stages.submission.sheet import Form, split_row_id, write_cells

Array = NDArray[np.float64]

AGGREGATES: dict[str, Callable[[Array], Array]] = {
    "mean": lambda several: several.mean(axis=0),
    "max": lambda several: several.max(axis=0),
    "noisy_or": lambda several: 1 - (1 - several).prod(axis=0),  # at least one of independent findings
}


@dataclass(frozen=True)
class Filled:
    """A filled submission.

    Attributes
    ----------
    table
        All cells strings.
    missing
        The ids of the rows that no prediction speaks of.
    extra
        The ids of the rows that were predicted and are not asked for.
    several
        Whether a row is made of several samples.
    """

    table: pd.DataFrame
    missing: list[str]
    extra: list[str]
    several: bool


def blank_sheet(
    sample_ids: Sequence[str],
    layout: Layout,
    *,
    id_column: str,
    task: str,
    classes: Sequence[str],
    fields: Fields,
) -> pd.DataFrame:
    """What to fill where the competition has no sample submission: a row for each row id, its values still empty."""
    all_row_ids = (row_ids_of(name, layout.row_id, classes, fields) for name in sample_ids)
    row_ids = dict.fromkeys(row_id for of_sample in all_row_ids for row_id, _ in of_sample)
    of_ids, *columns = blank_columns(layout, id_column=id_column, task=task, classes=classes)
    return pd.DataFrame({of_ids: list(row_ids), **dict.fromkeys(columns, "")}, dtype=str)


def fill_sheet(
    sample: pd.DataFrame,
    form: Form,
    sample_ids: Sequence[str],
    probabilities: Array,
    *,
    prior: Array,
    fields: Fields,
    aggregate: str,
    at_least_one: bool,
) -> Filled:
    """Fill the rows that the sample submission asks for.

    Parameters
    ----------
    sample
        The sample submission, whose rows, columns and order are kept.
    sample_ids, probabilities
        (n,) and (n, classes), the predictions.
    prior
        (classes,) for the rows without a prediction.
    fields
        Sample id to more fields of the row ids' template.
    aggregate
        mean, max or noisy_or, for several samples with one row id.
    """
    rows: dict[str, list[int]] = {}
    class_of: dict[str, int] = {}
    for number, name in enumerate(sample_ids):
        for row_id, class_number in row_ids_of(name, form.row_id, form.classes, fields):
            rows.setdefault(row_id, []).append(number)
            class_of[row_id] = class_number
    wanted = list(sample[form.id_column])
    asked = set(wanted)
    missing = [name for name in wanted if name not in rows]
    values = np.array(
        [_together(probabilities[rows[name]], form, aggregate) if name in rows else prior for name in wanted]
    )
    cells = write_cells(values, form, at_least_one=at_least_one)
    if form.is_long:
        cells = [[row[_class_of(name, class_of, form)]] for name, row in zip(wanted, cells, strict=True)]
    written = {form.id_column: wanted} | {
        name: [row[place] for row in cells] for place, name in enumerate(form.columns)
    }
    return Filled(
        pd.DataFrame(written)[list(sample.columns)],
        missing,
        extra=[name for name in rows if name not in asked],
        several=any(len(rows[name]) > 1 for name in wanted if name in rows),
    )


def _class_of(row_id: str, class_of: dict[str, int], form: Form) -> int:
    if row_id not in class_of:
        return split_row_id(row_id, form, where="the sample submission")[1]
    return class_of[row_id]


def _total(row: Array, form: Form) -> float:
    return float(row.sum()) if form.task in ONE_CLASS else 1.0


def _together(several: Array, form: Form, aggregate: str) -> Array:
    """The probabilities of one row from those of its samples, (samples, classes) to (classes,)."""
    if len(several) == 1:
        return several[0]
    joined: Array = AGGREGATES[aggregate](several)
    if form.task == "binary":  # what is told is the positive class; the other follows
        joined[1 - form.positive] = 1 - joined[form.positive]
    return joined / _total(joined, form)
