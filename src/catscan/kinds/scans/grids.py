"""Which part of space becomes the array, and how finely."""

from __future__ import annotations

import numpy as np

from catscan.kinds.scans.geometry import Floats, Turn
from catscan.kinds.scans.resample import Grid, slice_cells
from catscan.kinds.scans.scan import Scan
from catscan.kinds.scans.settings import ScanSettings


def field_of_view(scan: Scan) -> Floats:
    """The box around all slices along the scan's own axes: (2, 3), lower and upper edges in mm."""
    cells = slice_cells(scan.places_mm[:, 0], scan.steps.step_mm)
    half = np.array(scan.pixel_mm) / 2
    low = scan.places_mm[:, 1:].min(axis=0) - half
    high = scan.places_mm[:, 1:].max(axis=0) + half + np.array(scan.pixel_mm) * (np.array(scan.size) - 1)
    return np.array([[cells[0], *low], [cells[-1], *high]])


def grid_for(settings: ScanSettings, box: Floats, turn: Turn) -> Grid:
    """The grid of the settings over ``box`` (2, 3): the whole of it in mode cube, around its middle in mode iso."""
    own = [0, 0, 0]
    for axis, count in zip(turn.order, settings.shape[:3], strict=True):
        own[axis] = count
    shape = (own[0], own[1], own[2])
    if settings.mode == "iso":
        step = np.full(3, float(settings.spacing_mm))
        return Grid(box.mean(axis=0) - step * shape / 2, step, shape)
    return Grid(box[0], (box[1] - box[0]) / shape, shape)
