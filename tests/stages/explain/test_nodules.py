"""A network trained on crops of lung, half of them with a nodule put in, is explained by where the nodule lies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import summary_of, write_shard

from catscan.cli import main
from catscan.common.contracts.sidecar import ReadAs
from catscan.networks.model import read_model, read_weights, write_model
from catscan.stages.explain.opened import Opened

pytestmark = pytest.mark.slow  # a training of 7 CPU seconds

N, SIDE = 240, 20  # crops, voxels along each axis
NEAR = 4.0  # voxels along an axis, from the middle of a nodule of 6 or 7
NETWORK = [
    {"convolution": {"feature_maps": 8, "window": 3, "batch_norm": True}},
    {"pooling": {"window": 2}},
    {"convolution": {"feature_maps": 16, "window": 3, "batch_norm": True}},
    {"convolution": {"feature_maps": 16, "window": 3, "batch_norm": True}},
    {"global_pooling": {"kind": "max"}},
]
RECIPE = {"epochs": 6, "batch_size": 16, "optimizer": "nesterov", "learning_rate": 0.02}


def lungs() -> tuple[np.ndarray, np.ndarray]:
    """Noise with three vessels through, in every second one a nodule as bright; and where that lies."""
    draw = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"), -1).astype(float)
    crops, places = [], draw.uniform(5, SIDE - 5, (N, 3))
    for number, place in enumerate(places):
        levels = 60 + draw.normal(0, 12, (SIDE,) * 3)
        for _ in range(3):
            away, along = grid - draw.uniform(3, SIDE - 3, 3), draw.normal(size=3)
            along /= np.linalg.norm(along)
            distance = np.linalg.norm(away - (away @ along)[..., None] * along, axis=-1)
            levels = np.maximum(levels, 170 * np.clip(1.8 - distance, 0, 1))
        if number % 2:
            distance = np.linalg.norm(grid - place, axis=-1)
            levels = np.maximum(levels, 170 * np.clip(draw.uniform(3, 3.8) - distance, 0, 1))
        crops.append(np.clip(levels, 0, 255))
    return np.stack(crops)[..., None].astype(np.uint8), places


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a network that learnt from half of the crops."""
    folder = tmp_path_factory.mktemp("nodules")
    ids = [f"{number:03}" for number in range(N)]
    labels = ["nodule" if number % 2 else "none" for number in range(N)]
    index = pd.DataFrame({"sample_id": ids, "split": "train", "label": labels, "group": "", "shard": "1"})
    index["fold"] = [str(number // 2 % 2) for number in range(N)]
    index.assign(archive="", path="").to_csv(folder / "index.csv", index=False)
    summary_of(("none", "nodule")).write(folder / "index.json")
    reader = ReadAs("dicom_series", {"size": [SIDE] * 3})
    write_shard(folder / "train.npy", lungs()[0], ids, settings=reader)
    settings = json.dumps({"task": "binary", "network": NETWORK, **RECIPE})
    paths = ["--index", folder / "index.csv", "--summary", folder / "index.json", "--arrays", folder / "train.npy"]
    assert main(["train", "--settings", settings, *map(str, paths), "--fold", "0", "--out", str(folder / "out")]) == 0
    return folder / "out"


def shares_on_the_nodule(folder: Path) -> list[float]:
    """Of a dozen nodules that the network never saw: on how many Grad-CAM, and covering, are strongest."""
    crops, places = lungs()
    held = [number for number in range(N) if number % 2 and number // 2 % 2 == 0][:12]
    network = Opened(folder, read_model(folder))
    heats = network.heats(crops[held], [1] * len(held))
    covered = [look.covered if look.told == 1 else -look.covered for look in network.look_at(crops[held])]
    network.close()

    def is_on(values: np.ndarray, place: np.ndarray) -> bool:
        strongest = (np.array(np.unravel_index(values.argmax(), values.shape)) + 0.5) / values.shape * SIDE - 0.5
        return bool(np.abs(strongest - place).max() <= NEAR)

    return [
        float(np.mean([is_on(values, place) for values, place in zip(some, places[held], strict=True)]))
        for some in (heats, covered)
    ]


def shuffled(trained: Path, folder: Path) -> Path:
    """The same network, its weights in any order within each layer."""
    draw = np.random.default_rng(1)
    weights = {
        name: draw.permutation(array.ravel()).reshape(array.shape) for name, array in read_weights(trained).items()
    }
    write_model(folder, read_model(trained), weights)
    return folder


@pytest.mark.parametrize(
    ("weights_of", "low", "high"),
    [(lambda trained, _: trained, 0.9, 1.0), (shuffled, 0.0, 0.5)],
    ids=["as learnt", "shuffled"],
)
def test_grad_cam_and_covering_are_strongest_on_the_nodule_and_leave_it_with_shuffled_weights(
    trained: Path, tmp_path: Path, weights_of: Callable[[Path, Path], Path], low: float, high: float
) -> None:
    """A vessel as bright, of which each crop holds three, is passed over."""
    found = shares_on_the_nodule(weights_of(trained, tmp_path))

    assert all(low <= share <= high for share in found), found
