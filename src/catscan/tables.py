"""CSV tables in which every cell is a string until someone says otherwise: ids keep their leading zeros."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from catscan.errors import CatscanError, did_you_mean
from catscan.files import whole

if TYPE_CHECKING:
    import pandas as pd


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

    Raises
    ------
    CatscanError
        When the file is missing, is not a table, or lacks a column.
    """
    import pandas as pd  # half a second, of no use to a stage that only sorts names

    where = name or str(source)
    try:
        wanted = columns.__contains__ if only else None
        table = pd.read_csv(source, dtype=str, keep_default_na=False, encoding="utf-8-sig", usecols=wanted)
    except FileNotFoundError as error:
        raise CatscanError("A table is missing.", where=where) from error
    except (ValueError, UnicodeDecodeError) as error:
        raise CatscanError("A table cannot be read as CSV.", where=where, found=str(error)) from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first cells for names of rows
        raise CatscanError(
            "A table has rows with more cells than its header.",
            where=where,
            found=f"{len(table.columns)} columns, and a row that starts with {table.index[0]!r}",
            do="Put cells that hold a comma into quotes, or name all columns.",
        )
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise CatscanError(
            f"A table lacks the column {missing[0]!r}.",
            where=where,
            found="columns " + ", ".join(map(repr, table.columns)),
            do=did_you_mean(missing[0], list(table.columns)),
        )
    return table


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
    return tuple((0, int(part), part) if part.isdigit() else (1, 0, part) for part in parts if part)
