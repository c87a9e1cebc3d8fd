"""MR onto the grid and to grey levels: its scale is the scanner's own, so its values are measured against each other.

Nothing is known to be air: a voxel is the average of those pixels that it covers, and has no value where its larger
part lies outside the slices, is marked as padding or is not a number. The same scan, its values multiplied and shifted,
gives the same grey levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import BadSample
from catscan.kinds.scans.planes import Planes
from catscan.kinds.scans.resample import Grid, slice_weights, stream
from catscan.kinds.scans.scan import Scan
from catscan.kinds.scans.windows import to_levels

LOWEST = -(1 << 15)  # of two bytes: nothing is cut off
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


class _Planes(Planes):
    """Reads slice after slice and resamples each in plane; below its values stands how much it covers of each voxel."""

    def read(self, k: int) -> tuple[Floats, float]:
        """Slice k: float32, (2 x rows of the grid, columns of the grid), and the unit of it."""
        slope, intercept = self._scan.rescale[k]
        stored = self._scan.stored(k)
        weights = self.weights(k)
        lacking = _lacking(stored, self._scan.padding[k])
        if lacking is None and stored.dtype in (np.int16, np.uint16) and weights.clamps:
            total, covered = weights.clamped(stored, LOWEST), weights.covered
        else:
            there = ~lacking if lacking is not None else np.ones(stored.shape, bool)
            total = weights.apply(np.where(there, stored, 0).astype(np.float32))
            covered = weights.apply(there.astype(np.float32))
        return np.concatenate([total * np.float32(slope) + covered * np.float32(intercept), covered]), 1.0


def _lacking(stored: NDArray[Any], padding: tuple[int, int] | None) -> NDArray[np.bool_] | None:
    """Where there is no pixel: marked as padding, or not a number; None when nowhere."""
    if stored.dtype.kind == "f":
        lacking = np.isnan(stored)
    elif padding is not None:
        lacking = (stored >= padding[0]) & (stored <= padding[1])
    else:
        return None
    return lacking if lacking.any() else None
