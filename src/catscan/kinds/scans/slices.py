"""Stored values of one slice, and how far they stand above air."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from catscan.common.errors import BadSample
from catscan.kinds.dicom import decoded, inflated
from catscan.kinds.scans.slice_header import Header
from catscan.kinds.scans.sources import ScanFiles
from catscan.kinds.scans.windows import AIR_HU


class StoredSlices:
    """Reads one slice after another into the same memory; for one scan and one thread."""

    def __init__(self, files: ScanFiles) -> None:
        self._files = files
        self._buffer = bytearray()
        self._open: tuple[str, FileDataset] | None = None

    def read(self, header: Header) -> NDArray[np.integer[Any]]:
        """The stored values, (rows, columns), as BitsStored, HighBit and the sign say; valid until the next call.

        Raises
        ------
        BadSample
            When the file is cut short or cannot be decoded.
        """
        values = self._plain(header) if header.pixel_offset >= 0 else self._decoded(header)
        return keep_stored_bits(values, header)

    def _plain(self, header: Header) -> NDArray[np.integer[Any]]:
        size = header.pixel_bytes
        if len(self._buffer) < size:
            self._buffer = bytearray(size)
        self._files.fill(header.file, header.pixel_offset + header.frame * size, memoryview(self._buffer)[:size])
        kind = f"<{'i' if header.signed else 'u'}{header.bits_allocated // 8}"
        return np.frombuffer(self._buffer, kind, header.rows * header.columns).reshape(header.rows, header.columns)

    def _decoded(self, header: Header) -> NDArray[np.integer[Any]]:
        values = decoded(lambda: self._dataset(header), header.transfer_syntax, index=header.frame)
        if values.shape != (header.rows, header.columns) or values.dtype.kind not in "iu":
            raise BadSample(f"decodes to {values.dtype} of shape {values.shape}")
        kind = np.dtype(f"{'i' if header.signed else 'u'}{header.bits_allocated // 8}")
        return values.astype(kind, order="C")  # a copy in native byte order

    def _dataset(self, header: Header) -> FileDataset:
        """The whole file; kept until another is asked for, since all frames of a multi-frame file ask for it."""
        if self._open is None or self._open[0] != header.file.path:
            dataset = pydicom.dcmread(BytesIO(inflated(self._files.whole(header.file))), force=True)
            self._open = header.file.path, dataset
        return self._open[1]


def keep_stored_bits(values: NDArray[np.integer[Any]], header: Header) -> NDArray[np.integer[Any]]:
    """Cut away what stands above High Bit and below Bits Stored (overlays, junk), and extend the sign; in place.

    References
    ----------
    DICOM PS3.5 section 8.1.1: bits that are not stored may hold anything.
    """
    above = header.bits_allocated - 1 - header.high_bit
    unused = header.bits_allocated - header.bits_stored
    if unused:
        np.left_shift(values, above, out=values)
        np.right_shift(values, unused, out=values)
    return values


def whole_air(slope: float, intercept: float, values: NDArray[Any]) -> int | None:
    """The stored value of air (-1024 HU), when it is a whole number and the slice can be clamped in whole numbers."""
    if slope <= 0 or values.dtype not in (np.int16, np.uint16):
        return None
    air = (AIR_HU - intercept) / slope
    return int(air) if air.is_integer() and abs(air) < 1 << 15 else None


def is_padding(values: NDArray[Any], padding: tuple[int, int] | None, slope: float, intercept: float) -> Any:
    """Where ``values`` are marked as padding and would not become air anyway; None when nowhere."""
    if padding is None or max(slope * padding[0], slope * padding[1]) + intercept <= AIR_HU:
        return None
    return (values >= padding[0]) & (values <= padding[1])


def height_above_air(
    values: NDArray[Any],
    *,
    slope: float,
    intercept: float,
    padding: tuple[int, int] | None,
    out: NDArray[np.float32],
) -> None:
    """Fill ``out`` with HU above air (-1024 HU), where nothing is below air.

    Padding and everything below air becomes air: scanners fill the corners outside their circle with -2000 or -2048,
    marked or not, which must not enter an average.

    Parameters
    ----------
    values
        Stored values, (rows, columns).
    slope, intercept
        HU = slope * stored + intercept, finite, slope not 0.
    padding
        The lowest and highest stored value that mean "no pixel", or None.
    out
        float32, (rows, columns).
    """
    padded = is_padding(values, padding, slope, intercept)
    np.multiply(values, slope, out=out, casting="unsafe")
    out += np.float32(intercept - AIR_HU)
    np.maximum(out, 0, out=out)
    if padded is not None:
        out[padded] = 0
