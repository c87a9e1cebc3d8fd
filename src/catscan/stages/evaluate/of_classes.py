"""What the evaluation does where classes are told: calibration of the probabilities, figures, galleries, findings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.findings import Findings, OfClass, Threshold
from catscan.common.contracts.galleries import Galleries, Row
from catscan.common.contracts.metrics import Estimate
from catscan.scores import calibration, metrics, rates
from catscan.scores.tasks import ONE_CLASS
from catscan.stages.evaluate import figures, tiles
from catscan.stages.evaluate.held_out import HeldOut
from catscan.stages.evaluate.tiles import ArrayOf, tile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

BINARY = metrics.Problem("binary", positive=1)
FOUND = (0.9, 0.95)


def cross_fitted(blend: Array, targets: Array, folds: NDArray[np.integer], metric: str, *, task: str) -> Array:
    """Probabilities (n, classes), each fold calibrated by what the others teach."""
    return calibration.cross_fitted(blend, targets, folds, task, metric)


def fitted(held_out: HeldOut, metric: str, *, task: str) -> dict[str, Any]:
    """The fields of `metrics.json` that say how the submission is calibrated."""
    found = calibration.learn(held_out.blend, held_out.targets, held_out.folds, task, metric)
    return {"temperature": found.temperature, "clip": found.clip, "amounts": None}


def draw(held_out: HeldOut, classes: list[str], *, task: str) -> Iterator[tuple[str, Figure]]:
    """Each figure with its file name."""
    given, targets = held_out.calibrated, held_out.targets
    rows = np.arange(len(given))
    if task == "multilabel":
        yield "calibration.svg", figures.calibration(given.ravel(), targets.ravel(), "a class")
        kinds = {"is of the class": given[targets == 1], "is not": given[targets == 0]}
        yield "answers.svg", figures.probability_histograms(kinds, "a class", "sample")
    elif len(classes) == 2:
        yield "calibration.svg", figures.calibration(given[:, 1], targets[:, 1], classes[1])
        kinds = {name: given[targets[:, k] == 1, 1] for k, name in enumerate(classes)}
        yield "answers.svg", figures.probability_histograms(kinds, classes[1], "true class")
    else:
        told = given.argmax(axis=1)
        right = targets[rows, told]
        yield "calibration.svg", figures.calibration(given[rows, told], right, "the likeliest class")
        kinds = {"told right": given[rows, told][right == 1], "told wrong": given[rows, told][right == 0]}
        yield "answers.svg", figures.probability_histograms(kinds, "the likeliest class", "sample")
    chosen = [1] if len(classes) == 2 and task != "multilabel" else hardest(given, targets)
    said = f"{len(chosen)} of {len(classes)} classes,\ntold apart worst" if 1 < len(chosen) < len(classes) else ""
    yield "curves.svg", figures.curves([(classes[k], given[:, k], targets[:, k]) for k in chosen], said)


def hardest(given: Array, targets: Array) -> list[int]:
    """The classes that are told apart worst, by their AUC, in their order."""
    aucs = [metrics.score("auc", given[:, [k, k]], targets[:, [k, k]], BINARY) for k in range(given.shape[1])]
    return sorted(np.argsort(np.nan_to_num(aucs, nan=2.0), kind="stable")[: figures.CURVES_SHOWN].tolist())


def galleries(held_out: HeldOut, array_of: ArrayOf, classes: list[str], *, scans: bool) -> Galleries:
    """Samples of each class, and those that the networks are most wrong about."""
    rows = []
    for k, name in list(enumerate(classes))[: tiles.CLASSES_SHOWN]:
        members = np.flatnonzero(held_out.targets[:, k])
        shown = [tile(array_of(i), held_out.sample_ids[i], name) for i in tiles.spread(members, scans=scans).tolist()]
        rows.append(Row(name, len(members), tuple(shown)))
    worst = most_wrong(held_out)[: tiles.SCANS_MOST_WRONG if scans else tiles.MOST_WRONG].tolist()
    return Galleries(
        tuple(rows), tuple(tile(array_of(i), held_out.sample_ids[i], _told(held_out, i, classes)) for i in worst)
    )


def most_wrong(held_out: HeldOut) -> NDArray[np.integer]:
    """Positions, the samples first whose true classes get the least; before the clip, which would make them equal."""
    true = (held_out.blend * held_out.targets).sum(axis=1) / held_out.targets.sum(axis=1).clip(1)
    return np.argsort(true, kind="stable")


def findings(held_out: HeldOut, classes: list[str], positive: str, *, task: str, **others: Any) -> Findings:
    """What the predictions show beyond their scores."""
    table = confusion(held_out, task).tolist()
    decided = metrics.decide(held_out.calibrated, task)
    column = classes.index(positive)
    two = len(classes) == 2 and task in ONE_CLASS
    return Findings(
        confusion={name: tuple(row) for name, row in zip(classes, table, strict=True)},
        classes={
            name: _of_class(held_out.calibrated[:, k], decided[:, k], held_out.targets[:, k])
            for k, name in enumerate(classes)
        },
        thresholds=tuple(thresholds(held_out.calibrated[:, column], held_out.targets[:, column])) if two else (),
        **others,
    )


def _of_class(given: Array, decided: Array, true: Array) -> OfClass:
    sensitivity, specificity = _rates(decided > 0, true)
    auc = metrics.score("auc", np.stack([1 - given, given], 1), np.stack([1 - true, true], 1), BINARY)
    area = rates.average_precision(given, true)
    return OfClass(int(true.sum()), sensitivity, specificity, *(None if np.isnan(one) else one for one in (auc, area)))


def thresholds(given: Array, true: Array) -> Iterator[Threshold]:
    """Where to decide for a class: at 0.5, and where 90 and 95 % of it are found, or of the others left alone."""
    found, alarms, _ = rates.operating_points(given, true)
    at = np.append(np.inf, np.unique(given)[::-1])
    wanted = {"0.5": 0.5}
    if true.any() and not true.all():
        for share in FOUND:
            wanted[f"{share:.0%} found".replace("%", " %")] = float(at[np.argmax(found >= share)])
        for share in FOUND:
            wanted[f"{share:.0%} of the others left alone".replace("%", " %")] = float(
                at[np.flatnonzero(alarms <= 1 - share)[-1]]
            )
    for why, threshold in wanted.items():
        if not np.isfinite(threshold):
            continue
        reached = given >= threshold
        sensitivity, specificity = _rates(reached, true)
        precision = float(true[reached].mean()) if reached.any() else None
        yield Threshold(why, threshold, sensitivity, specificity, precision)


def _rates(reached: NDArray[np.bool_], true: Array) -> tuple[Estimate, Estimate]:
    found, n, left, others = rates.decided(reached, true)
    return (
        Estimate(found / max(n, 1), rates.wilson(found, n)),
        Estimate(left / max(others, 1), rates.wilson(left, others)),
    )


def confusion(held_out: HeldOut, task: str) -> NDArray[np.int64]:
    """(classes, classes) counts: rows true, columns decided; of a multilabel task every pair of the two counts."""
    decided = metrics.decide(held_out.calibrated, task)
    return (held_out.targets.T @ decided).astype(np.int64)


def _told(held_out: HeldOut, position: int, classes: list[str]) -> str:
    """Its true classes, and the probability given to them, by which the most wrong are ranked: "cat: 0.013"."""
    target, given = held_out.targets[position], held_out.blend[position]
    names = [name for name, is_so in zip(classes, target, strict=True) if is_so]
    probability = (given * target).sum() / max(target.sum(), 1)
    return f"{', '.join(names) or 'none'}: {probability:.3f}"
