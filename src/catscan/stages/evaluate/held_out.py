"""The out-of-fold predictions of one competition, put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catscan.scores.blending import ALL, Choice

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """The out-of-fold predictions of one competition, one row a sample that every model predicted.

    Attributes
    ----------
    sample_ids
        (n,) in index order.
    folds
        (n,) the fold that held each out.
    groups
        (n,) the group of each, for intervals that draw whole groups.
    targets
        (n, classes), 0 or 1; of a regression (n, 1), amounts.
    models
        Model name to its answers (n, classes).
    blend
        (n, classes), the weighted mean of the models, each fold's by the weights that the others teach; not calibrated.
    calibrated
        (n, classes), each fold calibrated (amounts: within the bounds) by what the others teach.
    foreign
        Those of the models that catscan did not train.
    choice
        Which of the models are blended.
    """

    sample_ids: list[str]
    folds: NDArray[np.int64]
    groups: list[str]
    targets: Array
    models: dict[str, Array]
    blend: Array
    calibrated: Array
    foreign: tuple[str, ...] = ()
    choice: Choice = ALL
