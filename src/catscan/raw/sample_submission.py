"""The config's keys of the sample submission, and what of its form can be told without it.

The index asks it for ids, the submission for its whole form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from catscan.common.errors import CatscanError, did_you_mean, listed
from catscan.common.words import number_of

FIELD = re.compile(r"\{(\w+)\}")  # in the template of the row ids
OF_SAMPLE = ("id", "class")  # the fields that need no table of rows
PER_CLASS = ("probability", "one_hot")  # the values that stand in one column a class


@dataclass(frozen=True, kw_only=True)
class SampleSubmission:
    """Where the sample submission lies, and which of its columns holds the ids."""

    sample: str = "sample_submission.csv"
    """The sample submission among the raw files: its ids, columns and order are kept exactly."""

    id_column: str = ""
    """Its id column; empty is the first."""


def check_template(row_id: str, *, more_fields: bool) -> None:
    """Refuse a template of row ids that no sample could fill.

    Parameters
    ----------
    row_id
        Such as "{id}_{class}".
    more_fields
        Whether a table of rows is named, whose columns may be fields too.

    Raises
    ------
    CatscanError
        For a field that is not known, and where nothing in it tells one sample from another.
    """
    fields = FIELD.findall(row_id)
    unknown = [name for name in fields if name not in OF_SAMPLE]
    if unknown and not more_fields:
        raise CatscanError(
            f"The template of the row ids names an unknown field {unknown[0]!r}.",
            where="submission.row_id",
            found=repr(row_id),
            do=did_you_mean(unknown[0], list(OF_SAMPLE)) + " Other fields are columns of `submission.rows.csv`.",
        )
    if not set(fields) - {"class"}:
        raise CatscanError(
            "The template of the row ids gives all samples the same id.",
            where="submission.row_id",
            found=repr(row_id),
            do='Name the sample in it, as in "{id}" or "{id}_{class}".',
        )


def check_columns(columns: Sequence[str], *, value: str, row_id: str, task: str, classes: int | None) -> None:
    """Refuse value columns that no sheet of this form can have.

    Parameters
    ----------
    columns
        As in the config; empty passes.
    value, row_id, task
        As in the config.
    classes
        Their number; None where it is not known yet.

    Raises
    ------
    CatscanError
        When they are too many or too few, and when a row a class shall hold what is told of all classes at once.
    """
    long = "{class}" in row_id
    if long and value not in PER_CLASS:
        raise CatscanError(
            "A submission with one row a sample and class holds probabilities, or 0 and 1.",
            where="submission.value",
            found=f"{value}, and `row_id: {row_id!r}`",
            do="Take `value: probability` or `value: one_hot`, or leave {class} out of `row_id`.",
        )
    if not columns:
        return
    wanted = "one column a class"
    fits = len(columns) == classes or (classes is None and len(columns) > 1)
    if long or value not in PER_CLASS:
        wanted, fits = "one value column", len(columns) == 1
    elif task == "binary":
        wanted, fits = "one value column, or one a class", fits or len(columns) == 1
    if not fits:
        of = f"; {classes} classes" if classes else ""
        raise CatscanError(
            f"A submission of this form has {wanted}.",
            where="submission.columns",
            found=f"{number_of(len(columns), 'column')}: {listed(list(columns))}{of}",
            do="Name the value columns of the sample submission, in the order of the classes.",
        )
