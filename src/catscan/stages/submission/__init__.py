"""Blend, calibrate and clip the predictions, write the submission and check it row by row.

In: the test predictions of all models and folds, evaluation/metrics.json (temperature, clip, odds) and out-of-fold.csv,
index.csv and index.json, the sample submission among the raw files where there is one, the truth of the test set where
it is known. Out: `submission.csv`, with the ids, the columns and the order of the sample submission (without one, a row
for each test sample), and `submission.json`, what was checked and what score to expect.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd

from catscan.common.contracts.check import Check
from catscan.common.contracts.metrics import Metrics
from catscan.common.contracts.summary import Summary
from catscan.common.errors import CatscanError, listed
from catscan.common.files import whole
from catscan.common.progress import say
from catscan.common.settings import parse
from catscan.common.tables import read_table
from catscan.common.words import number_of
from catscan.raw.files import RawFiles
from catscan.raw.packed import unpack_truth, unpacked
from catscan.raw.places import read_raw_table
from catscan.raw.row_ids import Fields, read_fields
from catscan.scores.expected import expected_score
from catscan.scores.foreign import add_foreign
from catscan.scores.metrics import Problem, metric_named, targets_of
from catscan.scores.predictions import Predictions, check_one_each, read_all, read_predictions
from catscan.scores.told import Told, told_by
from catscan.stages.submission.fill import Filled, blank_sheet, fill_sheet
from catscan.stages.submission.settings import Settings
from catscan.stages.submission.sheet import Form, foreign_values, form_of
from catscan.stages.submission.sheet_check import check_sheet
from catscan.stages.submission.truth import true_score

__all__ = ["Settings", "register", "run"]


def register(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--settings", required=True, help="the stage's settings, as JSON")
    parser.add_argument("--raw", required=True, type=Path, help="the raw folder")
    parser.add_argument("--truth", type=Path, help="the truth of the test set; may be absent")
    parser.add_argument("--index", required=True, type=Path, help="the index")
    parser.add_argument("--summary", required=True, type=Path, help="the index's summary")
    parser.add_argument("--metrics", required=True, type=Path, help="evaluation/metrics.json")
    parser.add_argument("--out-of-fold", required=True, type=Path, help="evaluation/out-of-fold.csv")
    parser.add_argument("--predictions", required=True, type=Path, nargs="+", help="the files of predictions")
    parser.add_argument("--models", required=True, nargs="+", help="the name of the model of each of those files")
    parser.add_argument("--foreign", type=Path, nargs="*", default=[], help="test CSVs of foreign members")
    parser.add_argument("--out", required=True, type=Path, help="the submission to write")
    parser.add_argument("--check", required=True, type=Path, help="what was checked, JSON")


def run(args: argparse.Namespace) -> None:
    """Write the submission and check it."""
    settings = parse(Settings, args.settings)
    summary, metrics = Summary.read(args.summary), Metrics.read(args.metrics)
    metric_named(settings.metric, summary.task)
    predictions = read_all(args.predictions, args.models, summary.classes, summary.task, left_out=metrics.left_out)
    index = read_table(args.index, columns=["sample_id", "split", "label", "group"])
    check_one_each("--foreign", settings.blend, args.foreign)
    add_foreign(predictions, dict(zip(settings.blend, args.foreign, strict=True)), summary, index)
    sample, fields = _asked(args.raw, settings)
    if sample is None:
        sample = blank_sheet(
            predictions.sample_ids,
            settings,
            id_column=settings.id_column,
            task=summary.task,
            classes=summary.classes,
            fields=fields,
        )
    form = _form(sample, settings, summary)
    combined = told_by(metrics, summary)
    problem = Problem(form.task, form.positive, settings.metric_weights, settings.metric_positive_weight)
    index = index[index["split"] == "train"].set_index("sample_id")
    filled = fill_sheet(
        sample,
        form,
        predictions.sample_ids,
        combined.tell(predictions.by_model),
        prior=combined.tell_unseen(),
        fields=fields,
        aggregate=settings.aggregate,
        at_least_one=bool((index["label"] != "").all()),
    )
    with whole(args.out) as partial:
        filled.table.to_csv(partial, index=False, lineterminator="\n")
        check_sheet(partial, sample, form, name=str(args.out))
    held_out = _held_out(args.out_of_fold, index, form)
    expected, interval = _expected(
        settings.metric, problem, held_out=held_out, index=index, predictions=predictions, combined=combined
    )
    check = Check(
        rows=len(filled.table),
        columns=tuple(filled.table.columns),
        valid=True,
        missing=tuple(filled.missing),
        warnings=tuple(_warnings(settings, foreign_values(sample, form), filled)),
        metric=settings.metric,
        expected_score=expected,
        expected_interval=interval,
        spread=_spread(combined, predictions),
        true_score=_true_score(args, settings.metric, problem, form),
        temperature=metrics.temperature,
        clip=metrics.clip,
        models={name: len(folds) for name, folds in predictions.by_model.items()},
        sha256=hashlib.sha256(args.out.read_bytes()).hexdigest(),
    )
    check.write(args.check)
    _tell(check)


def _asked(folder: Path, settings: Settings) -> tuple[pd.DataFrame | None, Fields]:
    """The sample submission, if any; by sample id the cells of `rows.csv`, where the row ids need more than the id."""
    with closing(RawFiles(unpacked(folder))) as raw:
        columns = [*filter(None, [settings.id_column])]
        sample = read_raw_table(raw, raw.all(), settings.sample, columns=columns) if settings.sample else None
        return sample, read_fields(raw, settings.rows)


def _form(sample: pd.DataFrame, settings: Settings, summary: Summary) -> Form:
    return form_of(
        sample,
        settings,
        id_column=settings.id_column,
        task=summary.task,
        classes=list(summary.classes),
        positive=summary.positive,
    )


def _warnings(settings: Settings, foreign: list[str], filled: Filled) -> Iterator[str]:
    """What a person should know before the file is handed in."""
    if not settings.sample:
        columns = ", ".join(filled.table.columns)
        yield f"there was no sample submission to go by: one row a test sample, columns {columns}, as the config says"
    if foreign:
        yield f"the sample submission has values that ours never has: {listed(foreign)}; see submission.value"
    if filled.extra:
        rows = number_of(len(filled.extra), "row")
        yield f"{rows} predicted that the sample submission does not ask for, left out: {listed(filled.extra)}"
    if filled.missing:
        rows = number_of(len(filled.missing), "row")
        yield f"{rows} without a prediction, filled by the prior: {listed(filled.missing)}"
    if filled.several:
        yield "the expected score is of single samples; the competition scores rows, each made of several"


def _held_out(path: Path, index: pd.DataFrame, form: Form) -> pd.DataFrame:
    held_out = read_predictions(path, form.classes, form.task)
    unknown = list(held_out.index.difference(index.index))
    if unknown:
        raise CatscanError(
            "There are out-of-fold predictions of samples that the index does not have.",
            where=str(path),
            found=listed(unknown),
            do="Delete the file and run again: the evaluate stage writes it.",
        )
    return held_out


def _expected(
    metric: str,
    problem: Problem,
    *,
    held_out: pd.DataFrame,
    index: pd.DataFrame,
    predictions: Predictions,
    combined: Told,
) -> tuple[float | None, tuple[float, float] | None]:
    """The score to expect of the test samples that were predicted, and its interval; None where they have none."""
    if not predictions.sample_ids:
        return None, None
    rows = index.loc[held_out.index]
    score, (low, high) = expected_score(
        metric,
        problem,
        held_out=held_out.to_numpy(),
        targets=targets_of(list(rows["label"]), list(held_out.columns), problem.task),
        by_model=predictions.by_model,
        combined=combined,
        groups=list(rows["group"]),
    )
    return None if math.isnan(score) else score, None if math.isnan(low) else (low, high)


def _spread(combined: Told, predictions: Predictions) -> tuple[float, float] | None:
    """How far the lowest and the highest network lie beside what is told, on average; None where they tell classes."""
    ends, told = combined.spread(predictions.by_model), combined.tell(predictions.by_model)
    if not ends or not len(told):
        return None
    low, high = (float((end - told[:, 0]).mean()) for end in ends.values())
    return low, high


def _true_score(args: argparse.Namespace, metric: str, problem: Problem, form: Form) -> float | None:
    if args.truth:
        unpack_truth(args.raw, args.truth)
    if not args.truth or not args.truth.is_file():
        return None
    true = true_score(args.out, args.truth, form, metric=metric, problem=problem)
    return None if math.isnan(true) else true


def _tell(check: Check) -> None:
    for warning in check.warnings:
        say(f"warning: {warning}")
    say(f"valid: {number_of(check.rows, 'row')}, columns {', '.join(check.columns[:5])}")
    if check.expected:
        say(f"expected score: {check.expected}")
    if check.spread:
        low, high = check.spread
        say(f"the networks lie from {low:.4g} to {high:+.4g} beside what is told, on average")
    if check.true_score is not None:
        say(f"true score: {check.metric.replace('_', ' ')} {check.true_score:.4f}")
