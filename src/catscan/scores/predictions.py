"""The predictions of all models and folds, blended into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.common.errors import CatscanError
from catscan.common.tables import place_of_row, read_table
from catscan.common.words import number_of
from catscan.scores.calibration import blend

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """The blended predictions of the test samples.

    Attributes
    ----------
    sample_ids
        In the order of the rows.
    probabilities
        (n, classes) in [0, 1].
    models
        The name of each model, and of how many folds it is made.
    """

    sample_ids: list[str]
    probabilities: Array
    models: dict[str, int]


def read_predictions(paths: Sequence[Path], classes: Sequence[str], task: str) -> Predictions:
    """Read the files MODEL/fold-K.csv and blend them: first the folds of a model, then the models.

    Raises
    ------
    CatscanError
        When a file has other samples than the first, lacks a class, or holds a value that is not a probability.
    """
    by_model: dict[str, list[Array]] = {}
    ids: list[str] = []
    for path in paths:
        table = read_table(path, columns=["sample_id", *classes])
        if by_model and list(table["sample_id"]) != ids:
            raise CatscanError(
                "The predictions are not for the same samples.",
                where=f"{paths[0]} and {path}",
                found=f"{len(ids):,} and {len(table):,} samples",
                do="Delete them and run the predict stage again.",
            )
        ids = list(table["sample_id"])
        by_model.setdefault(path.parent.name, []).append(_probabilities_in(table[list(classes)], path))
    blended = blend([blend(folds, task) for folds in by_model.values()], task)
    return Predictions(ids, blended, {name: len(folds) for name, folds in by_model.items()})


def _probabilities_in(table: pd.DataFrame, path: Path) -> Array:
    values = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~((values >= 0) & (values <= 1)).all(axis=1))
    if len(wrong):
        raise CatscanError(
            f"{number_of(len(wrong), 'row')} of predictions with a value that is not a probability.",
            where=f"{path}, {place_of_row(table, int(wrong[0]))}",
            found=", ".join(table.iloc[wrong[0]]),
            do="Delete the file and run the predict stage again; if it stays, train with a smaller learning rate.",
        )
    return values
