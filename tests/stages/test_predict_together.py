"""All networks of a competition together: `catscan predict` tells what the submission tells."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import MODEL, MODEL_SCORES, SUBMISSION
from small_competition import MODELS, TASKS, write_competition

from catscan.cli import main
from catscan.common.contracts.metrics import Metrics, Point, Sweep
from catscan.networks.evaluated import read_evaluated


@pytest.fixture
def competition(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A binary competition; to be read only."""
    return made_once("binary together", lambda folder: write_competition(folder, "binary"))


def submission_of(folder: Path, out: Path) -> pd.DataFrame:
    """The submission that the workflow's commands make: each network predicts, then one stage tells."""
    files = []
    for name, folds in MODELS.items():
        for fold in folds:
            files.append((name, str(out / name / f"fold-{fold}.csv")))
            network = folder / "models" / name / f"fold-{fold}"
            assert main(
                ["predict", "--model", str(network), "--out", files[-1][1],
                 "--arrays", str(folder / "arrays" / "test-1-of-1.npy")]
            ) == 0  # fmt: skip
    given = {
        "--settings": json.dumps(SUBMISSION), "--raw": folder / "raw", "--index": folder / "index.csv",
        "--summary": folder / "index.json", "--metrics": folder / "evaluation" / "metrics.json",
        "--out-of-fold": folder / "evaluation" / "out-of-fold.csv",
        "--out": out / "submission.csv", "--check": out / "submission.json",
    }  # fmt: skip
    words = [str(word) for pair in given.items() for word in pair]
    assert (
        main(["submission", *words, "--models", *(n for n, _ in files), "--predictions", *(p for _, p in files)]) == 0
    )
    return pd.read_csv(out / "submission.csv", dtype=str)


@pytest.mark.parametrize("task", TASKS)
def test_a_sample_is_told_what_its_row_in_the_submission_says(tmp_path, task):
    folder = tmp_path / "competition"
    write_competition(folder, task)
    rows = submission_of(folder, tmp_path / "by stages")
    pictures = [str(folder / f"{number}.png") for number in range(3)]
    command = ["predict", "--model", str(folder / "models")]
    assert main([*command, "--out", str(tmp_path / "a.csv"), "--arrays", str(folder / "arrays/test-1-of-1.npy")]) == 0
    assert main([*command, "--out", str(tmp_path / "b.csv"), *pictures]) == 0

    of_shards, of_files = (pd.read_csv(tmp_path / name, dtype=str) for name in ("a.csv", "b.csv"))
    columns = {"label": "dog"} if task == "binary" else {name: name for name in TASKS[task]}
    assert list(of_files["sample_id"]) == pictures
    for asked, told in columns.items():
        assert list(of_shards[told]) == list(rows[asked])
        np.testing.assert_allclose(of_files[told].astype(float), rows[asked].astype(float), atol=1e-6)


def test_one_network_says_that_it_is_one_and_uncalibrated(competition, capsys):
    network, picture = competition / "models" / "main" / "fold-0", str(competition / "0.png")

    assert main(["predict", "--model", str(network), picture]) == 0
    alone = capsys.readouterr()
    assert main(["predict", "--model", str(competition / "models"), picture]) == 0
    together = capsys.readouterr()

    assert alone.err == (
        f"{network} is one network, uncalibrated; results/COMPETITION/models answers as the submission does\n"
    )
    assert together.err == ""
    assert together.out != alone.out


def test_a_network_that_was_not_evaluated_is_left_out_and_told(competition, tmp_path, capsys):
    copy = Path(shutil.copytree(competition, tmp_path / "copy"))
    command = ["predict", "--model", str(copy / "models"), str(copy / "0.png")]
    main(command)
    before = capsys.readouterr().out
    shutil.copytree(copy / "models" / "main" / "fold-0", copy / "models" / "old" / "fold-7")

    assert main(command) == 0
    told = capsys.readouterr()
    assert told.err == f"{copy / 'models' / 'old' / 'fold-7'} is left out: the evaluation does not speak of it\n"
    assert told.out == before


