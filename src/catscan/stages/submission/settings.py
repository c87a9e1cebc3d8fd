"""What the submission reads of the config: the block `submission`, and the metric."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from catscan.common.keys import one_of
from catscan.raw.sample_submission import Layout, SampleSubmission
from catscan.scores.settings import MetricSettings
from catscan.stages.submission.fill import AGGREGATES


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A table of the rows, where their ids cannot be made from the sample's id alone."""

    csv: str = ""
    """CSV among the raw files with one row a test sample, whose columns `row_id` may name."""

    id_column: str = ""
    """Its column with the sample ids; empty is the first."""


@dataclass(frozen=True, kw_only=True)
class Sheet(Layout, SampleSubmission):
    """The form of the submission file."""

    rows: Rows = field(default_factory=Rows)

    aggregate: Annotated[str, one_of(*AGGREGATES)] = "mean"
    """How the probabilities of several samples with one row id become one."""


@dataclass(frozen=True, kw_only=True)
class Settings(Sheet, MetricSettings):
    """All that the stage reads."""
