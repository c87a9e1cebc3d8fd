"""Does the 95 % interval of the test score hold the true one? Generated competitions, seed by seed, by the real stages.

    python benchmarks/interval.py --work FOLDER [--kinds pictures series] [--seeds 20] [--first 1]

Each seed draws a competition of its own, as in the default run but smaller (`SMALL`), trains its three folds, predicts
its test set, and takes the interval and the true score from submission.json. Beside them stands the spread of a test
set of that size: the width of the 95 % bootstrap interval of the log loss of as many out-of-fold predictions; and that
of the test set itself, whose truth is known here. Goals: of twenty truths at least 18 inside, and a mean width of at
most 1.5 times the mean spread. The last column says whether the interval of the out-of-fold mean (metrics.json), which
version 0.1 printed, holds the truth.
What a seed has trained stays in FOLDER and is taken from there by the next call; evaluate and submission run again.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from catscan.cli import main as catscan
from catscan.common.contracts.check import Check
from catscan.common.contracts.metrics import Metrics
from catscan.common.contracts.summary import Summary
from catscan.common.tables import read_table
from catscan.flow import config, stage_strings
from catscan.scores.metrics import Problem, bootstrap_interval, ends_of, score, targets_of
from catscan.scores.predictions import read_all, read_predictions
from catscan.scores.told import CalibratedBlend

ROOT = Path(__file__).resolve().parent.parent
FOLDS = range(3)
FEWEST_INSIDE = 0.9
WIDEST = 1.5  # in spreads of a test set of that size


def _convolution(maps: int) -> dict[str, Any]:
    return {"convolution": {"feature_maps": maps, "window": 3, "batch_norm": True}}


def _network(maps: int, pooling: str) -> list[dict[str, Any]]:
    halved = {"pooling": {"kind": "max", "window": 2}}
    last = {"global_pooling": {"kind": pooling}}
    return [_convolution(maps), halved, _convolution(2 * maps), halved, _convolution(4 * maps), last]


RECIPE = {
    "learning_rate": 0.004,
    "schedule": "one_cycle",
    "label_smoothing": 0.05,
    "ema": 0.9,
    "augment": {"flip": True},
}
# What is smaller than in the default run, so that a seed takes about a quarter of a minute of one core.
SMALL: dict[str, tuple[str, dict[str, Any]]] = {
    "pictures": (
        "dogs-vs-cats",
        {
            "source": {"train": 300, "test": 100},
            "index": {"shards": 1},
            "preprocess": {"picture": {"size": [32, 32]}},
            "models": {"resnet": {"network": _network(16, "average"), "epochs": 24, "batch_size": 32, **RECIPE}},
            "train": {"threads": 1},
        },
    ),
    "series": (
        "ct-scans",
        {
            "source": {"train": 80, "test": 40},
            "index": {"shards": 1},
            "preprocess": {"scan": {"size": [12, 32, 32]}},
            "models": {"resnet": {"network": _network(8, "max"), "epochs": 12, "batch_size": 4, **RECIPE}},
            "train": {"threads": 1},
        },
    ),
}


@dataclass(frozen=True)
class Row:
    """One seed: the interval, the score expected, the true one, and the spread of a test set of that size.

    `own_spread` is that of the test set itself.
    """

    seed: int
    out_of_fold: float
    expected: float
    low: float
    high: float
    true: float
    spread: float
    own_spread: float
    in_the_old: bool

    @property
    def inside(self) -> bool:
        """Whether the interval holds the truth."""
        return self.low <= self.true <= self.high

    @property
    def width(self) -> float:
        """Of the interval."""
        return self.high - self.low


def competition_of(kind: str, seed: int) -> dict[str, Any]:
    """The default run's competition of that kind, smaller, with another seed for its data."""
    name, smaller = SMALL[kind]
    described = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    competition = described["competitions"][name]
    for block, keys in smaller.items():
        competition[block] = competition.get(block, {}) | keys
    competition["source"]["seed"] = seed
    whole = {"run": [name], "competitions": {name: competition}}
    return config.load(whole, ROOT / "workflow" / "schemas" / "config.schema.yaml")["competitions"][name]


def stage(log: Path, *arguments: Any) -> None:
    """Run one stage in this process, its words into ``log``."""
    with log.open("a", encoding="utf-8") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        code = catscan([str(argument) for argument in arguments])
    if code:
        raise SystemExit(f"catscan {arguments[0]} ended with {code}; see {log}")


def trained(competition: dict[str, Any], folder: Path) -> None:
    """From download to the test predictions, but for what lies in ``folder`` already."""
    folder.mkdir(parents=True, exist_ok=True)
    log, raw = folder / "log", folder / "raw"
    index = ["--index", folder / "index.csv"]
    told = [*index, "--summary", folder / "index.json"]
    if not (raw / "manifest.json").is_file():
        stage(
            log,
            "download",
            "--settings",
            stage_strings.download(competition),
            "--raw",
            raw,
            "--truth",
            folder / "truth",
        )
    if not (folder / "index.json").is_file():
        given = ["--settings", stage_strings.index(competition), "--layout", stage_strings.layout(competition)]
        stage(log, "index", *given, "--raw", raw, *told)
    settings = ["--settings", stage_strings.preprocess(competition), "--raw", raw, *index, "--shard", 1]
    for split in ("train", "test"):
        if not (folder / f"{split}.npy").is_file():
            stage(log, "preprocess", *settings, "--split", split, "--array", folder / f"{split}.npy")
    for fold in FOLDS:
        model = folder / f"fold-{fold}"
        if not (model / "model.json").is_file():
            settings = ["--settings", stage_strings.train(competition, "resnet"), "--arrays", folder / "train.npy"]
            stage(log, "train", *settings, *told, "--fold", fold, "--out", model)
        if not (model / "test.csv").is_file():
            settings = ["--settings", stage_strings.predict(), "--arrays", folder / "test.npy"]
            stage(log, "predict", *settings, "--model", model, "--out", model / "test.csv")


