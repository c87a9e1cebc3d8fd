"""A sweep: its points are jobs of their own that share all they can, more of them run alone, the best are blended."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from catscan.common.contracts.metrics import Metrics
from catscan.scores.blending import Choice, cross_fitted
from catscan.scores.calibration import losses_of

ROOT = Path(__file__).resolve().parents[2]
SWEPT = """
run: [dogs-vs-cats]
competitions:
  dogs-vs-cats:
    source: {{train: 600, test: 12}}
    index: {{folds: 2, shards: 1}}
    preprocess: {{picture: {{size: [20, 20]}}, tolerated_share: 0.2}}
    models:
      resnet:
        network:
          - convolution: {{feature_maps: 8, window: 3, batch_norm: true}}
          - pooling: {{kind: max, window: 2}}
          - convolution: {{feature_maps: 16, window: 3, batch_norm: true}}
          - global_pooling: {{kind: max}}
        epochs: 8
    sweep:
      over:
        learning_rate: {rates}
        batch_size: [16, 24]
        preprocess.picture.size: [[20, 20], [14, 14]]
      best: 3
    train: {{threads: 1, precision: fp32}} # the same trainings with and without bf16
"""
EIGHT, TWELVE = "[0.005, 0.01]", "[0.005, 0.01, 0.02]"
JOBS = re.compile(r"^(\w+) +(\d+)$", re.MULTILINE)


def planned(text: str) -> dict[str, int]:
    """The jobs of a plan by rule, without targets."""
    table = text.split("Job stats:")[1].split("total", maxsplit=1)[0]
    return {rule: int(count) for rule, count in JOBS.findall(table) if "_" in rule}


@pytest.mark.slow
def test_points_share_arrays_more_run_alone_and_their_blend_is_no_worse_than_its_best_member(
    warm, tmp_path: Path
) -> None:
    def run(rates: str, *more: str) -> str:
        (tmp_path / "swept.yaml").write_text(SWEPT.format(rates=rates))
        printed = tmp_path / "printed.txt"
        words = ["--snakefile", str(ROOT / "Snakefile"), "--cores", "2", "--configfile", "swept.yaml", *more]
        assert warm.run("catscan.flow.front", words, tmp_path, printed=printed).code == 0, printed.read_text()
        return printed.read_text()

    said = run(EIGHT, "-n")
    assert "dogs-vs-cats: a sweep of 8 points over batch_size, learning_rate, preprocess.picture.size" in said
    jobs = planned(said)
    assert (jobs["preprocess_shard"], jobs["train_fold"], jobs["predict_test"]) == (4, 16, 16)

    run(EIGHT)
    eight = trained(tmp_path)
    assert len(eight) == 16
    more = planned(run(TWELVE, "-n"))
    assert (more["train_fold"], more["predict_test"]) == (8, 8)
    assert not more.keys() & {"download_files", "index_samples", "preprocess_shard"}
    run(TWELVE)
    twelve = trained(tmp_path)
    assert len(twelve) == 24
    assert {path: twelve[path] for path in eight} == eight  # not one is touched

    told = Metrics.read(tmp_path / "results/dogs-vs-cats/evaluation/metrics.json")
    assert told.sweep is not None
    assert len(told.sweep.points) == 12
    assert [point.blended for point in told.sweep.points] == [True] * 3 + [False] * 9
    assert told.loss.uncalibrated <= loss_of_the_best(tmp_path, list(told.models))
    assert {key.name for key in told.sweep.keys} == {"learning_rate", "batch_size", "preprocess.picture.size"}
    page = (tmp_path / "results/report.html").read_text()
    assert "Points of the sweep" in page
    assert "Keys of the sweep" in page


def loss_of_the_best(folder: Path, models: list[str]) -> float:
    """The log loss out of fold of the one best point, each fold told by the point that was best on the other."""
    index = pd.read_csv(folder / "results/dogs-vs-cats/index.csv", dtype=str).set_index("sample_id")
    tables = {
        name: pd.concat(
            pd.read_csv(path, dtype={"sample_id": str}, index_col="sample_id")
            for path in sorted((folder / "results/dogs-vs-cats/models" / name).glob("*/out-of-fold.csv"))
        )
        for name in models
    }
    rows = index.loc[tables[models[0]].index]
    targets = pd.get_dummies(rows["label"])[["cat", "dog"]].to_numpy(float)
    answers = {name: table.loc[rows.index, ["cat", "dog"]].to_numpy() for name, table in tables.items()}
    choice = Choice(1, tuple((name,) for name in models))
    told = cross_fitted(answers, targets, rows["fold"].astype(int).to_numpy(), "binary", choice)
    return float(losses_of(told, targets, "binary").mean())


def trained(folder: Path) -> dict[Path, int]:
    """When each network was written."""
    return {path: path.stat().st_mtime_ns for path in folder.glob("results/*/models/*/fold-*/weights.npz")}
