"""What the page shows of scans: one of them in figures, and the geometry of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from catscan.common.arrays import Shards
from catscan.stages.report.inlined import drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST = 60  # characters of a value in a table
TITLES = {
    "n_files": "files",
    "n_slices": "slices",
    "pixel_mm": "pixel, mm",
    "rows_columns": "rows, columns",
    "spacing_mm": "spacing as the network gets it (z, y, x), mm",
    "step_mm": "step, mm",
    "steps_mm": "steps, mm",
    "tilt_degrees": "tilt, °",
    "oblique_degrees": "oblique by, °",
    "intensity_ranges": "intensities shown",
    "interpolated_mm": "interpolated at, mm",
    "left_out": "left out",
    "other_series": "other series",
    "padding": "padding, stored values",
    "rescale": "slope, intercept",
    "even": "even steps",
}
OF_NO_USE = ("affine", "series_uid", "transfer_syntaxes")  # to the eye of a person; they stand in the sidecars


def geometry_table(geometry: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The scans' geometry: a table of the short values in which some differ, a line on those alike in all.

    Empty for pictures.
    """
    if not geometry:
        return {}
    alike, columns = [], []
    for key in dict.fromkeys(key for told in geometry.values() for key in told if key not in OF_NO_USE):
        values = {_short(told.get(key)) for told in geometry.values()}
        if (
            values == {""}
            or max(map(len, values)) > LONGEST
            or any(isinstance(told.get(key), dict) for told in geometry.values())
        ):
            continue
        if len(values) == 1 and len(geometry) > 1:
            alike.append(f"{_title(key)} {values.pop()}")
        else:
            columns.append(key)
    rows = [[sample, *(_short(told.get(key)) for key in columns)] for sample, told in geometry.items()]
    return {
        "line": f"{len(geometry):,} scans.",
        "alike": "; ".join(alike),
        "columns": ["scan", *map(_title, columns)],
        "rows": rows,
    }


def scan_figures(shards: Shards, geometry: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Three views of the first scan as the network gets it, each as SVG with its caption.

    None for samples without a geometry: pictures, and volumes that do not say how large a voxel is.
    """
    if not len(shards) or shards.sample_ids[0] not in geometry:
        return
    from catscan.kinds.scans import figures

    sample_id = shards.sample_ids[0]
    array, told = shards.take(np.array([0]))[0], geometry[sample_id]
    views: dict[Callable[..., Figure], str] = {
        figures.three_planes: f"Scan {sample_id} in three planes, in true proportions.",
        figures.histogram: "How often each value occurs in it, and what is cut off at both ends.",
        figures.montage: "Its slices from the feet upwards, with heights in mm.",
    }
    for view, caption in views.items():
        yield drawn(view(array, told), caption), caption


def _title(key: str) -> str:
    return TITLES.get(key, key.replace("_", " "))


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(_short(item) for item in value)
    return "" if value is None else str(value)
