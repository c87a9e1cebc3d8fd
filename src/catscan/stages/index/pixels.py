"""Samples that are rows, or records, of a table of pixel values."""

from __future__ import annotations

from collections.abc import Sequence

from catscan.common.errors import CatscanError
from catscan.kinds.samples import Sample
from catscan.raw.files import RawFile, RawFiles
from catscan.raw.places import MARK, find_file, read_raw_table
from catscan.stages.index.find import Found


def find_rows(raw: RawFiles, files: Sequence[RawFile], name: str, *, id_column: str) -> list[Found]:
    """One sample a row of the table ``name``; its path is `train.csv#0` for the first row after the header.

    Parameters
    ----------
    id_column
        The column of the ids; "" numbers the rows from 1.

    Raises
    ------
    CatscanError
        When the table is missing, empty, or has an id twice.
    """
    file = find_file(files, name)
    table = read_raw_table(raw, files, name, columns=[*filter(None, [id_column])], only=True)
    ids = list(table[id_column]) if id_column else [str(row + 1) for row in range(len(table))]
    if not ids:
        raise CatscanError("A table of pixels has no row.", where=name)
    if len(set(ids)) < len(ids):
        raise CatscanError("A table of pixels has an id twice.", where=name, found=f"column {id_column!r}")
    return [Found(Sample(one, file.archive, f"{file.path}{MARK}{row}")) for row, one in enumerate(ids)]
