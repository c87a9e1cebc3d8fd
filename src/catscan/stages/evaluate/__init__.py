"""Score the out-of-fold predictions: metrics with intervals, calibration, figures, galleries.

In: the index, the out-of-fold predictions and history of every model and fold, the training shards, the raw folder's
table of labels where there is one. Out: in one folder
`metrics.json` (scores of each model and fold, of their blend with 95 % intervals, the constant prior, the temperature,
clip and odds, or the bounds of amounts, that the submission stage applies), `out-of-fold.csv` (the models' blend, not
calibrated), `suspects.csv` (labels that are likely wrong), and for the report `galleries.json`, `findings.json`
and the figures, SVG. All of it speaks of the
out-of-fold predictions; what to expect of the test set, the submission stage says.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.arrays import Shards
from catscan.common.contracts.findings import Part
from catscan.common.contracts.metrics import Estimate, FoldScores, Loss, Metrics, ModelScores
from catscan.common.contracts.summary import Summary
from catscan.common.errors import CatscanError
from catscan.common.files import whole
from catscan.common.progress import say
from catscan.common.settings import parse
from catscan.common.tables import read_table, write_table
from catscan.scores import blending, metrics
from catscan.scores.answers import ANSWERS
from catscan.scores.foreign import read_foreign
from catscan.scores.predictions import check_one_each, read_predictions, write_predictions
from catscan.scores.settings import BlendSettings
from catscan.stages.evaluate import figures, parts, tiles
from catscan.stages.evaluate.held_out import HeldOut
from catscan.stages.evaluate.suspects import suspects
from catscan.stages.evaluate.sweep import choice_of, sweep, sweep_line
from catscan.stages.evaluate.tasks import EVALUATED

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

FEW_SAMPLES = 50


@dataclass(frozen=True, kw_only=True)
class Settings(BlendSettings):
    """What the evaluate stage reads: the metric, foreign members, the sweep, where a table of the samples stands."""

    best: int = 0
    """How many points of the sweep are blended."""

    points: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The settings that each model of the sweep is a point of, by the name of the model."""

    labels: str = ""
    """CSV (or JSON list of records) among the raw files that holds the labels; empty where none does."""

    id_column: str = ""
    """Its column with the sample ids; empty is its first column."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the stage's flags."""
    parser.add_argument("--settings", required=True, help="the stage's settings as JSON")
    parser.add_argument("--index", required=True, type=Path, help="index.csv")
    parser.add_argument("--summary", required=True, type=Path, help="index.json")
    parser.add_argument(
        "--predictions", required=True, type=Path, nargs="+", help="the out-of-fold.csv of each model and fold"
    )
    parser.add_argument("--history", required=True, type=Path, nargs="+", help="their history.csv, in the same order")
    parser.add_argument("--models", required=True, nargs="+", help="the name of the model of each of those files")
    parser.add_argument("--folds", required=True, type=int, nargs="+", help="the fold of each of those files")
    parser.add_argument("--foreign", type=Path, nargs="*", default=[], help="out-of-fold CSVs of foreign members")
    parser.add_argument("--arrays", required=True, type=Path, nargs="+", help="the training shards")
    parser.add_argument("--raw", required=True, type=Path, help="the raw folder, for the table of the labels")
    parser.add_argument("--out", required=True, type=Path, help="the folder to write into")


def run(args: argparse.Namespace) -> None:
    """Score, draw, write; metrics.json comes last."""
    settings = parse(Settings, args.settings)
    summary = Summary.read(args.summary)
    classes = list(summary.classes)
    index = read_table(args.index, columns=["sample_id", "split", "label", "group", "fold"])
    index = index[index["split"] == "train"].set_index("sample_id")
    summary.check_index(len(index), args.index)
    for flag in ("history", "models", "folds"):
        check_one_each(f"--{flag}", getattr(args, flag), args.predictions)
    held_out = gather(
        list(zip(args.models, args.predictions, strict=True)),
        index,
        classes,
        summary.task,
        settings.metric,
        choice=choice_of(settings.best, settings.points),
    )
    check_one_each("--foreign", settings.blend, args.foreign)
    files = dict(zip(settings.blend, args.foreign, strict=True))
    foreign = {name: _foreign(path, summary, held_out, index) for name, path in files.items()}
    held_out = joined_by(foreign, held_out, summary.task, settings.metric)
    problem = metrics.Problem(
        task=summary.task,
        positive=classes.index(summary.positive),
        weights=settings.metric_weights,
        positive_weight=settings.metric_positive_weight,
    )
    told = replace(
        evaluate(held_out, settings.metric, problem, summary), sweep=sweep(held_out, settings.points, problem)
    )
    histories: dict[str, dict[int, pd.DataFrame]] = {}
    for model, fold, path in zip(args.models, args.folds, args.history, strict=True):
        if model in told.blended:
            histories.setdefault(model, {})[fold] = read_table(path).apply(_numbers)
    of_task = EVALUATED[problem.task]
    for name, figure in [
        ("learning-curves.svg", figures.learning_curves(histories, ANSWERS[problem.task].loss)),
        *of_task.figures(held_out, classes),
    ]:
        with whole(args.out / name) as partial:
            figures.save(figure, partial)
    shards = Shards(args.arrays)
    scans = len(shards.sample_shape) == 4
    of_task.galleries(held_out, _arrays(held_out, shards), classes, scans=scans).write(args.out / "galleries.json")
    doubted = suspects(held_out, classes, problem.task)
    write_table(args.out / "suspects.csv", doubted)
    found = of_task.findings(
        held_out,
        classes,
        summary.positive,
        parts=tuple(_parts(args, settings, held_out, index, problem.task)),
        suspects=len(doubted),
    )
    found.write(args.out / "findings.json")
    write_predictions(args.out / "out-of-fold.csv", held_out.sample_ids, held_out.blend, classes)
    told.write(args.out / "metrics.json")
    loss = told.loss
    say(f"out-of-fold {loss.title} {loss.value:.4f} {told.spread}, constant prior {loss.prior:.4f}")
    for name, model in told.models.items():
        if model.gain is not None:
            low, high = model.gain.interval
            title = f"{name} (foreign)" if model.foreign else name
            say(
                f"{title}: {loss.title} {model.scores[loss.name]:.4f}, weight {model.weight:.2f}, lowers the blend's "
                f"by {model.gain.value:.4f} (95 %: {low:.4f} to {high:.4f})"
            )
    if told.sweep:
        say(sweep_line(told.sweep, loss.title))
    for remark in told.remarks:
        say(f"remark: {remark}")


