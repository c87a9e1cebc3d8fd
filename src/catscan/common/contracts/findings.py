"""`evaluation/findings.json`: what the out-of-fold predictions show beyond their scores, for the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from catscan.common.documents import Document


@dataclass(frozen=True)
class Findings(Document):
    """What can be read out of the out-of-fold predictions.

    Attributes
    ----------
    confusion
        Of each true class how many of its samples each class was decided for, in the order of the classes; of a
        multilabel task every pair of the two counts. Empty for a regression.
    """

    VERSION: ClassVar[int] = 1
    STAGE: ClassVar[str] = "evaluate"

    confusion: dict[str, tuple[int, ...]]
