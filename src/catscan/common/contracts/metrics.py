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
class LogLoss:
    """The log loss of the calibrated blend, and what to hold it against.

    Attributes
    ----------
    value, interval
        As of any other score.
    sd
        Standard deviation between the folds; 0 where there is one.
    prior
        The log loss of the constant prior.
    beats_prior
        Whether ``value`` is below it.
    uncalibrated
        Of the blend as it was before its calibration.
    """

    value: float
    interval: tuple[float, float]
    sd: float
    prior: float
    beats_prior: bool
    uncalibrated: float


@dataclass(frozen=True)
class FoldScores:
    """The scores of the n samples of one fold; no AUC where they are all of one class."""

    fold: int
    n: int
    log_loss: float
    accuracy: float
    auc: float | None


@dataclass(frozen=True)
class ModelScores:
    """The scores of one model over all its folds, n samples, and of each fold.

    Attributes
    ----------
    weight
        How much it counts in the blend; those of all models add up to 1.
    gain
        By how much it lowers the log loss of the blend, with the 95 % interval; None for the only model.
    """

    n: int
    log_loss: float
    accuracy: float
    auc: float | None
    folds: tuple[FoldScores, ...]
    weight: float
    gain: Estimate | None


@dataclass(frozen=True)
class Metrics(Document):
    """The evaluation of one competition.

    Attributes
    ----------
    metric
        The competition's.
    n
        Samples that were held out and predicted.
    log_loss, accuracy, auc
        Of the calibrated blend of all models; no AUC where the samples do not define it.
    folds
        The same by fold.
    models
        By the name of the model, not calibrated.
    temperature, clip
        See `scores.calibration.Calibration`; the submission applies them.
    odds
        What the odds of each class are multiplied by in the submission, in the order of the classes.
    score
        The metric of what would be submitted for these samples; None where they do not define it.
    remarks
        What a person should know, a sentence each.
    """

    VERSION: ClassVar[int] = 2
    STAGE: ClassVar[str] = "evaluate"

    metric: str
    n: int
    log_loss: LogLoss
    accuracy: Estimate
    auc: Estimate | None
    folds: tuple[FoldScores, ...]
    models: dict[str, ModelScores]
    temperature: float
    clip: float
    odds: tuple[float, ...]
    score: float | None
    remarks: tuple[str, ...]

    @property
    def spread(self) -> str:
        """How far the folds' log losses lie apart, for people."""
        return "of one fold" if len(self.folds) == 1 else f"± {self.log_loss.sd:.4f} over {len(self.folds)} folds"
