"""Blend, calibrate and clip the predictions, write the submission and check it row by row.

In: the test predictions of all models and folds, evaluation/metrics.json (temperature, clip, expected score), index.csv
and index.json, the sample submission among the raw files, the truth of the test set where it is known. Out:
`submission.csv`, with the ids, the columns and the order of the sample submission, and `submission.json`, what was
checked and what score is expected.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.calibration import Calibration, blend, calibrate, clipped, expected_prior
from catscan.errors import CatscanError, listed
from catscan.files import read_json, whole, write_json
from catscan.metrics import metric_named
from catscan.places import line_of, read_raw_table
from catscan.progress import say
from catscan.raw import RawFile, RawFiles
from catscan.settings import parse
from catscan.sheet import Form, check_sheet, fill_in, foreign_values, form_of, split_row_id, write_cells
from catscan.tables import read_table
from catscan.truth import true_score
from catscan.words import number_of

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """The keys of the block `submission` but its kind, and the metric."""

    sample: str
    id_column: str
    columns: tuple[str, ...]
    value: str
    row_id: str
    rows: dict[str, Any]
    aggregate: str
    metric: str
    metric_weights: tuple[float, ...]


def register(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--settings", required=True, help="the stage's settings, as JSON")
    parser.add_argument("--raw", required=True, type=Path, help="the raw folder")
    parser.add_argument("--truth", type=Path, help="the truth of the test set; may be absent")
    parser.add_argument("--index", required=True, type=Path, help="the index")
    parser.add_argument("--summary", required=True, type=Path, help="the index's summary")
    parser.add_argument("--metrics", required=True, type=Path, help="evaluation/metrics.json")
    parser.add_argument("--predictions", required=True, type=Path, nargs="+", help="MODEL/fold-K.csv, one or more")
    parser.add_argument("--out", required=True, type=Path, help="the submission to write")
    parser.add_argument("--check", required=True, type=Path, help="what was checked, JSON")


def run(args: argparse.Namespace) -> None:
    """Write the submission and check it."""
    settings = parse(Settings, args.settings)
    summary, metrics = read_json(args.summary), read_json(args.metrics)
    metric_named(settings.metric, summary["task"])
    raw = RawFiles(args.raw)
    try:
        files = raw.all()
        columns = [settings.id_column] if settings.id_column else []
        sample = read_raw_table(raw, files, settings.sample, columns=columns)
        fields = _fields(raw, files, settings)
    finally:
        raw.close()
    form = form_of(
        sample,
        id_column=settings.id_column,
        columns=settings.columns,
        value=settings.value,
        row_id=settings.row_id,
        task=summary["task"],
        classes=summary["classes"],
        positive=summary["positive"],
    )
    foreign = foreign_values(sample, form)
    if foreign:
        say(f"warning: the sample submission has values that ours never has: {listed(foreign)}; see submission.value")
    expected = expected_prior(summary["prior"], summary["n_train"], form.task)
    calibration = Calibration(metrics["temperature"], metrics["clip"], expected)
    predictions = read_predictions(args.predictions, summary["classes"], summary["task"])
    sheet, missing = fill_sheet(
        sample,
        form,
        predictions.sample_ids,
        calibrate(predictions.probabilities, calibration, form.task),
        prior=clipped(np.array([summary["prior"]]), calibration.clip, form.task)[0],
        fields=fields,
        aggregate=settings.aggregate,
        at_least_one=_all_have_a_class(args.index),
    )
    with whole(args.out) as partial:
        sheet.to_csv(partial, index=False, lineterminator="\n")
        check_sheet(partial, sample, form, name=str(args.out))
    true = None
    if args.truth and args.truth.is_file():
        true = true_score(args.out, args.truth, form, metric=settings.metric, weights=settings.metric_weights)
    check = {
        "rows": len(sheet),
        "columns": list(sheet.columns),
        "valid": True,
        "missing": missing,
        "metric": settings.metric,
        "expected_score": metrics["expected_score"],
        "true_score": None if true is None or math.isnan(true) else true,
        "temperature": calibration.temperature,
        "clip": calibration.clip,
        "models": predictions.models,
        "sha256": hashlib.sha256(args.out.read_bytes()).hexdigest(),
    }
    write_json(args.check, check)
    _tell(check)


@dataclass(frozen=True)
class Predictions:
    """The blended predictions of the test samples.

    Attributes
    ----------
    sample_ids
        In the order of the rows.
    probabilities
        (n, classes) in [0, 1].
    models
        The name of each model, and of how many folds it is made.
    """

    sample_ids: list[str]
    probabilities: Array
    models: dict[str, int]


def read_predictions(paths: Sequence[Path], classes: Sequence[str], task: str) -> Predictions:
    """Read the files MODEL/fold-K.csv and blend them: first the folds of a model, then the models.

    Raises
    ------
    CatscanError
        When a file has other samples than the first, lacks a class, or holds a value that is no probability.
    """
    by_model: dict[str, list[Array]] = {}
    ids: list[str] = []
    for path in paths:
        table = read_table(path, columns=["sample_id", *classes])
        if by_model and list(table["sample_id"]) != ids:
            raise CatscanError(
                "The predictions are not for the same samples.",
                where=f"{paths[0]} and {path}",
                found=f"{len(ids):,} and {len(table):,} samples",
                do="Delete them and run the predict stage again.",
            )
        ids = list(table["sample_id"])
        by_model.setdefault(path.parent.name, []).append(_probabilities_in(table[list(classes)], path))
    blended = blend([blend(folds, task) for folds in by_model.values()], task)
    return Predictions(ids, blended, {name: len(folds) for name, folds in by_model.items()})


def _probabilities_in(table: pd.DataFrame, path: Path) -> Array:
    values = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~((values >= 0) & (values <= 1)).all(axis=1))
    if len(wrong):
        raise CatscanError(
            f"{number_of(len(wrong), 'row')} of predictions with a value that is no probability.",
            where=f"{path}, line {line_of(int(wrong[0]))}",
            found=", ".join(table.iloc[wrong[0]]),
            do="Delete the file and run the predict stage again; if it stays, train with a smaller learning rate.",
        )
    return values


def _fields(raw: RawFiles, files: Sequence[RawFile], settings: Settings) -> dict[str, dict[str, str]]:
    """What the row ids are made of, where the sample's id alone does not do: sample id to the cells of its row."""
    name, id_column = settings.rows.get("csv", ""), settings.rows.get("id_column", "")
    if not name:
        return {}
    table = read_raw_table(raw, files, name, columns=[id_column] if id_column else [])
    ids = table[id_column or table.columns[0]]
    return {key: {str(k): v for k, v in row.items()} for key, row in zip(ids, table.to_dict("records"), strict=True)}


