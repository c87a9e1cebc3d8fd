"""Where the lungs are, on a 2 mm grid: good enough to crop and to mask, in a tenth of a second.

Air inside the body: below -320 HU, not connected to the edge of its axial slice, in the largest connected pieces, with
the vessels and nodules that it surrounds. The result must be plausible as two lungs, or the caller learns why not.
The threshold and the reference are those of G. Zuidhof's "Full preprocessing tutorial" (Kaggle, 2017).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from catscan.kinds.scans.windows import AIR_HU

GRID_MM = 2.0
AIR_BELOW_HU = -320.0
SMALLEST_SHARE = 0.1  # of the largest piece: smaller ones are bowel, airway, noise
MARGIN_MM = 6.0  # around the lungs when cropping or masking, so that their walls stay
LITRES = (1.5, 9.0)  # plausible volumes of two lungs, children and deep breath included
SMALLER_SIDE = 0.2  # at least this share of the volume lies on each side of the middle of the body


@dataclass(frozen=True)
class Lungs:
    """A lung mask.

    Attributes
    ----------
    mask
        bool, (depth, height, width), z up, y back, x left, `GRID_MM` a voxel.
    litres
        Its volume.
    why_not
        Why it cannot be two lungs; "" when it can.
    """

    mask: NDArray[np.bool_]
    litres: float
    why_not: str

    def box(self) -> NDArray[np.intp]:
        """(2, 3) first voxel and one beyond the last one of the mask, along each axis."""
        inside = [np.flatnonzero(self.mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        return np.array([[places[0] for places in inside], [places[-1] + 1 for places in inside]])


def is_air(planes: Iterable[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """1 where a voxel is air, (planes, rows, columns); ``planes`` in HU above -1024."""
    return np.stack([(plane < AIR_BELOW_HU - AIR_HU).view(np.uint8) for plane in planes])


def find_lungs(air: NDArray[np.uint8]) -> Lungs:
    """Find the lungs in a mask of air.

    Parameters
    ----------
    air
        uint8, 0 or 1, (depth, height, width), z up, y back, x left, `GRID_MM` a voxel.
    """
    inner = np.stack([_without_outside(plane) for plane in air])
    pieces = _largest_pieces(inner)
    if not pieces.any():
        return Lungs(pieces.view(bool), 0.0, "there is no air inside the body")
    mask = np.stack([plane | _without_outside(1 - plane) for plane in pieces]).view(bool)  # with their holes
    litres = float(mask.sum()) * GRID_MM**3 / 1e6
    return Lungs(mask, litres, _why_not_lungs(mask, litres, _middle_of_body(air)))


def _without_outside(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Air that does not reach the edge of its slice."""
    framed = cv2.copyMakeBorder(plane, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(1,))
    cv2.floodFill(framed, None, (0, 0), (0,))
    return np.ascontiguousarray(framed[1:-1, 1:-1])


def _largest_pieces(inner: NDArray[np.uint8]) -> NDArray[np.uint8]:
    labels, count = ndimage.label(inner)
    if not count:
        return inner
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kept = (sizes >= SMALLEST_SHARE * sizes.max()).view(np.uint8)
    return np.asarray(kept.take(labels))


def _middle_of_body(air: NDArray[np.uint8]) -> int:
    """The column that has as much tissue on its right as on its left."""
    tissue = air.shape[0] * air.shape[1] - air.sum(axis=(0, 1), dtype=np.int64)
    return int(np.searchsorted(np.cumsum(tissue), tissue.sum() / 2))


def _why_not_lungs(mask: NDArray[np.bool_], litres: float, middle: int) -> str:
    if not LITRES[0] <= litres <= LITRES[1]:
        return f"the air inside the body is {litres:.1f} l, not {LITRES[0]:g} to {LITRES[1]:g}"
    left = mask[:, :, :middle].sum() / mask.sum()
    if not SMALLER_SIDE <= left <= 1 - SMALLER_SIDE:
        return f"{100 * max(left, 1 - left):.0f} % of the air inside the body lies on one side"
    return ""


def with_margin(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask grown by `MARGIN_MM` within its slices."""
    size = round(MARGIN_MM / GRID_MM)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1, 2 * size + 1))
    return np.stack([cv2.dilate(plane, disk) for plane in mask.view(np.uint8)]).astype(bool)
