"""The figures of the evaluation; each function gives a Matplotlib figure and reads as well in grey as in colour.

They are kept narrow, so that their words can be read on a phone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catscan.common.words import number_of
from catscan.scores.rates import operating_points, wilson

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

WIDTH = 5.2  # inches
# Okabe and Ito's colours, which most colour-blind people tell apart; marks and line styles differ as well.
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"]
STYLES = ["-", "--", "-.", ":"]
LINE, GRID = "#888888", "#e4e6ea"
MOST_BINS, FEWEST_IN_BIN = 10, 15
CURVES_SHOWN = 6
SPIKE = 3.0  # times the usual loss


def figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of the house style, sizes in inches."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["text.parse_math"] = False  # the name of a class is no formula
    return Figure(figsize=(width, height), layout="constrained")


def save(drawn: Figure, path: Path) -> None:
    """Write ``drawn`` as SVG whose words are text, the same bytes every time."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "catscan", "font.size": 10}):
        drawn.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def learning_curves(histories: Mapping[str, Mapping[int, pd.DataFrame]], loss: str) -> Figure:
    """Training and held-out loss (its column is ``loss``) by epoch, a panel a model.

    ``histories`` maps model and fold to a history.
    """
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    drawn = figure(0.4 + 2.9 * len(histories))
    panels = drawn.subplots(len(histories), 1, squeeze=False)[:, 0]
    for axis, (model, of_folds) in zip(panels, histories.items(), strict=True):
        for number, (fold, history) in enumerate(of_folds.items()):
            color, style = COLORS[number % len(COLORS)], {"marker": "o", "markersize": 2.5, "linewidth": 1.4}
            if loss in history:  # a fold without samples holds none out
                axis.plot(history["epoch"], history[loss], color=color, label=f"fold {fold}", **style)
            axis.plot(history["epoch"], history["train_loss"], color=color, linestyle=":", linewidth=1.4)
        losses = np.concatenate([one[[*{loss, "train_loss"} & {*one}]].to_numpy().ravel() for one in of_folds.values()])
        top, cut = limit(losses)
        axis.set(title=model + cut, xlabel="epoch", ylabel="loss", ylim=(0, top))
        axis.title.set_size(10)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        dotted = Line2D([], [], color=LINE, linestyle=":", label="training")
        shown = axis.get_legend_handles_labels()[0][: len(COLORS)]
        axis.legend(handles=[*shown, dotted], fontsize=8, frameon=False, ncols=2)
        _plain(axis)
    return drawn


def limit(losses: Array) -> tuple[float, str]:
    """Where an axis of losses ends, so that a spike does not press all else to the ground; what to say of it."""
    losses = losses[np.isfinite(losses)]
    if not len(losses):
        return 1.0, ""
    usual = SPIKE * float(np.median(losses))
    kept = losses[losses <= usual]
    top = 1.08 * float(kept.max())
    cut = number_of(len(losses) - len(kept), "value")
    return top, "" if len(kept) == len(losses) else f" ({cut} up to {losses.max():.2f} cut off)"


