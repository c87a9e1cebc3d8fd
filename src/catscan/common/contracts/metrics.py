"""`evaluation/metrics.json`: what the out-of-fold predictions are worth, and how to calibrate those of the test set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from catscan.common.documents import Document


@dataclass(frozen=True)
class Estimate:
    """A score of the out-of-fold predictions, calibrated, and the 95 % interval (low, high) of its mean.

    What a test set gets is another matter: `Check.expected_interval`.
    """

    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Loss:
    """The loss of the calibrated blend, and what to hold it against.

    Attributes
    ----------
    name
        The metric that it is: log_loss, of a regression rmse.
    value, interval
        As of any other score.
    sd
        Standard deviation between the folds; 0 where there is one.
    prior
        The same of the constant prior.
    beats_prior
        Whether ``value`` is below it.
    uncalibrated
        Of the blend as it was before its calibration.
    """

    name: str
    value: float
    interval: tuple[float, float]
    sd: float
    prior: float
    beats_prior: bool
    uncalibrated: float

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.name.replace("_", " ")


@dataclass(frozen=True)
class FoldScores:
    """The scores of the n samples of one fold by name, the loss first; None where they do not define one."""

    fold: int
    n: int
    scores: dict[str, float | None]


@dataclass(frozen=True)
class ModelScores:
    """The scores of one model over all its folds, n samples, and of each fold.

    Attributes
    ----------
    weight
        How much it counts in the blend; those of all models add up to 1.
    gain
        By how much it lowers the loss of the blend, with the 95 % interval; None for the only model and for one that a
        sweep left out.
    foreign
        Whether catscan did not train it: its predictions were given.
    """

    n: int
    scores: dict[str, float | None]
    folds: tuple[FoldScores, ...]
    weight: float
    gain: Estimate | None
    foreign: bool


@dataclass(frozen=True)
class Point:
    """A point of a sweep.

    Attributes
    ----------
    values
        By the key of the config what it is there, as JSON; `model` is the model that it is a variant of.
    models
        Its models, one a seed.
    loss
        Of their plain blend, out of fold, not calibrated.
    blended
        Whether it is one of the best.
    """

    values: dict[str, str]
    models: tuple[str, ...]
    loss: float
    blended: bool


@dataclass(frozen=True)
class Level:
    """Points that are alike in one key, or have it in one third of its values, n of them."""

    value: str
    n: int
    loss: float


@dataclass(frozen=True)
class Key:
    """How much one key of a sweep mattered.

    Attributes
    ----------
    name
        As in the config.
    share
        Of the variance of the points' losses, what lies between the means of ``levels``.
    by_chance
        What it would be on average, were the losses dealt to the points at random.
    levels
        The points of each value, in the order of the values.
    """

    name: str
    share: float
    by_chance: float
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Sweep:
    """The points of a sweep, that of the lowest loss first, and its keys, the most important first."""

    points: tuple[Point, ...]
    keys: tuple[Key, ...]


@dataclass(frozen=True)
class Amounts:
    """What a regression tells.

    Attributes
    ----------
    constant
        Where no network says anything.
    bounds
        The smallest and the largest amount that is told; None for any.
    """

    constant: float
    bounds: tuple[float, float] | None


@dataclass(frozen=True)
class Metrics(Document):
    """The evaluation of one competition.

    Attributes
    ----------
    metric
        The competition's.
    n
        Samples that were held out and predicted.
    loss, scores
        Of the calibrated blend of all models: what the networks minimise; other scores by name, None where the samples
        do not define one.
    folds
        The same by fold.
    models
        By the name of the model, not calibrated.
    temperature, clip
        See `scores.calibration.Calibration`; the submission applies them.
    odds
        What the odds of each class are multiplied by in the submission, in the order of the classes.
    amounts
        Of a regression, whose temperature is 1, clip 0 and odds 1; else None.
    score
        The metric of what would be submitted for these samples; None where they do not define it.
    remarks
        What a person should know, a sentence each.
    sweep
        What its points are worth; None where there is none.
    """

    VERSION: ClassVar[int] = 5
    STAGE: ClassVar[str] = "evaluate"

    metric: str
    n: int
    loss: Loss
    scores: dict[str, Estimate | None]
    folds: tuple[FoldScores, ...]
    models: dict[str, ModelScores]
    temperature: float
    clip: float
    odds: tuple[float, ...]
    amounts: Amounts | None
    score: float | None
    remarks: tuple[str, ...]
    sweep: Sweep | None = None

    @property
    def trained(self) -> dict[str, ModelScores]:
        """The models that catscan trained itself."""
        return {name: model for name, model in self.models.items() if not model.foreign}

    @property
    def left_out(self) -> frozenset[str]:
        """The models of a sweep that are not blended."""
        points = self.sweep.points if self.sweep else ()
        return frozenset(name for point in points if not point.blended for name in point.models)

    @property
    def blended(self) -> dict[str, ModelScores]:
        """The models of the blend."""
        return {name: model for name, model in self.models.items() if name not in self.left_out}

    @property
    def spread(self) -> str:
        """How far the folds' losses lie apart, for people."""
        return "of one fold" if len(self.folds) == 1 else f"± {self.loss.sd:.4f} over {len(self.folds)} folds"
