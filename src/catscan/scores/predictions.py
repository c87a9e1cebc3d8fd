"""Tables of predictions: `sample_id`, and one probability column a class; written, and read model by model.

Of a regression there is one column of amounts, in the unit of the targets, that has the name of the target.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.common.errors import CatscanError
from catscan.common.tables import place_of_row, read_table, write_table
from catscan.common.words import number_of
from catscan.scores.answers import ANSWERS

Array = NDArray[np.float64]
Floats = NDArray[np.float32] | Array

FLOATS = "%.9g"  # a float32 comes back as it was


def table_of(sample_ids: Sequence[str], probabilities: Floats, classes: Sequence[str]) -> pd.DataFrame:
    """The table of ``probabilities`` (n, classes), one row a sample."""
    table = pd.DataFrame(probabilities, columns=list(classes))
    table.insert(0, "sample_id", list(sample_ids))
    return table


def write_predictions(path: Path, sample_ids: Sequence[str], probabilities: Floats, classes: Sequence[str]) -> None:
    """Write the table of ``probabilities`` (n, classes) as CSV, whole or not at all."""
    write_table(path, table_of(sample_ids, probabilities, classes), float_format=FLOATS)


def as_read(probabilities: NDArray[np.float32]) -> Array:
    """The numbers that `read_predictions` gives back when ``probabilities`` (n, classes) have been written.

    Rounded to nine digits, they blend to the bit as those of the workflow, which come from files.
    """
    return np.array([[float(FLOATS % one) for one in row] for row in probabilities], np.float64).reshape(
        probabilities.shape
    )


def read_predictions(path: Path, classes: Sequence[str], task: str) -> pd.DataFrame:
    """Read one file of predictions.

    Returns
    -------
    pandas.DataFrame
        (n, classes) float64, answers of the task, columns in the order of ``classes``, its index the sample ids.

    Raises
    ------
    CatscanError
        When it lacks a column, names a sample twice, or holds a value that is no answer of the task.
    """
    table = read_table(path, columns=["sample_id", *classes])
    twice = np.flatnonzero(table["sample_id"].duplicated())
    if len(twice):
        raise CatscanError(
            "A sample is predicted twice in one file.",
            where=f"{path}, {place_of_row(table, int(twice[0]))}",
            found=repr(table["sample_id"].iloc[twice[0]]),
            do="Delete the file and run again.",
        )
    do = "Delete the file and run again; if it stays, train with a smaller learning rate."
    values = answers_in(table, list(classes), task, where=path, whose="predictions", do=do)
    return pd.DataFrame(values, index=pd.Index(table["sample_id"], name="sample_id"), columns=list(classes))


def answers_in(
    table: pd.DataFrame, columns: Sequence[str], task: str, *, where: Path, whose: str, do: str
) -> NDArray[np.float64]:
    """(n, columns) the cells as numbers.

    Raises
    ------
    CatscanError
        When one is no answer of the task: ``whose`` it is, and what to ``do``.
    """
    cells = table[list(columns)]
    values = cells.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    answers = ANSWERS[task]
    wrong = np.flatnonzero(~answers.fit(values).all(axis=1))
    if len(wrong):
        raise CatscanError(
            f"{number_of(len(wrong), 'row')} of {whose} with a value that is not a {answers.noun}.",
            where=f"{where}, {place_of_row(table, int(wrong[0]))}",
            found=", ".join(cell or "an empty cell" for cell in cells.iloc[wrong[0]]),
            do=do,
        )
    return values


def check_one_each(flag: str, names: Sequence[object], paths: Sequence[Path]) -> None:
    """Refuse other than one name a file.

    Raises
    ------
    CatscanError
        When there are more or fewer of them than of ``paths``.
    """
    if len(names) != len(paths):
        raise CatscanError(
            f"`{flag}` names one for each file of predictions.",
            found=f"{number_of(len(names), 'name')} for {number_of(len(paths), 'file')}",
        )


@dataclass(frozen=True)
class Predictions:
    """All predictions of the test samples.

    Attributes
    ----------
    sample_ids
        In the order of the rows.
    by_model
        By the name of the model, (n, classes) of each of its folds.
    """

    sample_ids: list[str]
    by_model: dict[str, list[Array]]


def read_all(
    paths: Sequence[Path],
    models: Sequence[str],
    classes: Sequence[str],
    task: str,
    *,
    left_out: Collection[str] = (),
) -> Predictions:
    """Read the predictions of ``models``, one name a file, but of those that are ``left_out``.

    Raises
    ------
    CatscanError
        When there is not one name a file, a file has other samples than the first, or `read_predictions` refuses it.
    """
    check_one_each("--models", models, paths)
    by_model: dict[str, list[Array]] = {}
    ids: list[str] = []
    for path, model in zip(paths, models, strict=True):
        if model in left_out:
            continue
        table = read_predictions(path, classes, task)
        if by_model and list(table.index) != ids:
            raise CatscanError(
                "The predictions are not for the same samples.",
                where=f"{paths[0]} and {path}",
                found=f"{len(ids):,} and {len(table):,} samples",
                do="Delete them and run the predict stage again.",
            )
        ids = list(table.index)
        by_model.setdefault(model, []).append(table.to_numpy())
    return Predictions(ids, by_model)
