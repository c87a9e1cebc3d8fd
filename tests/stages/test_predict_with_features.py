"""Pictures by name and a model that learnt from features: they are looked at as the features stage looked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import MODEL
from small_competition import MODELS, TASKS, write_competition, write_network

from catscan.cli import main
from catscan.common.contracts.features import FeaturesSource
from catscan.common.contracts.metrics import Metrics
from catscan.common.contracts.summary import Summary
from catscan.networks.pretrained import extractor
from catscan.networks.pretrained.registry import PRETRAINED
from catscan.scores.told import CalibratedBlend

SOURCES = tuple(FeaturesSource(name, PRETRAINED[name].sha256, "fp32") for name in list(PRETRAINED)[:2])
READER = {"size": [224, 224], "channels": "rgb", "fit": "stretch", "resize": "area"}
ON_FEATURES = replace(MODEL, network="linear", sample_shape=(1, 2560), reader=READER, features=SOURCES)


@pytest.fixture(autouse=True)
def _three_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extractor, "BATCH", 3)


@pytest.fixture
def competition(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Three pictures, `main` of one fold on pixels and one on features, and the shards of the features; read only."""

    def make(folder: Path) -> None:
        write_competition(folder, "binary")
        metrics = folder / "evaluation" / "metrics.json"
        metrics.write_text(metrics.read_text().replace('"clip": 0.03', '"clip": 0.0'))
        write_network(folder / "models" / "other" / "fold-0", ON_FEATURES, seed=5)
        rows = "".join(f"{number},test,1,,{number}.png\n" for number in range(3))
        (folder / "shard.csv").write_text("sample_id,split,shard,archive,path\n" + rows)
        for source in SOURCES:
            side = PRETRAINED[source.network].side
            settings = {"network": source.network, "weights": source.weights_sha256, "kind": "picture"}
            settings |= {"reader": {**READER, "size": [side, side]}, "precision": "fp32", "threads": 2}
            flags = {
                "settings": json.dumps(settings), "raw": folder, "index": folder / "shard.csv", "split": "test",
                "shard": 1, "array": folder / "features" / f"{source.network}.npy", "device": "cpu",
            }  # fmt: skip
            assert main(["features", *[str(word) for key, value in flags.items() for word in (f"--{key}", value)]]) == 0

    return made_once("pixels and features", make)


def pictures_of(folder: Path) -> list[str]:
    return [str(folder / f"{number}.png") for number in range(3)]


def probabilities(command: list[str], out: Path) -> np.ndarray:
    assert main(["predict", *command, "--out", str(out)]) == 0
    return pd.read_csv(out)[list(TASKS["binary"])].to_numpy()


def shards_of(folder: Path) -> list[str]:
    return ["--arrays", *[str(folder / "features" / f"{source.network}.npy") for source in SOURCES]]


def test_a_picture_by_name_is_told_what_the_shard_of_its_features_is(competition, tmp_path):
    model = ["--model", str(competition / "models" / "other" / "fold-0")]
    by_name = probabilities([*model, *pictures_of(competition)], tmp_path / "a.csv")
    by_shard = probabilities([*model, *shards_of(competition)], tmp_path / "b.csv")

    np.testing.assert_array_equal(by_name, by_shard)
    assert len(set(by_name[:, 0])) == 3


def test_models_on_pixels_and_on_features_are_blended(competition, tmp_path):
    pictures, models = pictures_of(competition), competition / "models"
    of_main = [
        probabilities(["--model", str(models / "main" / f"fold-{fold}"), *pictures], tmp_path / f"{fold}.csv")
        for fold in MODELS["main"]
    ]
    other = ["--model", str(models / "other" / "fold-0"), *shards_of(competition)]
    of_other = probabilities(other, tmp_path / "other.csv")
    together = probabilities(["--model", str(models), *pictures], tmp_path / "all.csv")

    combined = CalibratedBlend.of(
        Metrics.read(competition / "evaluation" / "metrics.json"), Summary.read(competition / "index.json")
    )
    np.testing.assert_allclose(together, combined.tell({"main": of_main, "other": [of_other]}), atol=1e-6)
    assert np.abs(together - combined.tell({"main": of_main, "other": of_main[:1]})).max() > 0.01


def test_pictures_that_cannot_be_read_are_refused_before_the_network_looks(competition, tmp_path, capsys):
    (tmp_path / "bad.png").write_bytes(b"camera shy")
    good = pictures_of(competition)[0]

    model = str(competition / "models" / "other" / "fold-0")
    assert main(["predict", "--model", model, good, str(tmp_path / "bad.png")]) == 2
    told = capsys.readouterr().err
    assert "1 of 2 samples cannot be used; nothing was predicted." in told
    assert f"where  {tmp_path / 'bad.png'}\n" in told
