"""The figures of the evaluation; each function gives a Matplotlib figure and reads as well in grey as in colour."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ArrayOf = Callable[[int], NDArray[np.uint8]]  # a held-out sample by its position
Row = tuple[str, list[NDArray[np.uint8]], list[str]]

DPI = 160
# Okabe and Ito's colours, which most colour-blind people tell apart; marks and line styles differ as well.
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#F0E442"]
STYLES = ["-", "--", "-.", ":"]
SLICES_SHOWN = 5
CLASSES_SHOWN = 8
PER_CLASS = 8
MOST_WRONG = 16
CAPTION = 20  # characters above a picture


def figure(width: float, height: float, **layout: Any) -> Figure:
    """An empty figure of the house style, sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, layout="constrained", **layout)


def strip(sample: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One sample as one picture (height, width) or (height, width, 3).

    A scan (depth, height, width, channels) becomes a row of slices from one end to the other, of its first channel.
    """
    if sample.ndim == 4:
        depth = len(sample)
        chosen = np.linspace(depth * 0.15, depth * 0.85, SLICES_SHOWN).round().astype(int).clip(0, depth - 1)
        return np.concatenate([sample[z, :, :, 0] for z in chosen], axis=1)
    return sample if sample.shape[2] == 3 else sample[:, :, 0]


def gallery(rows: list[Row]) -> Figure:
    """Rows of samples: (name of the row, samples, one caption a sample)."""
    shapes = [sample.shape for _, samples, _ in rows for sample in samples]
    scans = bool(shapes) and len(shapes[0]) == 4
    columns = max([len(samples) for _, samples, _ in rows] + [1])
    width = 3.4 if scans else 1.35
    drawn = figure(min(columns * width, 14) + 0.6, len(rows) * (1.05 if scans else 1.6) + 0.4)
    axes = drawn.subplots(len(rows), columns, squeeze=False)
    for line, (name, samples, captions) in zip(axes, rows, strict=True):
        for axis in line:
            axis.set_axis_off()
        for axis, sample, caption in zip(line, samples, captions, strict=False):
            axis.imshow(strip(sample), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axis.set_title(caption, fontsize=7, pad=2)
        line[0].text(-0.04, 0.5, name, transform=line[0].transAxes, rotation=90, ha="right", va="center", fontsize=9)
    return drawn


def lines_of(samples: list[NDArray[np.uint8]], captions: list[str], *, scans: bool) -> list[Row]:
    """Samples in rows without a name, as many beside each other as fit."""
    width = 2 if scans else 8
    return [("", samples[i : i + width], captions[i : i + width]) for i in range(0, len(samples), width)]


def worst_shown(*, scans: bool) -> int:
    """How many samples the gallery of mistakes shows."""
    return 6 if scans else MOST_WRONG


def short(sample_id: str) -> str:
    """An id that fits above a picture; what is cut is the middle, since the ids of a class often begin alike.

    >>> short("Bengin.Bengin case (101)"), short("cat.10012")
    ('Bengin…in case (101)', 'cat.10012')
    """
    return sample_id if len(sample_id) <= CAPTION else f"{sample_id[:6]}…{sample_id[7 - CAPTION :]}"


def learning_curves(histories: dict[str, pd.DataFrame], loss: str) -> Figure:
    """Training and held-out loss (its column is ``loss``) by epoch; ``histories`` maps "model, fold k" to a history."""
    from matplotlib.ticker import MaxNLocator

    drawn = figure(8, 3.8)
    axis = drawn.subplots()
    for number, (name, history) in enumerate(histories.items()):
        color = COLORS[number % len(COLORS)]
        if loss in history:  # a fold without samples holds none out
            axis.plot(history["epoch"], history[loss], color=color, marker="o", markersize=3, label=f"{name}, held out")
        axis.plot(
            history["epoch"], history["train_loss"], color=color, linestyle="--", linewidth=1, label=f"{name}, training"
        )
    axis.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _plain(axis)
    if len(histories) <= 6:
        drawn.legend(fontsize=7, frameon=False, loc="outside right upper")
    return drawn


def calibration(probabilities: NDArray[np.float64], targets: NDArray[np.float64], classes: list[str]) -> Figure:
    """Reliability of each class (of a binary task: of the second), in ten bins of equal width, above their sizes.

    ``probabilities`` and ``targets`` are (n, classes).
    """
    drawn = figure(5.4, 5.2)
    upper, lower = drawn.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    edges = np.linspace(0, 1, 11)
    chosen = [1] if len(classes) == 2 else list(range(len(classes)))[:CLASSES_SHOWN]
    for number, k in enumerate(chosen):
        bins = np.clip(np.digitize(probabilities[:, k], edges) - 1, 0, 9)
        filled = [b for b in range(10) if (bins == b).any()]
        means = [probabilities[bins == b, k].mean() for b in filled]
        shares = [targets[bins == b, k].mean() for b in filled]
        color, style = COLORS[number % len(COLORS)], STYLES[number % len(STYLES)]
        upper.plot(means, shares, color=color, linestyle=style, marker="o", markersize=4, label=classes[k])
        lower.stairs(
            np.bincount(bins, minlength=10), edges, color=color, linestyle=style, fill=len(chosen) == 1, alpha=0.8
        )
    upper.plot([0, 1], [0, 1], color="#888", linewidth=0.8, zorder=0)
    upper.set(ylabel="share that is of the class", xlim=(0, 1), ylim=(0, 1))
    lower.set(xlabel=f"probability given to {classes[1]}" if len(classes) == 2 else "probability", ylabel="samples")
    if len(chosen) > 1:
        upper.legend(fontsize=7, frameon=False)
    _plain(upper)
    _plain(lower)
    return drawn


def probability_histograms(
    probabilities: NDArray[np.float64], targets: NDArray[np.float64], classes: list[str]
) -> Figure:
    """Of a binary task: the probability of the second class, by true class; else: of the true class, by class."""
    drawn = figure(6.4, 3.4)
    axis = drawn.subplots()
    edges = np.linspace(0, 1, 26)
    hatches = ["", "///", "...", "xxx"]
    for number, (k, name) in enumerate(list(enumerate(classes))[:CLASSES_SHOWN]):
        shown = probabilities[targets[:, k] > 0.5, 1 if len(classes) == 2 else k]
        axis.stairs(
            np.histogram(shown, edges)[0],
            edges,
            fill=True,
            alpha=0.45,
            color=COLORS[number % len(COLORS)],
            hatch=hatches[number % len(hatches)],
            label=f"{name} ({len(shown):,})",
        )
    of = classes[1] if len(classes) == 2 else "the true class"
    axis.set(xlabel=f"probability given to {of}", ylabel="samples", xlim=(0, 1))
    axis.legend(title="true class", fontsize=8, frameon=False)
    _plain(axis)
    return drawn


def confusion(table: NDArray[np.int64], classes: list[str]) -> Figure:
    """``table`` (classes, classes): rows true, columns most probable, counts written into the cells."""
    side = min(2.2 + 0.55 * len(classes), 12)
    drawn = figure(side + 0.6, side)
    axis = drawn.subplots()
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Greys", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(table):
        if len(classes) <= 20:
            axis.text(
                column,
                row,
                f"{count:,}",
                ha="center",
                va="center",
                color="white" if shares[row, column] > 0.5 else "black",
            )
    axis.set_xticks(range(len(classes)), classes, rotation=45 if len(classes) > 4 else 0, fontsize=8)
    axis.set_yticks(range(len(classes)), classes, fontsize=8)
    axis.set(xlabel="most probable class", ylabel="true class")
    return drawn


def told_against_true(told: NDArray[np.float64], true: NDArray[np.float64], name: str) -> Figure:
    """Each held-out sample as a point: what is told of it beside the truth, both (n,)."""
    drawn = figure(5.4, 5.2)
    axis = drawn.subplots()
    low, high = float(min(told.min(), true.min())), float(max(told.max(), true.max()))
    axis.plot([low, high], [low, high], color="#888", linewidth=0.8, zorder=0)
    axis.scatter(true, told, s=9, color=COLORS[0], alpha=max(0.1, min(0.7, 200 / len(true))), linewidths=0)
    axis.set(xlabel=f"true {name}", ylabel=f"{name} told", aspect="equal")
    _plain(axis)
    return drawn


def amount_histograms(told: NDArray[np.float64], true: NDArray[np.float64], name: str) -> Figure:
    """How often each amount is true, and how often it is told; both (n,)."""
    drawn = figure(6.4, 3.4)
    axis = drawn.subplots()
    edges = np.histogram_bin_edges(np.concatenate([told, true]), 40)
    axis.stairs(np.histogram(true, edges)[0], edges, fill=True, alpha=0.45, color=COLORS[0], label="true")
    axis.stairs(np.histogram(told, edges)[0], edges, color=COLORS[1], linestyle="--", linewidth=1.6, label="told")
    axis.set(xlabel=name, ylabel="samples")
    axis.legend(fontsize=8, frameon=False)
    _plain(axis)
    return drawn


def errors(of_samples: NDArray[np.float64], name: str) -> Figure:
    """How often each error (told less true, (n,)) occurs."""
    drawn = figure(6.4, 3.4)
    axis = drawn.subplots()
    counts, edges = np.histogram(of_samples, 40)
    axis.stairs(counts, edges, fill=True, alpha=0.45, color=COLORS[0])
    axis.axvline(0, color="#888", linewidth=0.8)
    axis.set(xlabel=f"{name} told, less the true one", ylabel="samples")
    _plain(axis)
    return drawn


def _plain(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(color="#e4e6ea", linewidth=0.6)
    axis.set_axisbelow(True)
