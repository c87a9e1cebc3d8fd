"""How the ids of the submission's rows are made from the samples': by a template, and a table for its other fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from catscan.common.errors import CatscanError, did_you_mean, listed
from catscan.raw.files import RawFiles
from catscan.raw.places import find_file, read_raw_table

FIELD = re.compile(r"\{(\w+)\}")  # in the template
OF_SAMPLE = ("id", "class")  # the fields that need no table of rows

Fields = Mapping[str, Mapping[str, str]]  # by sample id its cells, by column


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A table of the rows, where their ids cannot be made from the sample's id alone."""

    csv: str = ""
    """CSV among the raw files with one row a test sample, whose columns `row_id` may name."""

    id_column: str = ""
    """Its column with the sample ids; empty is the first."""


def is_long(template: str) -> bool:
    """Whether there is one row a sample and class."""
    return "{class}" in template


def check_template(template: str, *, more_fields: bool) -> None:
    """Refuse a template of row ids that no sample could fill.

    Parameters
    ----------
    template
        Such as "{id}_{class}".
    more_fields
        Whether a table of rows is named, whose columns may be fields too.

    Raises
    ------
    CatscanError
        For a field that is not known, and where nothing in it tells one sample from another.
    """
    fields = FIELD.findall(template)
    unknown = [name for name in fields if name not in OF_SAMPLE]
    if unknown and not more_fields:
        raise CatscanError(
            f"The template of the row ids names an unknown field {unknown[0]!r}.",
            where="submission.row_id",
            found=repr(template),
            do=did_you_mean(unknown[0], list(OF_SAMPLE)) + " Other fields are columns of `submission.rows.csv`.",
        )
    if not set(fields) - {"class"}:
        raise CatscanError(
            "The template of the row ids gives all samples the same id.",
            where="submission.row_id",
            found=repr(template),
            do='Name the sample in it, as in "{id}" or "{id}_{class}".',
        )


def read_fields(raw: RawFiles, rows: Rows) -> Fields:
    """The cells of the table of rows; none where no table is named.

    Raises
    ------
    CatscanError
        When it is missing, unreadable, or lacks its id column.
    """
    if not rows.csv:
        return {}
    files = raw.all()
    try:
        find_file(files, rows.csv)
    except CatscanError as error:
        error.where = "config key submission.rows.csv"
        raise
    table = read_raw_table(raw, files, rows.csv, columns=[*filter(None, [rows.id_column])])
    ids = table[rows.id_column or table.columns[0]]
    return {
        name: {str(column): cell for column, cell in cells.items()}
        for name, cells in zip(ids, table.to_dict("records"), strict=True)
    }


def row_ids_of(name: str, template: str, classes: Sequence[str], fields: Fields) -> Iterator[tuple[str, int]]:
    """The row ids of a sample, each with the number of the class that it speaks of (0 where it speaks of all).

    Raises
    ------
    CatscanError
        When the table of rows has no row of the sample, or no column of the name of a field.
    """
    of_sample = _fields_of(name, template, fields)
    for number in range(len(classes)) if is_long(template) else (0,):
        yield fill_in(template, {"id": name, "class": classes[number], **of_sample}), number


def _fields_of(name: str, template: str, fields: Fields) -> Mapping[str, str]:
    if name in fields or not fields:
        return fields.get(name, {})
    raise CatscanError(
        f"The test sample {name!r} has no row in the table of rows.",
        where="config key submission.rows",
        found=f"ids such as {listed(list(fields)[:1])!r}; the row ids are {template!r}",
        do="Check submission.rows.id_column.",
    )


def fill_in(template: str, fields: Mapping[str, str]) -> str:
    """The row id that ``template`` gives for ``fields``.

    >>> fill_in("{patient}-{side}", {"patient": "0012", "side": "L"})
    '0012-L'
    """

    def text(found: re.Match[str]) -> str:
        if found[1] not in fields:
            raise CatscanError(
                f"The template of the row ids names an unknown field {found[1]!r}.",
                where="config key submission.row_id",
                found=repr(template),
                do=did_you_mean(found[1], list(fields)),
            )
        return fields[found[1]]

    return FIELD.sub(text, template)
