"""Put all competitions into one self-contained page.

In: of every competition the index's summary, the shards' sidecars, evaluation/ (metrics.json and figures),
submission.csv, submission.json and explanation.json. Out: one HTML file that needs nothing else: figures are part of
it, nothing is fetched.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catscan import __version__
from catscan.common.arrays import Shards
from catscan.common.contracts.check import Check
from catscan.common.contracts.explanation import Explanation
from catscan.common.contracts.metrics import Estimate, Metrics, ModelScores
from catscan.common.contracts.model import Model
from catscan.common.contracts.sidecar import Sidecar
from catscan.common.contracts.summary import Duplicates, Summary
from catscan.common.files import write_text
from catscan.common.layer_table import table
from catscan.common.settings import parse
from catscan.common.tables import read_table
from catscan.common.words import number_of
from catscan.stages.report.explorer import SCRIPT, STYLE
from catscan.stages.report.page import TEMPLATE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS_SHOWN = 5

CAPTIONS = {
    "samples.png": "Training samples by class, as the network gets them (of a scan: slices from one end to the other).",
    "learning-curves.png": "Training and held-out loss by epoch, one line a fold. Where the two part for good, the "
    "network learns its training samples by heart.",
    "calibration.png": "Calibration: of the samples given a probability, how many are of the class. On the diagonal "
    "the probabilities mean what they say; the bars show how many samples stand behind each point.",
    "answers.png": "Probabilities given to the samples of each class: the less they overlap, the better.",
    "mistakes.png": "Confusion: rows are the true classes, columns the most probable ones; numbers are samples.",
    "most-wrong.png": "The samples on which the networks are most confidently wrong, each with its true class and the "
    "probability given to it: look here first for wrong labels.",
}
OF_AMOUNTS = CAPTIONS | {  # where a figure of the same name shows something else
    "samples.png": "Training samples from the smallest to the largest target, as the network gets them (of a scan: "
    "slices from one end to the other).",
    "calibration.png": "What is told of each sample that was held out, against the truth. On the diagonal it is right.",
    "answers.png": "How often each amount is true, and how often it is told.",
    "mistakes.png": "By how much what is told is off.",
    "most-wrong.png": "The samples with the largest errors, each with its true amount and what is told: look here "
    "first for wrong labels.",
}
SHARES = ("accuracy",)  # scores that are told in per cent
TITLES = {"auc": "AUC", "rmse": "RMSE", "mae": "MAE"}  # of scores that are more than their name without underscores


@dataclass(frozen=True)
class Settings:
    """What the report stage reads.

    Attributes
    ----------
    titles
        The competitions that run, in order: (name, title).
    explorer
        Digest of the explorer's script and style, so that others make the page anew.
    """

    titles: tuple[tuple[str, str], ...]
    explorer: str = ""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the stage's flags."""
    parser.add_argument("--settings", required=True, help="the stage's settings as JSON")
    parser.add_argument("--results", required=True, type=Path, help="the folder that holds one folder a competition")
    parser.add_argument("--out", required=True, type=Path, help="the page to write")


def run(args: argparse.Namespace) -> None:
    """Gather what the stages wrote and write the page."""
    settings = parse(Settings, args.settings)
    gathered = [competition(name, title, args.results / name) for name, title in settings.titles]
    write_text(args.out, page(gathered))
    print(f"wrote {args.out} ({args.out.stat().st_size / 1e6:.1f} MB)")


