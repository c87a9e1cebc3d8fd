"""What is told of a sample: all networks' answers blended; probabilities are calibrated, clipped, moved to the odds.

Amounts are kept within bounds, where that pays. The submission and `catscan predict` both take it from here, so that
they tell the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.metrics import Metrics
from catscan.common.contracts.summary import Summary
from catscan.common.errors import CatscanError, listed
from catscan.scores.blending import Weights, blend, weighted
from catscan.scores.calibration import Calibration, calibrate, clipped, expected_prior
from catscan.scores.metrics import with_odds
from catscan.scores.values import Bounds, within

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Told(ABC):
    """What all networks of a competition say together.

    Attributes
    ----------
    task
        One of `tasks.TASKS`.
    weights
        How much each model counts.
    """

    task: str
    weights: Weights

    def tell(self, by_model: Mapping[str, Sequence[Array]]) -> Array:
        """What to tell, (n, columns), when each fold of each model has said (n, columns).

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
        return self.from_blend(weighted(models, self.weights, self.task))

    @abstractmethod
    def spread(self, by_model: Mapping[str, Sequence[Array]]) -> dict[str, Array]:
        """How far the networks lie apart, by the name of its column, (n,) each; nothing where they tell no amounts."""

    @abstractmethod
    def from_blend(self, blended: Array) -> Array:
        """What to tell, (n, columns), where the blend of all networks is ``blended``."""

    @abstractmethod
    def tell_unseen(self) -> Array:
        """(columns,) what to tell of a sample that could not be read."""

    @abstractmethod
    def inner(self, answers: Array) -> Array:
        """The first half of `from_blend`, which is smooth."""

    @abstractmethod
    def outer(self, answers: Array) -> Array:
        """The second half of `from_blend`."""


@dataclass(frozen=True)
class CalibratedBlend(Told):
    """Probabilities, blended, calibrated, clipped, moved to the metric's odds.

    Attributes
    ----------
    calibration
        The temperature, the clip, and the prior that the temperature moves towards.
    shares
        (classes,) of the classes in train: what is told where no network says anything.
    odds
        (classes,) see `metrics.odds_to_tell`.
    """

    calibration: Calibration
    shares: tuple[float, ...]
    odds: tuple[float, ...]

    @classmethod
    def of(cls, metrics: Metrics, summary: Summary) -> Self:
        """As the evaluation of a competition found it best."""
        prior = expected_prior(summary.prior, summary.n_train, summary.task)
        calibration = Calibration(metrics.temperature, metrics.clip, prior)
        return cls(summary.task, weights_in(metrics), calibration, summary.prior, metrics.odds)

    def spread(self, by_model: Mapping[str, Sequence[Array]]) -> dict[str, Array]:  # noqa: ARG002  # as all that tell
        """Nothing."""
        return {}

    def from_blend(self, blended: Array) -> Array:
        """Calibrated, clipped, at the odds."""
        return with_odds(calibrate(blended, self.calibration, self.task), np.array(self.odds))

    def tell_unseen(self) -> Array:
        """The shares of the classes in train."""
        return self.outer(np.array([self.shares]))[0]

    def inner(self, answers: Array) -> Array:
        """The temperature alone."""
        return calibrate(answers, replace(self.calibration, clip=0.0), self.task)

    def outer(self, answers: Array) -> Array:
        """The clip and the odds."""
        return with_odds(clipped(answers, self.calibration.clip, self.task), np.array(self.odds))


@dataclass(frozen=True)
class BoundedBlend(Told):
    """Amounts, blended, within bounds where these pay.

    Attributes
    ----------
    constant
        What is told where no network says anything: of the training samples' amounts the mean or the median.
    bounds
        The smallest and the largest amount to tell; None for any.
    """

    constant: float
    bounds: Bounds | None

    def spread(self, by_model: Mapping[str, Sequence[Array]]) -> dict[str, Array]:
        """The lowest and the highest of the networks' amounts, within the bounds as all that is told."""
        given = self.outer(np.array([fold[:, 0] for folds in by_model.values() for fold in folds]))
        return {"lowest": given.min(axis=0), "highest": given.max(axis=0)}

    def from_blend(self, blended: Array) -> Array:
        """Within the bounds."""
        return self.outer(blended)

    def tell_unseen(self) -> Array:
        """The constant."""
        return np.array([self.constant])

    def inner(self, answers: Array) -> Array:
        """Amounts are not calibrated."""
        return answers

    def outer(self, answers: Array) -> Array:
        """Within the bounds."""
        return within(answers, self.bounds)


def told_by(metrics: Metrics, summary: Summary) -> Told:
    """What all networks say together, as the evaluation of a competition found it best."""
    if metrics.amounts is None:
        return CalibratedBlend.of(metrics, summary)
    return BoundedBlend(summary.task, weights_in(metrics), metrics.amounts.constant, metrics.amounts.bounds)


def weights_in(metrics: Metrics) -> Weights:
    """How much each model of the blend counts."""
    return {name: model.weight for name, model in metrics.blended.items()}
