"""A small regression from its raw files to the submission, stage by stage as the workflow runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from ready_configs import described
from ready_configs import index as run_index

from catscan.cli import main
from catscan.common.contracts.explanation import Explanation
from catscan.common.contracts.model import Model
from catscan.common.settings import canonical
from catscan.flow import stage_strings

N, N_TEST, FOLDS = 60, 20, (0, 1)
CONFIG = {
    "data": {
        "task": "regression",
        "train": "train/{id}.png",
        "test": "test/{id}.png",
        "labels": {"csv": "train.csv", "id_column": "Id", "columns": ["Score"]},
    },
    "index": {"folds": 2, "near_duplicates": False},
    "preprocess": {"picture": {"size": [8, 8]}},
    "models": {
        "main": {
            "network": [
                {"convolution": {"feature_maps": 4, "window": 3, "batch_norm": True}},
                {"global_pooling": {"kind": "average"}},
            ],
            "epochs": 25,
            "learning_rate": 0.05,
            "schedule": "cosine",
            "batch_size": 10,
        }
    },
}


def write_raw(raw: Path) -> None:
    """Grey pictures whose brightness, from 40 to 215, says the score, from 1 to 100; the solution beside them."""
    draw = np.random.default_rng(1)
    scores = {"train": draw.uniform(1, 100, N).round(1), "test": draw.uniform(1, 100, N_TEST).round(1)}
    for split, of_split in scores.items():
        (raw / split).mkdir(parents=True)
        for number, score in enumerate(of_split):
            grey = 40 + 1.75 * score + draw.normal(0, 20, (8, 8, 1))
            cv2.imwrite(
                str(raw / split / f"{split}-{number}.png"), grey.clip(0, 255).repeat(3, axis=2).astype(np.uint8)
            )
        table = pd.DataFrame({"Id": [f"{split}-{number}" for number in range(len(of_split))], "Score": of_split})
        table.to_csv(raw / {"train": "train.csv", "test": "solution.csv"}[split], index=False)
    table.assign(Score=0).to_csv(raw / "sample_submission.csv", index=False)


def run(stage: str, **flags: Any) -> None:
    words = [stage]
    for name, value in flags.items():
        words.append(f"--{name.replace('_', '-')}")
        words += map(str, value) if isinstance(value, (list, tuple)) else [str(value)]
    assert main(words) == 0


def run_all(folder: Path) -> None:
    """Run every stage of the flow into ``folder``, which is the competition's."""
    raw = folder / "raw"
    write_raw(raw)
    (folder / "config.yaml").write_text(yaml.safe_dump({"competitions": {"scores": CONFIG}}))
    competition = described(folder / "config.yaml", "scores", raw)
    run_index(competition, raw, folder)
    told: dict[str, Any] = {"index": folder / "index.csv"}
    for split in ("train", "test"):
        shard = {"split": split, "shard": 1, "array": folder / "arrays" / f"{split}-1-of-1.npy"}
        run("preprocess", settings=stage_strings.preprocess(competition), raw=raw, **told, **shard)
    told["summary"] = folder / "index.json"
    models = [folder / "models" / "main" / f"fold-{fold}" for fold in FOLDS]
    for fold, model in zip(FOLDS, models, strict=True):
        arrays = folder / "arrays" / "train-1-of-1.npy"
        run("train", settings=stage_strings.train(competition, "main"), arrays=arrays, fold=fold, out=model, **told)
        run("predict", model=model, arrays=folder / "arrays" / "test-1-of-1.npy", out=folder / f"test-{fold}.csv")
    run(
        "evaluate",
        settings=stage_strings.evaluate(competition),
        raw=raw,
        predictions=[model / "out-of-fold.csv" for model in models],
        history=[model / "history.csv" for model in models],
        models=["main"] * len(FOLDS),
        folds=FOLDS,
        arrays=folder / "arrays" / "train-1-of-1.npy",
        out=folder / "evaluation",
        **told,
    )
    run(
        "submission",
        settings=stage_strings.submission(competition),
        raw=raw,
        truth=raw / "solution.csv",
        metrics=folder / "evaluation" / "metrics.json",
        out_of_fold=folder / "evaluation" / "out-of-fold.csv",
        predictions=[folder / f"test-{fold}.csv" for fold in FOLDS],
        models=["main"] * len(FOLDS),
        out=folder / "submission.csv",
        check=folder / "submission.json",
        **told,
    )
    run(
        "explain",
        raw=raw,
        models=folder / "models",
        index=folder / "index.csv",
        train=folder / "arrays" / "train-1-of-1.npy",
        test=folder / "arrays" / "test-1-of-1.npy",
        predictions=[folder / f"test-{fold}.csv" for fold in FOLDS],
        names=["main"] * len(FOLDS),
        submission=folder / "submission.csv",
        out=folder / "explanation.json",
    )
    titles = canonical({"titles": [[folder.name, "Scores"]]})
    run("report", settings=titles, results=folder.parent, out=folder / "report.html")


