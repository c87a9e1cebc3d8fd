"""What the evaluation does where an amount is told: whether bounds pay, figures and galleries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from catscan.common.contracts.findings import Findings
from catscan.common.contracts.galleries import Galleries, Row
from catscan.common.contracts.metrics import Amounts
from catscan.scores import values
from catscan.scores.metrics import METRICS
from catscan.stages.evaluate import figures, tiles
from catscan.stages.evaluate.held_out import HeldOut
from catscan.stages.evaluate.tiles import ArrayOf, tile

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def fitted(held_out: HeldOut, metric: str) -> dict[str, Any]:
    """The fields of `metrics.json` that say what is told: within which bounds, and where nothing is known."""
    (constant,) = METRICS[metric].constant(held_out.targets)
    bounds = values.learn(held_out.blend, held_out.targets, held_out.folds, metric)
    return {"temperature": 1.0, "clip": 0.0, "amounts": Amounts(float(constant), bounds)}


def draw(held_out: HeldOut, names: list[str]) -> Iterator[tuple[str, Figure]]:
    """Each figure with its file name; ``names`` holds that of the target."""
    (name,), told, true = names, held_out.calibrated[:, 0], held_out.targets[:, 0]
    yield "calibration.svg", figures.told_against_true(told, true, name)
    yield "answers.svg", figures.amount_histograms(told, true, name)
    yield "curves.svg", figures.errors(told - true, name)


def galleries(held_out: HeldOut, array_of: ArrayOf, names: list[str], *, scans: bool) -> Galleries:
    """Samples from the smallest to the largest target, and those with the largest errors."""
    (name,), told, true = names, held_out.calibrated[:, 0], held_out.targets[:, 0]
    ascending = tiles.spread(np.argsort(true, kind="stable"), scans=scans)
    worst = np.argsort(-np.abs(told - true), kind="stable")[: tiles.SCANS_MOST_WRONG if scans else tiles.MOST_WRONG]
    shown = [tile(array_of(i), held_out.sample_ids[i], f"{true[i]:.4g}") for i in ascending.tolist()]
    wrong = [tile(array_of(i), held_out.sample_ids[i], f"is {true[i]:.4g}, told {told[i]:.4g}") for i in worst.tolist()]
    return Galleries((Row(name, len(true), tuple(shown)),), tuple(wrong))


def findings(_held_out: HeldOut, _names: list[str], _positive: str, **others: Any) -> Findings:
    """Nothing of its own that the scores and the figures do not show."""
    return Findings(confusion={}, classes={}, thresholds=(), **others)
