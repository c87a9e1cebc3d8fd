"""What the evaluation does for each task, one row a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catscan.scores import values
from catscan.scores.tasks import OF_CLASSES, REGRESSION
from catscan.stages.evaluate import of_amounts, of_classes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluated:
    """The evaluation of one task.

    Attributes
    ----------
    cross_fitted
        Of blend, targets, folds and metric: what would be told, each fold by what the others teach.
    fitted
        Of the held-out predictions and the metric: the fields of `metrics.json` by which the submission tells.
    figures
        Each with its file name.
    """

    cross_fitted: Callable[[Array, Array, NDArray[np.integer], str], Array]
    fitted: Callable[..., dict[str, Any]]
    figures: Callable[..., Iterator[tuple[str, Figure]]]


def _of_classes(task: str) -> Evaluated:
    return Evaluated(
        partial(of_classes.cross_fitted, task=task),
        partial(of_classes.fitted, task=task),
        partial(of_classes.draw, task=task),
    )


EVALUATED = {task: _of_classes(task) for task in OF_CLASSES} | {
    REGRESSION: Evaluated(values.cross_fitted, of_amounts.fitted, of_amounts.draw)
}
