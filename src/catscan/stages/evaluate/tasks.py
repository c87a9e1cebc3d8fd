"""What the evaluation does for each task, one row a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.findings import Findings
from catscan.common.contracts.galleries import Galleries
from catscan.scores import values
from catscan.scores.tasks import OF_CLASSES, REGRESSION
from catscan.stages.evaluate import of_amounts, of_classes
from catscan.stages.evaluate.held_out import HeldOut

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
        Of the held-out predictions and the classes: each with its file name.
    galleries
        What the report shows of the samples.
    findings
        What the predictions show beyond their scores, of the held-out predictions, the classes, the positive one of
        them, and the fields that are of any task.
    """

    cross_fitted: Callable[[Array, Array, NDArray[np.integer], str], Array]
    fitted: Callable[..., dict[str, Any]]
    figures: Callable[[HeldOut, list[str]], Iterator[tuple[str, Figure]]]
    galleries: Callable[..., Galleries]
    findings: Callable[..., Findings]


def _of_classes(task: str) -> Evaluated:
    return Evaluated(
        partial(of_classes.cross_fitted, task=task),
        partial(of_classes.fitted, task=task),
        partial(of_classes.draw, task=task),
        of_classes.galleries,
        partial(of_classes.findings, task=task),
    )


EVALUATED = {task: _of_classes(task) for task in OF_CLASSES} | {
    REGRESSION: Evaluated(
        values.cross_fitted, of_amounts.fitted, of_amounts.draw, of_amounts.galleries, of_amounts.findings
    )
}
