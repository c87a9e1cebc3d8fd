"""The names by which a setting may call a raw file, and the tables among the raw files.

A setting (a pattern, the name of a table) speaks of the raw folder as if every zip were unpacked where it lies. Some
zips hold their folder (`train.zip` with `train/1.jpg`), some do not (`train.zip` with `1.jpg`): the second name of a
member counts for those, and only when the first names match nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from catscan.common.errors import BadSample, CatscanError, did_you_mean
from catscan.common.tables import read_table
from catscan.raw.files import RawFile, RawFiles
from catscan.raw.records import is_records, read_records_table

if TYPE_CHECKING:
    import pandas as pd

MARK = "#"  # between a table and its row, in the path of a sample that is a row: "train.csv#17"


def place_of(file: RawFile) -> str:
    """The name of ``file`` with its zip unpacked where the zip lies.

    >>> place_of(RawFile("more/train.zip", "train/1.jpg", 0))
    'more/train/1.jpg'
    """
    return str(PurePosixPath(file.archive).parent / file.path)


def place_in_own_folder(file: RawFile) -> str:
    """The name of ``file`` with its zip unpacked into a folder named as the zip.

    >>> place_in_own_folder(RawFile("train.zip", "1.jpg", 0))
    'train/1.jpg'
    """
    return str(PurePosixPath(file.archive).with_suffix("") / file.path) if file.archive else file.path


# In the order in which they are tried.
PLACES: tuple[Callable[[RawFile], str], ...] = (place_of, place_in_own_folder)


def find_file(files: Sequence[RawFile], name: str) -> RawFile:
    """The one raw file called ``name``; a plain file goes before a member of a zip.

    Where there is none, it is the only one of that name in some folder: what a competition has packed along with
    its own folders (`data/processed/train.json`) is still its `train.json`.

    Raises
    ------
    CatscanError
        When there is none; the message names the nearest.
    """
    for place in PLACES:
        named = [file for file in files if place(file) == name]
        if named:
            return min(named, key=lambda file: file.archive)
    deeper = [file for file in files if place_of(file).endswith(f"/{name}")]
    if len(deeper) == 1:
        return deeper[0]
    suffix = PurePosixPath(name).suffix
    others = [place_of(file) for file in files if PurePosixPath(file.path).suffix == suffix]
    raise CatscanError(
        f"The raw folder has no file {name!r}.",
        found=f"{len(files):,} files, {len(others):,} of them {suffix or 'without a suffix'}",
        do=did_you_mean(name, others[:1000]) if others else "Check the source, and the name in the config.",
    )


def read_raw_table(
    raw: RawFiles, files: Sequence[RawFile], name: str, *, columns: Sequence[str] = (), only: bool = False
) -> pd.DataFrame:
    """Read the table called ``name``, all cells as strings; ``columns`` and ``only`` as in `read_table`.

    It is a CSV, or a JSON list of records where its name ends in .json.

    Raises
    ------
    CatscanError
        When it is missing, unreadable, or lacks a column.
    """
    file = find_file(files, name)
    read = read_records_table if is_records(name) else read_table
    try:
        with raw.opened(file.archive, file.path) as content:
            return read(content, columns=columns, only=only, name=name)
    except BadSample as error:
        raise CatscanError("A file cannot be read.", where=place_of(file), found=error.reason) from error
