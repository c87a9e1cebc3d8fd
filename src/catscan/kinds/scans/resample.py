"""Slices onto a grid, streaming: each slice is read once, and only the rows of the grid that are open stay in memory.

Where the grid is coarser than the slices, each voxel is the exact average of what it covers (no aliasing: a nodule
never vanishes between samples). Where it is finer, slices are joined linearly. Outside the slices there is air.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from catscan.kinds.scans.geometry import Floats, Steps, filled, linear_weights

FINER = 1 - 1e-6  # a grid step below this share of the slices' own counts as finer


@dataclass(frozen=True)
class Grid:
    """A grid of voxels along the scan's own axes (normal, rows, columns).

    Attributes
    ----------
    low_mm
        (3,) its lower edges.
    step_mm
        (3,) the size of a voxel.
    shape
        Voxels along each axis.
    """

    low_mm: Floats
    step_mm: Floats
    shape: tuple[int, int, int]

    def edges(self, axis: int) -> Floats:
        """(shape[axis] + 1,) the edges of the voxels along one axis, mm."""
        return self.low_mm[axis] + self.step_mm[axis] * np.arange(self.shape[axis] + 1)


def box_weights(cells: Floats, edges: Floats) -> Floats:
    """The share of each voxel that each cell covers: (len(edges) - 1, len(cells) - 1).

    Parameters
    ----------
    cells
        Ascending edges of the cells, each of one value.
    edges
        Ascending edges of the voxels.
    """
    overlap = np.minimum(edges[1:, None], cells[None, 1:]) - np.maximum(edges[:-1, None], cells[None, :-1])
    return np.clip(overlap, 0, None) / np.diff(edges)[:, None]


def point_weights(centres: Floats, low: float, high: float, edges: Floats) -> Floats:
    """Linear interpolation at the voxels' centres; air (no weight) below ``low`` and above ``high``."""
    wanted = (edges[:-1] + edges[1:]) / 2
    inside = (wanted >= low) & (wanted <= high)
    return (linear_weights(centres, wanted) * inside[:, None]).toarray()


def ramp_weights(centres: Floats, low: float, high: float, edges: Floats) -> Floats:
    """The average over each voxel of the line through uneven centres: exact for a ramp, whatever the steps are."""
    knots = np.unique(np.concatenate([[low, high], centres, np.clip(edges, low, high)]))
    middle = (knots[:-1] + knots[1:]) / 2  # a line's mean over a piece is its value in the middle
    return box_weights(knots, edges) @ linear_weights(centres, middle)


def plane_weights(count: int, first_mm: float, pixel_mm: float, edges: Floats) -> csr_array:
    """Weights along rows or columns: ``count`` pixels, the first centred at ``first_mm``; sparse, float32."""
    cells = first_mm + pixel_mm * (np.arange(count + 1) - 0.5)
    if edges[1] - edges[0] >= pixel_mm * FINER:
        weights = box_weights(cells, edges)
    else:
        weights = point_weights(first_mm + pixel_mm * np.arange(count), cells[0], cells[-1], edges)
    return csr_array(weights.astype(np.float32))


def slice_cells(places: Floats, step_mm: float) -> Floats:
    """The edges of what each slice stands for: half way to its neighbours, half a step beyond the ends."""
    return np.concatenate([[places[0] - step_mm / 2], (places[:-1] + places[1:]) / 2, [places[-1] + step_mm / 2]])


def slice_weights(distances: Floats, steps: Steps, edges: Floats) -> Floats:
    """Weights along the normal from the slices' true places: (voxels, slices)."""
    if not steps.even:
        cells = slice_cells(distances, steps.step_mm)
        return ramp_weights(distances, cells[0], cells[-1], edges)
    places, filling = filled(distances, steps)
    cells = slice_cells(places, steps.step_mm)
    if edges[1] - edges[0] >= steps.step_mm * FINER:
        return box_weights(cells, edges) @ filling
    return point_weights(places, cells[0], cells[-1], edges) @ filling


def stream(
    weights: Floats, plane: Callable[[int], tuple[NDArray[np.float32], float]], shape: tuple[int, int]
) -> Iterator[NDArray[np.float32]]:
    """Mix slices into the voxels along the normal, ascending; slices that no voxel touches are not asked for.

    Parameters
    ----------
    weights
        (voxels, slices) of `slice_weights`.
    plane
        Gives slice k, resampled in plane, float32 of ``shape``, and the HU of one unit of it; called at most once a
        slice, with k ascending.
    shape
        (rows, columns) of a plane.

    Yields
    ------
    float32 of ``shape`` in HU above air, one a voxel; valid until the next one is asked for.
    """
    used: list[list[tuple[int, float]]] = [[] for _ in weights]  # per voxel: slices and their weights
    last_voxel = {}
    for voxel, k in np.argwhere(weights).tolist():
        used[voxel].append((k, float(weights[voxel, k])))
        last_voxel[k] = voxel
    held: dict[int, tuple[NDArray[np.float32], float]] = {}
    mixed = np.empty(shape, np.float32)
    for voxel, shares in enumerate(used):
        mixed.fill(0)
        for k, share in shares:
            if k not in held:
                held[k] = plane(k)
            values, unit = held[k]
            cv2.scaleAdd(values, share * unit, mixed, mixed)
            if last_voxel[k] == voxel:
                del held[k]
        yield mixed
