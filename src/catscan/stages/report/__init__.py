"""Put all competitions into one self-contained page.

In: of every competition the index's summary, the shards' sidecars, evaluation/ (metrics.json and figures),
submission.csv, submission.json and explanation.json. Out: one HTML file that needs nothing else: figures are part of
it, nothing is fetched.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from catscan.common.arrays import Shards
from catscan.common.contracts.check import Check
from catscan.common.contracts.explanation import Explanation
from catscan.common.contracts.findings import Findings
from catscan.common.contracts.galleries import Galleries
from catscan.common.contracts.metrics import Metrics
from catscan.common.contracts.model import Model
from catscan.common.contracts.sidecar import Sidecar
from catscan.common.contracts.summary import Duplicates, Summary
from catscan.common.errors import CatscanError
from catscan.common.files import write_text
from catscan.common.layer_table import table
from catscan.common.progress import say
from catscan.common.settings import parse
from catscan.common.tables import read_table
from catscan.common.words import number_of
from catscan.scores.tasks import ONE_CLASS
from catscan.stages.report.confusion import confusion_table, most_confused
from catscan.stages.report.costs import stages_table, training_minutes
from catscan.stages.report.drift import drift_between, drift_told
from catscan.stages.report.found import classes_table, parts_table, thresholds_table
from catscan.stages.report.geometry import geometry_table, scan_figures
from catscan.stages.report.page import COMMAND, rendered
from catscan.stages.report.provenance import changes_told
from catscan.stages.report.rules import Facts, advice
from catscan.stages.report.scores import cards, folds_table, models_table, sweep_tables, verdict

ROWS_SHOWN, BAD_SHOWN, ODD_SHOWN, SUSPECTS_SHOWN = 5, 50, 100, 20

CAPTIONS = {
    "samples": "Training samples by class, as the network gets them (of a scan: slices from one end to the other; "
    "enlarged, all of them).",
    "learning-curves.svg": "Training (dotted) and held-out loss by epoch. The training loss is of altered samples, and "
    "of softened labels where the recipe softens them, so that it may lie above the other and does not end at 0; a "
    "held-out loss that rises for good while the other falls says that samples are learnt by heart.",
    "calibration.svg": "Calibration: of the samples given about so high a probability, the share for which it is so, "
    "with its 95 % interval. On the diagonal the probabilities mean what they say. Each point stands for as many "
    "samples.",
    "answers.svg": "How often each probability is given: the less the two kinds overlap, the better.",
    "curves.svg": "Left: how many of a class are found at how many false alarms (ROC). Right: how many of those found "
    "are right; the thin line is what guessing gets.",
    "most-wrong": "The samples on which the networks are most confidently wrong, each with its true class and the "
    "probability given to it, before calibration: look here first for wrong labels.",
}
OF_AMOUNTS = CAPTIONS | {  # where a figure of the same name shows something else
    "samples": "Training samples from the smallest to the largest target, as the network gets them (of a scan: "
    "slices from one end to the other; enlarged, all of them).",
    "calibration.svg": "What is told of each sample that was held out, against the truth. On the diagonal it is right.",
    "answers.svg": "How often each amount is true, and how often it is told.",
    "curves.svg": "By how much what is told is off.",
    "most-wrong": "The samples with the largest errors, each with its true amount and what is told: look here "
    "first for wrong labels.",
}

# The sections of a competition, by the end of their address.
PARTS = {
    "next": "What to do next",
    "submission": "Submission",
    "data": "Data",
    "scans": "Scans",
    "training": "Training",
    "sees": "What the network sees",
    "evaluation": "Evaluation",
    "wrong": "Most wrong",
    "drift": "Training and test",
    "made": "How this was made",
}


@dataclass(frozen=True)
class Settings:
    """What the report stage reads.

    Attributes
    ----------
    titles
        The competitions that run, in order: (name, title).
    page
        Digest of its template, styles and scripts, so that others make it anew.
    others
        Competitions that ran earlier, which come after them: (name, title, digest of their results).
    """

    titles: tuple[tuple[str, str], ...]
    page: str = ""
    others: tuple[tuple[str, str, str], ...] = ()


def register(parser: argparse.ArgumentParser) -> None:
    """Add the stage's flags."""
    parser.add_argument("--settings", required=True, help="the stage's settings as JSON")
    parser.add_argument("--results", required=True, type=Path, help="the folder that holds one folder a competition")
    parser.add_argument("--out", required=True, type=Path, help="the page to write")


def run(args: argparse.Namespace) -> None:
    """Gather what the stages wrote and write the page."""
    settings = parse(Settings, args.settings)
    gathered = [competition(name, title, args.results / name) for name, title in settings.titles]
    gathered += others(settings, args.results)
    write_text(args.out, rendered(gathered, os.environ.get(COMMAND, "")))
    print(f"wrote {args.out} ({args.out.stat().st_size / 1e6:.1f} MB)")


