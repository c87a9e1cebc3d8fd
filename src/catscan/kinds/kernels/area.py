"""The exact area average of a picture: every output pixel is the mean of the part of the picture it covers, rounded.

All is done in whole numbers, so that the two ways to compute it (machine code, and OpenCV with NumPy) give the same
bytes. With n pixels shrunk to m, lengths are counted in 1/m of a pixel: the cut between the output pixels j - 1 and j
lies at j * n, that is in pixel ``cuts[j] = j * n // m``, ``parts[j] = j * n % m`` behind its start.
OpenCV's INTER_AREA computes the same in float32, and differs by one level in one value of 100,000.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from catscan.kinds.kernels.machine_code import Kernel, MachineCode

Pixels = NDArray[np.uint8]

# Machine code takes 0.13 CPU-s to be made, in every process. OpenCV's way takes 0.28 ns for a value of the picture and
# 100 times that for one of the result; once it has taken as long, the machine code is made. So a small shard never pays
# for it (the first 280 pictures of Dogs vs. Cats), and a large one loses no more than it costs.
COST_OF_A_RESULT = 100
WORK_BEFORE_COMPILING = 460_000_000
MOST_ROWS_A_SUM = 257  # of 255 each: they are summed in 16 bits
MOST_PIXELS = 1 << 24  # of 255 each: they are summed in 32 bits
VALUES_A_STRIP = 1 << 17  # their table of 32 bits stays in the processor's cache

_work_done = [0]
_local = threading.local()


def area_average(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Shrink a picture by exact area averaging, rounded half up.

    Parameters
    ----------
    pixels
        (height, width, channels), uint8; 1 or 3 channels.
    size
        (height, width) of the result, along no axis above that of the picture.

    Returns
    -------
    ndarray of shape (*size, channels), uint8
        The same bytes whichever way they are computed: machine code once there was enough to do to repay its making;
        OpenCV and NumPy until then, for pictures beyond the machine code's whole numbers, and where LLVM is missing.
    """
    pixels = np.ascontiguousarray(pixels)
    height, width, channels = pixels.shape
    if height * width <= MOST_PIXELS and height <= (MOST_ROWS_A_SUM - 2) * size[0] and _repaid(pixels.size, size):
        kernel = machine_code(channels)
        if kernel is not None:
            return by_machine_code(kernel, pixels, size)
    return by_opencv(pixels, size)


def _repaid(values: int, size: tuple[int, int]) -> bool:
    """Whether OpenCV's way has done enough so far; a count that threads may lose some of, as it decides only speed."""
    if _work_done[0] < WORK_BEFORE_COMPILING:
        _work_done[0] += values + COST_OF_A_RESULT * size[0] * size[1]
        return False
    return True


def _make(channels: int) -> Kernel:
    from catscan.kinds.kernels.area_code import compiled

    return compiled(channels)


machine_code = MachineCode(_make, without="pictures are resized at half the speed")  # one variant a number of channels


class Cuts(NamedTuple):
    """Where n pixels are cut to make m: ``pixels`` and ``parts`` of 1/m pixel behind their starts, (m + 1,) uint32."""

    pixels: NDArray[np.uint32]
    parts: NDArray[np.uint32]
    addresses: tuple[int, int]


