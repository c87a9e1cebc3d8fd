"""The way of a ready config over a small raw folder, from the index to the checked submission, without training."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from factories import MODEL_SCORES, metrics_of

from catscan.cli import main
from catscan.common.contracts.metrics import Amounts
from catscan.flow import config, stage_strings
from catscan.scores.expected import expected_score
from catscan.scores.tasks import ONE_CLASS

SCHEMA = Path(__file__).resolve().parents[1] / "workflow" / "schemas" / "config.schema.yaml"


def described(path: Path, name: str, raw: Path) -> dict[str, Any]:
    """The competition ``name`` of a config, complete and checked, with ``raw`` for its source and one shard a split."""
    whole = yaml.safe_load(path.read_text()) | {"run": [name]}
    for competition in whole["competitions"].values():
        competition["source"] = {"kind": "directory", "path": str(raw)}
        competition["index"] = competition.get("index", {}) | {"shards": 1}
    return config.load(whole, SCHEMA)["competitions"][name]


def index(competition: dict[str, Any], raw: Path, folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Write index.csv and index.json into ``folder``, and give both."""
    table, summary = folder / "index.csv", folder / "index.json"
    command = [
        "index",
        "--settings",
        stage_strings.index(competition),
        "--layout",
        stage_strings.layout(competition),
        "--raw",
        str(raw),
    ]
    assert main([*command, "--index", str(table), "--summary", str(summary)]) == 0
    return pd.read_csv(table, dtype=str, keep_default_na=False), json.loads(summary.read_text())


def preprocess(competition: dict[str, Any], raw: Path, folder: Path, split: str = "train") -> Path:
    """Write the array of a split, beside the index in ``folder``, and give its path."""
    array = folder / f"{split}.npy"
    command = ["preprocess", "--settings", stage_strings.preprocess(competition), "--raw", str(raw)]
    command += ["--index", str(folder / "index.csv"), "--split", split, "--shard", "1", "--array", str(array)]
    assert main(command) == 0
    return array


def submission(
    competition: dict[str, Any], raw: Path, folder: Path, table: pd.DataFrame, summary: dict[str, Any]
) -> dict[str, Any]:
    """Write submission.csv from drawn predictions, beside the index in ``folder``, and give what was checked."""
    names = "index.csv", "index.json", "metrics.json", "submission.csv", "submission.json"
    table_path, summary_path, metrics, out, check = (folder / name for name in names)
    models = dict.fromkeys(("first", "second"), replace(MODEL_SCORES, weight=0.5))
    told: dict[str, Any] = {"temperature": 1.1, "clip": 0.01, "odds": (1,) * len(summary["classes"])}
    if summary["task"] == "regression":
        told["amounts"] = Amounts(constant=0.5, bounds=None)
    metrics_of(models=models, **told).write(metrics)
    command = ["submission", "--settings", stage_strings.submission(competition), "--raw", str(raw)]
    command += ["--index", str(table_path), "--summary", str(summary_path), "--metrics", str(metrics)]
    command += ["--predictions", *_predicted(folder, table, summary), "--models", "first", "second"]
    command += ["--out-of-fold", str(_drawn(folder / "out-of-fold.csv", table, summary, split="train"))]
    command += ["--out", str(out), "--check", str(check)]
    with pytest.MonkeyPatch.context() as quick:
        quick.setitem(expected_score.__kwdefaults__, "resamples", 10)  # what it says of drawn predictions is no matter
        assert main(command) == 0
    return json.loads(check.read_text())


def _predicted(folder: Path, index: pd.DataFrame, summary: dict[str, Any]) -> list[str]:
    """Two models' predictions for the test samples."""
    paths = [folder / "predictions" / model / "fold-0.csv" for model in ("first", "second")]
    return [str(_drawn(path, index, summary, split="test", seed=seed)) for seed, path in enumerate(paths)]


def _drawn(path: Path, index: pd.DataFrame, summary: dict[str, Any], *, split: str, seed: int = 0) -> Path:
    """Predictions for the samples of a split, in a table of its own."""
    ids = index.loc[index["split"] == split, "sample_id"].tolist()
    drawn = np.random.default_rng(seed).random((len(ids), len(summary["classes"])))
    if summary["task"] in ONE_CLASS:
        drawn /= drawn.sum(axis=1, keepdims=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    predicted = pd.DataFrame(drawn, columns=summary["classes"])
    predicted.insert(0, "sample_id", ids)
    predicted.to_csv(path, index=False)
    return path


def is_there(raw: Path, row: Any) -> bool:
    """Whether the bytes of a sample lie where the index says: a member, a file, a folder, a row of a table or array."""
    if row.archive:
        return any(name.startswith(row.path) for name in zipfile.ZipFile(raw / row.archive).namelist())
    path = row.path.partition("#")[0]
    file, inside, name = path.partition(".npz/")
    if inside:
        return f"{name}.npy" in zipfile.ZipFile(raw / f"{file}.npz").namelist()
    return (raw / path).exists()