def gather(
    files: list[tuple[str, Path]],
    index: pd.DataFrame,
    classes: list[str],
    task: str,
    metric: str,
    *,
    choice: blending.Choice = blending.ALL,
) -> HeldOut:
    """Put the predictions of all folds together, model by model; each of ``files`` with the name of its model.

    Raises
    ------
    CatscanError
        When nothing was predicted, the models predicted different samples, two folds of a model the same one, or
        `read_predictions` refuses a file.
    """
    import pandas as pd

    by_model: dict[str, list[pd.DataFrame]] = {}
    seen: dict[tuple[str, str], Path] = {}
    for name, path in files:
        table = read_predictions(path, classes, task)
        for sample_id in table.index:
            before = seen.setdefault((name, sample_id), path)
            if before != path:
                raise CatscanError(
                    "A sample was held out by two folds of one model.",
                    where=f"{before} and {path}",
                    found=repr(sample_id),
                    do="Delete the folders of both and run again.",
                )
        by_model.setdefault(name, []).append(table)
    tables = {model: pd.concat(parts) for model, parts in by_model.items()}
    predicted = [set(table.index) for table in tables.values()]
    if any(other != predicted[0] for other in predicted):
        raise CatscanError(
            "The models were not evaluated on the same samples.",
            where=", ".join(f"{model}: {len(table)}" for model, table in tables.items()),
            do="Train all models on the same folds.",
        )
    if not predicted[0]:
        raise CatscanError("No sample was held out, so there is nothing to score.", where=str(files[0][1]))
    rows = index[index.index.isin(predicted[0])]
    targets = metrics.targets_of(list(rows["label"]), classes, task)
    models = {model: table.loc[rows.index].to_numpy() for model, table in tables.items()}
    folds = rows["fold"].to_numpy(np.int64)
    blend = blending.cross_fitted(models, targets, folds, task, choice)
    return HeldOut(
        sample_ids=list(rows.index),
        folds=folds,
        groups=list(rows["group"]),
        targets=targets,
        models=models,
        blend=blend,
        calibrated=EVALUATED[task].cross_fitted(blend, targets, folds, metric),
        choice=choice,
    )


def _foreign(path: Path, summary: Summary, held_out: HeldOut, index: pd.DataFrame) -> Array:
    return read_foreign(
        path,
        classes=summary.classes,
        task=summary.task,
        positive=summary.positive,
        wanted=held_out.sample_ids,
        known=list(index.index),
    )


def joined_by(foreign: dict[str, Array], held_out: HeldOut, task: str, metric: str) -> HeldOut:
    """The same with foreign members, by name the answers (n, classes), in the blend; as it is without any."""
    if not foreign:
        return held_out
    models = held_out.models | foreign
    blend = blending.cross_fitted(models, held_out.targets, held_out.folds, task, held_out.choice)
    calibrated = EVALUATED[task].cross_fitted(blend, held_out.targets, held_out.folds, metric)
    return replace(held_out, models=models, blend=blend, calibrated=calibrated, foreign=tuple(foreign))


def evaluate(held_out: HeldOut, metric: str, problem: metrics.Problem, summary: Summary) -> Metrics:
    """All that `metrics.json` holds."""
    odds = metrics.odds_to_tell(metric, held_out.targets, problem)
    told_answers = metrics.with_odds(held_out.calibrated, odds)
    folds = _folds(held_out.calibrated, held_out, problem)
    told = Metrics(
        metric=metric,
        n=len(held_out.sample_ids),
        loss=_loss(held_out, folds, problem),
        scores={name: _estimate(of, held_out, problem) for name, of in ANSWERS[problem.task].scores.items()},
        folds=folds,
        models=_models(held_out, problem),
        odds=tuple(odds.tolist()),
        score=_number(metrics.score(metric, told_answers, held_out.targets, problem)),
        remarks=(),
        **EVALUATED[problem.task].fitted(held_out, metric),
    )
    return replace(told, remarks=tuple(remarks(told, summary)))