@pytest.fixture
def competition(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The whole run; to be read only."""
    return made_once("regression", run_all)


def metrics_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "evaluation" / "metrics.json").read_text())


def test_the_networks_learn_the_amount(competition: Path) -> None:
    metrics = metrics_of(competition)

    assert metrics["metric"] == metrics["loss"]["name"] == "rmse"
    assert metrics["loss"]["value"] < 0.2 * metrics["loss"]["prior"]
    assert metrics["loss"]["beats_prior"]
    assert metrics["scores"]["mae"]["value"] < metrics["loss"]["value"]
    assert metrics["models"]["main"]["weight"] == 1.0


def test_the_model_says_by_what_it_standardised(competition: Path) -> None:
    index = pd.read_csv(competition / "index.csv").set_index("sample_id")
    for fold in FOLDS:
        learnt = index.loc[(index["split"] == "train") & (index["fold"] != fold), "label"].astype(float)
        model = Model.read(competition / "models" / "main" / f"fold-{fold}" / "model.json")

        assert model.classes == ("Score",)
        assert model.scale == pytest.approx((learnt.mean(), learnt.std(ddof=0)), rel=1e-6)


def test_the_submission_holds_amounts_near_the_truth(competition: Path) -> None:
    submission, truth = (pd.read_csv(competition / name) for name in ("submission.csv", "raw/solution.csv"))
    check = json.loads((competition / "submission.json").read_text())
    error = np.sqrt(((submission["Score"] - truth["Score"]) ** 2).mean())

    assert list(submission["Id"]) == list(truth["Id"])
    assert check["true_score"] == pytest.approx(error)
    assert check["expected_interval"][0] < error < check["expected_interval"][1]
    assert check["spread"][0] < 0 < check["spread"][1]


def test_the_curves_are_in_the_unit_of_the_targets(competition: Path) -> None:
    history = pd.read_csv(competition / "models" / "main" / "fold-0" / "history.csv")

    assert list(history.columns) == ["epoch", "learning_rate", "train_loss", "rmse", "mae"]
    assert history["train_loss"].iloc[0] > 10
    assert history["rmse"].iloc[-1] < history["train_loss"].iloc[-1] < 20  # of batches: their normalisation adds noise


def test_the_report_speaks_of_amounts(competition: Path) -> None:
    page = (competition / "report.html").read_text()

    assert "Out-of-fold rmse" in page
    assert "How often each amount is true, and how often it is told." in page
    assert "The samples with the largest errors" in page
    assert "log loss</th>" not in page
    assert '<th scope="col" class="n">MAE</th>' in page


def test_a_picture_by_name_is_told_what_its_row_says_between_the_networks(competition: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(competition / "submission.csv").set_index("Id")["Score"]
    picture = competition / "raw" / "test" / "test-3.png"
    command = ["predict", "--model", str(competition / "models"), "--out", str(tmp_path / "a.csv"), str(picture)]
    assert main(command) == 0
    told = pd.read_csv(tmp_path / "a.csv").iloc[0]

    assert list(told.index) == ["sample_id", "Score", "lowest", "highest"]
    assert told["Score"] == pytest.approx(rows["test-3"], abs=1e-4)
    assert told["lowest"] <= told["Score"] <= told["highest"]


def test_an_export_says_that_it_answers_amounts(competition: Path, tmp_path: Path) -> None:
    run("export", model=competition / "models" / "main" / "fold-0", out=tmp_path)
    told = json.loads((tmp_path / "preprocessing.json").read_text())

    assert "amount in the unit of the targets" in told["outputs"]["values"]
    assert told["task"] == "regression"
    assert told["submission"]["weights"] == {"main": 1.0}


def test_the_explorer_shows_the_nearest_and_the_farthest_and_ends_in_the_submissions_amount(competition: Path) -> None:
    told = Explanation.read(competition / "explanation.json")
    ends = {one.sample_id: f"{one.chain[-1].values[0]:.9g}" for one in told.samples if one.split == "test"}

    assert {one.why for one in told.samples} == {"right", "wrong", "test"}
    assert {one.sample_id: one.cells[0].text for one in told.samples if one.split == "test"} == ends