def _all_have_a_class(index_path: Path) -> bool:
    index = read_table(index_path, columns=["split", "label"])
    return bool((index.loc[index["split"] == "train", "label"] != "").all())


def fill_sheet(
    sample: pd.DataFrame,
    form: Form,
    sample_ids: Sequence[str],
    probabilities: Array,
    *,
    prior: Array,
    fields: dict[str, dict[str, str]],
    aggregate: str,
    at_least_one: bool,
) -> tuple[pd.DataFrame, list[str]]:
    """The submission as a table of strings, and the ids of the rows that no prediction speaks of.

    Parameters
    ----------
    sample
        The sample submission, whose rows, columns and order are kept.
    sample_ids, probabilities
        (n,) and (n, classes), the predictions.
    prior
        (classes,) for the rows without a prediction.
    fields
        Sample id to more fields of the row ids' template.
    aggregate
        mean, max or noisy_or, for several samples with one row id.
    """
    rows: dict[str, list[int]] = {}
    class_of: dict[str, int] = {}
    for number, name in enumerate(sample_ids):
        for class_number in range(len(form.classes)) if form.is_long else (0,):
            known = {"id": name, "class": form.classes[class_number], **_of(name, fields, form)}
            row_id = fill_in(form.row_id, known)
            rows.setdefault(row_id, []).append(number)
            class_of[row_id] = class_number
    wanted = list(sample[form.id_column])
    asked = set(wanted)
    _tell_extra([name for name in rows if name not in asked])
    missing = [name for name in wanted if name not in rows]
    values = np.array(
        [_together(probabilities[rows[name]], form, aggregate) if name in rows else prior for name in wanted]
    )
    cells = write_cells(values, form, at_least_one=at_least_one)
    if form.is_long:
        cells = [[row[_class_of(name, class_of, form)]] for name, row in zip(wanted, cells, strict=True)]
    written = {form.id_column: wanted} | {
        name: [row[place] for row in cells] for place, name in enumerate(form.columns)
    }
    return pd.DataFrame(written)[list(sample.columns)], missing


def _tell_extra(row_ids: list[str]) -> None:
    if row_ids:
        rows = number_of(len(row_ids), "row")
        say(f"warning: {rows} predicted that the sample submission does not ask for, left out: {listed(row_ids)}")


def _of(name: str, fields: dict[str, dict[str, str]], form: Form) -> dict[str, str]:
    if name in fields or not fields:
        return fields.get(name, {})
    raise CatscanError(
        f"The test sample {name!r} has no row in the table of rows.",
        where="config key submission.rows",
        found=f"ids such as {listed(list(fields)[:1])!r}; the row ids are {form.row_id!r}",
        do="Check submission.rows.id_column.",
    )


def _class_of(row_id: str, class_of: dict[str, int], form: Form) -> int:
    if row_id not in class_of:
        return split_row_id(row_id, form, where="the sample submission")[1]
    return class_of[row_id]


def _total(row: Array, form: Form) -> float:
    return 1.0 if form.task == "multilabel" else float(row.sum())


def _together(several: Array, form: Form, aggregate: str) -> Array:
    """The probabilities of one row from those of its samples, (samples, classes) to (classes,)."""
    if len(several) == 1:
        return several[0]
    joined: Array = AGGREGATES[aggregate](several)
    if form.task == "binary":  # what is told is the positive class; the other follows
        joined[1 - form.positive] = 1 - joined[form.positive]
    return joined / _total(joined, form)


AGGREGATES: dict[str, Callable[[Array], Array]] = {
    "mean": lambda several: several.mean(axis=0),
    "max": lambda several: several.max(axis=0),
    "noisy_or": lambda several: 1 - (1 - several).prod(axis=0),  # at least one of independent findings
}


def _tell(check: dict[str, Any]) -> None:
    if check["missing"]:
        rows = number_of(len(check["missing"]), "row")
        say(f"warning: {rows} without a prediction, filled by the prior: {listed(check['missing'])}")
    say(f"valid: {number_of(check['rows'], 'row')}, columns {', '.join(check['columns'][:5])}")
    for name in ("expected_score", "true_score"):
        if check[name] is not None:
            say(f"{name.replace('_', ' ')}: {check['metric']} {check[name]:.4f}")
