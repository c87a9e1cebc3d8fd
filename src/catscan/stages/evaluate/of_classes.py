"""What the evaluation does where classes are told: calibration of the probabilities, and their figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catscan.scores import calibration, metrics
from catscan.stages.evaluate import figures
from catscan.stages.evaluate.figures import ArrayOf, lines_of, short
from catscan.stages.evaluate.held_out import HeldOut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


def cross_fitted(blend: Array, targets: Array, folds: NDArray[np.integer], metric: str, *, task: str) -> Array:
    """Probabilities (n, classes), each fold calibrated by what the others teach."""
    return calibration.cross_fitted(blend, targets, folds, task, metric)


def fitted(held_out: HeldOut, metric: str, *, task: str) -> dict[str, Any]:
    """The fields of `metrics.json` that say how the submission is calibrated."""
    found = calibration.learn(held_out.blend, held_out.targets, held_out.folds, task, metric)
    return {"temperature": found.temperature, "clip": found.clip, "amounts": None}


def draw(
    held_out: HeldOut, array_of: ArrayOf, classes: list[str], *, scans: bool, task: str
) -> Iterator[tuple[str, Figure]]:
    """Each figure with its file name."""
    shown = []
    for k, name in list(enumerate(classes))[: figures.CLASSES_SHOWN]:
        members = np.flatnonzero(held_out.targets[:, k])
        spread = (
            members[np.unique(np.linspace(0, len(members) - 1, figures.PER_CLASS).astype(int))] if len(members) else []
        )
        if scans:
            spread = spread[:3]
        shown.append((name, [array_of(i) for i in spread], [short(held_out.sample_ids[i]) for i in spread]))
    yield "samples.png", figures.gallery(shown)
    yield "calibration.png", figures.calibration(held_out.calibrated, held_out.targets, classes)
    yield "answers.png", figures.probability_histograms(held_out.calibrated, held_out.targets, classes)
    yield "mistakes.png", figures.confusion(confusion(held_out, task), classes)
    true = (held_out.calibrated * held_out.targets).sum(axis=1) / held_out.targets.sum(axis=1).clip(1)
    order = np.argsort(true, kind="stable")[: figures.worst_shown(scans=scans)]
    captions = [_caption(held_out, int(i), classes, float(true[i])) for i in order]
    yield "most-wrong.png", figures.gallery(lines_of([array_of(int(i)) for i in order], captions, scans=scans))


def confusion(held_out: HeldOut, task: str) -> NDArray[np.int64]:
    """(classes, classes) counts: rows true, columns decided; of a multilabel task every pair of the two counts."""
    decided = metrics.decide(held_out.calibrated, task)
    return (held_out.targets.T @ decided).astype(np.int64)


def _caption(held_out: HeldOut, position: int, classes: list[str], probability: float) -> str:
    names = [name for name, target in zip(classes, held_out.targets[position], strict=True) if target]
    return f"{short(held_out.sample_ids[position])}\n{', '.join(names) or 'none'}: {probability:.3f}"
