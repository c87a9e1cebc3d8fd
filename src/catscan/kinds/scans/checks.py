"""Whether the slices of a series make a scan: gaps, tilt, directions, slope and intercept."""

from __future__ import annotations

import math

import numpy as np

from catscan.common.errors import BadSample, listed
from catscan.common.words import number_of
from catscan.kinds.scans.geometry import (
    MOST_MISSING,
    OFF_LINE_MM,
    Floats,
    Steps,
    examine_steps,
    off_line_mm,
)
from catscan.kinds.scans.scan import Scan, allow, check_directions
from catscan.kinds.scans.series import FEWEST, Series
from catscan.kinds.scans.settings import ScanSettings
from catscan.kinds.scans.slice_header import Header
from catscan.kinds.scans.slices import StoredSlices

MOST_DIFFERENT_STEPS = 8  # named in a message
NEAR_AIR = 150  # HU (or stored units) around a peak
SHARE_OF_AIR = 0.05  # of the pixels of a slice lie near the air peak, at least


def check(series: Series, stored: StoredSlices, settings: ScanSettings) -> Scan:
    """Check a series by the settings' `allow`.

    Raises
    ------
    BadSample
        When it has an oddity that is not allowed, or one that nothing can mend.
    """
    remarks = list(series.remarks)
    steps = _steps(series, settings, remarks)
    directions = check_directions(series.axes, series.places_mm, settings, remarks)
    rescale = _rescale(series, stored, settings, remarks)
    first = series.headers[0]
    report = series.report | {
        "modality": first.modality,
        "n_slices": len(series.headers),
        "rows_columns": [first.rows, first.columns],
        "pixel_mm": [round(mm, 6) for mm in series.pixel_mm],
        "step_mm": round(steps.step_mm, 6),
        "steps_mm": distinct_steps(series.places_mm[:, 0]),
        "even": steps.even,
        "interpolated_mm": [round(mm, 3) for mm in _missing_places(series, steps)],
        **directions,
        "rescale": sorted({(slope, intercept) for slope, intercept in rescale}),
        "padding": sorted({header.padding for header in series.headers if header.padding}),
        "transfer_syntaxes": sorted({header.transfer_syntax for header in series.headers}),
    }
    return Scan(
        modality=first.modality,
        axes=series.axes,
        places_mm=series.places_mm,
        pixel_mm=series.pixel_mm,
        size=(first.rows, first.columns),
        steps=steps,
        rescale=rescale,
        padding=tuple(header.padding for header in series.headers),
        stored=lambda k: stored.read(series.headers[k]),
        report=report,
        remarks=tuple(remarks),
    )


def distinct_steps(distances: Floats) -> list[float]:
    """The different distances of neighbours, rounded to 0.01 mm, most frequent first."""
    values, counts = np.unique(np.diff(distances).round(2), return_counts=True)
    return [float(values[i]) for i in np.lexsort([values, -counts])][:MOST_DIFFERENT_STEPS]


def _steps(series: Series, settings: ScanSettings, remarks: list[str]) -> Steps:
    distances = series.places_mm[:, 0]
    n = len(distances)
    if n < FEWEST:
        allow("few_slices", f"has {n} slice{'s' if n > 1 else ''}, not a scan of three dimensions", settings, remarks)
    if n == 1:
        thickness = series.headers[0].thickness_mm
        if not thickness or not thickness > 0:
            raise BadSample("has one slice, and no Slice Thickness says how thick it is")
        return Steps(thickness, True, ())
    steps = examine_steps(distances)
    if steps.longest_gap > MOST_MISSING or (steps.missing and not steps.even):
        raise BadSample(f"lacks {number_of(steps.longest_gap, 'slice')} in a row; {_where(series, steps)}")
    if steps.missing:
        allow("gaps", f"lacks slices; {_where(series, steps)}", settings, remarks)
    elif not steps.even:
        text = f"is unevenly spaced: steps of {listed([f'{mm:g}' for mm in distinct_steps(distances)])} mm"
        allow("uneven", text, settings, remarks)
    off = off_line_mm(series.places_mm)
    if off > OFF_LINE_MM:
        allow("uneven", f"has slices up to {off:.1f} mm off the line of the others", settings, remarks)
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


def _rescale(
    series: Series, stored: StoredSlices, settings: ScanSettings, remarks: list[str]
) -> tuple[tuple[float, float], ...]:
    pairs = [(header.slope, header.intercept) for header in series.headers]
    for header, (slope, intercept) in zip(series.headers, pairs, strict=True):
        bad = slope == 0 or not (math.isfinite(slope or 1.0) and math.isfinite(intercept or 0.0))
        if bad:
            raise BadSample(f"{header.name} has a rescale slope of {slope} and an intercept of {intercept}")
    lacking = [k for k, (slope, intercept) in enumerate(pairs) if slope is None or intercept is None]
    if not lacking:
        return tuple((slope or 1.0, intercept or 0.0) for slope, intercept in pairs)
    guessed = 0.0
    is_ct = series.headers[0].modality == "CT"
    if is_ct and any(pairs[k][1] is None for k in lacking):
        guessed = _guess_intercept(series.headers[lacking[len(lacking) // 2]], stored, settings, remarks)
    if is_ct or len(lacking) < len(pairs):  # in MR it is usual to have none (DICOM PS3.3 C.8.3.1)
        remarks.append(f"{number_of(len(lacking), 'slice')} without slope or intercept; taken were 1 and {guessed:g}")
    return tuple((1.0 if s is None else s, guessed if b is None else b) for s, b in pairs)


def _guess_intercept(header: Header, stored: StoredSlices, settings: ScanSettings, remarks: list[str]) -> float:
    """0 when the stored values are HU already (air near -1000), -1024 when air is near 0 and that is allowed."""
    values = stored.read(header) * (header.slope or 1.0)
    if header.padding:
        values = values[(values < header.padding[0]) | (values > header.padding[1])]
    if np.mean(np.abs(values + 1000) < NEAR_AIR) >= SHARE_OF_AIR:
        return 0.0
    text = f"{header.name} lacks its rescale intercept, and its values are not HU (no air near -1000)"
    for place, what in ((24, "air"), (24 + 1040, "tissue")):
        if np.mean(np.abs(values - place) < NEAR_AIR) < SHARE_OF_AIR:
            raise BadSample(f"{text}, nor HU + 1024 (no {what} near {place})")
    allow("no_rescale", text, settings, remarks)
    return -1024.0