def test_a_blend_with_a_foreign_member_is_not_told_of_other_samples(competition, tmp_path, capsys):
    copy = Path(shutil.copytree(competition, tmp_path / "copy"))
    path = copy / "evaluation" / "metrics.json"
    metrics = Metrics.read(path)
    replace(metrics, models=metrics.models | {"own": replace(MODEL_SCORES, foreign=True)}).write(path)

    assert main(["predict", "--model", str(copy / "models"), str(copy / "0.png")]) == 2
    told = capsys.readouterr().err
    assert "The submission blends foreign members, of which only the predictions are known." in told
    assert "found  own\n" in told
    assert f"Name one network alone: {copy / 'models' / 'main' / 'fold-0'}" in told


def test_networks_without_an_evaluation_are_refused_by_naming_one(competition, tmp_path, capsys):
    shutil.copytree(competition / "models", tmp_path / "models")

    assert main(["predict", "--model", str(tmp_path / "models"), str(competition / "0.png")]) == 2
    told = capsys.readouterr().err
    assert "These networks were not evaluated" in told
    assert f"where  {tmp_path / 'evaluation' / 'metrics.json'}\n" in told
    assert f"name one network alone: {tmp_path / 'models' / 'main' / 'fold-0'}\n" in told


def test_a_network_of_the_evaluation_that_is_gone_is_told(competition, tmp_path, capsys):
    copy = Path(shutil.copytree(competition, tmp_path / "copy"))
    shutil.rmtree(copy / "models" / "main" / "fold-2")

    assert main(["predict", "--model", str(copy / "models"), str(copy / "0.png")]) == 2
    assert f"where  {copy / 'models' / 'main' / 'fold-2' / 'model.json'}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"kind": "dicom_series"}, "kind of its model.json unlike"),
        ({"sample_shape": (8, 8, 3), "reader": {"size": [8, 8]}}, "reader, sample_shape of its model.json unlike"),
        ({"flips": False}, "flips of its model.json unlike"),
        ({"classes": ("cat", "wolf")}, "classes of its model.json unlike"),
    ],
    ids=["of another kind", "of another size", "without flips", "of other classes"],
)
def test_networks_of_different_runs_are_not_blended(competition, tmp_path, capsys, change, found):
    copy = Path(shutil.copytree(competition, tmp_path / "copy"))
    replace(MODEL, **change).write(copy / "models" / "main" / "fold-2" / "model.json")

    assert main(["predict", "--model", str(copy / "models"), str(copy / "0.png")]) == 2
    told = capsys.readouterr().err
    assert f"where  {copy / 'models' / 'main' / 'fold-2'}\n" in told
    assert found in told


def test_the_folder_of_models_may_be_the_working_folder(competition, monkeypatch, capsys):
    monkeypatch.chdir(competition / "models")

    assert main(["predict", "--model", ".", "../0.png"]) == 0
    assert "../0.png" in capsys.readouterr().out


def test_what_a_sweep_left_out_is_not_asked_nor_told_of(competition, tmp_path, capsys):
    copy = Path(shutil.copytree(competition, tmp_path / "copy"))
    command = ["predict", "--model", str(copy / "models"), str(copy / "0.png")]
    main(command)
    before = capsys.readouterr()
    path = copy / "evaluation" / "metrics.json"
    metrics, points = Metrics.read(path), (Point({}, ("swept",), 0.9, blended=False),)
    models = metrics.models | {"swept": replace(metrics.models["main"], weight=0.0)}
    replace(metrics, models=models, sweep=Sweep(points, ())).write(path)
    shutil.copytree(copy / "models" / "main", copy / "models" / "swept")
    (copy / "models" / "swept" / "fold-0" / "weights.npz").unlink()  # it would be missed

    assert main(command) == 0
    assert capsys.readouterr() == before


def test_points_that_read_otherwise_may_be_blended(competition, tmp_path):
    copy = Path(shutil.copytree(competition, tmp_path / "copy"))
    models = copy / "models"
    replace(MODEL, reader=MODEL.reader | {"size": [8, 8]}).write(models / "other" / "fold-0" / "model.json")
    path = copy / "evaluation" / "metrics.json"
    points = tuple(Point({"size": name}, (name,), 0.9, blended=True) for name in MODELS)
    replace(Metrics.read(path), sweep=Sweep(points, ())).write(path)

    assert set(read_evaluated(models).folders) == {*MODELS}
