"""Single slices onto the grid's rows and columns."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from catscan.kinds.kernels.plane import PlaneWeights
from catscan.kinds.scans.resample import Grid, plane_weights, slice_weights, stream
from catscan.kinds.scans.scan import Scan
from catscan.kinds.scans.slices import height_above_air, is_padding, whole_air

IN_LINE = 0.01  # pixels; slices shifted by less lie exactly on each other


def resampled(scan: Scan, grid: Grid) -> Iterator[NDArray[np.float32]]:
    """The planes of the grid along the normal, float32 (rows, columns), in HU above air; each valid until the next."""
    weights = slice_weights(scan.places_mm[:, 0], scan.steps, grid.edges(0))
    return stream(weights, Planes(scan, grid).read, (grid.shape[1], grid.shape[2]))


class Planes:
    """Reads slice after slice and resamples each in plane.

    Every slice is placed by its own position: where the gantry was tilted, each one is shifted against the one before,
    and its weights with it. Straight scans share one pair of weights.
    """

    def __init__(self, scan: Scan, grid: Grid) -> None:
        self._scan, self._grid = scan, grid
        self._values = np.empty(scan.size, np.float32)
        shift = np.abs(scan.places_mm[:, 1:] - scan.places_mm[0, 1:]) / scan.pixel_mm
        self._shared = self._weights(0) if shift.max() < IN_LINE else None

    def read(self, k: int) -> tuple[NDArray[np.float32], float]:
        """Slice k on the grid, float32 (rows, columns), in units above air, and the HU of one unit."""
        slope, intercept = self._scan.rescale[k]
        padding = self._scan.padding[k]
        values = self._scan.stored(k)
        weights = self.weights(k)
        air = whole_air(slope, intercept, values)
        if air is None or not weights.clamps or is_padding(values, padding, slope, intercept) is not None:
            height_above_air(values, slope=slope, intercept=intercept, padding=padding, out=self._values)
            return weights.apply(self._values), 1.0
        plane = weights.clamped(values, air)
        # What the weights do not cover lies outside the slice: there, 0 above air.
        cv2.scaleAdd(weights.covered, -float(air), plane, plane)
        return plane, slope

    def weights(self, k: int) -> PlaneWeights:
        """How slice k lies on the grid."""
        return self._shared or self._weights(k)

    def _weights(self, k: int) -> PlaneWeights:
        _, row_mm, column_mm = self._scan.places_mm[k].tolist()
        down = plane_weights(self._scan.size[0], row_mm, self._scan.pixel_mm[0], self._grid.edges(1))
        along = plane_weights(self._scan.size[1], column_mm, self._scan.pixel_mm[1], self._grid.edges(2))
        return PlaneWeights(down, along)
