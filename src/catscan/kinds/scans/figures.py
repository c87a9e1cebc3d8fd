"""What a person sees of a scan: slices, planes, projections, its histogram, its lungs; all in grey.

Every function takes the array and the `geometry` of a `Reading` and gives a matplotlib figure, drawn without a screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from catscan.kinds.scans.windows import AIR_HU

NOTICE = "Not a medical device. For research and teaching only."
TISSUES_HU = {"air": -1000, "lung": -850, "fat": -100, "soft tissue": 40, "bone": 700}
SLAB_MM = 20.0
OUTLINED = [withStroke(linewidth=2, foreground="black")]  # white on any grey stays readable

Array = NDArray[np.uint8]
# Where the letters of the patient's sides go: (left, right, top, bottom) of each view.
SIDES = {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}


def heights_mm(array: Array, geometry: dict[str, Any]) -> NDArray[np.float64] | None:
    """z of each slice's centre in the patient, mm, (depth,); None when the geometry does not place the array."""
    if "affine" not in geometry:
        return None
    affine = np.array(geometry["affine"])
    return np.asarray(affine[2, 3] + affine[2, 0] * np.arange(array.shape[0]))


def montage(array: Array, geometry: dict[str, Any], *, title: str = "", n_slices: int = 30, channel: int = 0) -> Figure:
    """Axial slices from the feet upwards, all or every second, third and so on, each with its height in mm.

    Parameters
    ----------
    array
        uint8, (depth, height, width, channels).
    geometry
        `Reading.geometry`.
    title
        Stands above.
    n_slices
        At most so many slices.
    channel
        Which window.
    """
    chosen = range(0, array.shape[0], -(-array.shape[0] // n_slices))
    columns = min(5, len(chosen))
    rows = -(-len(chosen) // columns)
    heights = heights_mm(array, geometry)
    _, row_mm, column_mm = geometry["spacing_mm"]
    figure, panels = _figure(title, (1.9 * columns, 2.1 * rows + 0.7), rows, columns)
    for panel, k in zip(panels, chosen, strict=False):
        _show(panel, array[k, :, :, channel], row_mm / column_mm)
        panel.set_title(f"slice {k}" if heights is None else f"z = {heights[k]:.0f} mm", fontsize=8, pad=2)
    for panel in panels[len(chosen) :]:
        panel.set_axis_off()
    _letters(panels[0], SIDES["axial"])
    return figure


def three_planes(
    array: Array,
    geometry: dict[str, Any],
    *,
    title: str = "",
    at: tuple[int, int, int] | None = None,
    channel: int = 0,
) -> Figure:
    """The axial, coronal and sagittal plane through one voxel, in true proportions, with a cross and the sides.

    Parameters
    ----------
    array, geometry, title, channel
        As in `montage`.
    at
        The voxel (z, y, x); the middle when not given.
    """
    z, y, x = at or tuple(n // 2 for n in array.shape[:3])
    dz, dy, dx = geometry["spacing_mm"]
    levels = array[..., channel]
    views = {
        "axial": (levels[z], dy / dx, (x, y)),
        "coronal": (levels[::-1, y], dz / dx, (x, array.shape[0] - 1 - z)),
        "sagittal": (levels[::-1, :, x], dz / dy, (y, array.shape[0] - 1 - z)),
    }
    figure, panels = _figure(title, (10, 4.2), 1, 3)
    for panel, (name, (picture, aspect, (across, down))) in zip(panels, views.items(), strict=True):
        _show(panel, picture, aspect)
        _cross(panel, picture.shape, across, down)
        _letters(panel, SIDES[name])
        panel.set_title(name, fontsize=9, pad=3)
    return figure


def projections(array: Array, geometry: dict[str, Any], *, title: str = "", channel: int = 0) -> Figure:
    """The scan along lines of sight: averaged like an X-ray picture, and the brightest and darkest voxel of a slab.

    The brightest voxel (maximum intensity projection) is taken over a slab of 20 mm, as readers do for nodules: over
    the whole chest it would be ribs everywhere. The darkest one leaves out the air around the body.

    Parameters
    ----------
    array, geometry, title, channel
        As in `montage`.
    """
    dz, dy, dx = geometry["spacing_mm"]
    levels = array[::-1, :, :, channel]
    front = slice(levels.shape[1] // 4, 3 * levels.shape[1] // 4)
    slab = _middle(levels.shape[1], SLAB_MM / dy)
    views = [
        ("average, from the front", levels.mean(axis=1), dz / dx, "coronal"),
        ("average, from the side", levels.mean(axis=2), dz / dy, "sagittal"),
        (f"brightest of {SLAB_MM:g} mm, front", levels[:, slab].max(axis=1), dz / dx, "coronal"),
        ("darkest, front", levels[:, front].min(axis=1), dz / dx, "coronal"),
    ]
    figure, panels = _figure(title, (11, 3.3), 1, 4)
    for panel, (name, picture, aspect, view) in zip(panels, views, strict=True):
        _show(panel, picture, aspect)
        _letters(panel, SIDES[view])
        panel.set_title(name, fontsize=9, pad=3)
    return figure


def _middle(count: int, wanted: float) -> slice:
    size = min(count, max(1, round(wanted)))
    return slice((count - size) // 2, (count - size) // 2 + size)


def histogram(array: Array, geometry: dict[str, Any], *, title: str = "", channel: int = 0) -> Figure:
    """How often each value occurs, what is cut off at both ends, and in CT where tissues lie on the scale of HU.

    Parameters
    ----------
    array, geometry, title, channel
        As in `montage`.
    """
    low, high = geometry["intensity_ranges"][channel]
    unit = "HU" if geometry["modality"] == "CT" else "value, in the scanner's own unit"
    counts = np.bincount(array[..., channel].ravel(), minlength=256) / array[..., channel].size
    figure, (panel,) = _figure(title, (8, 3.8), 1, 1)
    place = low + np.arange(256) * (high - low) / 255
    panel.fill_between(place[1:255], counts[1:255] * 100, step="mid", color="0.55", linewidth=0)
    panel.step(place[1:255], counts[1:255] * 100, where="mid", color="black", linewidth=0.8)
    margin = 0.12 * (high - low)
    panel.set(xlim=(low - margin, high + margin), xlabel=unit, ylabel="share of voxels, %")
    padding = round((AIR_HU - low) / (high - low) * 255) if unit == "HU" else 0
    spike = [padding] if 0 < padding < 255 else []  # it would press all else to the ground
    top = 1.3 * max(float(np.delete(counts, [0, 255, *spike]).max()) * 100, 1e-3)
    panel.set_ylim(0, top)
    if spike:
        panel.text(place[padding], 0.75 * top, f"{counts[padding]:.1%} at {AIR_HU:g} HU ", ha="right", fontsize=8)
    for edge, share, side in ((low, counts[0], "right"), (high, counts[255], "left")):
        panel.axvline(edge, color="black", linestyle="--", linewidth=1)
        value = f"{edge:g} HU" if unit == "HU" else f"{edge:.4g}"
        text = f" {value} \n {share:.1%} {'at or below' if side == 'right' else 'at or above'} "
        panel.text(edge, 0.55 * top, text, ha=side, va="center", fontsize=8, rotation=90)
    if unit == "HU":
        _tissues(panel, low, high, top)
    panel.spines[["top", "right"]].set_visible(False)
    return figure


def _tissues(panel: Axes, low: float, high: float, top: float) -> None:
    """Mark on the scale of HU where tissues lie, as far as the window shows them."""
    for name, place in TISSUES_HU.items():
        if low < place < high:
            panel.plot([place], [0.97 * top], marker="v", color="black", markersize=5, clip_on=False)
            panel.text(place, 0.93 * top, name, ha="center", va="top", fontsize=8)


def lung_outline(
    array: Array, geometry: dict[str, Any], mask: NDArray[np.bool_], *, title: str = "", channel: int = 0
) -> Figure:
    """The outline of a mask on eight axial slices and one coronal one.

    Parameters
    ----------
    array, geometry, title, channel
        As in `montage`.
    mask
        bool, (depth, height, width), on the array's own grid (`ScanReader.lung_mask`).
    """
    dz, dy, dx = geometry["spacing_mm"]
    heights = heights_mm(array, geometry)
    inside = np.flatnonzero(mask.any(axis=(1, 2)))
    first, last = (int(inside[0]), int(inside[-1])) if len(inside) else (0, len(array) - 1)
    chosen = np.linspace(first, last, 9).round().astype(int)[:8]
    figure, panels = _figure(title, (11, 5.2), 2, 5)
    for panel, k in zip([*panels[:4], *panels[5:9]], chosen, strict=True):
        _show(panel, array[k, :, :, channel], dy / dx)
        _contour(panel, mask[k])
        panel.set_title(f"slice {k}" if heights is None else f"z = {heights[k]:.0f} mm", fontsize=8, pad=2)
    y = int(np.argmax(mask.sum(axis=(0, 2))))
    _show(panels[4], array[::-1, y, :, channel], dz / dx)
    _contour(panels[4], mask[::-1, y])
    _letters(panels[4], SIDES["coronal"])
    panels[4].set_title("coronal", fontsize=8, pad=2)
    panels[9].set_axis_off()
    litres = float(mask.sum()) * dz * dy * dx / 1e6
    panels[9].text(0.5, 0.5, f"{litres:.1f} l inside\nthe outline", ha="center", va="center", fontsize=10)
    return figure


def _figure(title: str, size: tuple[float, float], rows: int, columns: int) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    if title:
        figure.suptitle(title, fontsize=10)
    figure.supxlabel(NOTICE, fontsize=7, color="0.35")
    return figure, panels


def _show(panel: Axes, picture: NDArray[Any], aspect: float) -> None:
    panel.imshow(picture, cmap="gray", vmin=0, vmax=255, aspect=aspect, interpolation="nearest")
    panel.set(xticks=[], yticks=[])


def _cross(panel: Axes, shape: tuple[int, ...], across: int, down: int) -> None:
    """A cross with its middle left open, so that what it marks is seen."""
    gap = 0.06 * max(shape)
    style: dict[str, Any] = {"color": "white", "linewidth": 0.8, "linestyle": "--", "path_effects": OUTLINED}
    edge = 0.08 * max(shape)  # the letters stand there
    for start, end in ((edge, across - gap), (across + gap, shape[1] - edge)):
        panel.plot([start, end], [down, down], **style)
    for start, end in ((edge, down - gap), (down + gap, shape[0] - edge)):
        panel.plot([across, across], [start, end], **style)
    panel.set(xlim=(-0.5, shape[1] - 0.5), ylim=(shape[0] - 0.5, -0.5))


def _letters(panel: Axes, sides: str) -> None:
    left, right = (0.02, 0.5, "left", "center"), (0.98, 0.5, "right", "center")
    places = (left, right, (0.5, 0.98, "center", "top"), (0.5, 0.02, "center", "bottom"))
    for letter, (across, up, horizontal, vertical) in zip(sides, places, strict=True):
        panel.text(
            across,
            up,
            letter,
            transform=panel.transAxes,
            ha=horizontal,
            va=vertical,
            color="white",
            fontsize=9,
            fontweight="bold",
            path_effects=OUTLINED,
        )


def _contour(panel: Axes, mask: NDArray[np.bool_]) -> None:
    if mask.any() and not mask.all():
        drawn = panel.contour(mask.astype(float), levels=[0.5], colors="white", linewidths=1.0)
        drawn.set_path_effects([withStroke(linewidth=2.2, foreground="black")])
