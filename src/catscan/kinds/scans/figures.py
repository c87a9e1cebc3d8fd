"""What a person sees of a scan: slices, planes, its histogram; all in grey.

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
        The most slices to show.
    channel
        Which window.
    """
    chosen = range(0, array.shape[0], -(-array.shape[0] // n_slices))
    columns = min(4, len(chosen))
    rows = -(-len(chosen) // columns)
    heights = heights_mm(array, geometry)
    _, row_mm, column_mm = geometry["spacing_mm"]
    high = 1.4 * array.shape[1] * row_mm / (array.shape[2] * column_mm)  # of a slice that is 1.4 inches wide
    figure, panels = _figure(title, (1.4 * columns, (high + 0.2) * rows + 0.4), rows, columns)
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
    figure, panels = _figure(title, (5.6, 2.6), 1, 3)
    for panel, (name, (picture, aspect, (across, down))) in zip(panels, views.items(), strict=True):
        _show(panel, picture, aspect)
        _cross(panel, picture.shape, across, down)
        _letters(panel, SIDES[name])
        panel.set_title(name, fontsize=9, pad=3)
    return figure


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
    figure, (panel,) = _figure(title, (5.6, 3.4), 1, 1)
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
        panel.text(place[padding], 0.75 * top, f" {counts[padding]:.1%} at {AIR_HU:g} HU", fontsize=8)
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
            beside = "right" if name == "fat" else "center"  # soft tissue lies close to it
            panel.text(place, 0.93 * top, name, ha=beside, va="top", fontsize=8)


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
