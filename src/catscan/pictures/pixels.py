"""Reads the rows of a CSV of pixel values as gray pictures (columns pixel0, pixel1, ... of a square)."""

from __future__ import annotations

import io
import math
import threading

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.errors import BadSample, CatscanError
from catscan.pictures.reader import CHANNELS, PictureSettings
from catscan.pictures.resize import fitted
from catscan.raw import RawFiles
from catscan.samples import Reading, Sample

ROWS_AT_ONCE = 4096


class PixelsReader:
    """Reads rows of CSV tables; ``Sample.path`` is "train.csv#12" for the row 12, counted from 0."""

    def __init__(self, raw: RawFiles, settings: PictureSettings) -> None:
        self._raw = raw
        self._settings = settings
        self._channels = CHANNELS[settings.channels]
        self._tables: dict[tuple[str, str], NDArray[np.uint8]] = {}
        self._guard = threading.Lock()

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels)."""
        return (*self._settings.size, self._channels)

    def read(self, sample: Sample) -> Reading:
        """Read one row as a picture.

        Raises
        ------
        BadSample
            When the table has no such row.
        CatscanError
            When the table has no pixel columns, their number is no square, or a value is not in 0..255.
        """
        path, _, row = sample.path.rpartition("#")
        with self._guard:
            if (sample.archive, path) not in self._tables:
                self._tables[sample.archive, path] = self._load(sample.archive, path)
        table = self._tables[sample.archive, path]
        if not row.isdigit() or int(row) >= len(table):
            raise BadSample(f"{path} has {len(table):,} rows, no row {row!r}")
        settings = self._settings
        array = fitted(table[int(row)], settings.size, fit=settings.fit, resize=settings.resize)
        return Reading(np.repeat(array, self._channels, axis=2))

    def _load(self, archive: str, path: str) -> NDArray[np.uint8]:
        return read_pixels(self._raw.read(archive, path), name=path)

    def close(self) -> None:
        """Forget the tables."""
        self._tables.clear()


def read_pixels(data: bytes, *, name: str) -> NDArray[np.uint8]:
    """Read the pixel columns of a CSV.

    Parameters
    ----------
    data
        The whole file.
    name
        What to call it in an error.

    Returns
    -------
    ndarray of shape (rows, side, side, 1), uint8

    Raises
    ------
    CatscanError
        When there are no pixel columns, their number is no square, or a value is not a whole number in 0..255.
    """
    try:
        chunks = pd.read_csv(io.BytesIO(data), usecols=_is_pixel, chunksize=ROWS_AT_ONCE)
        rows = [_checked(chunk, name) for chunk in chunks]
    except ValueError as error:
        raise CatscanError("A table cannot be read as CSV.", where=name, found=str(error)) from error
    columns = rows[0].shape[1]
    side = math.isqrt(columns)
    if side == 0 or side * side != columns:
        raise CatscanError(
            "A table of pixels needs columns pixel0, pixel1, ... of a square picture.",
            where=name,
            found=f"{columns} such columns",
        )
    return np.concatenate(rows).reshape(-1, side, side, 1)


def _is_pixel(column: str) -> bool:
    return column.startswith("pixel") and column[5:].isdigit()


def _checked(chunk: pd.DataFrame, name: str) -> NDArray[np.uint8]:
    """The pixel columns in the order of their numbers, (rows, columns), uint8."""
    table = chunk[sorted(chunk.columns, key=lambda column: int(str(column)[5:]))].to_numpy()
    if table.size and (table.dtype.kind != "i" or table.min() < 0 or table.max() > 255):
        raise CatscanError(
            "A pixel must be a whole number in 0..255.",
            where=name,
            found=f"{table.min()}..{table.max()}"
            if table.dtype.kind == "i"
            else f"{table.dtype} values or empty cells",
        )
    return table.astype(np.uint8)
