"""What the page says of the scores: the verdict, the figures at the top, the tables of models and folds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catscan.common.contracts.check import Check
from catscan.common.contracts.metrics import Estimate, Metrics, ModelScores
from catscan.common.contracts.model import Model

SHARES = ("accuracy",)  # scores that are told in per cent
TITLES = {"auc": "AUC", "rmse": "RMSE", "mae": "MAE"}  # of scores that are more than their name without underscores


def verdict(metrics: Metrics, check: Check) -> str:
    """One sentence or two that say plainly how good the submission is."""
    loss = metrics.loss
    if not loss.beats_prior:
        text = (
            f"The networks do not beat the constant prior: out-of-fold {loss.title} {loss.value:.4f}, prior "
            f"{loss.prior:.4f}. Expect nothing from this submission."
        )
    else:
        text = (
            f"Out-of-fold {loss.title} {loss.value:.4f} (95 % interval of its mean {loss.interval[0]:.4f} to "
            f"{loss.interval[1]:.4f}) against {loss.prior:.4f} for the constant prior."
        )
    if check.expected:
        text += f" To expect of the test set: {check.expected}."
    if check.true_score is not None:
        text += f" The true score of the test set is {check.true_score:.4f} ({metrics.metric.replace('_', ' ')})."
    return text


def cards(metrics: Metrics, check: Check) -> list[dict[str, str]]:
    """The figures at the top: out-of-fold scores, the baseline, the expected and the true test score, the rows."""
    loss = metrics.loss
    tone = "good" if loss.beats_prior else "warn"
    shown = [
        _card(f"out-of-fold {loss.title}", f"{loss.value:.4f}", metrics.spread, tone),
        _card("constant prior", f"{loss.prior:.4f}", f"{loss.title} without looking"),
        *(_score_card(name, estimate) for name, estimate in metrics.scores.items() if estimate is not None),
    ]
    if metrics.metric not in (loss.name, *metrics.scores) and metrics.score is not None:
        shown.append(_card(metrics.metric.replace("_", " "), f"{metrics.score:.4f}", "out of fold"))
    if check.expected_score is not None:
        ends = check.expected_interval
        between = f", {_ends(*(f'{end:.4f}' for end in ends))}" if ends else ""
        note = metrics.metric.replace("_", " ") + between
        shown.append(_card("expected test score", f"{check.expected_score:.4f}", note))
    if check.true_score is not None:
        shown.append(_card("true test score", f"{check.true_score:.4f}", metrics.metric.replace("_", " ")))
    word, tone = ("valid", "good") if check.valid else ("NOT VALID", "warn")
    shown.append(_card("submission", word, f"{check.rows:,} rows", tone))
    return shown


def _score_card(name: str, estimate: Estimate) -> dict[str, str]:
    low, high = estimate.interval
    if name in SHARES:
        ends = _ends(f"{100 * low:.1f}", f"{100 * high:.1f} %")
        return _card(_title(name), f"{100 * estimate.value:.1f} %", ends)
    return _card(_title(name), f"{estimate.value:.4f}", _ends(f"{low:.4f}", f"{high:.4f}"))


def _ends(low: str, high: str) -> str:
    """An interval that stays on one line: a card is narrow."""
    return "95\N{NO-BREAK SPACE}%: " + f"{low} to {high}".replace(" ", "\N{NO-BREAK SPACE}")


def _title(name: str) -> str:
    return TITLES.get(name, name.replace("_", " "))


def _card(name: str, value: str, note: str, tone: str = "") -> dict[str, str]:
    return {"name": name, "value": value, "note": note, "tone": tone}


def models_table(metrics: Metrics, described: Mapping[str, Model], minutes: Mapping[str, float]) -> dict[str, Any]:
    """A row a model, then their blend, all of the same samples.

    Parameters
    ----------
    described
        By the name of the model and the fold: "resnet/fold-0".
    minutes
        That each model's training took.
    """
    loss = metrics.loss
    rows = []
    for name, scores in metrics.models.items():
        origin = "foreign" if scores.foreign else described[f"{name}/fold-{scores.folds[0].fold}"].origin
        spent = f"{minutes[name]:.1f}" if name in minutes else ""
        told = [f"{scores.weight:.2f}", _gain(scores), spent]
        rows.append([name, origin, f"{len(scores.folds)}", f"{scores.n:,}", *_cells(metrics, scores.scores), *told])
    if len(metrics.models) > 1:
        rows.append(_of_all("blend", metrics, {loss.name: loss.uncalibrated}))
    if loss.value != loss.uncalibrated:
        values = {name: None if one is None else one.value for name, one in metrics.scores.items()}
        title = "calibrated" if metrics.amounts is None else "within bounds"
        rows.append(_of_all(title, metrics, {loss.name: loss.value, **values}))
    columns = ["model", "knowledge", "folds", "samples", *_columns(metrics), "weight", "gain (95 %)", "minutes"]
    gain = f" Gain: by how much a model lowers the {loss.title} of the blend." if len(metrics.models) > 1 else ""
    return {"columns": columns, "rows": rows, "line": calibration_line(metrics) + gain}


def sweep_tables(metrics: Metrics) -> dict[str, Any]:
    """The points of a sweep, the best first, and how much each of its keys mattered; empty without one."""
    if metrics.sweep is None:
        return {}
    points, keys, loss = metrics.sweep.points, metrics.sweep.keys, metrics.loss.title
    names = list(points[0].values)
    return {
        "columns": [*names, loss, "weight"],
        "rows": [
            [
                *(point.values[name].strip('"') for name in names),
                f"{point.loss:.4f}",
                f"{sum(metrics.models[name].weight for name in point.models):.2f}" if point.blended else "",
            ]
            for point in points
        ],
        "n": len(names),
        "line": f"{len(points)} points, the lowest {loss} first, out of fold and not calibrated; those with a weight "
        f"are blended. The best of many is partly luck, and its own {loss} flatters it; that of the blend does not: "
        "each fold is told by the points that were best on the others.",
        "mattered": [
            [
                key.name,
                f"{100 * key.share:.0f} %",
                f"{100 * key.by_chance:.0f} %",
                ", ".join(f"{level.value}: {level.loss:.4f} ({level.n})" for level in key.levels),
            ]
            for key in keys
        ],
        "mattered_columns": ["key", "explains", "by chance", f"mean {loss} (points)"],
    }


def calibration_line(metrics: Metrics) -> str:
    """What the calibration did to the loss, in words."""
    loss = metrics.loss
    if loss.value == loss.uncalibrated:
        return "No calibration: what was tried did not lower the loss of samples that it had not seen."
    before, after = f"{loss.uncalibrated:.4f}", f"{loss.value:.4f}"
    how = "each fold calibrated by what the others teach"
    if before == after:
        return f"Calibration leaves the {loss.title} of the held-out samples at {after}, {how}."
    changed = "lowers" if loss.value < loss.uncalibrated else "raises"
    return f"Calibration {changed} the {loss.title} of the held-out samples from {before} to {after}, {how}."


def folds_table(metrics: Metrics) -> dict[str, Any]:
    """A row a model and fold, as the network alone predicts, without calibration."""
    rows = [
        [model, str(fold.fold), f"{fold.n:,}", *_cells(metrics, fold.scores)]
        for model, scores in metrics.models.items()
        for fold in scores.folds
    ]
    return {"columns": ["model", "held-out fold", "samples", *_columns(metrics)], "rows": rows}


def _of_all(title: str, metrics: Metrics, values: Mapping[str, float | None]) -> list[str]:
    return [title, "", f"{len(metrics.folds)}", f"{metrics.n:,}", *_cells(metrics, values), "", "", ""]


def _gain(scores: ModelScores) -> str:
    if scores.gain is None:
        return ""
    low, high = scores.gain.interval
    return f"{scores.gain.value:.4f} ({low:.4f} to {high:.4f})"


def _cells(metrics: Metrics, scores: Mapping[str, float | None]) -> list[str]:
    """The scores in the order of `_columns`; that of ``scores`` is the file's."""
    given = [scores.get(name) for name in (metrics.loss.name, *metrics.scores)]
    return ["–" if score is None else f"{score:.4f}" for score in given]


def _columns(metrics: Metrics) -> list[str]:
    return [metrics.loss.title, *map(_title, metrics.scores)]
