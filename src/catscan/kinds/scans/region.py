"""Which part of a scan is wanted: all of it, or the lungs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import BadSample
from catscan.kinds.scans.geometry import Floats, Turn
from catscan.kinds.scans.grids import field_of_view
from catscan.kinds.scans.lungs import GRID_MM, MARGIN_MM, Lungs, find_lungs, is_air, with_margin
from catscan.kinds.scans.planes import resampled
from catscan.kinds.scans.resample import Grid
from catscan.kinds.scans.scan import Scan
from catscan.kinds.scans.settings import ScanSettings

LARGEST_MM = 3000.0


@dataclass(frozen=True)
class Region:
    """The part of a scan that becomes the array.

    Attributes
    ----------
    box_mm
        (2, 3) lower and upper edges along the scan's own axes.
    keep
        bool, (normal, rows, columns) on `keep_grid`: what does not become air; None for all.
    mask
        bool, (depth, height, width), z up, y back, x left, on a grid of 2 mm over the field of view: the lungs; None
        when nobody asked for them or they are not plausible.
    report
        JSON-able: the lungs' volume and why they were not used; empty when nobody asked for them.
    """

    box_mm: Floats
    keep: NDArray[np.bool_] | None
    keep_grid: Grid
    mask: NDArray[np.bool_] | None
    report: dict[str, Any]

    def kept(self, grid: Grid) -> NDArray[np.bool_] | None:
        """`keep` on another grid, by the nearest voxel."""
        return None if self.keep is None else self.on(self.keep, grid)

    def on(self, mask: NDArray[np.bool_], grid: Grid) -> NDArray[np.bool_]:
        """A mask of `keep_grid` on another grid, by the nearest voxel."""
        return mask[np.ix_(*(self._nearest(grid, axis) for axis in range(3)))]

    def _nearest(self, grid: Grid, axis: int) -> NDArray[np.intp]:
        edges = grid.edges(axis)
        middle = (edges[:-1] + edges[1:]) / 2
        index = np.floor((middle - self.keep_grid.low_mm[axis]) / GRID_MM).astype(np.intp)
        return np.clip(index, 0, self.keep_grid.shape[axis] - 1)


def find_region(scan: Scan, settings: ScanSettings, turn: Turn) -> Region:
    """The field of view, or the lungs when the settings ask for them and they are plausible."""
    box = field_of_view(scan)
    extent = float((box[1] - box[0]).max())
    if not extent <= LARGEST_MM:
        raise BadSample(f"covers {extent:.4g} mm, more than any patient; its positions or its pixel spacing are wrong")
    counts = np.ceil((box[1] - box[0]) / GRID_MM).astype(int).tolist()
    grid = Grid(box[0], np.full(3, GRID_MM), (counts[0], counts[1], counts[2]))
    if settings.crop != "lungs" and not settings.mask:
        return Region(box, None, grid, None, {})
    lungs = find_lungs(turn.apply(is_air(resampled(scan, grid))))
    report: dict[str, Any] = {"lung_litres": round(lungs.litres, 2), "lungs_not_used": lungs.why_not}
    if lungs.why_not:
        return Region(box, None, grid, None, report)
    keep = turn.undo(with_margin(lungs.mask)) if settings.mask else None
    lung_box = _box_mm(lungs, grid, box, turn) if settings.crop == "lungs" else box
    return Region(lung_box, keep, grid, lungs.mask, report)


def _box_mm(lungs: Lungs, grid: Grid, within: Floats, turn: Turn) -> Floats:
    """The lungs' box with its margin along the scan's own axes, not beyond the field of view."""
    first, beyond = lungs.box()
    box = np.empty((2, 3))
    for axis, (own, flip) in enumerate(zip(turn.order, turn.flips, strict=True)):
        ends = (
            grid.shape[own] - np.array([beyond[axis], first[axis]]) if flip else np.array([first[axis], beyond[axis]])
        )
        box[:, own] = grid.low_mm[own] + ends * GRID_MM + [-MARGIN_MM, MARGIN_MM]
    return np.clip(box, within[0], within[1])
