"""Every network of the tables builds, learns, is saved and predicts again; a user's own file too."""

from __future__ import annotations

import pandas as pd
import pytest

from catscan.cli import main
from catscan.networks.registry import PICTURES, SCANS

SHAPES = {
    **dict.fromkeys(PICTURES, (16, 16, 1)),
    **dict.fromkeys(SCANS, (8, 12, 12, 1)),
    "efficientnet-lite0": (32, 32, 3),
}
# The default run trains resnet-3d.
SLOW = ("resnet-3d", "efficientnet-lite0")
OWN = """
import tflearn

from catscan.networks.layers import dropout


def network(pixels, classes):
    net = tflearn.fully_connected(pixels / 255, 8, activation="relu", name="hidden")
    return tflearn.fully_connected(dropout(net, 0.9, name="dropout"), classes, name="output")
"""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in SHAPES]
)
def test_network_learns_and_predicts_what_it_predicted_in_training(make_competition, tmp_path, name):
    competition = make_competition(n=24, shape=SHAPES[name])
    settings = {"network": name, "epochs": 2, "augment": {"flip": False}}

    assert main(competition.command(settings, tmp_path / "out")) == 0
    assert predicted_again(competition, tmp_path) < 1e-6


def test_own_python_file_learns_and_predicts(competition, tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    settings = {"network": str(tmp_path / "mine.py"), "epochs": 2}

    assert main(competition.command(settings, tmp_path / "out")) == 0
    assert predicted_again(competition, tmp_path) < 1e-6


@pytest.mark.parametrize(
    ("task", "classes"),
    [("multiclass", ("down", "side", "up")), ("ordinal", ("down", "up")), ("multilabel", ("down", "up"))],
)
def test_other_tasks_than_binary_are_learnt(make_competition, tmp_path, task, classes):
    competition = make_competition(n=24, classes=classes)
    settings = {"task": task, "network": [{"global_pooling": {"kind": "average"}}], "epochs": 1}

    assert main(competition.command(settings, tmp_path / "out")) == 0
    table = pd.read_csv(tmp_path / "out" / "out-of-fold.csv", dtype={"sample_id": str})
    assert list(table) == ["sample_id", *classes]


def predicted_again(competition, tmp_path) -> float:
    """Largest difference of `catscan predict` on the training shards to the out-of-fold predictions."""
    out = tmp_path / "again.csv"
    assert (
        main(
            ["predict", "--model", str(tmp_path / "out"), "--out", str(out), "--arrays", *map(str, competition.arrays)]
        )
        == 0
    )
    again, held = (
        pd.read_csv(path, dtype={"sample_id": str}).set_index("sample_id")
        for path in (out, tmp_path / "out" / "out-of-fold.csv")
    )
    return float((again.loc[held.index] - held).abs().to_numpy().max())