@lru_cache(maxsize=4096)
def cuts(n: int, m: int) -> Cuts:
    """The cuts that make ``m`` output pixels of ``n`` pixels."""
    ends = np.arange(m + 1, dtype=np.int64) * n
    pixels, parts = (ends // m).astype(np.uint32), (ends % m).astype(np.uint32)
    return Cuts(pixels, parts, (_address(pixels), _address(parts)))


def by_opencv(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The area average from summed-area tables of strips of the picture; see `area_average`."""
    height, width, channels = pixels.shape
    in_rows, in_columns = cuts(height, size[0]), cuts(width, size[1])
    sums = np.zeros((size[0] + 1, size[1] + 1, channels), np.int64)  # of all that is above and left of the cuts
    above = np.zeros((width + 1, channels), np.int64)
    at_once = max(1, VALUES_A_STRIP // (width * channels))
    for start in range(0, height, at_once):
        strip = pixels[start : start + at_once]
        table = _summed_area(strip)
        here = slice(*np.searchsorted(in_rows.pixels, (start, start + len(strip))))
        sums[here] = _at_cuts(table, in_rows.pixels[here] - start, in_rows.parts[here], in_columns, size)
        sums[here] += size[0] * _along(above, in_columns, size[1])
        above += table[-1]
    sums[-1] = size[0] * _along(above, in_columns, size[1])
    totals = np.diff(np.diff(sums, axis=0), axis=1)
    return ((totals + height * width // 2) // (height * width)).astype(np.uint8)


def _summed_area(strip: Pixels) -> NDArray[Any]:
    """(height + 1, width + 1, channels): the sums of all pixels above and left."""
    height, width, channels = strip.shape
    depth = cv2.CV_32S if height * width <= MOST_PIXELS // 2 else cv2.CV_64F
    return np.asarray(cv2.integral(strip, sdepth=depth)).reshape(height + 1, width + 1, channels)


def _at_cuts(
    table: NDArray[Any], rows: NDArray[np.uint32], parts: NDArray[np.uint32], columns: Cuts, size: tuple[int, int]
) -> NDArray[np.int64]:
    """The table between its entries, exactly: within one pixel the sum grows evenly. In 1/size[0] * 1/size[1]."""
    upper = _along(table.take(rows, axis=0), columns, size[1])
    lower = _along(table.take(rows + 1, axis=0), columns, size[1])
    return upper * size[0] + parts[:, None, None].astype(np.int64) * (lower - upper)


def _along(lines: NDArray[Any], columns: Cuts, m: int) -> NDArray[np.int64]:
    """(..., width + 1, channels) to (..., m + 1, channels), in 1/m."""
    left = lines.take(columns.pixels, axis=-2).astype(np.int64)
    right = lines.take(np.minimum(columns.pixels + 1, lines.shape[-2] - 1), axis=-2).astype(np.int64)
    return left * m + columns.parts[:, None].astype(np.int64) * (right - left)


def by_machine_code(kernel: Kernel, pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The area average by `catscan.kinds.kernels.area_code`; see `area_average`."""
    height, width, channels = pixels.shape
    out = np.empty((*size, channels), np.uint8)
    in_rows, in_columns = cuts(height, size[0]), cuts(width, size[1])  # held, since addresses alone keep nothing alive
    tables = *in_rows.addresses, *in_columns.addresses
    scratch = _scratch(channels, width, size[1])
    kernel(_address(pixels), height, width, *tables, *size, *scratch.addresses, _address(out))
    return out


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]  # in half the time of array.ctypes.data
    return address


@dataclass(frozen=True)
class Scratch:
    """A thread's own arrays: sums of rows (uint16), the weighted line and its totals at the cuts (uint32)."""

    width: int
    columns: int
    arrays: tuple[NDArray[Any], ...]
    addresses: tuple[int, ...]


def _scratch(channels: int, width: int, columns: int) -> Scratch:
    kept: dict[int, Scratch] = _local.__dict__.setdefault("kept", {})
    scratch = kept.get(channels)
    if scratch is None or scratch.width < width or scratch.columns < columns:
        wide, many = 2 * width, 2 * columns
        # The first `channels` totals are never written: the sum before the first cut is 0.
        lengths = ((wide, np.uint16), (wide + 1, np.uint32), (many + 1, np.uint32))
        arrays = tuple(np.zeros(length * channels, kind) for length, kind in lengths)
        scratch = kept[channels] = Scratch(wide, many, arrays, tuple(map(_address, arrays)))
    return scratch
