"""A small competition and its evaluation, as the workflow would run it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from factories import summary_of, write_shard

from catscan.cli import main
from catscan.common.contracts.metrics import Metrics
from catscan.common.settings import canonical

CLASSES = ["cat", "dog"]
N = 120


def competition(folder: Path, *, skill: float, folds: int = 3, n: int = N) -> Path:
    """Write index, shards, histories and predictions of a competition whose networks have some ``skill``."""
    draw = np.random.default_rng(5)
    labels = np.arange(n) % 2
    ids = [f"s{i}" for i in range(n)]
    index = pd.DataFrame(
        {
            "sample_id": [*ids, "t0"],
            "split": ["train"] * n + ["test"],
            "label": [*(CLASSES[k] for k in labels), ""],
            "group": [*ids, "t0"],
            "fold": [*(str(i % 3) for i in range(n)), ""],
        }
    )
    index.to_csv(folder / "index.csv", index=False)
    summary_of(CLASSES, n_train=n).write(folder / "index.json")
    write_shard(folder / "a.npy", draw.integers(0, 255, (n, 6, 5, 3), dtype=np.uint8), ids)
    for fold in range(folds):
        rows = [i for i in range(n) if i % 3 == fold]
        dog = 1 / (1 + np.exp(-(skill * (2 * labels[rows] - 1) + draw.normal(0, 1, len(rows)))))
        place = folder / "models" / "resnet" / f"fold-{fold}"
        place.mkdir(parents=True)
        table = pd.DataFrame({"sample_id": [ids[i] for i in rows], "cat": 1 - dog, "dog": dog})
        table.to_csv(place / "out-of-fold.csv", index=False)
        history = pd.DataFrame({"epoch": [1, 2], "train_loss": [0.7, 0.5], "log_loss": [0.7, 0.6]})
        history.to_csv(place / "history.csv", index=False)
    return folder


def run(folder: Path, foreign: dict[str, Path] | None = None) -> Metrics:
    models = folder / "models" / "resnet"
    arguments = ["--index", str(folder / "index.csv"), "--summary", str(folder / "index.json")]
    arguments += ["--predictions", *map(str, sorted(models.glob("*/out-of-fold.csv")))]
    arguments += ["--history", *map(str, sorted(models.glob("*/history.csv")))]
    folds = [path.name.removeprefix("fold-") for path in sorted(models.iterdir())]
    arguments += ["--models", *["resnet"] * len(folds), "--folds", *folds]
    arguments += ["--arrays", str(folder / "a.npy"), "--raw", str(folder), "--out", str(folder / "evaluation")]
    given = {"metric": "log_loss", "metric_weights": [], "metric_positive_weight": 1}
    settings = canonical(given | ({"blend": list(foreign)} if foreign else {}))
    arguments += ["--foreign", *map(str, (foreign or {}).values())]
    assert main(["evaluate", "--settings", settings, *arguments]) == 0
    return Metrics.read(folder / "evaluation" / "metrics.json")
