"""`evaluation/findings.json`: what the out-of-fold predictions show beyond their scores, for the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from catscan.common.contracts.metrics import Estimate
from catscan.common.documents import Document


@dataclass(frozen=True)
class Threshold:
    """What is reached by deciding for the positive class from a probability on.

    Attributes
    ----------
    why
        Why it is shown: "0.5", "90 % found" and the like.
    sensitivity, specificity
        The shares of the positive class, and of the others, that it tells right, with 95 % intervals (Wilson 1927).
    precision
        The share of the positive class among those decided for; None where there are none.
    """

    why: str
    threshold: float
    sensitivity: Estimate
    specificity: Estimate
    precision: float | None


@dataclass(frozen=True)
class OfClass:
    """How well one class is told from all others: n samples, what is decided, the areas under its two curves.

    None where the samples do not define an area.
    """

    n: int
    sensitivity: Estimate
    specificity: Estimate
    auc: float | None
    average_precision: float | None


@dataclass(frozen=True)
class Part:
    """The n samples that have one value in a column of the labels' table or of the index, and their loss.

    Attributes
    ----------
    apart
        Whether the 95 % interval of their loss leaves out that of all samples.
    """

    column: str
    value: str
    n: int
    loss: Estimate
    apart: bool


@dataclass(frozen=True)
class Findings(Document):
    """What can be read out of the out-of-fold predictions, calibrated.

    Attributes
    ----------
    confusion
        Of each true class how many of its samples each class was decided for, in the order of the classes; of a
        multilabel task every pair of the two counts. Empty for a regression.
    classes
        By name; empty for a regression.
    thresholds
        Of the positive class where there are two; else empty.
    parts
        By each column that parts the samples into a few kinds.
    suspects
        The number of rows of `suspects.csv`.
    """

    VERSION: ClassVar[int] = 1
    STAGE: ClassVar[str] = "evaluate"

    confusion: dict[str, tuple[int, ...]]
    classes: dict[str, OfClass]
    thresholds: tuple[Threshold, ...]
    parts: tuple[Part, ...]
    suspects: int
