"""Which slices make the scan, and in which order.

Never by file name, listing order or Instance Number: only by what the positions, the directions and the pixels say.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import pairwise
from operator import attrgetter
from typing import Any

import numpy as np

from catscan.common.errors import BadSample, listed
from catscan.common.words import number_of
from catscan.kinds.scans.geometry import SAME_PLACE_MM, Floats, own_axes
from catscan.kinds.scans.slice_header import Header
from catscan.kinds.scans.slices import StoredSlices

SAME_SPACING = 0.01  # pixel spacings within 1 % are the same
SAME_DIRECTION = 1e-3
FEWEST = 3  # slices; fewer are a localizer, or no volume
INTERLEAVED = 0.5  # of the shorter part: runs that overlap by more are scans of their own
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
# What tells two scans of the same places apart, in this order (time, run of the scanner, reconstruction, MR's echo).
PHASES: dict[str, Callable[[Header], str]] = {
    "Temporal Position": attrgetter("temporal"),
    "Acquisition Number": attrgetter("acquisition"),
    "Convolution Kernel": attrgetter("kernel"),
    "Echo Time": attrgetter("echo_ms"),
}


@dataclass(frozen=True)
class Series:
    """The slices of one scan, one a place, ascending along their normal.

    Attributes
    ----------
    headers
        One a slice.
    axes
        (3, 3) of `own_axes`.
    places_mm
        (n, 3) centre of each slice's first pixel along the own axes.
    pixel_mm
        Pixel spacing: between rows, between columns.
    report
        What was decided, JSON-able.
    remarks
        What a person should know, as sentences.
    """

    headers: tuple[Header, ...]
    axes: Floats
    places_mm: Floats
    pixel_mm: tuple[float, float]
    report: dict[str, Any]
    remarks: tuple[str, ...]


def choose_series(headers: Sequence[Header], stored: StoredSlices, *, wanted: str = "") -> Series:
    """Choose the scan among the slices of a folder, and order it.

    Parameters
    ----------
    headers
        In any order; the answer does not depend on it.
    stored
        Reads the pixels of slices in the same place, to tell a copy from another scan.
    wanted
        A SeriesInstanceUID, or "" for the one with the most slices.

    Raises
    ------
    BadSample
        When there is none, or slices of different content lie in the same place.
    """
    remarks: list[str] = []
    slices, left_out = _placed(headers, remarks)
    groups = _grouped(slices)
    if wanted:
        groups = [group for group in groups if group[0].series_uid == wanted]
    if not groups:
        known = sorted({header.series_uid for header in headers})
        reasons = listed([f"{name}: {why}" for name, why in sorted(left_out.items())])
        lacking = f"has no series {wanted}, only {listed(known)}" if wanted else "has no slices that can be placed"
        raise BadSample(lacking + (f" ({reasons})" if reasons else ""))
    ranked = sorted(groups, key=_rank)
    chosen, others = ranked[0], ranked[1:]
    one, copies, phase = _one_a_place(chosen, stored)
    if others:
        remarks.append(f"has {len(groups)} series or orientations; the one with the most slices was taken")
    if copies:
        remarks.append(f"{number_of(len(copies), 'slice')} present twice")
    if phase:
        remarks.append(f"holds several scans of the same places; taken was {phase}")
    axes = _axes_of(one[0])
    if one[0].photometric == "MONOCHROME1":
        remarks.append("is marked MONOCHROME1; values were taken as they are, not inverted")
    report = {
        "series_uid": one[0].series_uid,
        "copies": copies,
        "phase": phase,
        "other_series": [_told(group) for group in others],
        "left_out": left_out,
    }
    return Series(
        headers=tuple(one),
        axes=axes,
        places_mm=np.array([header.position_mm for header in one]) @ axes.T,
        pixel_mm=_pixel_mm(one),
        report=report,
        remarks=tuple(remarks),
    )


def _placed(headers: Sequence[Header], remarks: list[str]) -> tuple[list[Header], dict[str, str]]:
    """The slices whose place in space is known; the others with the reason, by name."""
    placed, left_out, guessed = [], {}, 0
    for header in headers:
        if "LOCALIZER" in header.image_type.upper():
            left_out[header.name] = "is a localizer"
        elif header.pixel_spacing_mm is None or not _positive(header.pixel_spacing_mm):
            left_out[header.name] = "has no pixel spacing"
        elif header.position_mm is not None and header.orientation is not None and _finite(header.position_mm):
            placed.append(header)
        elif header.location_mm is not None and math.isfinite(header.location_mm):
            guessed += 1
            orientation = header.orientation or AXIAL
            position = tuple(
                float(x) for x in header.location_mm * _axes_of(replace(header, orientation=orientation))[0]
            )
            placed.append(replace(header, orientation=orientation, position_mm=position))
        else:
            left_out[header.name] = "has no position"
    if guessed:
        remarks.append(
            f"{number_of(guessed, 'slice')} without position or orientation; Slice Location was taken instead"
        )
    return placed, left_out


def _positive(spacing: tuple[float, ...]) -> bool:
    return all(0 < mm < math.inf for mm in spacing)


def _finite(position: tuple[float, ...]) -> bool:
    return all(map(math.isfinite, position))


def _axes_of(header: Header) -> Floats:
    try:
        return own_axes(header.orientation or AXIAL)
    except ValueError as error:
        raise BadSample(f"{header.name}: {error}") from error


def _pixel_mm(headers: list[Header]) -> tuple[float, float]:
    rows, columns = np.median([header.pixel_spacing_mm for header in headers], axis=0)
    return float(rows), float(columns)


def _grouped(headers: list[Header]) -> list[list[Header]]:
    """By series, modality, size, directions and pixel spacing; each group sorted along its normal, then by content."""
    groups: list[list[Header]] = []
    by_key: dict[tuple[Any, ...], list[list[Header]]] = defaultdict(list)
    for header in sorted(headers, key=_content_key):
        alike = by_key[header.series_uid, header.modality, header.rows, header.columns]
        group = next((group for group in alike if _same_plane(group[0], header)), None)
        if group is None:
            group = []
            alike.append(group)
            groups.append(group)
        group.append(header)
    for group in groups:
        normal = _axes_of(group[0])[0].tolist()
        group.sort(key=lambda header: (_along(header, normal), _content_key(header)))
    return groups


def _content_key(header: Header) -> tuple[Any, ...]:
    return header.series_uid, header.orientation, header.position_mm, header.sop_uid, header.frame, header.file.path


def _same_plane(a: Header, b: Header) -> bool:
    if a.orientation == b.orientation and a.pixel_spacing_mm == b.pixel_spacing_mm:
        return True
    assert a.orientation and b.orientation and a.pixel_spacing_mm and b.pixel_spacing_mm  # _placed saw to it
    turned = max(abs(p - q) for p, q in zip(a.orientation, b.orientation, strict=True))
    scaled = max(abs(p / q - 1) for p, q in zip(a.pixel_spacing_mm, b.pixel_spacing_mm, strict=True))
    return turned <= SAME_DIRECTION and scaled <= SAME_SPACING


def _along(header: Header, normal: list[float]) -> float:
    x, y, z = header.position_mm or (0.0, 0.0, 0.0)
    return x * normal[0] + y * normal[1] + z * normal[2]


def _rank(group: list[Header]) -> tuple[Any, ...]:
    """Most places first, then the larger extent, then the smaller UID."""
    along = _distances(group)
    places = 1 + int(np.count_nonzero(np.diff(along) > SAME_PLACE_MM))
    return -places, -round(float(along[-1] - along[0]), 3), group[0].series_uid, _content_key(group[0])


def _distances(group: list[Header]) -> Floats:
    normal = _axes_of(group[0])[0].tolist()
    return np.array([_along(header, normal) for header in group])


def _told(group: list[Header]) -> dict[str, Any]:
    first = group[0]
    return {
        "series_uid": first.series_uid,
        "n_slices": len(group),
        "rows": first.rows,
        "columns": first.columns,
        "kernel": first.kernel,
    }


def _clusters(group: list[Header]) -> list[list[Header]]:
    """The slices by place, ascending."""
    starts = np.flatnonzero(np.diff(_distances(group)) > SAME_PLACE_MM) + 1
    bounds = [0, *starts.tolist(), len(group)]
    return [group[a:b] for a, b in pairwise(bounds)]


def _one_a_place(group: list[Header], stored: StoredSlices) -> tuple[list[Header], list[str], str]:
    """One slice a place; then the names of dropped copies, and which of several phases was taken.

    Raises
    ------
    BadSample
        When slices of the same place differ and nothing in their headers says why.
    """
    copies: list[str] = []
    distinct: list[list[Header]] = []
    for cluster in _clusters(group):
        seen: dict[bytes, Header] = {}
        for header in cluster:
            fingerprint = b"" if len(cluster) == 1 else _fingerprint(header, stored)
            if fingerprint in seen:
                copies.append(header.name)
            else:
                seen[fingerprint] = header
        distinct.append(list(seen.values()))
    left = [header for place in distinct for header in place]
    if all(len(place) == 1 for place in distinct) and not any(_interleave(left, of) for of in PHASES.values()):
        return left, copies, ""
    taken, phase = _one_phase(left)
    return taken, copies, phase


def _parts(group: list[Header], value_of: Callable[[Header], str]) -> dict[str, list[Header]]:
    parts: dict[str, list[Header]] = defaultdict(list)
    for header in group:
        parts[value_of(header)].append(header)
    return parts


def _interleave(group: list[Header], value_of: Callable[[Header], str]) -> bool:
    """Whether the group is several whole scans whose slices lie between each other's.

    A scan in several runs, one above the other, is one scan: its parts do not overlap.
    """
    parts = _parts(group, value_of)
    if len(parts) == 1:
        return False
    ranges = sorted((along[0], along[-1]) for along in map(_distances, parts.values()) if len(along) >= FEWEST)
    overlaps = (min(a[1], b[1]) - b[0] > INTERLEAVED * min(a[1] - a[0], b[1] - b[0]) for a, b in pairwise(ranges))
    return any(overlaps)


def _fingerprint(header: Header, stored: StoredSlices) -> bytes:
    digest = blake2b(np.ascontiguousarray(stored.read(header)).tobytes())
    digest.update(repr((header.slope, header.intercept)).encode())
    return digest.digest()


def _one_phase(group: list[Header]) -> tuple[list[Header], str]:
    for name, value_of in PHASES.items():
        phases = _parts(group, value_of)
        if len(phases) > 1 and all(len(cluster) == 1 for part in phases.values() for cluster in _clusters(part)):
            value, part = min(phases.items(), key=lambda item: (-len(item[1]), *_rank(item[1])[:2], item[0]))
            return part, f"{name} {value or '(empty)'} of {len(phases)}"
    place = next(cluster for cluster in _clusters(group) if len(cluster) > 1)
    at = _along(place[0], _axes_of(place[0])[0].tolist())
    names = listed([header.name for header in place])
    raise BadSample(f"has {len(place)} different slices in the same place, {at:.2f} mm along the normal: {names}")
