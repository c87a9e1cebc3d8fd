"""Single slices onto the grid's rows and columns."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from catscan.scans.checks import Checked
from catscan.scans.resample import Grid, plane_weights
from catscan.scans.slices import StoredSlices, height_above_air

IN_LINE = 0.01  # pixels; slices shifted by less lie exactly on each other


class Planes:
    """Reads slice after slice and resamples each in plane.

    Every slice is placed by its own position: where the gantry was tilted, each one is shifted against the one before,
    and its weights with it. Straight scans share one pair of weights.
    """

    def __init__(self, scan: Checked, stored: StoredSlices, grid: Grid) -> None:
        self._scan, self._stored, self._grid = scan, stored, grid
        first = scan.headers[0]
        self._size = (first.rows, first.columns)
        self._values = np.empty(self._size, np.float32)
        shift = np.abs(scan.places_mm[:, 1:] - scan.places_mm[0, 1:]) / scan.pixel_mm
        self._shared = self._weights(0) if shift.max() < IN_LINE else None

    def read(self, k: int) -> tuple[NDArray[np.float32], float]:
        """Slice k on the grid, float32 (rows, columns), in units above air, and the HU of one unit."""
        header = self._scan.headers[k]
        slope, intercept = self._scan.rescale[k]
        unit = height_above_air(
            self._stored.read(header), slope=slope, intercept=intercept, padding=header.padding, out=self._values
        )
        down, along = self._shared or self._weights(k)
        rows_done = down @ self._values
        return cv2.transpose(along @ cv2.transpose(rows_done)), unit

    def _weights(self, k: int) -> tuple[csr_array, csr_array]:
        _, row_mm, column_mm = self._scan.places_mm[k].tolist()
        down = plane_weights(self._size[0], row_mm, self._scan.pixel_mm[0], self._grid.edges(1))
        along = plane_weights(self._size[1], column_mm, self._scan.pixel_mm[1], self._grid.edges(2))
        return down, along