def _loss(held_out: HeldOut, folds: Sequence[FoldScores], problem: metrics.Problem) -> Loss:
    name = ANSWERS[problem.task].loss
    value, interval = _interval(name, held_out, problem)
    prior = metrics.prior_score(name, held_out.targets, problem)
    of_folds = [fold.scores[name] for fold in folds]
    return Loss(
        name=name,
        value=value,
        interval=interval,
        sd=float(np.std(np.array(of_folds, np.float64), ddof=1)) if len(folds) > 1 else 0.0,
        prior=prior,
        beats_prior=value < prior,
        uncalibrated=metrics.score(name, held_out.blend, held_out.targets, problem),
    )


def remarks(told: Metrics, summary: Summary) -> Iterator[str]:
    """What a careful person would say about these scores."""
    n, n_train = told.n, summary.n_train
    if n_train < FEW_SAMPLES:
        yield (
            f"{n_train} labelled samples cannot teach a network: the scores are chance, and the run shows no more than "
            "that the chain works on these data."
        )
    if not told.loss.beats_prior:
        yield "The networks do not beat the constant prior; a submission of the prior alone would be as good or better."
    if len(told.folds) < summary.folds:
        yield f"Only {len(told.folds)} of {summary.folds} folds were trained; the scores speak of {n} samples."
    elif n < n_train:
        yield f"{n_train - n} training samples could not be read and are not part of the scores."


def _models(held_out: HeldOut, problem: metrics.Problem) -> dict[str, ModelScores]:
    given, targets, folds, task = held_out.models, held_out.targets, held_out.folds, problem.task
    weights = blending.learn(given, targets, folds, task, held_out.choice)
    gains = blending.gains(given, targets, folds, task, choice=held_out.choice, groups=held_out.groups)
    everywhere = np.ones(len(targets), bool)
    return {
        name: ModelScores(
            n=len(targets),
            scores=_scores(answers, held_out, everywhere, problem),
            folds=_folds(answers, held_out, problem),
            weight=weights[name],
            gain=Estimate(*gains[name]) if name in gains else None,
            foreign=name in held_out.foreign,
        )
        for name, answers in given.items()
    }


def _folds(answers: Array, held_out: HeldOut, problem: metrics.Problem) -> tuple[FoldScores, ...]:
    return tuple(
        FoldScores(
            fold=int(fold),
            n=int((held_out.folds == fold).sum()),
            scores=_scores(answers, held_out, held_out.folds == fold, problem),
        )
        for fold in np.unique(held_out.folds)
    )


def _scores(
    answers: Array, held_out: HeldOut, rows: NDArray[np.bool_], problem: metrics.Problem
) -> dict[str, float | None]:
    of_task = ANSWERS[problem.task]
    return {
        name: _number(metrics.score(of, answers[rows], held_out.targets[rows], problem))
        for name, of in {of_task.loss: of_task.loss, **of_task.scores}.items()
    }


def _estimate(name: str, held_out: HeldOut, problem: metrics.Problem) -> Estimate | None:
    """A metric of the calibrated blend; None where the samples do not define it."""
    value, interval = _interval(name, held_out, problem)
    return None if math.isnan(value) else Estimate(value, interval)


def _interval(name: str, held_out: HeldOut, problem: metrics.Problem) -> tuple[float, tuple[float, float]]:
    """A metric of the calibrated blend; where too few resamples define its interval, both ends are its value."""
    value = metrics.score(name, held_out.calibrated, held_out.targets, problem)
    ends = metrics.bootstrap_interval(name, held_out.calibrated, held_out.targets, problem, groups=held_out.groups)
    low, high = (value if math.isnan(end) else end for end in ends)
    return value, (low, high)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _numbers(column: pd.Series[str]) -> pd.Series[float]:
    import pandas as pd

    return pd.to_numeric(column, errors="coerce")


def _parts(
    args: argparse.Namespace, settings: Settings, held_out: HeldOut, index: pd.DataFrame, task: str
) -> Iterator[Part]:
    """The loss of each kind of samples that a column of the labels' table or of the index tells apart."""
    labels = index["label"].reindex(held_out.sample_ids).tolist()
    tables = [index[[name for name in parts.OF_INDEX if name in index]]]
    if settings.labels:
        tables.append(parts.of_labels(args.raw, settings.labels, settings.id_column))
    for table in tables:
        yield from parts.parts(held_out, parts.columns_of(table, held_out, labels), task)


def _arrays(held_out: HeldOut, shards: Shards) -> tiles.ArrayOf:
    """A held-out sample by its position."""
    rows = {sample_id: row for row, sample_id in enumerate(shards.sample_ids)}
    return lambda position: shards.take(np.array([rows[held_out.sample_ids[position]]]))[0]