def page(competitions: list[dict[str, Any]]) -> str:
    """The HTML text; every value is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup, escape

    def embedded(picture: bytes, caption: str) -> str:
        data, text = base64.b64encode(picture).decode(), escape(caption)
        # PNG's header holds the width; figures are drawn at 160 dots an inch, a page has 96.
        width = int.from_bytes(picture[16:20], "big") * 96 // 160
        image = Markup('<img width="{}" alt="{}" src="data:image/png;base64,{}">').format(width, text, data)
        return Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(image, text)

    def figure(gathered: dict[str, Any], name: str) -> str:
        path = gathered["figures"] / name
        return embedded(path.read_bytes(), gathered["captions"][name]) if path.is_file() else ""

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(figure=figure, embedded=embedded)
    environment.globals["explorer_script"] = Markup(SCRIPT)
    environment.globals["explorer_style"] = Markup(STYLE)
    return environment.from_string(TEMPLATE).render(competitions=competitions, version=__version__)


def competition(name: str, title: str, folder: Path) -> dict[str, Any]:
    """What the page shows of one competition, read from its folder of results."""
    index = Summary.read(folder / "index.json")
    metrics = Metrics.read(folder / "evaluation" / "metrics.json")
    check = Check.read(folder / "submission.json")
    sidecars = [
        Sidecar.read(folder / "arrays" / f"{split}-{shard}-of-{index.shards}.json")
        for split in ("train", "test")
        for shard in range(1, index.shards + 1)
    ]
    geometry = {sample: told for sidecar in sidecars for sample, told in sidecar.geometry.items()}
    models = _described(folder, metrics)
    settings = {
        "preprocess": asdict(sidecars[0].settings),
        "models": {name: asdict(model) for name, model in models.items()},
    }
    duplicates = {kind: found for kind, found in sorted(asdict(index.duplicates).items()) if found}
    return {
        "name": name,
        "title": title,
        "verdict": verdict(metrics, check),
        "cards": cards(metrics, check),
        "remarks": [*index.remarks, *metrics.remarks, *check.warnings],
        "submission": _submission(folder, check),
        "class_column": "target" if metrics.amounts else "class",
        "classes": [
            {"name": label, "count": f"{count:,}", "share": f"{100 * count / max(index.n_train, 1):.1f} %"}
            for label, count in ((label, index.counts[label]) for label in index.classes)
        ],
        "data_line": f"{index.n_train:,} training samples in {index.folds} folds, {index.n_test:,} test.",
        "bad": [row for sidecar in sidecars for row in sidecar.bad],
        "odd": [row for sidecar in sidecars for row in sidecar.odd],
        "duplicates": json.dumps(duplicates, indent=1, ensure_ascii=False) if duplicates else "",
        "duplicates_line": duplicates_line(index.duplicates),
        "geometry": geometry_table(geometry),
        "scan_figures": list(scan_figures(Shards([folder / "arrays" / f"train-1-of-{index.shards}.npy"]), geometry)),
        "models": _models(metrics, models),
        "columns": _columns(metrics),
        "loss": metrics.loss.title,
        "captions": OF_AMOUNTS if metrics.amounts else CAPTIONS,
        "many_models": len(metrics.models) > 1,
        "explained": explained(Explanation.read(folder / "explanation.json")),
        "figures": folder / "evaluation",
        "settings": json.dumps(settings, indent=1, ensure_ascii=False),
    }


def explained(told: Explanation) -> dict[str, Any]:
    """The network that was opened: a line on it, its layers as a table, and all that the explorer needs."""
    from markupsafe import Markup

    if not told.layers:
        return {"line": "", "remarks": told.remarks, "data": ""}
    line = (
        f"The network of fold {told.fold} of {told.model}, opened. It has learnt from the samples alone; those "
        "with a label it never saw in training. Choose one, then a layer, a map and a place on it: every number is "
        "computed here, from the network's own weights."
    )
    values = asdict(told)
    for layer, step in zip(values["layers"], told.layers, strict=True):
        layer |= {"title": step.title, "opens": step.opens}
    data = json.dumps(values, ensure_ascii=False).replace("<", "\\u003c")  # nothing in it ends the script
    return {"line": line, "remarks": told.remarks, "table": table(told.layers), "data": Markup(data)}


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
        note = metrics.metric.replace("_", " ") + (f", 95 %: {ends[0]:.4f} to {ends[1]:.4f}" if ends else "")
        shown.append(_card("expected test score", f"{check.expected_score:.4f}", note))
    if check.true_score is not None:
        shown.append(_card("true test score", f"{check.true_score:.4f}", metrics.metric.replace("_", " ")))
    word, tone = ("valid", "good") if check.valid else ("NOT VALID", "warn")
    shown.append(_card("submission", word, f"{check.rows:,} rows", tone))
    return shown


def _score_card(name: str, estimate: Estimate) -> dict[str, str]:
    low, high = estimate.interval
    if name in SHARES:
        return _card(_title(name), f"{100 * estimate.value:.1f} %", f"95 %: {100 * low:.1f} to {100 * high:.1f} %")
    return _card(_title(name), f"{estimate.value:.4f}", f"95 %: {low:.4f} to {high:.4f}")


def _title(name: str) -> str:
    return TITLES.get(name, name.replace("_", " "))


def _card(name: str, value: str, note: str, tone: str = "") -> dict[str, str]:
    return {"name": name, "value": value, "note": note, "tone": tone}


def _submission(folder: Path, check: Check) -> dict[str, Any]:
    rows = read_table(folder / "submission.csv")
    return {
        "path": str(folder / "submission.csv"),
        "line": f"{check.rows:,} rows, checked row by row: ids, order, columns and values.",
        "columns": list(rows.columns),
        "head": rows.head(ROWS_SHOWN).to_numpy().tolist(),
        "more": f"{len(rows) - ROWS_SHOWN:,}" if len(rows) > ROWS_SHOWN else "",
    }


def _models(metrics: Metrics, described: dict[str, Model]) -> list[dict[str, Any]]:
    rows = [
        {
            "model": model,
            "origin": "foreign" if scores.foreign else described[f"{model}/fold-{fold.fold}"].origin,
            "fold": str(fold.fold),
        }
        | _scores(fold.n, fold.scores)
        | {"weight": f"{scores.weight:.2f}", "gain": _gain(scores)}
        for model, scores in metrics.models.items()
        for fold in scores.folds
    ]
    values = {name: None if one is None else one.value for name, one in metrics.scores.items()}
    of_all = _scores(metrics.n, {metrics.loss.name: metrics.loss.value, **values})
    return [*rows, {"model": "blend, calibrated", "origin": "", "fold": "all", "weight": "", "gain": ""} | of_all]


def _gain(scores: ModelScores) -> str:
    if scores.gain is None:
        return ""
    low, high = scores.gain.interval
    return f"{scores.gain.value:.4f} ({low:.4f} to {high:.4f})"


def _scores(n: int, scores: dict[str, float | None]) -> dict[str, Any]:
    return {"n": f"{n:,}", "scores": ["–" if score is None else f"{score:.4f}" for score in scores.values()]}


def _columns(metrics: Metrics) -> list[str]:
    """The names of the scores of `_scores`, in their order."""
    return [metrics.loss.title, *map(_title, metrics.scores)]


def duplicates_line(duplicates: Duplicates) -> str:
    """What was found of near-duplicates, counted: the summary of a list that can be opened."""
    told = (
        (len(duplicates.groups), "group", ""),
        (len(duplicates.twins), "test sample", " with a twin in training"),
        (len(duplicates.contradictory), "pair", " with different labels"),
    )
    return "Near-duplicates: " + ", ".join(number_of(count, noun) + rest for count, noun, rest in told if count)


def geometry_table(geometry: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The scans' geometry as a table of its short values that some scan has; empty for pictures."""
    if not geometry:
        return {}
    columns = [
        key
        for key in dict.fromkeys(key for told in geometry.values() for key in told)
        if all(_is_short(told.get(key)) for told in geometry.values())
        and any(_short(told.get(key)) for told in geometry.values())
    ]
    rows = [[sample, *(_short(told.get(key)) for key in columns)] for sample, told in geometry.items()]
    return {"line": f"{len(geometry):,} scans.", "columns": ["scan", *columns], "rows": rows}


