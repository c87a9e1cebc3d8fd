"""The tutorial's own volumes, value for value: 20 slabs of 50 x 50 stored values, without HU, padding or spacing.

From "First pass through Data w/ 3D ConvNet" (Data Science Bowl 2017): every slice shrunk by bilinear sampling, slices
cut into runs of ceil(n / slabs), each run averaged, and the number of slabs mended at the end.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import BadSample
from catscan.kinds.scans.scan import Scan
from catscan.kinds.scans.settings import ScanSettings
from catscan.kinds.scans.windows import AIR_HU, hu_window, to_levels


def slabs(n_slices: int, wanted: int) -> list[list[list[int]]]:
    """Which slices make each slab: a slab is the mean of the means of its runs of slices.

    Raises
    ------
    ValueError
        When the tutorial's rule does not come out at the wanted number (it skipped such patients in silence).

    >>> slabs(4, 2)
    [[[0, 1]], [[2, 3]]]
    """
    run = ceil(n_slices / wanted)
    made = [[list(range(start, min(start + run, n_slices)))] for start in range(0, n_slices, run)]
    if wanted - len(made) in (1, 2):
        made += [made[-1]] * (wanted - len(made))
    while len(made) - wanted in (1, 2):
        made[wanted - 1 : wanted + 1] = [[*made[wanted - 1], *made[wanted]]]
    if len(made) != wanted:
        raise ValueError(f"{n_slices} slices make {len(made)} slabs, not {wanted}")
    return made


def stored_means(scan: Scan, shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """The tutorial's array of one patient: float64, (slabs, rows, columns), in stored values.

    Raises
    ------
    BadSample
        When the number of slices does not fit the tutorial's rule.
    """
    try:
        plan = slabs(len(scan), shape[0])
    except ValueError as error:
        raise BadSample(f"does not fit the tutorial's rule: {error}") from error
    means = np.empty(shape)
    for number, runs in enumerate(plan):
        if number and runs == plan[number - 1]:
            means[number] = means[number - 1]
        else:
            means[number] = np.mean([_mean(scan, run, shape) for run in runs], axis=0)
    return means


def _mean(scan: Scan, run: list[int], shape: tuple[int, int, int]) -> NDArray[np.float64]:
    total = np.zeros(shape[1:])
    for k in run:
        total += cv2.resize(scan.stored(k), (shape[2], shape[1]))
    return total / len(run)


def read_array(scan: Scan, settings: ScanSettings) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """The means as grey levels: brought to HU by the first slice's slope and intercept, then through the windows."""
    means = stored_means(scan, settings.shape[:3])
    slope, intercept = scan.rescale[0]
    above_air = (means * slope + intercept - AIR_HU).astype(np.float32)
    windows = [hu_window(choice) for choice in settings.hu_windows]
    array = np.stack([[to_levels(plane, window) for plane in above_air] for window in windows], axis=-1)
    spacing = [
        scan.steps.step_mm * ceil(len(scan) / means.shape[0]),
        scan.pixel_mm[0] * scan.size[0] / means.shape[1],
        scan.pixel_mm[1] * scan.size[1] / means.shape[2],
    ]
    geometry = {
        "mode": "tutorial",
        "spacing_mm": [round(mm, 6) for mm in spacing],
        "intensity_ranges": [list(window) for window in windows],
    }
    return array, geometry
