"""The config's keys of the sample submission, and whether they, its columns and the classes fit each other.

The config's checks compare what the config says before the first job; the index, which knows the classes, compares the
sample submission itself; the submission stage fills it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from catscan.common.errors import CatscanError, did_you_mean, listed
from catscan.common.keys import DISTINCT, one_of
from catscan.common.words import number_of
from catscan.raw.files import RawFile
from catscan.raw.places import find_file
from catscan.raw.row_ids import Rows, is_long

ONE_COLUMN = ("binary", "regression")  # tasks of which one value column tells all
COLUMNS_OF = {"binary": "one value column, or one a class", "regression": "one value column"}
PER_CLASS = ("probability", "one_hot")  # the values that stand in one column a class


@dataclass(frozen=True, kw_only=True)
class SampleSubmission:
    """Where the sample submission lies, and which of its columns holds the ids."""

    sample: str = "sample_submission.csv"
    """The sample submission among the raw files: its ids, columns and order are kept exactly. Empty where the
    competition has none, with `data.test_ids: files`: one row a test sample is written."""

    id_column: str = ""
    """Its id column; empty is the first (`id` where there is no sample submission)."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the rows and the value columns of the sample submission mean."""

    columns: Annotated[tuple[str, ...], DISTINCT] = ()
    """Its value columns, one or one a class in the order of `classes`; empty matches the columns to the classes by
    name."""

    value: Annotated[str, one_of("probability", "label", "index", "one_hot", "list")] = "probability"
    """What a value is: a probability (of a regression the amount), the class name, the class number from 0, 0 or 1 a
    class, or the names of all classes that apply, separated by blanks."""

    row_id: str = "{id}"
    """Template of the row ids: {id} is the sample, {class} a class (one row a sample and class), other fields are
    columns of `rows.csv`."""

    rows: Rows = field(default_factory=Rows)

    @property
    def is_long(self) -> bool:
        """Whether there is one row a sample and class."""
        return is_long(self.row_id)

    @property
    def in_one_column(self) -> bool:
        """Whether one value column speaks of all classes, or of that of the row."""
        return self.is_long or self.value not in PER_CLASS


def find_sample(files: Sequence[RawFile], name: str, *, test_ids: str, rows: str = "each test sample") -> RawFile:
    """The sample submission among the raw files.

    Parameters
    ----------
    name, test_ids
        As in the config.
    rows
        What would have a row each, were there no sample submission.

    Raises
    ------
    CatscanError
        When it is missing; the message says how to do without.
    """
    try:
        return find_file(files, name)
    except CatscanError as error:
        also = "" if test_ids == "files" else " and `data.test_ids: files`"
        error.where = "config key submission.sample"
        error.do += (
            f'\nIf the competition has no sample submission, set `submission.sample: ""`{also}:\n'
            f"a submission is then written with one row for {rows}."
        )
        raise


def blank_columns(layout: Layout, *, id_column: str, task: str, classes: Sequence[str]) -> list[str]:
    """The columns of the submission where the competition has no sample submission: that of the ids, then the values.

    The value columns are those of the config; without any there, `label`, or the classes where each has a column.
    """
    one = layout.in_one_column or task in ONE_COLUMN
    return [id_column or "id", *(layout.columns or (["label"] if one else classes))]


def check_columns(layout: Layout, *, task: str, classes: int | None) -> None:
    """Refuse value columns in the config that no sheet of its form can have.

    Parameters
    ----------
    layout
        As in the config; one without columns passes.
    classes
        Their number; None where it is not known yet.

    Raises
    ------
    CatscanError
        When they are too many or too few, and when a row a class shall hold what is told of all classes at once.
    """
    _check_value(layout)
    wanted = _other_columns(len(layout.columns), layout, task, classes) if layout.columns else ""
    if wanted:
        of = f"; {classes} classes" if classes else ""
        raise CatscanError(
            f"A submission of this form has {wanted}.",
            where="submission.columns",
            found=f"{number_of(len(layout.columns), 'column')}: {listed(list(layout.columns))}{of}",
            do="Name the value columns of the sample submission, in the order of the classes.",
        )


def classes_of_columns(
    there: Sequence[str], layout: Layout, *, task: str, classes: Sequence[str], positive: str
) -> tuple[int, ...]:
    """The class number of each value column of the sample submission; empty when one column speaks of all classes.

    Parameters
    ----------
    there
        The names of its value columns, in its order.

    Raises
    ------
    CatscanError
        When the columns, the config and the classes do not fit each other.
    """
    _check_value(layout)
    columns = layout.columns
    if columns and set(columns) != set(there):
        unknown = [name for name in columns if name not in there]
        raise CatscanError(
            "The submission's columns are not those of the sample submission.",
            where="config key submission.columns",
            found=f"{listed(list(columns))}; the sample submission has {listed(list(there))}",
            do=did_you_mean(unknown[0], list(there)) if unknown else "Name all of them, or none.",
        )
    wanted = _other_columns(len(there), layout, task, len(classes))
    if wanted:
        raise _other_form(there, layout, wanted, classes)
    if layout.in_one_column:
        return ()
    if len(there) == 1 and task in ONE_COLUMN:
        return (list(classes).index(positive),)
    if columns:
        return tuple(columns.index(name) for name in there)
    plain = ["_".join(name.split()) for name in there]
    for names in (list(there), plain):
        if set(names) == set(classes):
            return tuple(list(classes).index(name) for name in names)
    raise CatscanError(
        "It is not clear which column of the sample submission is which class.",
        where="config key submission.columns",
        found=f"columns {listed(list(there))}; classes {listed(list(classes))}",
        do="Name all its value columns in `submission.columns`, in the order of the classes.",
    )


def _check_value(layout: Layout) -> None:
    if layout.is_long and layout.value not in PER_CLASS:
        raise CatscanError(
            "A submission with one row a sample and class holds probabilities, or 0 and 1.",
            where="submission.value",
            found=f"{layout.value}, and `row_id: {layout.row_id!r}`",
            do="Take `value: probability` or `value: one_hot`, or leave {class} out of `row_id`.",
        )


def _other_columns(count: int, layout: Layout, task: str, classes: int | None) -> str:
    """The value columns that a sheet of this form has, when those are not ``count``; "" when they may be."""
    if layout.in_one_column:
        return "" if count == 1 else "one value column"
    if count == classes or (classes is None and count > 1) or (task == "binary" and count == 1):
        return ""
    return COLUMNS_OF.get(task, "one column a class")


def _other_form(there: Sequence[str], layout: Layout, wanted: str, classes: Sequence[str]) -> CatscanError:
    """The sample submission has other columns than the config's form of it."""
    if layout.in_one_column:
        do = "Set `submission.value` to probability or one_hot if each column is a class; else name another `sample`."
    elif len(there) == 1:
        do = (
            "Say in `submission.value` what the column holds: label (a class name), index (its number from 0) or list\n"
            '(several names); or, if each class has a row of its own, write `submission.row_id` as in "{id}_{class}".'
        )
    else:
        do = "Compare the columns with the classes: `data.classes` names all, in their order."
    return CatscanError(
        f"By the config a submission has {wanted}; the sample submission has not.",
        where="config keys submission.value and submission.row_id",
        found=f"{number_of(len(there), 'value column')}: {listed(list(there))}\n"
        f"`value: {layout.value}`, `row_id: {layout.row_id!r}`, {len(classes)} classes: {listed(list(classes))}",
        do=do,
    )
