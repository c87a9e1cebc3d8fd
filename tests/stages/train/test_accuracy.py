"""The tutorial's network on the real pictures of Dogs vs. Cats: 8,000 to learn from, 1,000 to be tested on."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from factories import summary_of, write_shard

from catscan.cli import main
from catscan.common.tables import natural_key

pytestmark = pytest.mark.accuracy


@dataclass(frozen=True)
class Pictures:
    """The competition as arrays of one size."""

    folder: Path
    truth: pd.Series

    def train(self, settings: dict[str, object], *, fold: int) -> Path:
        out = self.folder / "out"
        command = ["train", "--settings", json.dumps({"task": "binary", **settings}), "--fold", str(fold)]
        command += ["--index", str(self.folder / "index.csv"), "--summary", str(self.folder / "index.json")]
        assert main([*command, "--arrays", str(self.folder / "train.npy"), "--out", str(out)]) == 0
        return out

    def accuracy(self, model: Path) -> float:
        """Share of the test pictures that the model gets right."""
        out = self.folder / "predictions.csv"
        assert (
            main(["predict", "--model", str(model), "--out", str(out), "--arrays", str(self.folder / "test.npy")]) == 0
        )
        table = pd.read_csv(out, dtype={"sample_id": str}).set_index("sample_id")
        return float(((table["dog"] > 0.5) == self.truth.loc[table.index]).mean())


def pictures_of(shared_data: Path, folder: Path, side: int) -> Pictures:
    source = shared_data / "dogs-vs-cats"
    ids = {}
    for split in ("train", "test"):
        with zipfile.ZipFile(source / f"{split}.zip") as archive:
            names = sorted((name for name in archive.namelist() if name.endswith(".jpg")), key=natural_key)
            arrays = np.stack([decoded(archive.read(name), side) for name in names])
        ids[split] = [Path(name).stem for name in names]
        write_shard(folder / f"{split}.npy", arrays, ids[split])
    index = pd.DataFrame({"sample_id": ids["train"], "split": "train"})
    index["label"] = index["sample_id"].str.split(".").str[0]
    index["fold"] = np.random.default_rng(0).permutation(len(index)) % 8
    index.to_csv(folder / "index.csv", index=False)
    summary_of(["cat", "dog"]).write(folder / "index.json")
    truth = pd.read_csv(source / "solution.csv", dtype={"id": str}).set_index("id")["label"]
    return Pictures(folder, truth)


def decoded(data: bytes, side: int) -> np.ndarray:
    """Grey, as the tutorial does it."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    return cv2.resize(picture, (side, side))[..., None]


@pytest.mark.parametrize("engine", ["lean", "tflearn-fit"])
def test_tutorials_network_does_as_in_the_tutorial(shared_data, tmp_path, engine):
    """About 0.7 right, and over-fitted: at the end its loss on what it learns from is far below the held-out one."""
    pictures = pictures_of(shared_data, tmp_path, 50)
    model = pictures.train({"network": "tutorial-2d", "engine": engine, "precision": "fp32"}, fold=0)

    assert 0.66 <= pictures.accuracy(model) <= 0.78
    last = pd.read_csv(model / "history.csv").iloc[-1]
    assert last["train_loss"] < 0.7 * last["log_loss"]


def test_log_of_a_default_training_holds_nothing_of_tensorflow(shared_data, tmp_path, capfd):
    pictures = pictures_of(shared_data, tmp_path, 16)
    pictures.train({"epochs": 2}, fold=0)

    noise = re.compile(r"oneDNN|absl|WARNING|deprecat|tensorflow|Instructions for updating", re.IGNORECASE)
    assert not noise.search("".join(capfd.readouterr()))
