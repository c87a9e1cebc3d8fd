"""What the evaluation does where an amount is told: whether bounds pay, and the figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from catscan.common.contracts.metrics import Amounts
from catscan.scores import values
from catscan.scores.metrics import METRICS
from catscan.stages.evaluate import figures
from catscan.stages.evaluate.figures import ArrayOf, lines_of, short
from catscan.stages.evaluate.held_out import HeldOut

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def fitted(held_out: HeldOut, metric: str) -> dict[str, Any]:
    """The fields of `metrics.json` that say what is told: within which bounds, and where nothing is known."""
    (constant,) = METRICS[metric].constant(held_out.targets)
    bounds = values.learn(held_out.blend, held_out.targets, held_out.folds, metric)
    return {"temperature": 1.0, "clip": 0.0, "amounts": Amounts(float(constant), bounds)}


def draw(held_out: HeldOut, array_of: ArrayOf, names: list[str], *, scans: bool) -> Iterator[tuple[str, Figure]]:
    """Each figure with its file name; ``names`` holds that of the target."""
    (name,), told, true = names, held_out.calibrated[:, 0], held_out.targets[:, 0]
    ascending = np.argsort(true, kind="stable")
    number = 6 if scans else 2 * figures.PER_CLASS
    spread = ascending[np.unique(np.linspace(0, len(true) - 1, number).astype(int))]
    captions = [f"{short(held_out.sample_ids[i])}\n{true[i]:.4g}" for i in spread]
    yield "samples.png", figures.gallery(lines_of([array_of(int(i)) for i in spread], captions, scans=scans))
    yield "calibration.png", figures.told_against_true(told, true, name)
    yield "answers.png", figures.amount_histograms(told, true, name)
    yield "mistakes.png", figures.errors(told - true, name)
    worst = np.argsort(-np.abs(told - true), kind="stable")[: figures.worst_shown(scans=scans)]
    captions = [f"{short(held_out.sample_ids[i])}\n{true[i]:.4g}: {told[i]:.4g}" for i in worst]
    yield "most-wrong.png", figures.gallery(lines_of([array_of(int(i)) for i in worst], captions, scans=scans))