def row_of(competition: dict[str, Any], folder: Path, seed: int) -> Row:
    """Evaluate and submit anew what is trained, and compare with the truth."""
    log, check_path = folder / "log", folder / "submission.json"
    told = ["--index", folder / "index.csv", "--summary", folder / "index.json"]
    folds = [folder / f"fold-{fold}" for fold in FOLDS]
    models = ["--models", *["resnet"] * len(folds)]
    given = ["--predictions", *(fold / "out-of-fold.csv" for fold in folds), *models, "--folds", *FOLDS]
    given += ["--history", *(fold / "history.csv" for fold in folds), "--arrays", folder / "train.npy"]
    given += ["--raw", folder / "raw", "--out", folder]
    stage(log, "evaluate", "--settings", stage_strings.evaluate(competition), *told, *given)
    given = ["--predictions", *(fold / "test.csv" for fold in folds), *models, "--raw", folder / "raw"]
    given += ["--metrics", folder / "metrics.json", "--out-of-fold", folder / "out-of-fold.csv"]
    given += ["--truth", folder / "truth" / "solution.csv", "--out", folder / "submission.csv", "--check", check_path]
    stage(log, "submission", "--settings", stage_strings.submission(competition), *told, *given)
    check, metrics = Check.read(check_path), Metrics.read(folder / "metrics.json")
    if check.expected_score is None or check.expected_interval is None or check.true_score is None:
        raise SystemExit(f"{check_path} has no interval or no true score")
    low, high = metrics.loss.interval
    return Row(
        seed,
        metrics.loss.value,
        check.expected_score,
        *check.expected_interval,
        check.true_score,
        *spreads(folder, metrics),
        low <= check.true_score <= high,
    )


def spreads(folder: Path, metrics: Metrics) -> tuple[float, float]:
    """The width of the bootstrap interval of a test set's log loss: drawn out of fold; and the test set itself."""
    summary = Summary.read(folder / "index.json")
    problem, combined = Problem(summary.task), CalibratedBlend.of(metrics, summary)
    held_out = read_predictions(folder / "out-of-fold.csv", summary.classes, summary.task)
    index = read_table(folder / "index.csv").set_index("sample_id")
    targets = targets_of(list(index.loc[held_out.index, "label"]), summary.classes, summary.task)
    told = combined.tell({"blend": [held_out.to_numpy()]})
    paths = [folder / f"fold-{fold}" / "test.csv" for fold in FOLDS]
    predictions = read_all(paths, ["resnet"] * len(paths), summary.classes, summary.task)
    drawn = np.random.default_rng(1).integers(len(told), size=(500, len(predictions.sample_ids)))
    out_of_fold = ends_of([score("log_loss", told[rows], targets[rows], problem) for rows in drawn])
    label: dict[str, Any] = dict(read_table(folder / "truth" / "solution.csv").itertuples(index=False))
    truth = np.eye(2)[[int(label[sample_id]) for sample_id in predictions.sample_ids]]
    itself = bootstrap_interval("log_loss", combined.tell(predictions.by_model), truth, problem)
    return out_of_fold[1] - out_of_fold[0], itself[1] - itself[0]


def print_table(kind: str, rows: list[Row]) -> None:
    """A row a seed, and whether the goals are met."""
    print(f"\n{kind}: log loss\n")
    print("| seed | out of fold | expected | interval | true | inside | width | spread | its own | in the old |")
    print("| --- " * 10 + "|")
    for row in rows:
        numbers = f"{row.width:.3f} | {row.spread:.3f} | {row.own_spread:.3f}"
        print(
            f"| {row.seed} | {row.out_of_fold:.3f} | {row.expected:.3f} | {row.low:.3f} to {row.high:.3f} "
            f"| {row.true:.3f} | {yes(row.inside)} | {numbers} | {yes(row.in_the_old)} |"
        )

    def mean(name: str) -> float:
        return statistics.mean(getattr(row, name) for row in rows)

    inside, old = sum(row.inside for row in rows), sum(row.in_the_old for row in rows)
    met = inside >= FEWEST_INSIDE * len(rows) and mean("width") <= WIDEST * mean("spread")
    print(f"\n{inside} of {len(rows)} inside; {old} inside the interval of the out-of-fold mean")
    print(f"mean width {mean('width'):.3f}: {mean('width') / mean('spread'):.2f} times the spread, ", end="")
    print(f"{mean('width') / mean('own_spread'):.2f} times that of the test sets themselves")
    print(f"means: out of fold {mean('out_of_fold'):.3f}, expected {mean('expected'):.3f}, true {mean('true'):.3f}")
    print("met" if met else "MISSED")


def yes(value: bool) -> str:
    """A cell of the table."""
    return "yes" if value else "no"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="the folder to keep what is trained in")
    parser.add_argument("--kinds", nargs="+", choices=list(SMALL), default=list(SMALL))
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=1)
    args = parser.parse_args()
    for kind in args.kinds:
        rows = []
        for seed in range(args.first, args.first + args.seeds):
            competition, folder = competition_of(kind, seed), args.work / f"{kind}-{seed}"
            trained(competition, folder)
            rows.append(row_of(competition, folder, seed))
        print_table(kind, rows)


if __name__ == "__main__":
    main()