def others(settings: Settings, results: Path) -> Iterator[dict[str, Any]]:
    """What the page shows of the competitions that ran earlier; told is which of them lack something."""
    titles = {name: title for name, title, _ in settings.others}
    for folder in sorted(path.parent for path in results.glob("*/index.json")):
        if folder.name not in dict(settings.titles):
            try:
                yield competition(folder.name, titles.get(folder.name, folder.name), folder)
            except CatscanError as error:
                say(f"{folder.name}, which ran earlier, is left out: {error.what} ({error.where})")


def competition(name: str, title: str, folder: Path) -> dict[str, Any]:
    """What the page shows of one competition, read from its folder of results."""
    index = Summary.read(folder / "index.json")
    metrics = Metrics.read(folder / "evaluation" / "metrics.json")
    findings = Findings.read(folder / "evaluation" / "findings.json")
    galleries = Galleries.read(folder / "evaluation" / "galleries.json")
    check = Check.read(folder / "submission.json")
    explanation = Explanation.read(folder / "explanation.json")
    sidecars = [
        Sidecar.read(folder / "arrays" / f"{split}-{shard}-of-{index.shards}.json")
        for split in ("train", "test")
        for shard in range(1, index.shards + 1)
    ]
    geometry = {sample: told for sidecar in sidecars for sample, told in sidecar.geometry.items()}
    models = _described(folder, metrics)
    shards = {
        split: Shards(
            [folder / "arrays" / f"{split}-{shard}-of-{index.shards}.npy" for shard in range(1, index.shards + 1)]
        )
        for split in ("train", "test")
    }
    doubted = read_table(folder / "evaluation" / "suspects.csv") if findings.suspects else pd.DataFrame()
    moved = drift_between(shards["train"], shards["test"])
    bad = [(row.sample_id, row.reason) for sidecar in sidecars for row in sidecar.bad]
    facts = Facts(
        metrics=metrics,
        index=index,
        findings=findings,
        described={name.rpartition("/")[0]: model for name, model in reversed(models.items())},
        histories=_histories(folder, metrics),
        n_bad=len(bad),
        drift=moved,
    )
    duplicates = {kind: found for kind, found in sorted(asdict(index.duplicates).items()) if found}
    return {
        "name": name,
        "title": title,
        "parts": [(part, shown) for part, shown in PARTS.items() if part != "scans" or geometry],
        "verdict": verdict(metrics, check),
        "cards": cards(metrics, check),
        "remarks": [*index.remarks, *metrics.remarks, *check.warnings],
        "submission": _submission(folder, check),
        "class_column": "target" if metrics.amounts else "class",
        "classes": [
            (label, f"{count:,}", f"{100 * count / max(index.n_train, 1):.1f} %")
            for label, count in ((label, index.counts[label]) for label in index.classes)
        ],
        "classes_left_out": _classes_left_out(galleries, index),
        "data_line": f"{index.n_train:,} training samples in {index.folds} folds, {index.n_test:,} test.",
        "bad": _listed(bad, BAD_SHOWN),
        "odd": _listed(
            [(row.sample_id, "; ".join(row.remarks)) for sidecar in sidecars for row in sidecar.odd], ODD_SHOWN
        ),
        "duplicates": json.dumps(duplicates, indent=1, ensure_ascii=False) if duplicates else "",
        "duplicates_line": duplicates_line(index.duplicates),
        "galleries": galleries,
        "scans": any(one.slices for row in galleries.samples for one in row.tiles),
        "geometry": geometry_table(geometry),
        "scan_figures": list(scan_figures(shards["train"], geometry)),
        "models": models_table(metrics, models, training_minutes(folder)),
        "sweep": sweep_tables(metrics),
        "folds": folds_table(metrics),
        "captions": OF_AMOUNTS if metrics.amounts else CAPTIONS,
        "many_models": len(metrics.models) > 1,
        "explained": explained(explanation, doubted["sample_id"].tolist() if findings.suspects else []),
        "figures": folder / "evaluation",
        "advice": advice(facts),
        "drift": drift_told(moved, shards["test"]),
        "classes_told": classes_table(findings),
        "positive": index.positive,
        "thresholds": thresholds_table(findings),
        "by_part": parts_table(findings, metrics.loss.title),
        "suspects": _suspects(doubted),
        "costs": stages_table(folder),
        "confusion": confusion_table(findings.confusion, index.classes),
        "pairs": most_confused(findings.confusion, index.classes) if index.task in ONE_CLASS else [],
        "settings": settings_told(models),
        "changes": changes_told(folder),
    }


