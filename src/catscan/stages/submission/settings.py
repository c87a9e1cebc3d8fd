"""What the submission reads of the config: the block `submission`, and the metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from catscan.common.keys import one_of
from catscan.raw.sample_submission import Layout, SampleSubmission
from catscan.scores.settings import BlendSettings
from catscan.stages.submission.fill import AGGREGATES


@dataclass(frozen=True, kw_only=True)
class Sheet(Layout, SampleSubmission):
    """The form of the submission file."""

    aggregate: Annotated[str, one_of(*AGGREGATES)] = "mean"
    """How the probabilities of several samples with one row id become one."""


@dataclass(frozen=True, kw_only=True)
class Settings(Sheet, BlendSettings):
    """All that the stage reads."""

    solution: str = ""
    """The digest of `source.solution`. It is there to make the stage run again."""
