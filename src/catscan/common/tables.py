"""CSV tables in which every cell is a string until someone says otherwise: ids keep their leading zeros."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

from catscan.common.errors import CatscanError, did_you_mean, listed
from catscan.common.files import whole

if TYPE_CHECKING:
    import pandas as pd

LONGEST_LINE = 1 << 24  # characters; a million columns of pixel values are fewer
LARGEST_TABLE = 1 << 31  # characters of the cells that are held in memory


def read_table(
    source: Path | str | IO[Any], *, columns: Sequence[str] = (), only: bool = False, name: str = ""
) -> pd.DataFrame:
    """Read a CSV with all cells as strings, an empty cell as "".

    Parameters
    ----------
    source
        A path or an open file.
    columns
        Columns that must be there.
    only
        Whether to read those columns alone; a table of pixels has hundreds of others.
    name
        What to call the table in an error, when ``source`` is an open file.

    Returns
    -------
    pandas.DataFrame
        Its index, named "line", is the line of the file in which each row begins; blank lines give no row.

    Raises
    ------
    CatscanError
        When the file is missing, is not a table, lacks a column, or has a row of another length than its header.
    """
    import pandas as pd  # half a second, of no use to a stage that only sorts names

    where = name or str(source)
    with _filled_rows(source, where) as filled:
        header = next(filled, (0, []))[1]
        check_columns(header, columns, where=where)
        kept = [place for place, column in enumerate(header) if not only or column in columns]
        lines, rows = [], []
        room = Room(where)
        for line, cells in _even(filled, header, where):
            lines.append(line)
            rows.append(room.take([cells[place] for place in kept]))
    return pd.DataFrame(
        rows, index=pd.Index(lines, name="line", dtype="int64"), columns=[header[place] for place in kept], dtype=str
    )


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """The cells of some columns, row by row; without pandas, whose import takes as long as reading 1,000 pictures.

    Raises as `read_table`.
    """
    with _filled_rows(path, str(path)) as filled:
        header = next(filled, (0, []))[1]
        check_columns(header, columns, where=str(path))
        places = [header.index(column) for column in columns]
        for _, cells in _even(filled, header, str(path)):
            yield [cells[place] for place in places]


class Room:
    """Counts what is held of the table ``where``, and refuses what is too much for any machine's memory."""

    def __init__(self, where: str) -> None:
        self.where, self.held, self.rows = where, 0, 0

    def take(self, cells: list[str]) -> list[str]:
        """``cells``, the next row. Raises CatscanError when all rows so far hold more than `LARGEST_TABLE`."""
        self.held += sum(map(len, cells))
        self.rows += 1
        if self.held > LARGEST_TABLE:
            raise CatscanError(
                "A table is too large.",
                where=self.where,
                found=f"{self.rows:,} rows hold more than {LARGEST_TABLE:,} characters",
                do="Check that its cells are what they should be.",
            )
        return cells


def read_header(path: Path) -> list[str]:
    """The names of the columns of a CSV; its rows are not read. Raises as `read_table` does."""
    with _filled_rows(path, str(path)) as filled:
        header = next(filled, (0, []))[1]
    check_columns(header, (), where=str(path))
    return header


@contextmanager
def _filled_rows(source: Path | str | IO[Any], where: str) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """The rows of a CSV that are not blank, as `rows_of` has them; why it cannot be read is told as one block."""
    try:
        with _opened(source) as file:
            numbered = rows_of(_lines(file, where), name=where)
            yield ((line, cells) for line, cells in numbered if len(cells) > 1 or "".join(cells).strip())
    except FileNotFoundError as error:
        raise CatscanError("A table is missing.", where=where) from error
    except UnicodeDecodeError as error:
        raise CatscanError(
            "A table cannot be read as CSV.",
            where=where,
            found=f"bytes that are no UTF-8 ({error}); spreadsheets also write UTF-16 and Latin-1",
            do="Save it as UTF-8 (a spreadsheet calls it CSV UTF-8).",
        ) from error
    except PermissionError:
        raise  # which the command line tells
    except OSError as error:
        raise CatscanError(
            "A table cannot be read.", where=where, found=error.strerror or str(error), do="Check that it is a file."
        ) from error


