"""The last words of a run."""

from dataclasses import replace
from pathlib import Path

import pytest
from factories import FOLD, MODEL, check_of, metrics_of

from catscan.common.contracts.features import FeaturesSource
from catscan.common.contracts.metrics import Point, Sweep
from catscan.flow.closing import box, failure, summary

METRICS = metrics_of(folds=(FOLD, replace(FOLD, fold=1)))
CHECK = check_of(rows=12500, true_score=0.21)


@pytest.fixture(autouse=True)
def trained(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "dogs"):
        MODEL.write(folder / "models" / "resnet" / "fold-0" / "model.json")


def test_the_box_names_score_baseline_truth_and_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    METRICS.write(tmp_path / "dogs" / "evaluation" / "metrics.json")
    CHECK.write(tmp_path / "dogs" / "submission.json")
    (tmp_path / "report.html").touch()
    box({"run": ["dogs", "not-run-yet"]}, tmp_path)
    lines = capsys.readouterr().err.splitlines()

    assert "networks       resnet from scratch" in lines[2]
    assert "log loss 0.2000 ± 0.0200 over 2 folds" in lines[3]
    assert "log loss 0.6931" in lines[4]
    assert "test, expected log loss 0.2000 (95 %: 0.1500 to 0.2800)" in lines[5]
    assert "test, true     log loss 0.2100" in lines[6]
    assert "(valid: 12,500 rows)" in lines[7]
    assert len({len(line) for line in lines[:7]}) == 1


def test_a_pretrained_model_is_told_apart(tmp_path: Path) -> None:
    learnt = replace(MODEL, features=(FeaturesSource("efficientnet-lite0", "00", "fp32"),))
    learnt.write(tmp_path / "models" / "resnet" / "fold-0" / "model.json")

    assert dict(summary(METRICS, CHECK, tmp_path))["networks"] == "resnet pretrained: efficientnet-lite0"


def test_a_foreign_member_is_told_apart(tmp_path: Path) -> None:
    models = METRICS.models | {"own": replace(METRICS.models["resnet"], foreign=True)}

    told = dict(summary(replace(METRICS, models=models), CHECK, tmp_path))
    assert told["networks"] == "resnet from scratch; own foreign"


def test_of_a_sweep_the_box_tells_how_many_points_are_blended(tmp_path: Path) -> None:
    points = (Point({}, ("resnet",), 0.2, blended=True), Point({}, ("worse",), 0.3, blended=False))
    models = METRICS.models | {"worse": METRICS.models["resnet"]}

    told = dict(summary(replace(METRICS, models=models, sweep=Sweep(points, ())), CHECK, tmp_path))
    assert told["networks"] == "the best 1 of 2 points of a sweep, from scratch"


def test_a_run_of_single_stages_ends_without_a_box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box({"run": ["dogs"]}, tmp_path)

    assert capsys.readouterr().err == ""


def test_one_fold_has_no_spread(tmp_path: Path) -> None:
    assert dict(summary(metrics_of(), CHECK, tmp_path))["out of fold"] == "log loss 0.2000 of one fold"


def test_networks_no_better_than_the_prior_are_told_so(tmp_path: Path) -> None:
    worse = replace(METRICS, loss=replace(METRICS.loss, beats_prior=False))

    assert "do not beat it" in dict(summary(worse, CHECK, tmp_path))["prior alone"]


def test_the_words_of_the_job_that_failed_come_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "index.log").write_text("12 files\ncatscan index: Nothing matches.\n  where  data.train\n")
    (tmp_path / "fine.log").write_text("catscan was here, but this job did not fail\n")
    failure(["index.log"], tmp_path)

    told = "\ncatscan index: Nothing matches.\n  where  data.train\n  log    index.log\n\n"
    assert capsys.readouterr().err == told


def test_a_job_that_said_nothing_is_pointed_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failure(["train.log"], tmp_path)

    assert "train.log" in capsys.readouterr().err


def test_a_job_that_was_killed_is_told_beside_one_that_spoke(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "index.log").write_text("catscan index: Nothing matches.\n")
    (tmp_path / "train.log").write_text("epoch 1 of 2\n")
    failure(["index.log", "train.log"], tmp_path)

    told = capsys.readouterr().err
    assert told.startswith("\ncatscan index: Nothing matches.\n  log    index.log\n\ncatscan: a stage stopped;")
    assert told.endswith("train.log\n\n")


def test_a_run_that_was_stopped_from_outside_has_no_failed_stage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failure([], tmp_path)

    assert "no stage failed; run the same command to continue" in capsys.readouterr().err


def test_a_metric_that_the_samples_do_not_define_has_no_expected_score(tmp_path: Path) -> None:
    undefined = replace(CHECK, metric="pf1", expected_score=None, expected_interval=None)

    assert "test, expected" not in dict(summary(METRICS, undefined, tmp_path))


def test_a_score_whose_interval_is_not_defined_stands_alone(tmp_path: Path) -> None:
    alone = replace(CHECK, metric="mean_column_auc", expected_interval=None)

    assert dict(summary(METRICS, alone, tmp_path))["test, expected"] == "mean column auc 0.2000"
