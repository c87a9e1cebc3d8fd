"""The config's keys that name the sample submission: the index asks it for ids, the submission for its whole form."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SampleSubmission:
    """Where the sample submission lies, and which of its columns holds the ids."""

    sample: str = "sample_submission.csv"
    """The sample submission among the raw files: its ids, columns and order are kept exactly."""

    id_column: str = ""
    """Its id column; empty is the first."""