def _histories(folder: Path, metrics: Metrics) -> dict[str, dict[int, tuple[np.ndarray, np.ndarray]]]:
    """Of each trained model and fold the training and the held-out loss by epoch; without folds that hold none out."""
    loss = metrics.loss.name
    found: dict[str, dict[int, tuple[np.ndarray, np.ndarray]]] = {}
    for model, scores in metrics.trained.items():
        for fold in scores.folds:
            path = folder / "models" / model / f"fold-{fold.fold}" / "history.csv"
            table = read_table(path)
            if loss in table:
                columns = (pd.to_numeric(table[name], errors="coerce").to_numpy() for name in ("train_loss", loss))
                found.setdefault(model, {})[fold.fold] = tuple(columns)  # type: ignore[assignment]
    return found


def _suspects(doubted: pd.DataFrame) -> dict[str, Any]:
    """The likeliest wrong labels, as `suspects.csv` has them."""
    shown = doubted.head(SUSPECTS_SHOWN)
    for name in shown.columns.intersection(["label_value", "likely_value"]):
        shown = shown.assign(**{name: [f"{float(value):.4f}" if value else "" for value in shown[name]]})
    left = len(doubted) - len(shown)
    more = f"and {left:,} more in evaluation/suspects.csv" if left else ""
    return {"n": len(doubted), "rows": shown.to_numpy().tolist(), "more": more}


def _listed(rows: list[tuple[str, str]], most: int) -> dict[str, Any]:
    """Rows of a table as far as they are shown, with the number of all and a word on the others."""
    more = f"and {len(rows) - most:,} more in the sidecars of arrays/" if len(rows) > most else ""
    return {"n": len(rows), "rows": rows[:most], "more": more}


def _classes_left_out(galleries: Galleries, index: Summary) -> str:
    shown, n = len(galleries.samples), len(index.classes)
    return "" if shown >= n else f" Shown are the first {shown} of {n} classes."


def explained(told: Explanation, doubted: Sequence[str] = ()) -> dict[str, Any]:
    """The network that was opened: a line on it, its layers as a table, and all that the explorer needs.

    Parameters
    ----------
    doubted
        The samples whose labels are likely wrong, the likeliest first.
    """
    from markupsafe import Markup

    learnt_from = (
        f"what {' and '.join(told.extractors)} says of the samples" if told.extractors else "the samples alone"
    )
    line = (
        f"The network of fold {told.fold} of {told.model}, opened. It has learnt from {learnt_from}; those here with "
        "a label it never saw in training. Choose one, then a layer, a map and a place on it: every number is computed "
        "here, from the network's own weights."
    )
    values = asdict(told)
    for layer, step in zip(values["layers"], told.layers, strict=True):
        layer |= {"title": step.title, "opens": step.opens}
    values["doubted"], ranks = len(doubted), {sample: rank for rank, sample in enumerate(doubted, start=1)}
    for sample in values["samples"]:
        sample["doubted"] = ranks.get(sample["sample_id"], 0)
    data = json.dumps(values, ensure_ascii=False).replace("<", "\\u003c")  # nothing in it ends the script
    return {"line": line, "remarks": told.remarks, "table": table(told.layers), "data": Markup(data)}


def _submission(folder: Path, check: Check) -> dict[str, Any]:
    rows = read_table(folder / "submission.csv")
    return {
        "path": str(folder / "submission.csv"),
        "line": f"{check.rows:,} rows, checked row by row: ids, order, columns and values.",
        "columns": list(rows.columns),
        "head": rows.head(ROWS_SHOWN).to_numpy().tolist(),
        "more": f"and {len(rows) - ROWS_SHOWN:,} more rows" if len(rows) > ROWS_SHOWN else "",
    }


def duplicates_line(duplicates: Duplicates) -> str:
    """What was found of near-duplicates, counted: the summary of a list that can be opened."""
    told = (
        (len(duplicates.groups), "group", ""),
        (len(duplicates.twins), "test sample", " with a twin in training"),
        (len(duplicates.contradictory), "pair", " with different labels"),
    )
    return "Near-duplicates: " + ", ".join(number_of(count, noun) + rest for count, noun, rest in told if count)


def settings_told(models: dict[str, Model]) -> str:
    """What each model was made by, as YAML: its folds differ in nothing that stands there."""
    import yaml

    told = {name.rpartition("/")[0]: asdict(model) for name, model in models.items()}
    plain = json.loads(json.dumps(told))  # lists in place of tuples
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100))


def _described(folder: Path, metrics: Metrics) -> dict[str, Model]:
    """The evaluated networks, by the name of the model and the fold: "resnet/fold-0"."""
    return {
        f"{name}/fold-{fold.fold}": Model.read(folder / "models" / name / f"fold-{fold.fold}" / "model.json")
        for name, scores in metrics.trained.items()
        for fold in scores.folds
    }
