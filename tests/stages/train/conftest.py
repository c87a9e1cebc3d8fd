"""A competition of a few small samples, as the stages before the training leave it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factories import summary_of, write_shard

from catscan.common.contracts.sidecar import ReadAs


@dataclass(frozen=True)
class Competition:
    """Paths of a small competition, and the command line that trains on it."""

    folder: Path
    arrays: list[Path]

    @property
    def index(self) -> Path:
        return self.folder / "index.csv"

    @property
    def summary(self) -> Path:
        return self.folder / "index.json"

    def command(self, settings: dict[str, Any], out: Path, fold: int = 0) -> list[str]:
        return [
            "train",
            "--settings",
            json.dumps({"task": "binary", **settings}),
            "--index",
            str(self.index),
            "--summary",
            str(self.summary),
            "--arrays",
            *map(str, self.arrays),
            "--fold",
            str(fold),
            "--out",
            str(out),
        ]


def bright_halves(n: int, shape: tuple[int, ...]) -> tuple[np.ndarray, list[str]]:
    """Noise whose upper half (class "up") or lower half ("down") is brighter."""
    draw = np.random.default_rng(0)
    arrays = draw.integers(0, 120, (n, *shape)).astype(np.uint8)
    labels = ["up" if number % 2 else "down" for number in range(n)]
    rows = shape[-3] // 2
    for array, label in zip(arrays, labels, strict=True):
        half = array[..., :rows, :, :] if label == "up" else array[..., rows:, :, :]
        half += 100
    return arrays, labels


def competition_in(
    folder: Path,
    n: int = 40,
    shape: tuple[int, ...] = (16, 16, 1),
    *,
    folds: int = 2,
    labels: list[str] | None = None,
    classes: tuple[str, ...] = ("down", "up"),
    bad: int = 0,
) -> Competition:
    """Make a competition of ``n`` samples in two shards and ``folds`` folds; the same at every call."""
    arrays, halves = bright_halves(n, shape)
    ids = [f"{number:03}" for number in range(n)]
    index = pd.DataFrame({"sample_id": ids, "split": "train", "label": labels or halves, "group": ""})
    index["fold"] = [str(number // 2 % folds) for number in range(n)]
    index["shard"] = ["1" if number < n // 2 else "2" for number in range(n)]
    index["archive"], index["path"] = "", index["sample_id"] + ".jpg"
    index.to_csv(folder / "index.csv", index=False)
    summary_of(classes).write(folder / "index.json")
    settings = ReadAs("picture", {"size": list(shape[:2]), "channels": "gray"})
    paths = []
    for number, rows in enumerate([slice(bad, n // 2), slice(n // 2, n)], start=1):
        path = folder / "arrays" / f"train-{number}-of-2.npy"
        write_shard(path, arrays[rows], ids[rows], settings=settings)
        paths.append(path)
    return Competition(folder, paths)


@pytest.fixture
def make_competition(tmp_path: Path) -> Callable[..., Competition]:
    """`competition_in` a folder of the test's own."""
    return partial(competition_in, tmp_path)


@pytest.fixture
def competition(make_competition: Callable[..., Competition]) -> Competition:
    """40 pictures of 16 x 16 in two folds."""
    return make_competition()


@pytest.fixture(scope="session")
def lasting_competition(tmp_path_factory: pytest.TempPathFactory) -> Competition:
    """The same, for trainings that several tests look at. To be read only."""
    return competition_in(tmp_path_factory.mktemp("competition"))
