"""Where slices are and what their steps say: pure functions on positions and directions.

All lengths are mm in the patient's frame of DICOM (x to the left, y to the back, z to the head). A scan's own axes come
in the order of its array: the normal, then down the rows, then along the columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.floating[Any]]

JITTER_MM = 0.01  # a deviation of the steps that is rounding in the header
JITTER_SHARE = 0.01  # likewise, as a share of the step
SAME_PLACE_MM = 0.01  # slices nearer than this are in the same place
WHOLE_GAP = 0.1  # a gap of k steps may be k +- 0.1 long
MOST_MISSING = 2  # slices in a row that can be filled from their neighbours
FEW_GAPS = 0.25  # share of the steps that may be gaps; with more of them the spacing is another one
OFF_LINE_MM = 1.0  # corners of slices off their line by less are rounding
PARALLEL = 1e-3  # directions (as sines) that differ by less are the same
TILT_DEGREES = 0.1  # tilts below are rounding


def own_axes(orientation: tuple[float, ...]) -> Floats:
    """The scan's own axes as rows: normal, down the rows, along the columns; (3, 3), of unit length.

    Parameters
    ----------
    orientation
        Image Orientation (Patient): direction of increasing column, then of increasing row.

    Raises
    ------
    ValueError
        When the two directions are not of unit length, or not perpendicular.
    """
    along, down = np.reshape(np.asarray(orientation, float), (2, 3))
    lengths = np.linalg.norm([along, down], axis=1)
    if not np.allclose(lengths, 1, atol=1e-2) or abs(along @ down) > 1e-2:
        raise ValueError(f"directions {list(orientation)} are not two perpendicular unit vectors")
    along = along / lengths[0]
    normal = np.cross(along, down)
    normal /= np.linalg.norm(normal)
    return np.stack([normal, np.cross(normal, along), along])


@dataclass(frozen=True)
class Steps:
    """What the distances between neighbours say.

    Attributes
    ----------
    step_mm
        The distance of neighbouring slices, missing ones counted in.
    even
        Whether all steps are equal but for jitter, once the missing slices are counted in.
    missing
        (index of the slice before the gap, how many are missing), for every gap.
    """

    step_mm: float
    even: bool
    missing: tuple[tuple[int, int], ...]

    @property
    def longest_gap(self) -> int:
        """The most slices missing in a row."""
        return max((count for _, count in self.missing), default=0)


def examine_steps(distances: Floats) -> Steps:
    """Find the step, the gaps and the unevenness of slices.

    Parameters
    ----------
    distances
        (n,) ascending places along the normal, mm; n at least 2.
    """
    steps = np.diff(distances)
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])  # the lower median: of 2.5 and 5 mm, the 5 is the gap
    allowed = max(JITTER_MM, JITTER_SHARE * usual)
    odd = np.flatnonzero(np.abs(steps - usual) > allowed)
    times = np.rint(steps[odd] / usual)
    gaps = (times >= 2) & (np.abs(steps[odd] / usual - times) <= WHOLE_GAP)
    if not gaps.all() or len(odd) > max(1, FEW_GAPS * len(steps)):
        hole = [(int(i), round(float(steps[i] / usual)) - 1) for i in odd if steps[i] > (MOST_MISSING + 1.5) * usual]
        return Steps(usual, False, tuple(hole))
    missing = tuple((int(i), int(count) - 1) for i, count in zip(odd, times, strict=True))
    total = len(steps) + sum(count for _, count in missing)
    return Steps(float(distances[-1] - distances[0]) / total, True, missing)


def filled(distances: Floats, steps: Steps) -> tuple[Floats, csr_array]:
    """Put the missing slices in their places.

    Returns
    -------
    places
        (m,) places along the normal, mm, missing ones included.
    weights
        (m, n), sparse: each place as a mixture of the n slices that are there; linear between the neighbours of a gap.
    """
    at = np.arange(len(distances), dtype=float)
    for before, count in steps.missing:
        at[before + 1 :] += count
    weights = linear_weights(at, np.arange(at[-1] + 1))
    return weights @ distances, weights


def linear_weights(centres: Floats, wanted: Floats) -> csr_array:
    """(len(wanted), len(centres)), sparse: linear interpolation at ``wanted``; beyond the ends the last one holds."""
    if len(centres) == 1:
        return csr_array(np.ones((len(wanted), 1)))
    before = np.clip(np.searchsorted(centres, wanted, side="right") - 1, 0, len(centres) - 2)
    share = np.clip((wanted - centres[before]) / np.diff(centres)[before], 0, 1)
    rows = np.arange(len(wanted))
    values, columns = np.concatenate([1 - share, share]), np.concatenate([before, before + 1])
    return csr_array((values, (np.concatenate([rows, rows]), columns)), shape=(len(wanted), len(centres)))


def off_line_mm(places: Floats) -> float:
    """How far the slices' corners lie off the straight line through the first and the last one, mm.

    Parameters
    ----------
    places
        (n, 3) along the scan's own axes, the first column ascending.
    """
    share = (places[:, 0] - places[0, 0]) / (places[-1, 0] - places[0, 0])
    return float(np.abs(places - (places[0] + share[:, None] * (places[-1] - places[0]))).max())


def tilt_degrees(first: Floats, last: Floats, normal: Floats) -> float:
    """The angle between the way from slice to slice and the normal of the slices, 0 to 90 degrees.

    Gantry Tilt (0018,1120) is not read: its sign differs by maker.
    """
    way = last - first
    along = float(way @ normal)
    across = float(np.linalg.norm(way - along * normal))
    return math.degrees(math.atan2(across, abs(along)))


@dataclass(frozen=True)
class Turn:
    """How an array in the scan's own axes becomes one in the patient's: first transpose, then flip.

    Attributes
    ----------
    order
        For each axis of the result (up, back, left) the scan's own axis it comes from.
    flips
        For each axis of the result whether it is reversed.
    oblique_degrees
        The largest angle between an axis of the result and the patient's own.
    """

    order: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    oblique_degrees: float

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """(normal, rows, columns) to (z up, y back, x left), as a view."""
        return array.transpose(self.order)[tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)]

    def undo(self, array: NDArray[Any]) -> NDArray[Any]:
        """The other way, from (z up, y back, x left) to (normal, rows, columns), as a view."""
        flipped = array[tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)]
        return flipped.transpose(np.argsort(self.order))


def turn_to_patient(axes: Floats) -> Turn:
    """The transposition and the flips that bring the scan's axes nearest to z up, y back, x left.

    Parameters
    ----------
    axes
        (3, 3) of `own_axes`.
    """
    cosines = axes @ np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], float)  # own axis by patient axis z, y, x
    order = max(permutations(range(3)), key=lambda p: float(np.abs(cosines[list(p), [0, 1, 2]]).sum()))
    chosen = [cosines[order[i], i] for i in range(3)]
    angle = max(float(np.degrees(np.arccos(min(abs(c), 1.0)))) for c in chosen)
    flips = (bool(chosen[0] < 0), bool(chosen[1] < 0), bool(chosen[2] < 0))
    return Turn((order[0], order[1], order[2]), flips, angle)


def affine_of(axes: Floats, low_mm: Floats, step_mm: Floats, shape: tuple[int, ...], turn: Turn) -> Floats:
    """The (4, 4) matrix from a voxel's index (z, y, x, 1) in the turned array to the patient's (x, y, z, 1) in mm.

    Parameters
    ----------
    axes
        (3, 3) of `own_axes`.
    low_mm, step_mm
        (3,) lower edge and voxel size along the scan's own axes.
    shape
        (3,) voxels along the scan's own axes.
    turn
        What `turn_to_patient` gave.
    """
    matrix = np.eye(4)
    first = low_mm + step_mm / 2  # the centre of the first voxel
    for axis, (own, flip) in enumerate(zip(turn.order, turn.flips, strict=True)):
        matrix[:3, axis] = axes[own] * step_mm[own] * (-1 if flip else 1)
        if flip:
            first = first.copy()
            first[own] += step_mm[own] * (shape[own] - 1)
    matrix[:3, 3] = first @ axes
    return matrix
