"""Samples that are rows, or records, of a table of pixel values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from catscan.common.errors import CatscanError
from catscan.kinds.samples import Found, Sample, Search
from catscan.raw.places import MARK, find_file, read_raw_table

if TYPE_CHECKING:
    import pandas as pd


class RowFinder:
    """Finds the rows of a table of that name; without an id column they are numbered from 1."""

    def __init__(self, text: str, *, key: str) -> None:
        self.own_labels = text
        self._key = key

    def find(self, search: Search) -> list[Found]:
        """One sample a row; its path is `train.csv#0` for the first row after the header.

        Raises
        ------
        CatscanError
            When the table is missing, empty, or has an id twice.
        """
        name, id_column = self.own_labels, search.id_column
        file = find_file(search.files, name)
        table = read_raw_table(search.raw, search.files, name, columns=[*filter(None, [id_column])], only=True)
        ids = list(table[id_column]) if id_column else _numbers(table)
        if not ids:
            raise CatscanError("A table of pixels has no row.", where=f"{name}; config key {self._key}")
        if len(set(ids)) < len(ids):
            raise CatscanError("A table of pixels has an id twice.", where=name, found=f"column {id_column!r}")
        return [Found(Sample(one, file.archive, f"{file.path}{MARK}{row}")) for row, one in enumerate(ids)]

    def label_table(self, search: Search, name: str, columns: Sequence[str]) -> pd.DataFrame:
        """The columns of the table that are asked for, without the pixels; first the numbers of its rows, if need be.

        Raises
        ------
        CatscanError
            When the table is missing, or lacks a column.
        """
        table = read_raw_table(search.raw, search.files, name, columns=columns, only=True)
        if not search.id_column:
            table.insert(0, "row", _numbers(table))
        return table


def _numbers(table: pd.DataFrame) -> list[str]:
    return [str(row + 1) for row in range(len(table))]
