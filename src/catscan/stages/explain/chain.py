"""From one network's logits to the very number in the submission, link by link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.common.contracts.explanation import Cell, Link
from catscan.common.contracts.model import Model
from catscan.common.tables import read_table
from catscan.scores.blending import blend, weighted
from catscan.scores.predictions import Predictions
from catscan.scores.told import BoundedBlend, CalibratedBlend, Told
from catscan.stages.explain.answers import answers_of
from catscan.stages.explain.choice import Chosen

Array = NDArray[np.float64]


class Chain:
    """What becomes of the answers of one network.

    Attributes
    ----------
    told
        (n, classes) what is told of the test samples.
    """

    def __init__(
        self,
        described: Model,
        combined: Told,
        predictions: Predictions,
        submission: Path,
        *,
        model: str,
        place: int,
    ) -> None:
        self._described, self._combined, self._predictions = described, combined, predictions
        self._model, self._place = model, place
        self._row = {name: row for row, name in enumerate(predictions.sample_ids)}
        self.told: Array = combined.tell(predictions.by_model)
        table = read_table(submission)
        self._columns = list(table.columns)
        self._rows = {row[0]: row for row in table.to_numpy().tolist()}

    def of(self, one: Chosen, logits: Array, mirrored: Array | None, held_out: pd.DataFrame) -> tuple[Link, ...]:
        """The links of a sample: of a training sample to its out-of-fold prediction, of a test sample to the end.

        Parameters
        ----------
        logits, mirrored
            (classes,) the network's logits of the sample and of its mirror image; None where it does not look at that.
        """
        is_test = one.split == "test"
        answer = self._of_model(one)[self._place][0] if is_test else held_out.loc[one.sample_id].to_numpy()
        links = [*self._of_network(logits, mirrored, answer)]
        if is_test:
            links += self._of_all(one)
        return tuple(Link(what, tuple(map(float, values))) for what, values in links)

    def cells(self, one: Chosen) -> tuple[Cell, ...]:
        """Where the last link's numbers stand in the submission, to the digits that are written there."""
        row = self._rows.get(one.sample_id)
        if one.split == "train" or row is None:
            return ()
        values = self.told[self._row[one.sample_id]].tolist()
        told = dict(zip(map(_as_written, values), self._described.classes, strict=True))
        return tuple(
            Cell(row[0], column, told[_as_written(float(text))], text)
            for column, text in zip(self._columns[1:], row[1:], strict=True)
            if _is_number(text) and _as_written(float(text)) in told
        )

    def _of_network(self, logits: Array, mirrored: Array | None, answer: Array) -> Iterator[tuple[str, Array]]:
        task, scale = self._described.task, self._described.scale
        if scale is None:
            normalised = "sigmoid" if task == "multilabel" else "softmax"
            by = f"their {normalised}", f"the {normalised} of the mirror image's logits"
        else:
            by = "in the unit of the targets", "the same of the mirror image"

        def answered(logits: Array) -> Array:
            return answers_of(self._described, logits[None])[0]

        yield "logits of this network", logits
        yield by[0], answered(logits)
        if mirrored is not None:
            yield by[1], answered(mirrored)
            yield "the mean of both: what this network says", answer

    def _of_all(self, one: Chosen) -> Iterator[tuple[str, Array]]:
        """From what the networks say to what is told; (1, classes) within."""
        combined, task = self._combined, self._described.task
        folds, row = self._of_model(one), self._row[one.sample_id]
        averaged = "amounts" if self._described.scale else "logits"
        for number, other in enumerate(folds):
            if number != self._place:
                yield f"what another fold's network of {self._model} says", other[0]
        models = {
            name: blend([fold[row : row + 1] for fold in some], task)
            for name, some in self._predictions.by_model.items()
        }
        if len(folds) > 1:
            yield f"the mean of the {averaged} of {len(folds)} folds: what {self._model} says", models[self._model][0]
        blended = weighted(models, combined.weights, task)
        if len(models) > 1:
            for name, answer in models.items():
                if name != self._model:
                    yield f"what {name} says", answer[0]
            weights = ", ".join(f"{name} {weight:.2f}" for name, weight in combined.weights.items())
            yield f"the mean of the models' {averaged} ({weights})", blended[0]
        if isinstance(combined, CalibratedBlend):
            yield f"divided by the temperature {combined.calibration.temperature:.4g}", combined.inner(blended)[0]
        yield f"{_last(combined)}what is told", self.told[row]

    def _of_model(self, one: Chosen) -> Sequence[Array]:
        """(1, classes) of each fold of the model."""
        row = self._row[one.sample_id]
        return [fold[row : row + 1] for fold in self._predictions.by_model[self._model]]


def _last(combined: Told) -> str:
    """What the last link does."""
    if isinstance(combined, CalibratedBlend):
        at_odds = ", at the odds that suit the metric" if any(odds != 1 for odds in combined.odds) else ""
        return f"kept {combined.calibration.clip:.4g} away from 0 and 1{at_odds}: "
    if isinstance(combined, BoundedBlend) and combined.bounds:
        return f"kept between {combined.bounds[0]:g} and {combined.bounds[1]:g}: "
    return ""


def _as_written(value: float) -> str:
    """To the digits of the submission."""
    return f"{value:.9g}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