def rows_of(file: Iterable[str], *, name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV, each with the line of the file in which it begins, counted from 1; a blank line has no cells.

    >>> list(rows_of(['id,text\\n', '\\n', '1,"two\\n', 'lines"\\n', '2,x\\n'], name="labels.csv"))
    [(1, ['id', 'text']), (2, []), (3, ['1', 'two\\nlines']), (5, ['2', 'x'])]

    Raises
    ------
    CatscanError
        When a quote is not closed, or a cell continues after its closing quote.
    """
    reader, line = csv.reader(file, strict=True), 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise CatscanError(
            "A table cannot be read as CSV.",
            where=f"{name}, line {line}",
            found=str(error),
            do="Put commas between the cells, not semicolons or tabs; close every quote, and double one inside a cell.",
        ) from error


def place_of_row(table: pd.DataFrame | pd.Series, row: int) -> str:
    """Where row ``row`` (from 0) of a table, or of a column of it, stands in its file: "line 7" or "record 7"."""
    return f"{table.index.name} {table.index[row]}"


def check_columns(there: Sequence[str], wanted: Sequence[str], *, where: str) -> None:
    """Refuse a table without columns, with two of one name, without one that is wanted, or not separated by commas.

    Raises
    ------
    CatscanError
        With the nearest name of a column that is missing.
    """
    if not there:
        raise CatscanError("A table has no columns.", where=where)
    twice = [name for name, count in Counter(there).items() if count > 1]
    if twice:
        raise CatscanError("A table has two columns of one name.", where=where, found=repr(twice[0]))
    names = set(there)  # a table of pixels may have a million columns
    missing = [name for name in wanted if name not in names]
    if len(there) == 1 and (missing or not wanted) and (sign := next((s for s in ";\t|" if s in there[0]), "")):
        raise CatscanError(
            "A table is not separated by commas.",
            where=where,
            found=f"one column {there[0]!r}, which looks like several separated by {sign!r}",
            do="Save it with commas between the cells.",
        )
    if missing:
        raise CatscanError(
            f"A table lacks the column {missing[0]!r}.",
            where=where,
            found="columns " + listed([repr(name) for name in there]),
            do=did_you_mean(missing[0], list(there)),
        )


def _even(rows: Iterator[tuple[int, list[str]]], header: list[str], where: str) -> Iterator[tuple[int, list[str]]]:
    """The rows, of which one that is longer or shorter than the header is refused."""
    for line, cells in rows:
        if len(cells) != len(header):
            raise _ragged(where, line, cells, header)
        yield line, cells


def _ragged(where: str, line: int, cells: list[str], header: list[str]) -> CatscanError:
    return CatscanError(
        f"A table has a row with {'more' if len(cells) > len(header) else 'fewer'} cells than its header.",
        where=f"{where}, line {line}",
        found=f"{len(header)} columns, and a row of {len(cells)} that starts with {cells[0]!r}",
        do="Put cells that hold a comma into quotes, or name all columns.",
    )


def _lines(file: TextIO, where: str) -> Iterator[str]:
    """The lines of a file; one without an end in sight is refused, before all of it is in memory."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise CatscanError(
                "A table cannot be read as CSV.",
                where=where,
                found=f"a line of more than {LONGEST_LINE:,} characters, beginning {line[:24]!r}",
                do="A CSV has a line for each row: check that this file is one, and fetch it again.",
            )
        yield line


@contextmanager
def _opened(source: Path | str | IO[Any]) -> Iterator[TextIO]:
    """A file by its path, or an open one, as text without a byte order mark."""
    if isinstance(source, str | Path):
        with Path(source).open(encoding="utf-8-sig", newline="") as file:
            yield file
    elif isinstance(source, io.TextIOBase):
        yield cast(TextIO, source)
    else:
        yield io.TextIOWrapper(source, encoding="utf-8-sig", newline="")


def write_table(path: Path | str, table: pd.DataFrame, *, float_format: str | None = None) -> None:
    """Write a CSV (comma, "\\n" line ends, no row numbers), whole or not at all."""
    with whole(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n", float_format=float_format)


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts "cat.9" before "cat.10".

    >>> sorted(["10", "9", "cat.10", "cat.9"], key=natural_key)
    ['9', '10', 'cat.9', 'cat.10']
    """
    parts = re.split(r"(\d+)", text)
    return tuple((0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part)
