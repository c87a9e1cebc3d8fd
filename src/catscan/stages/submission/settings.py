"""What the submission reads of the config: the block `submission`, and the metric."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from catscan.common.keys import DISTINCT, one_of
from catscan.raw.sample_submission import SampleSubmission
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
class Sheet(SampleSubmission):
    """The form of the submission file."""

    columns: Annotated[tuple[str, ...], DISTINCT] = ()
    """Its value columns, one or one a class in the order of `classes`; empty matches the columns to the classes by
    name."""

    value: Annotated[str, one_of("probability", "label", "index", "one_hot", "list")] = "probability"
    """What a value is: a probability, the class name, the class number from 0, 0 or 1 a class, or the names of all
    classes that apply, separated by blanks."""

    row_id: str = "{id}"
    """Template of the row ids: {id} is the sample, {class} a class (one row a sample and class), other fields are
    columns of `rows.csv`."""

    rows: Rows = field(default_factory=Rows)

    aggregate: Annotated[str, one_of(*AGGREGATES)] = "mean"
    """How the probabilities of several samples with one row id become one."""


@dataclass(frozen=True, kw_only=True)
class Settings(Sheet, MetricSettings):
    """All that the stage reads."""
