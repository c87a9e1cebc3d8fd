"""How are the slices of a scan best put together? Mean, largest, both, and attention, on features of any competition.

    python benchmarks/depth.py CONFIG --work FOLDER [--slices 16] [--side 128] [--epochs N]
        [--heads linear mean max attention gated]

The config (an overlay, such as config/medmnist/adrenalmnist3d.yaml) names one competition of scans or volumes. Of each
training sample efficientnet-lite0 looks at so many slices, `side` pixels high and wide (fewer than its own 224, since a
scan has many slices), by the stages themselves. On these features every head is trained, each fold held out in turn:
`linear`, which is catscan's own (mean and largest), and those of `heads/`, with its recipe and penalty. Printed are the
scores out of fold, and what a head has over `linear` with a 95 % interval: both of the same samples, drawn anew 500
times. What is in FOLDER already is not made again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from interval import ROOT, stage
from numpy.typing import NDArray

from catscan.common.contracts.summary import Summary
from catscan.flow import config, stage_strings
from catscan.networks.pretrained import registry
from catscan.networks.registry import FEATURES
from catscan.scores.metrics import Problem, ends_of, score, targets_of

NETWORK, BASE = "efficientnet-lite0", "linear"
METRICS = ("auc", "log_loss", "accuracy")
Values = NDArray[np.float64]


def features_of(competition: dict[str, Any], work: Path, slices: int, side: int) -> Path:
    """Index the samples, and let the network look at their slices; the array of its features."""
    log, told = work / "log", ["--index", work / "index.csv"]
    if not (work / "index.json").is_file():
        given = ["--settings", stage_strings.download(competition), "--raw", work / "raw", "--truth", work / "truth"]
        stage(log, "download", *given)
        given = ["--settings", stage_strings.index(competition), "--layout", stage_strings.layout(competition)]
        stage(log, "index", *given, "--raw", work / "raw", *told, "--summary", work / "index.json")
    if not (work / "train.npy").is_file():
        settings = json.loads(stage_strings.features(competition, NETWORK))
        registry.PRETRAINED[NETWORK] = replace(registry.PRETRAINED[NETWORK], side=side)
        settings["reader"]["size"] = [slices, side, side]
        given = ["--settings", json.dumps(settings), "--raw", work / "raw", "--split", "train", "--shard", 1]
        stage(log, "features", *given, *told, "--array", work / "train.npy")
    return work / "train.npy"


def out_of_fold(competition: dict[str, Any], head: str, work: Path, epochs: int | None) -> pd.DataFrame:
    """What the head says of each sample, by the training that has not seen it."""
    folds, parts = competition["index"]["folds"], []
    recipe = FEATURES[BASE].recipe_for(round(len(np.load(work / "train.npy", mmap_mode="r")) * (1 - 1 / folds)))
    epochs = epochs or recipe.epochs
    model = {"features": [NETWORK], "epochs": epochs, "weight_decay": recipe.weight_decay}
    model |= {} if head == BASE else {"network": str(ROOT / "benchmarks" / "heads" / f"{head}.py")}
    settings = stage_strings.train(loaded({**competition, "models": {"main": model}}), "main")
    told = ["--index", work / "index.csv", "--summary", work / "index.json", "--arrays", work / "train.npy"]
    for fold in range(folds):
        out = work / f"{head}-{epochs}" / f"fold-{fold}"
        if not (out / "model.json").is_file():
            stage(work / "log", "train", "--settings", settings, *told, "--fold", fold, "--out", out)
        parts.append(pd.read_csv(out / "out-of-fold.csv", index_col="sample_id"))
    return pd.concat(parts).sort_index()


def loaded(competition: dict[str, Any]) -> dict[str, Any]:
    """A competition with all its keys, checked."""
    whole = {"run": ["depth"], "competitions": {"depth": competition}}
    return config.load(whole, ROOT / "workflow" / "schemas" / "config.schema.yaml")["competitions"]["depth"]


def print_table(told: dict[str, pd.DataFrame], index: Path, summary: Summary) -> None:
    """A row a head: its scores, and what it has over `BASE`."""
    rows = told[BASE].index
    labels = pd.read_csv(index, dtype=str).set_index("sample_id").loc[rows, "label"]
    targets = targets_of(list(labels), summary.classes, summary.task)
    problem = Problem(summary.task, positive=summary.classes.index(summary.positive))
    rng = np.random.default_rng(1)
    drawn = [np.arange(len(rows)), *(rng.integers(len(rows), size=len(rows)) for _ in range(500))]

    def scores(head: str, metric: str) -> Values:
        answers = told[head].to_numpy()
        return np.array([score(metric, answers[some], targets[some], problem) for some in drawn])

    print("| head | " + " | ".join(f"{metric} | over {BASE}" for metric in METRICS) + " |")
    print("| --- |" + " --- |" * (2 * len(METRICS)))
    base = {metric: scores(BASE, metric) for metric in METRICS}
    for head in told:
        cells = []
        for metric in METRICS:
            found = scores(head, metric)
            low, high = ends_of(found[1:] - base[metric][1:])
            over = f"{found[0] - base[metric][0]:+.3f} ({low:+.3f} to {high:+.3f})" if head != BASE else ""
            cells += [f"{found[0]:.3f}", over]
        print(f"| {head} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="an overlay that describes one competition")
    parser.add_argument("--work", type=Path, required=True, help="the folder for all that is made")
    parser.add_argument("--slices", type=int, default=16)
    parser.add_argument("--side", type=int, default=128, help="a multiple of 32")
    parser.add_argument("--heads", nargs="+", default=[BASE, "mean", "max", "attention", "gated"])
    parser.add_argument("--epochs", type=int, help="those of `linear`, where it is not said")
    args = parser.parse_args()
    (described,) = yaml.safe_load(args.config.read_text(encoding="utf-8"))["competitions"].values()
    described["index"] = described.get("index", {}) | {"shards": 1}
    competition = loaded({**described, "models": {"main": {"features": [NETWORK]}}, "train": {"threads": 1}})
    args.work.mkdir(parents=True, exist_ok=True)
    features_of(competition, args.work, args.slices, args.side)
    told = {head: out_of_fold(competition, head, args.work, args.epochs) for head in dict.fromkeys([BASE, *args.heads])}
    print_table(told, args.work / "index.csv", Summary.read(args.work / "index.json"))


if __name__ == "__main__":
    main()