def calibration(given: Array, happened: Array, name: str) -> Figure:
    """Reliability in bins of as many samples each, with 95 % intervals, above how often each probability is given.

    Parameters
    ----------
    given
        (n,) probabilities.
    happened
        (n,) 1 where what they were given to is so, else 0.
    name
        Of what that is.
    """
    drawn = figure(4.9)
    upper, lower = drawn.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    upper.plot([0, 1], [0, 1], color=LINE, linewidth=0.8, zorder=0)
    bins = np.array_split(np.argsort(given, kind="stable"), max(1, min(MOST_BINS, len(given) // FEWEST_IN_BIN)))
    means = np.array([given[rows].mean() for rows in bins])
    shares = np.array([happened[rows].mean() for rows in bins])
    ends = np.array([wilson(int(happened[rows].sum()), len(rows)) for rows in bins])
    reach = np.abs(ends - shares[:, None]).T
    upper.errorbar(means, shares, yerr=reach, color=COLORS[0], marker="o", markersize=4, capsize=2, linewidth=1.2)
    upper.set(ylabel="share that is so", xlim=(0, 1), ylim=(0, 1))
    lower.hist(given, np.linspace(0, 1, 21), color=COLORS[0], alpha=0.7)
    lower.set(xlabel=f"probability given to {name}", ylabel="samples")
    _plain(upper)
    _plain(lower)
    return drawn


def probability_histograms(shown: Mapping[str, Array], name: str, title: str) -> Figure:
    """How often each probability (n,) is given to ``name``, for each kind of sample."""
    drawn = figure(3.4)
    axis = drawn.subplots()
    edges = np.linspace(0, 1, 26)
    for number, (kind, values) in enumerate(shown.items()):
        axis.stairs(
            np.histogram(values, edges)[0],
            edges,
            fill=True,
            alpha=0.55,
            color=COLORS[number],
            hatch=["", "///"][number],
            label=f"{kind} ({len(values):,})",
        )
    axis.set(xlabel=f"probability given to {name}", ylabel="samples", xlim=(0, 1))
    axis.legend(title=title, fontsize=9, frameon=False)
    _plain(axis)
    return drawn


def curves(of_classes: Sequence[tuple[str, Array, Array]], said: str = "") -> Figure:
    """ROC, and precision by recall, of each class: its name, (n,) probabilities, (n,) 1 for its samples.

    Parameters
    ----------
    said
        Which classes these are, where they are not all.
    """
    drawn = figure(2.9, 5.6)
    left, right = drawn.subplots(1, 2)
    left.plot([0, 1], [0, 1], color=LINE, linewidth=0.8)
    for number, (name, given, true) in enumerate(of_classes):
        style = {"color": COLORS[number % len(COLORS)], "linestyle": STYLES[number % len(STYLES)], "linewidth": 1.4}
        found, false, precision = operating_points(given, true)
        left.plot(false, found, label=name, **style)
        right.plot(found, precision, **style)
        right.axhline(true.mean(), color=style["color"], linewidth=0.6, alpha=0.6)
    left.set(xlabel="false alarms", ylabel="found (sensitivity)", xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
    right.set(xlabel="found (recall)", ylabel="right among found", xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
    left.legend(fontsize=8, frameon=False, loc="lower right", title=said or None, title_fontsize=8)
    _plain(left)
    _plain(right)
    return drawn


def told_against_true(told: Array, true: Array, name: str) -> Figure:
    """Each held-out sample as a point: what is told of it beside the truth, both (n,)."""
    drawn = figure(4.9)
    axis = drawn.subplots()
    low, high = float(min(told.min(), true.min())), float(max(told.max(), true.max()))
    axis.plot([low, high], [low, high], color=LINE, linewidth=0.8, zorder=0)
    axis.scatter(true, told, s=9, color=COLORS[0], alpha=max(0.1, min(0.7, 200 / len(true))), linewidths=0)
    axis.set(xlabel=f"true {name}", ylabel=f"{name} told", aspect="equal")
    _plain(axis)
    return drawn


def amount_histograms(told: Array, true: Array, name: str) -> Figure:
    """How often each amount is true, and how often it is told; both (n,)."""
    drawn = figure(3.4)
    axis = drawn.subplots()
    edges = np.histogram_bin_edges(np.concatenate([told, true]), 40)
    axis.stairs(np.histogram(true, edges)[0], edges, fill=True, alpha=0.55, color=COLORS[0], label="true")
    axis.stairs(np.histogram(told, edges)[0], edges, color=COLORS[1], linestyle="--", linewidth=1.6, label="told")
    axis.set(xlabel=name, ylabel="samples")
    axis.legend(fontsize=9, frameon=False)
    _plain(axis)
    return drawn


def errors(of_samples: Array, name: str) -> Figure:
    """How often each error (told less true, (n,)) occurs."""
    drawn = figure(3.4)
    axis = drawn.subplots()
    counts, edges = np.histogram(of_samples, 40)
    axis.stairs(counts, edges, fill=True, alpha=0.55, color=COLORS[0])
    axis.axvline(0, color=LINE, linewidth=0.8)
    axis.set(xlabel=f"{name} told, less the true one", ylabel="samples")
    _plain(axis)
    return drawn


def _plain(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
