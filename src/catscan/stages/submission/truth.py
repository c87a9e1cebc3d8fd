"""The true score of a submission, where the truth of the test set is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.common.errors import CatscanError, did_you_mean, listed
from catscan.common.tables import read_table
from catscan.scores.metrics import Problem, score
from catscan.scores.tasks import ONE_CLASS
from catscan.stages.submission.sheet import SEPARATOR, Form, split_row_id

Array = NDArray[np.float64]

USAGE = "Usage"  # Kaggle's solution files say in this column which rows count
IGNORED = "Ignored"


def true_score(sheet_path: Path | str, truth_path: Path | str, form: Form, *, metric: str, problem: Problem) -> float:
    """Score a submission against the truth.

    Parameters
    ----------
    truth_path
        A table like the submission, with the true values: 0 and 1, class names, class numbers or lists. Rows whose
        column `Usage` says Ignored do not count.

    Returns
    -------
    float
        The metric over the rows that both have; not-a-number where it is not defined.

    Raises
    ------
    CatscanError
        When the truth has none of the submission's rows, or a value that is not allowed.
    """
    needed = [form.id_column, *form.columns]
    truth = read_table(truth_path, columns=needed)
    if USAGE in truth.columns:
        truth = truth[truth[USAGE] != IGNORED]
    submitted = read_table(sheet_path, columns=needed).set_index(form.id_column)
    both = [name for name in truth[form.id_column] if name in submitted.index]
    if not both:
        raise CatscanError(
            "The truth has none of the submission's ids.",
            where=str(truth_path),
            found=f"{listed(list(truth[form.id_column])[:1])}; the submission has {listed(list(submitted.index[:1]))}",
        )
    truth = truth.set_index(form.id_column)
    probabilities = _matrix(submitted.loc[both], form, where=str(sheet_path))
    targets = _matrix(truth.loc[both], form, where=str(truth_path))
    return score(metric, probabilities, targets, problem)


def _matrix(table: pd.DataFrame, form: Form, *, where: str) -> Array:
    """The values of the rows as (samples, classes); a sheet that names classes gives 0 and 1."""
    if form.is_long:
        return _upright(table, form, where=where)
    if len(form.of_class) > 1:
        numbers = np.array([_numbers(table, name, form, where=where) for name in form.columns]).T
        return numbers[:, np.argsort(form.of_class)]
    cells = table[form.columns[0]]
    if form.of_class:
        positive = _numbers(table, form.columns[0], form, where=where)
        if form.task not in ONE_CLASS:
            return positive[:, None]
        of_positive = np.arange(2) == form.positive
        return np.where(of_positive, positive[:, None], 1 - positive[:, None])
    return np.array([_named(cell, form, where=f"{where}, id {name!r}") for name, cell in cells.items()])


def _numbers(table: pd.DataFrame, column: str, form: Form, *, where: str) -> Array:
    """A column of probabilities, or of 0 and 1; the truth of a binary task may also say the class."""
    names = {form.classes[form.positive]: "1"} if form.task == "binary" else {}
    if names and set(table[column]) <= set(form.classes):
        return np.array([float(cell in names) for cell in table[column]])
    try:
        return np.asarray(table[column].to_numpy(), np.float64)
    except ValueError as error:
        raise CatscanError(f"The column {column!r} holds no numbers.", where=where, found=str(error)) from error


def _named(cell: str, form: Form, *, where: str) -> Array:
    """0 and 1 for the classes that a cell names, by name or number."""
    parts = [part for part in cell.split(SEPARATOR) if part] if form.value == "list" else [cell]
    if form.value == "index" and all(part.isdigit() and int(part) < len(form.classes) for part in parts):
        parts = [form.classes[int(part)] for part in parts]
    for part in parts:
        if part not in form.classes:
            raise CatscanError(
                f"The value {part!r} is not a class.", where=where, do=did_you_mean(part, list(form.classes))
            )
    return np.array([float(name in parts) for name in form.classes])


def _upright(table: pd.DataFrame, form: Form, *, where: str) -> Array:
    """Rows of one sample and class each, laid side by side; samples that lack a class do not count."""
    numbers = _numbers(table, form.columns[0], form, where=where)
    samples: dict[tuple[str, ...], Array] = {}
    for row, name in enumerate(table.index):
        fields, number = split_row_id(str(name), form, where=where)
        samples.setdefault(fields, np.full(len(form.classes), np.nan))[number] = numbers[row]
    return np.array([row for row in samples.values() if not np.isnan(row).any()])