def scan_figures(shards: Shards, geometry: dict[str, dict[str, Any]]) -> Iterator[tuple[bytes, str]]:
    """Three views of the first scan as the network gets it, each as PNG with its caption.

    None for samples without a geometry: pictures, and volumes that do not say how large a voxel is.
    """
    if not len(shards) or shards.sample_ids[0] not in geometry:
        return
    import numpy as np

    from catscan.kinds.scans import figures

    sample_id = shards.sample_ids[0]
    array, told = shards.take(np.array([0]))[0], geometry[sample_id]
    views: dict[Callable[..., Figure], str] = {
        figures.montage: f"Scan {sample_id}, slices from the feet upwards, with heights in mm.",
        figures.three_planes: "The same scan in three planes, in true proportions.",
        figures.histogram: "How often each value occurs, and what is cut off at both ends.",
    }
    for view, caption in views.items():
        drawn = io.BytesIO()
        view(array, told).savefig(drawn, format="png", dpi=160, metadata={"Software": None})
        yield drawn.getvalue(), caption


def _is_short(value: Any) -> bool:
    return not isinstance(value, dict) and len(_short(value)) <= 60


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(_short(item) for item in value)
    return "" if value is None else str(value)


def _described(folder: Path, metrics: Metrics) -> dict[str, Model]:
    """The evaluated networks, by the name of the model and the fold: "resnet/fold-0"."""
    return {
        str(path.parent.relative_to(folder / "models")): Model.read(path)
        for name in metrics.trained
        for path in sorted((folder / "models" / name).glob("fold-*/model.json"))
    }
