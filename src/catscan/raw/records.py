"""Tables that are a JSON list of records: `[{"id": "a", "band_1": [-27.9, ...], "label": 1}, ...]`.

Such a file may hold gigabytes of pixel values as text, so it is read record by record: in memory are one record and
a piece of the text.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from catscan.common.errors import CatscanError
from catscan.common.tables import Room, check_columns

if TYPE_CHECKING:
    import pandas as pd

Record = dict[str, Any]

PIECE = 4 << 20  # characters read at a time
LARGEST_RECORD = 256 << 20  # characters; without an end by then, it is not a list of records
BLANK = re.compile(r"[ \t\r\n]*")


def is_records(name: str) -> bool:
    """Whether a table of this name is a JSON list of records, not a CSV."""
    return name.lower().endswith(".json")


def read_records(file: IO[bytes], *, name: str) -> Iterator[Record]:
    """The records of a JSON list, one after another.

    Parameters
    ----------
    file
        Open for reading; UTF-8.
    name
        What to call it in an error.

    Raises
    ------
    CatscanError
        When it is not a list of records, or is cut off, with the record where that shows.
    """
    decode = json.JSONDecoder().raw_decode
    text = _Text(file, name)
    if text.next_character() != "[":
        raise text.refused("it does not begin with [")
    text.at += 1
    if text.next_character() == "]":
        return
    while True:
        if text.next_character() != "{":
            raise text.refused(f"a record begins with {{, not with {text.next_character() or 'the end of the file'}")
        record = text.parse(decode)
        text.number += 1
        yield record
        character = text.next_character()
        text.at += 1
        if character == "]":
            return
        if character != ",":
            raise text.refused(f"a record is followed by a comma or ], not by {character or 'the end of the file'}")


class _Text:
    """The text of a file; only the part that is not yet parsed is kept."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.file = io.TextIOWrapper(file, encoding="utf-8-sig")
        self.name, self.held, self.at, self.number = name, "", 0, 1

    def next_character(self) -> str:
        """The next character that is not blank, which stays; "" at the end of the file."""
        while True:
            blank = BLANK.match(self.held, self.at)
            self.at = blank.end() if blank else self.at
            if self.at < len(self.held) or not self.more(PIECE):
                return self.held[self.at : self.at + 1]

    def more(self, count: int) -> bool:
        """Read on by ``count`` characters, and forget those that are parsed; whether there were any."""
        try:
            piece = self.file.read(count)
        except UnicodeDecodeError as error:
            raise self.refused(str(error)) from error
        self.held, self.at = self.held[self.at :] + piece, 0
        return bool(piece)

    def parse(self, decode: Callable[[str, int], tuple[Record, int]]) -> Record:
        """The object that begins here; while it is incomplete, more text is read, twice as much each time."""
        while True:
            try:
                record, self.at = decode(self.held, self.at)
            except json.JSONDecodeError as error:
                if len(self.held) - self.at > LARGEST_RECORD or not self.more(max(PIECE, len(self.held))):
                    raise self.refused(error.msg) from error
            else:
                return record

    def refused(self, found: str) -> CatscanError:
        return CatscanError(
            "A table cannot be read as a JSON list of records.", where=f"{self.name}, record {self.number}", found=found
        )


def read_records_table(
    file: IO[bytes], *, columns: Sequence[str] = (), only: bool = False, name: str = ""
) -> pd.DataFrame:
    """The single values of the records as a table like that of `read_table`; lists (pixels) are left out.

    Parameters
    ----------
    columns, only, name
        As in `read_table`; the columns are the fields of the first record.

    Returns
    -------
    pandas.DataFrame
        All cells strings, null as ""; its index, named "record", counts them from 1.

    Raises
    ------
    CatscanError
        When it is not a list of records, is empty, or the first record lacks a field.
    """
    import pandas as pd

    names: list[str] = []
    rows: list[list[str]] = []
    room = Room(name)
    for record in read_records(file, name=name):
        if not rows:
            names = [key for key, value in record.items() if not isinstance(value, list | dict)]
            check_columns(names, columns, where=name)
            names = [key for key in names if not only or key in columns]
        rows.append(room.take([_cell(record.get(key)) for key in names]))
    if not rows:
        raise CatscanError("A table has no record.", where=name)
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="record"), columns=names, dtype=str)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
