"""MR onto the grid and to grey levels: its scale is the scanner's own, so its values are measured against each other.

Nothing is known to be air: a voxel is the average of those pixels that it covers, and has no value where its larger
part lies outside the slices, is marked as padding or is no number. The same scan, its values multiplied and shifted,
gives the same grey levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from catscan.errors import BadSample
from catscan.scans.resample import Grid, plane_weights, slice_weights, stream
from catscan.scans.scan import Scan
from catscan.scans.windows import to_levels

IN_LINE = 0.01  # pixels; slices shifted by less lie exactly on each other
LARGER_PART = 0.5  # of a voxel
ROUNDING = 1e-5  # of the largest value: a scan whose values span less is empty
BACKGROUND = 1e-3  # of the span of the values: what lies this near to the lowest is empty space, or was cut away

Floats = NDArray[np.float32]


def grey_levels(
    scan: Scan, grid: Grid, percentiles: Sequence[tuple[float, float]]
) -> tuple[NDArray[np.uint8], list[tuple[float, float]]]:
    """The grey levels of a scan on a grid; where there is no value, 0.

    Parameters
    ----------
    scan, grid
        What is resampled, and where to.
    percentiles
        (low, high) one a channel, 0 to 100.

    Returns
    -------
    levels
        uint8, (channels, normal, rows, columns).
    ranges
        For each channel the (low, high) that became 0 and 255, in the scan's own values.

    Raises
    ------
    BadSample
        When all voxels are the same.
    """
    values = averages(scan, grid)
    ranges = intensity_ranges(values, percentiles)
    levels = np.empty((len(ranges), *grid.shape), np.uint8)
    for channel, (low, high) in zip(levels, ranges, strict=True):
        for plane, out in zip(values, channel, strict=True):
            to_levels(np.nan_to_num(plane - np.float32(low)), (0.0, high - low), zero=0.0, out=out)
    return levels, ranges


def intensity_ranges(values: Floats, percentiles: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The values at the given percentiles of all that stands out from the background; NaN does not count.

    Raises
    ------
    BadSample
        When nothing stands out.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        raise BadSample("has no pixel with a value")
    lowest, highest = float(known.min()), float(known.max())
    if highest - lowest <= ROUNDING * max(abs(lowest), abs(highest)):
        raise BadSample(f"has the same value everywhere ({lowest:g})")
    shown = known[known > lowest + BACKGROUND * (highest - lowest)]
    ranges = [(float(low), float(high)) for low, high in (np.percentile(shown, pair) for pair in percentiles)]
    if any(high <= low for low, high in ranges):
        raise BadSample(f"has nearly the same value everywhere ({ranges[0][0]:g}) above its background")
    return ranges


def averages(scan: Scan, grid: Grid) -> Floats:
    """The average of the pixels that each voxel covers: float32, (normal, rows, columns), in the scan's own values.

    NaN where the larger part of the voxel covers none.
    """
    weights = slice_weights(scan.places_mm[:, 0], scan.steps, grid.edges(0))
    rows, columns = grid.shape[1:]
    values = np.empty(grid.shape, np.float32)
    for number, both in enumerate(stream(weights, _Planes(scan, grid).read, (2 * rows, columns))):
        total, covered = both[:rows], both[rows:]
        values[number] = np.nan
        np.divide(total, covered, out=values[number], where=covered > LARGER_PART)
    return values


class _Planes:
    """Reads slice after slice and resamples each in plane: its values, and below them how much it covers of each voxel.

    Straight scans share their weights; where slices are shifted against each other, each has its own.
    """

    def __init__(self, scan: Scan, grid: Grid) -> None:
        self._scan, self._grid = scan, grid
        self._values = np.empty(scan.size, np.float32)
        shift = np.abs(scan.places_mm[:, 1:] - scan.places_mm[0, 1:]) / scan.pixel_mm
        self._shared = self._weights(0) if shift.max() < IN_LINE else None

    def read(self, k: int) -> tuple[Floats, float]:
        """Slice k: float32, (2 x rows of the grid, columns of the grid), and the unit of it."""
        slope, intercept = self._scan.rescale[k]
        stored = self._scan.stored(k)
        np.multiply(stored, slope, out=self._values, casting="unsafe")
        self._values += np.float32(intercept)
        down, along, covered = self._shared or self._weights(k)
        lacking = _lacking(stored, self._scan.padding[k])
        if lacking is not None:
            self._values[lacking] = 0
            covered = _on_grid(down, along, (~lacking).astype(np.float32))
        return np.concatenate([_on_grid(down, along, self._values), covered]), 1.0

    def _weights(self, k: int) -> tuple[csr_array, csr_array, Floats]:
        """Those of the rows, those of the columns, and the share of each voxel that lies within the slice."""
        _, row_mm, column_mm = self._scan.places_mm[k].tolist()
        down = plane_weights(self._scan.size[0], row_mm, self._scan.pixel_mm[0], self._grid.edges(1))
        along = plane_weights(self._scan.size[1], column_mm, self._scan.pixel_mm[1], self._grid.edges(2))
        return down, along, np.outer(down.sum(axis=1), along.sum(axis=1)).astype(np.float32)


def _lacking(stored: NDArray[Any], padding: tuple[int, int] | None) -> NDArray[np.bool_] | None:
    """Where there is no pixel: marked as padding, or no number; None when nowhere."""
    if padding is not None:
        return np.asarray((stored >= padding[0]) & (stored <= padding[1]))
    return np.isnan(stored) if stored.dtype.kind == "f" else None


def _on_grid(down: csr_array, along: csr_array, pixels: Floats) -> Floats:
    """(rows, columns) to (rows of the grid, columns of the grid), float32."""
    return np.ascontiguousarray((along @ (down @ pixels).T).T)
