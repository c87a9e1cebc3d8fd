"""`submission.json`: what was written into the submission, what its check found, and what score to expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from catscan.common.documents import Document


@dataclass(frozen=True)
class Check(Document):
    """A submission that was checked row by row against the sample submission.

    Attributes
    ----------
    rows, columns
        The number of its rows, the names of its columns.
    valid
        Whether it has the sample submission's rows and columns.
    missing
        Ids of the rows without a prediction, which have the prior.
    warnings
        What a person should know before the file is handed in, a sentence each.
    metric
        The competition's.
    expected_score, expected_interval
        Of the test set by the out-of-fold predictions, as `scores.expected` has it: the score, and the 95 % interval
        (low, high) of the score of a test set of that size. None where they are not defined.
    true_score
        By the truth of the test set, where it is known.
    spread
        Of a regression, by how much the lowest and the highest of the networks lie beside what is told, the mean over
        the test samples; None for classes.
    temperature, clip
        What the probabilities were calibrated by.
    models
        Of how many folds each model is made, by its name.
    sha256
        Of the file, by which one that was changed since is known.
    """

    VERSION: ClassVar[int] = 2
    STAGE: ClassVar[str] = "submission"

    rows: int
    columns: tuple[str, ...]
    valid: bool
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    metric: str
    expected_score: float | None
    expected_interval: tuple[float, float] | None
    true_score: float | None
    spread: tuple[float, float] | None
    temperature: float
    clip: float
    models: dict[str, int]
    sha256: str

    @property
    def expected(self) -> str:
        """The score to expect of the test set in words, "" where it is not known."""
        if self.expected_score is None:
            return ""
        words = f"{self.metric.replace('_', ' ')} {self.expected_score:.4f}"
        if self.expected_interval is None:
            return words
        low, high = self.expected_interval
        return f"{words} (95 %: {low:.4f} to {high:.4f})"
