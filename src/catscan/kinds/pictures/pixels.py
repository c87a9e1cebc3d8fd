"""Reads the rows of a table of pixel values as pictures.

A CSV has one square gray picture a row, in the columns pixel0, pixel1, ...; a JSON list of records has one or more
bands a record, each a list of the values of a square.
"""

from __future__ import annotations

import io
import math
import threading
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.common.errors import BadSample, CatscanError
from catscan.kinds.levels import to_bytes
from catscan.kinds.pictures.resize import fitted
from catscan.kinds.pictures.settings import PictureSettings
from catscan.kinds.samples import Reading, Sample
from catscan.raw.files import RawFiles
from catscan.raw.records import Record, is_records, read_records

ROWS_AT_ONCE = 4096
WHOLE = (0.0, 255.0)  # the range of values that are pixels already

Bands = NDArray[np.uint8]


class PixelsReader:
    """Reads rows of tables; ``Sample.path`` is "train.csv#12" for the row 12, counted from 0.

    A table is read once, by the first sample of it, and held as one byte a pixel.
    """

    def __init__(self, raw: RawFiles, settings: PictureSettings) -> None:
        self._raw = raw
        self._settings = settings
        self._tables: dict[tuple[str, str], list[Bands | str]] = {}
        self._guard = threading.Lock()

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels)."""
        return self._settings.shape

    def read(self, sample: Sample) -> Reading:
        """Read one row as a picture.

        Raises
        ------
        BadSample
            When the table has no such row, or a record is not as the others.
        CatscanError
            When a CSV has no pixel columns, their number is not a square, or a value is not a pixel; when a JSON is not
            a list of records.
        """
        path, _, row = sample.path.rpartition("#")
        with self._guard:
            if (sample.archive, path) not in self._tables:
                self._tables[sample.archive, path] = self._load(sample.archive, path)
        table = self._tables[sample.archive, path]
        if not row.isdigit() or int(row) >= len(table):
            raise BadSample(f"{path} has {len(table):,} rows, no row {row!r}")
        bands = table[int(row)]
        if isinstance(bands, str):
            raise BadSample(bands)
        settings = self._settings
        scaled = [fitted(band[..., None], settings.size, fit=settings.fit, resize=settings.resize) for band in bands]
        array = np.concatenate(scaled, axis=2)
        return Reading(array if settings.bands else np.repeat(array, self.shape[2], axis=2))

    def _load(self, archive: str, path: str) -> list[Bands | str]:
        settings = self._settings
        value_range = settings.value_range or WHOLE
        if not is_records(path):
            return list(read_pixels(self._raw.read(archive, path), name=path, value_range=value_range))
        with self._raw.opened(archive, path) as file:
            return read_bands(file, settings.bands, name=path, value_range=value_range)

    def close(self) -> None:
        """Forget the tables."""
        self._tables.clear()


def read_bands(
    file: IO[bytes], bands: tuple[str, ...], *, name: str, value_range: tuple[float, ...]
) -> list[Bands | str]:
    """Read the bands of the records of a JSON list.

    Parameters
    ----------
    bands
        The fields that hold them.
    name
        What to call the file in an error.
    value_range
        The values that become 0 and 255; those beyond are clipped.

    Returns
    -------
    list
        Of each record its pixels, (bands, side, side), uint8; or why it has none.

    Raises
    ------
    CatscanError
        When it is not a list of records.
    """
    if not bands:
        raise CatscanError(
            "The config does not say which fields of the records hold the pixels.",
            where="preprocess.picture.bands",
            found=f"none, for {name}",
            do="Name them, such as [band_1, band_2].",
        )
    return [_bands_of(record, bands, value_range) for record in read_records(file, name=name)]


def _bands_of(record: Record, bands: tuple[str, ...], value_range: tuple[float, ...]) -> Bands | str:
    missing = [name for name in bands if not isinstance(record.get(name), list)]
    if missing:
        return f"has no list of pixels {missing[0]!r}; its fields are {', '.join(record)}"
    if len({len(record[name]) for name in bands}) > 1:
        return f"has bands of different sizes: {', '.join(f'{len(record[name]):,} pixels' for name in bands)}"
    side = math.isqrt(len(record[bands[0]]))
    if side == 0 or side * side != len(record[bands[0]]):
        return f"has {len(record[bands[0]]):,} pixels, which do not make a square"
    try:
        values = np.array([record[name] for name in bands], np.float64)
    except (TypeError, ValueError):
        return "holds pixels that are not numbers"
    if not np.isfinite(values).all() or (value_range == WHOLE and _beyond_bytes(values)):
        return f"holds values beyond 0..255 ({values.min():g}..{values.max():g}): set preprocess.picture.value_range"
    return to_bytes(values, value_range).reshape(len(bands), side, side)


def _beyond_bytes(values: NDArray[Any]) -> bool:
    return bool(values.min() < 0 or values.max() > 255 or (values != np.rint(values)).any())


def read_pixels(data: bytes, *, name: str, value_range: tuple[float, ...] = WHOLE) -> NDArray[np.uint8]:
    """Read the pixel columns of a CSV.

    Parameters
    ----------
    data
        The whole file.
    name
        What to call it in an error.
    value_range
        The values that become 0 and 255; those beyond are clipped. With (0, 255) they must be whole numbers within.

    Returns
    -------
    ndarray of shape (rows, 1, side, side), uint8

    Raises
    ------
    CatscanError
        When there are no pixel columns, their number is not a square, or a value is not a number or not in 0..255.
    """
    try:
        chunks = pd.read_csv(io.BytesIO(data), usecols=_is_pixel, chunksize=ROWS_AT_ONCE)
        rows = [_checked(chunk, name, value_range) for chunk in chunks]
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
    return np.concatenate(rows).reshape(-1, 1, side, side)


def _is_pixel(column: str) -> bool:
    return column.startswith("pixel") and column[5:].isdigit()


def _checked(chunk: pd.DataFrame, name: str, value_range: tuple[float, ...]) -> NDArray[np.uint8]:
    """The pixel columns in the order of their numbers, (rows, columns), uint8."""
    table = chunk[sorted(chunk.columns, key=lambda column: int(str(column)[5:]))].to_numpy()
    if not table.size:
        return table.astype(np.uint8)
    if value_range != WHOLE and table.dtype.kind in "if" and np.isfinite(table).all():
        return to_bytes(table, value_range)
    if table.dtype.kind != "i" or table.min() < 0 or table.max() > 255:
        raise CatscanError(
            "A pixel must be a whole number in 0..255." if value_range == WHOLE else "A pixel must be a number.",
            where=name,
            found=f"{table.min()}..{table.max()}"
            if table.dtype.kind == "i"
            else f"{table.dtype} values or empty cells",
            do="Set preprocess.picture.value_range, when other values are meant." if value_range == WHOLE else "",
        )
    return table.astype(np.uint8)
