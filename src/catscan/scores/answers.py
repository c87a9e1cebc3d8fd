"""What stands in the columns of predictions, one row a task: the scale on which it is averaged, and what it costs.

Arrays are float (n, columns): a probability a class, or the one amount of a regression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from catscan.scores import calibration, values
from catscan.scores.tasks import OF_CLASSES, REGRESSION

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """The answers of one task.

    Attributes
    ----------
    noun
        What one is called.
    prior
        What the constant prior tells.
    fit
        Which cells can be one, (n, columns) of bool.
    loss
        The metric that sums up what the networks minimise.
    scores
        Other metrics that are always told, by the name they are told under; the first of them after each epoch too.
    to_scale, from_scale
        To the scale on which answers of several networks are averaged, and back.
    losses
        (n,) of answers and targets.
    lowered
        By how much the second losses of the same samples come to less than the first, in the unit of ``loss``.
    unit
        By what a loss is divided to be a log likelihood, from the (n,) losses of a plain blend.
    """

    noun: str
    prior: str
    fit: Callable[[Array], NDArray[np.bool_]]
    loss: str
    scores: Mapping[str, str]
    to_scale: Callable[[Array], Array]
    from_scale: Callable[[Array], Array]
    losses: Callable[[Array, Array], Array]
    lowered: Callable[[Array, Array], float]
    unit: Callable[[Array], float]

    @property
    def followed(self) -> tuple[str, str]:
        """The two metrics of each epoch."""
        return self.loss, next(iter(self.scores.values()))


def _probabilities(task: str) -> Answers:
    return Answers(
        noun="probability",
        prior="shares of the classes",
        fit=lambda cells: (cells >= 0) & (cells <= 1),
        loss="log_loss",
        scores={"accuracy": "accuracy", "auc": "auc" if task == "binary" else "mean_column_auc"},
        to_scale=partial(calibration.logits_of, task=task),
        from_scale=partial(calibration.probabilities_of, task=task),
        losses=partial(calibration.losses_of, task=task),
        lowered=lambda before, after: float((before - after).mean()),
        unit=lambda _losses: 1.0,
    )


ANSWERS = {task: _probabilities(task) for task in OF_CLASSES} | {
    REGRESSION: Answers(
        noun="finite number",
        prior="mean of the targets",
        fit=np.isfinite,
        loss="rmse",
        scores={"mae": "mae"},
        to_scale=np.asarray,
        from_scale=np.asarray,
        losses=values.losses_of,
        lowered=lambda before, after: values.root_mean(before) - values.root_mean(after),
        unit=lambda losses: 2 * float(losses.mean()) or 1.0,  # of normal errors
    )
}
