"""One scan, ready to be resampled: what DICOM series and NIfTI files have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import BadSample
from catscan.kinds.scans.geometry import PARALLEL, TILT_DEGREES, Floats, Steps, tilt_degrees, turn_to_patient
from catscan.kinds.scans.settings import ScanSettings


@dataclass(frozen=True)
class Scan:
    """Slices that have been ordered, placed and checked.

    Attributes
    ----------
    modality
        CT or MR.
    axes
        (3, 3) the scan's own axes as rows: normal, down the rows, along the columns; unit vectors in the patient.
    places_mm
        (n, 3) the centre of each slice's first pixel along the own axes; the first column ascends.
    pixel_mm
        Distance of rows, distance of columns.
    size
        (rows, columns) of every slice.
    steps
        What the distances of the slices say.
    rescale
        (slope, intercept) of each slice: value = slope * stored + intercept, in HU when it is CT.
    padding
        For each slice the lowest and highest stored value that is no pixel, or None.
    stored
        Gives the stored values of slice k, (rows, columns), valid until the next call.
    report
        What was decided, JSON-able.
    remarks
        What a person should know, as sentences about the sample.
    """

    modality: str
    axes: Floats
    places_mm: Floats
    pixel_mm: tuple[float, float]
    size: tuple[int, int]
    steps: Steps
    rescale: tuple[tuple[float, float], ...]
    padding: tuple[tuple[int, int] | None, ...]
    stored: Callable[[int], NDArray[Any]]
    report: dict[str, Any]
    remarks: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.places_mm)


def allow(oddity: str, text: str, settings: ScanSettings, remarks: list[str]) -> None:
    """Note an oddity among the remarks.

    Raises
    ------
    BadSample
        When the settings do not allow it.
    """
    if oddity not in settings.allow:
        raise BadSample(f"{text} (`allow` does not name {oddity})")
    remarks.append(text)


def check_directions(axes: Floats, places_mm: Floats, settings: ScanSettings, remarks: list[str]) -> dict[str, float]:
    """Find how far the gantry was tilted and how far the slices lie across the patient's axes, in degrees."""
    origins = places_mm @ axes
    tilt = tilt_degrees(origins[0], origins[-1], axes[0])
    oblique = turn_to_patient(axes).oblique_degrees
    if tilt > TILT_DEGREES:
        allow("tilt", f"was taken with a gantry tilt of {tilt:.1f} degrees", settings, remarks)
    elif np.sin(np.radians(oblique)) > PARALLEL:
        allow("oblique", f"lies {oblique:.1f} degrees across the patient's axes", settings, remarks)
    return {"tilt_degrees": round(tilt, 3), "oblique_degrees": round(oblique, 3)}
