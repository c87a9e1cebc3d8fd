"""What is told of a sample: all networks' probabilities blended, calibrated, clipped, moved to the metric's odds.

The submission and `catscan predict` both take it from here, so that they tell the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.metrics import Metrics
from catscan.common.contracts.summary import Summary
from catscan.common.errors import CatscanError, listed
from catscan.scores.blending import Weights, weighted
from catscan.scores.calibration import Calibration, blend, calibrate, clipped, expected_prior
from catscan.scores.metrics import with_odds

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CalibratedBlend:
    """What all networks of a competition say together: blended, calibrated, clipped, moved to the metric's odds.

    Attributes
    ----------
    task
        binary, multiclass, multilabel or ordinal.
    weights
        How much each model counts.
    calibration
        The temperature, the clip, and the prior that the temperature moves towards.
    shares
        (classes,) of the classes in train: what is told where no network says anything.
    odds
        (classes,) see `metrics.odds_to_tell`.
    """

    task: str
    weights: Weights
    calibration: Calibration
    shares: tuple[float, ...]
    odds: tuple[float, ...]

    @classmethod
    def of(cls, metrics: Metrics, summary: Summary) -> Self:
        """As the evaluation of a competition found it best."""
        prior = expected_prior(summary.prior, summary.n_train, summary.task)
        calibration = Calibration(metrics.temperature, metrics.clip, prior)
        weights = {name: model.weight for name, model in metrics.models.items()}
        return cls(summary.task, weights, calibration, summary.prior, metrics.odds)

    def tell(self, by_model: Mapping[str, Sequence[Array]]) -> Array:
        """What to tell, (n, classes), when each fold of each model has said (n, classes).

        The folds of a model are blended first, then the models, so that a model of many folds counts no more than one
        of few.

        Raises
        ------
        CatscanError
            When these are not the models that were evaluated.
        """
        if set(by_model) != set(self.weights):
            raise CatscanError(
                "The predictions are not of the models that were evaluated.",
                found=f"{listed(sorted(by_model))}; evaluated: {listed(sorted(self.weights))}",
                do="Run the workflow again: it makes anew what is out of date.",
            )
        models = {name: blend(folds, self.task) for name, folds in by_model.items()}
        blended = weighted(models, self.weights, self.task)
        return with_odds(calibrate(blended, self.calibration, self.task), np.array(self.odds))

    def tell_unseen(self) -> Array:
        """(classes,) what to tell of a sample that could not be read."""
        return with_odds(clipped(np.array([self.shares]), self.calibration.clip, self.task), np.array(self.odds))[0]
