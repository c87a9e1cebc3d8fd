"""Whether the slices of a series make a scan: gaps, tilt, directions, slope and intercept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from catscan.errors import BadSample, listed
from catscan.scans.geometry import (
    MOST_MISSING,
    PARALLEL,
    TILT_DEGREES,
    Floats,
    Steps,
    examine_steps,
    tilt_degrees,
    turn_to_patient,
)
from catscan.scans.headers import Header
from catscan.scans.series import FEWEST, Series
from catscan.scans.settings import ScanSettings
from catscan.scans.slices import StoredSlices

MOST_DIFFERENT_STEPS = 8  # named in a message
NEAR_AIR = 150  # HU (or stored units) around a peak
SHARE_OF_AIR = 0.05  # of the pixels of a slice lie near the air peak, at least


@dataclass(frozen=True)
class Checked:
    """A series that can be resampled.

    Attributes
    ----------
    headers, axes, places_mm, pixel_mm
        As in `Series`.
    steps
        What the distances of the slices say.
    rescale
        (slope, intercept) of each slice, finite.
    report, remarks
        As in `Series`, with what was found here.
    """

    headers: tuple[Header, ...]
    axes: Floats
    places_mm: Floats
    pixel_mm: tuple[float, float]
    steps: Steps
    rescale: tuple[tuple[float, float], ...]
    report: dict[str, Any]
    remarks: tuple[str, ...]


def check(series: Series, stored: StoredSlices, settings: ScanSettings) -> Checked:
    """Check a series by the settings' `allow`.

    Raises
    ------
    BadSample
        When it has an oddity that is not allowed, or one that nothing can mend.
    """
    remarks = list(series.remarks)
    steps = _steps(series, settings, remarks)
    tilt, oblique = _directions(series, settings, remarks)
    rescale = _rescale(series, stored, settings, remarks)
    report = series.report | {
        "n_slices": len(series.headers),
        "rows_columns": [series.headers[0].rows, series.headers[0].columns],
        "pixel_mm": [round(mm, 6) for mm in series.pixel_mm],
        "step_mm": round(steps.step_mm, 6),
        "steps_mm": distinct_steps(series.places_mm[:, 0]),
        "even": steps.even,
        "interpolated_mm": [round(mm, 3) for mm in _missing_places(series, steps)],
        "tilt_degrees": round(tilt, 3),
        "oblique_degrees": round(oblique, 3),
        "rescale": sorted({(slope, intercept) for slope, intercept in rescale}),
        "padding": sorted({header.padding for header in series.headers if header.padding}),
        "transfer_syntaxes": sorted({header.transfer_syntax for header in series.headers}),
    }
    return Checked(
        series.headers, series.axes, series.places_mm, series.pixel_mm, steps, rescale, report, tuple(remarks)
    )


def distinct_steps(distances: Floats) -> list[float]:
    """The different distances of neighbours, rounded to 0.01 mm, most frequent first."""
    values, counts = np.unique(np.diff(distances).round(2), return_counts=True)
    return [float(values[i]) for i in np.lexsort([values, -counts])][:MOST_DIFFERENT_STEPS]


def _steps(series: Series, settings: ScanSettings, remarks: list[str]) -> Steps:
    distances = series.places_mm[:, 0]
    n = len(distances)
    if n < FEWEST:
        _allow("few_slices", f"has {n} slice{'s' if n > 1 else ''}, no volume", settings, remarks)
    if n == 1:
        thickness = series.headers[0].thickness_mm
        if not thickness or not thickness > 0:
            raise BadSample("has one slice, and no Slice Thickness says how thick it is")
        return Steps(thickness, True, ())
    steps = examine_steps(distances)
    if steps.longest_gap > MOST_MISSING or (steps.missing and not steps.even):
        raise BadSample(f"lacks {steps.longest_gap} slices in a row; {_where(series, steps)}")
    if steps.missing:
        _allow("gaps", f"lacks slices; {_where(series, steps)}", settings, remarks)
    elif not steps.even:
        text = f"is unevenly spaced: steps of {listed([f'{mm:g}' for mm in distinct_steps(distances)])} mm"
        _allow("uneven", text, settings, remarks)
    return steps


def _where(series: Series, steps: Steps) -> str:
    distances = series.places_mm[:, 0]
    gaps = [f"{distances[i]:.2f} and {distances[i + 1]:.2f} mm" for i, _ in steps.missing]
    return f"slices every {steps.step_mm:.4g} mm, but none between {listed(gaps)} along the normal"


def _missing_places(series: Series, steps: Steps) -> list[float]:
    distances = series.places_mm[:, 0]
    return [
        float(distances[i] + (distances[i + 1] - distances[i]) * (j + 1) / (count + 1))
        for i, count in steps.missing
        for j in range(count)
    ]


def _allow(oddity: str, text: str, settings: ScanSettings, remarks: list[str]) -> None:
    if oddity not in settings.allow:
        raise BadSample(f"{text} (not in `allow`: {oddity})")
    remarks.append(text)


def _directions(series: Series, settings: ScanSettings, remarks: list[str]) -> tuple[float, float]:
    origins = series.places_mm @ series.axes
    tilt = tilt_degrees(origins[0], origins[-1], series.axes[0])
    oblique = turn_to_patient(series.axes).oblique_degrees
    if tilt > TILT_DEGREES:
        _allow("tilt", f"was taken with a gantry tilt of {tilt:.1f} degrees", settings, remarks)
    elif np.sin(np.radians(oblique)) > PARALLEL:
        _allow("oblique", f"lies {oblique:.1f} degrees across the patient's axes", settings, remarks)
    return tilt, oblique


def _rescale(
    series: Series, stored: StoredSlices, settings: ScanSettings, remarks: list[str]
) -> tuple[tuple[float, float], ...]:
    pairs = [(header.slope, header.intercept) for header in series.headers]
    for header, (slope, intercept) in zip(series.headers, pairs, strict=True):
        bad = slope == 0 or not np.isfinite([slope or 1.0, intercept or 0.0]).all()
        if bad:
            raise BadSample(f"{header.name} has a rescale slope of {slope} and an intercept of {intercept}")
    lacking = [k for k, (slope, intercept) in enumerate(pairs) if slope is None or intercept is None]
    if not lacking:
        return tuple((slope or 1.0, intercept or 0.0) for slope, intercept in pairs)
    guessed = 0.0
    if any(pairs[k][1] is None for k in lacking):
        guessed = _guess_intercept(series.headers[lacking[len(lacking) // 2]], stored, settings, remarks)
    remarks.append(f"{len(lacking)} slices lack slope or intercept; taken were 1 and {guessed:g}")
    return tuple((1.0 if s is None else s, guessed if b is None else b) for s, b in pairs)


def _guess_intercept(header: Header, stored: StoredSlices, settings: ScanSettings, remarks: list[str]) -> float:
    """0 when the stored values are HU already (air near -1000), -1024 when air is near 0 and that is allowed."""
    values = stored.read(header) * (header.slope or 1.0)
    if header.padding:
        values = values[(values < header.padding[0]) | (values > header.padding[1])]
    if np.mean(np.abs(values + 1000) < NEAR_AIR) >= SHARE_OF_AIR:
        return 0.0
    text = f"{header.name} lacks its rescale intercept, and its values are no HU (no air near -1000)"
    if np.mean(np.abs(values - 24) < NEAR_AIR) < SHARE_OF_AIR:
        raise BadSample(f"{text}, nor HU + 1024 (no air near 0)")
    _allow("no_rescale", text, settings, remarks)
    return -1024.0
