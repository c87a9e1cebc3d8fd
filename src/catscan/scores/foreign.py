"""Foreign members of the blend: a competitor's own predictions, out of fold and of the test samples, as CSV.

Such a file has the sample ids in its first column, as `index.csv` has them, and then the columns of catscan's own
predictions, in any order; of a binary task one column may hold the positive class's probability, and of a regression
the one column may have any name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.common.contracts.summary import Summary
from catscan.common.errors import CatscanError, listed
from catscan.common.tables import read_header, read_table
from catscan.scores.foreign_ids import check_ids
from catscan.scores.predictions import Predictions, answers_in
from catscan.scores.tasks import REGRESSION

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A member of the blend that catscan did not train: predictions of your own, of all samples."""

    name: str
    """Its name in log, box and report."""

    out_of_fold: str
    """CSV of the training samples, each predicted by a model that did not learn from it: the sample id, then a column a
    class (binary: or one, of the positive class; a regression: one)."""

    test: str
    """The same of the test samples."""


def check_header(path: Path, classes: Sequence[str] | None, task: str) -> None:
    """Refuse a file whose columns cannot be those of the task; without ``classes`` only their number is looked at.

    Raises
    ------
    CatscanError
        When it is missing, is no table, or its columns do not fit.
    """
    _places(path, read_header(path), classes, task)


def read_foreign(
    path: Path, *, classes: Sequence[str], task: str, positive: str, wanted: Sequence[str], known: Sequence[str]
) -> Array:
    """The answers of a foreign member, (wanted, classes).

    Parameters
    ----------
    wanted
        The ids of the samples to read, in the order of the rows.
    known
        The ids of all samples of the split.

    Raises
    ------
    CatscanError
        When ids are missing, there twice or unknown, or a value is no answer of the task.
    """
    table = read_table(path)
    places = _places(path, list(table.columns), classes, task)
    check_ids(path, table[table.columns[0]], known=known, wanted=wanted)
    columns = [table.columns[place] for place in places]
    values = answers_in(table, columns, task, where=path, whose="a foreign member", do="Correct the file.")
    if task == "binary" and len(places) == 1:
        values = np.where(np.array([name == positive for name in classes]), values, 1 - values)
    row_of = {name: row for row, name in enumerate(table[table.columns[0]])}
    return values[[row_of[name] for name in wanted]]


def add_foreign(predictions: Predictions, members: Mapping[str, Path], summary: Summary, index: pd.DataFrame) -> None:
    """Add what the blend's foreign members say of the test samples, by name the file; the index has `split`."""
    for name, path in members.items():
        told = read_foreign(
            path,
            classes=summary.classes,
            task=summary.task,
            positive=summary.positive,
            wanted=predictions.sample_ids,
            known=list(index.loc[index["split"] == "test", "sample_id"]),
        )
        predictions.by_model[name] = [told]


def _places(path: Path, header: list[str], classes: Sequence[str] | None, task: str) -> list[int]:
    """The places of the value columns, in the order of the classes."""
    there = header[1:]
    if len(there) == 1 and task in ("binary", REGRESSION):
        return [1]
    if classes is None and len(there) > 1:
        return list(range(1, len(header)))
    if classes is None or sorted(there) != sorted(classes):
        raise CatscanError(
            "The columns of a foreign member are not those of the task.",
            where=str(path),
            found=f"columns {listed(header)}; the task is {task}"
            + (f", the classes {listed(list(classes))}" if classes else ""),
            do="Write the sample id first, then one column a class by its name"
            + ("; or one, of the positive class." if task == "binary" else "."),
        )
    return [header.index(name) for name in classes]
