"""Every file of config/medmnist, from a miniature of the set to a checked submission."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import ready_configs
import yaml
from array_files import npy, zipped

from catscan.scores.foreign import read_foreign

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "config" / "medmnist"
FILES = sorted(FOLDER.glob("*.yaml"))
IDS = [path.stem for path in FILES]
# As MedMNIST's own table of its sets (medmnist/info.py) has them: classes, channels, test samples.
SETS = {
    "pathmnist": (9, 3, 7180),
    "chestmnist": (14, 1, 22433),
    "dermamnist": (7, 3, 2005),
    "octmnist": (4, 1, 1000),
    "pneumoniamnist": (2, 1, 624),
    "retinamnist": (5, 3, 400),
    "breastmnist": (2, 1, 156),
    "bloodmnist": (8, 3, 3421),
    "tissuemnist": (8, 1, 47280),
    "organamnist": (11, 1, 17778),
    "organcmnist": (11, 1, 8268),
    "organsmnist": (11, 1, 8829),
    "organmnist3d": (11, 1, 610),
    "nodulemnist3d": (2, 1, 310),
    "fracturemnist3d": (3, 1, 240),
    "adrenalmnist3d": (2, 1, 298),
    "vesselmnist3d": (2, 1, 382),
    "synapsemnist3d": (2, 1, 352),
}
TRAIN, VALIDATION, TEST = 23, 5, 4
DATA = Path(os.environ.get("CATSCAN_DATA", "/nonexistent")) / "adrenal-mnist-3d"

every_file = pytest.mark.parametrize("path", FILES, ids=IDS)


def competition_of(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())["competitions"][path.stem]


def file_of(path: Path) -> str:
    """The name of the .npz that a file reads."""
    return competition_of(path)["data"]["test"].split("/")[0]


def sheet(path: Path, folder: Path) -> str:
    """The sample submission that the command at the head of a file makes."""
    command = re.search(r"^#   (\(echo .*)\n#   ( seq .*)$", path.read_text(), re.MULTILINE)
    assert command is not None
    (folder / "medmnist" / path.stem).mkdir(parents=True)
    subprocess.run(["sh", "-c", "\n".join(command.groups())], cwd=folder, check=True)
    return (folder / "medmnist" / path.stem / "sample_submission.csv").read_text()


@pytest.fixture
def raw(path: Path, tmp_path: Path) -> Path:
    """The folder of a set with a few samples of the size they are read at, in MedMNIST's layout, and the sheet."""
    folder = tmp_path / "raw"
    folder.mkdir()
    classes, channels, _ = SETS[path.stem]
    size = competition_of(path)["preprocess"]["array"]["size"]
    assert len(size) == (3 if path.stem.endswith("3d") else 2)
    shape = (*size, *(() if channels == 1 else (channels,)))
    random, arrays = np.random.default_rng(1), {}
    for name, count in (("train", TRAIN), ("val", VALIDATION), ("test", TEST)):
        labels = (np.arange(count) % classes)[:, None]
        if competition_of(path)["data"].get("task") == "multilabel":
            labels = np.arange(count)[:, None] % (np.arange(classes) + 2) == 0
        arrays[f"{name}_images"] = random.integers(0, 256, (count, *shape), np.uint8)
        arrays[f"{name}_labels"] = labels.astype(np.uint8)
    (folder / file_of(path)).write_bytes(zipped({f"{name}.npy": npy(values) for name, values in arrays.items()}))
    lines = sheet(path, tmp_path).splitlines()
    (folder / "sample_submission.csv").write_text("\n".join(lines[: TEST + 1]) + "\n")
    return folder


def test_every_set_of_medmnist_has_a_file() -> None:
    assert sorted(SETS) == IDS


@every_file
def test_miniature_goes_from_index_to_checked_submission(path: Path, raw: Path, tmp_path: Path) -> None:
    competition = ready_configs.described(path, path.stem, raw)
    table, summary = ready_configs.index(competition, raw, tmp_path)
    check = ready_configs.submission(competition, raw, tmp_path, table, summary)

    assert len(summary["classes"]) == SETS[path.stem][0]
    assert (summary["n_train"], summary["n_test"]) == (TRAIN + VALIDATION, TEST)
    assert table["sample_id"].tolist()[TRAIN - 1 : TRAIN + 1] == [f"train.{TRAIN - 1}", "val.0"]
    assert table["sample_id"].tolist()[-TEST:] == ["0", "1", "2", "3"]
    assert all(ready_configs.is_there(raw, row) for row in table.itertuples())
    assert check["missing"] == []


@every_file
def test_every_sample_of_a_miniature_is_read_as_it_is(path: Path, raw: Path, tmp_path: Path) -> None:
    competition = ready_configs.described(path, path.stem, raw)
    ready_configs.index(competition, raw, tmp_path)
    arrays = {split: ready_configs.preprocess(competition, raw, tmp_path, split) for split in ("train", "test")}
    stored = np.load(raw / file_of(path))
    images = {"train": np.concatenate([stored["train_images"], stored["val_images"]]), "test": stored["test_images"]}

    for split, array in arrays.items():
        assert json.loads(array.with_suffix(".json").read_text())["bad"] == []
        np.testing.assert_array_equal(np.load(array), images[split].reshape(np.load(array).shape))
        assert np.load(array).shape[-1] == SETS[path.stem][1]


@every_file
def test_the_sheet_asks_for_all_test_samples_by_number(path: Path, tmp_path: Path) -> None:
    lines = sheet(path, tmp_path).splitlines()
    data = competition_of(path)["data"]
    columns = data["classes"][-1:] if data.get("task", "binary") == "binary" else data["classes"]

    assert lines[0].split(",") == ["id", *columns]
    assert [line.split(",")[0] for line in lines[1:]] == [str(number) for number in range(SETS[path.stem][2])]
    assert {line.count(",") for line in lines} == {len(columns)}


@every_file
def test_nothing_is_mirrored_where_left_and_right_are_classes(path: Path) -> None:
    competition = competition_of(path)
    has_sides = any("left" in name for name in competition["data"]["classes"])
    flips = [
        competition.get("models", {}).get("main", {}).get("augment", {}).get("flip"),
        competition.get("predict", {}).get("flips"),
    ]

    assert has_sides == path.stem.startswith("organ")
    assert flips == ([False, False] if has_sides else [None, None])


@every_file
def test_the_table_of_the_readme_says_what_the_file_says(path: Path) -> None:
    rows = [line.split(" | ") for line in (FOLDER / "README.md").read_text().splitlines() if " | " in line]
    row = {cells[0].strip("| "): [cell.strip("| ") for cell in cells[2:]] for cells in rows}[path.stem]
    competition = competition_of(path)
    block = competition["preprocess"]["array"]
    shape = [*block["size"], *([block["channels"]] if block.get("channels", 1) > 1 else [])]

    assert row == [" x ".join(map(str, shape)), competition["data"].get("task", "binary"), competition["metric"]]


def slab(thickness: int, random: np.random.Generator) -> np.ndarray:
    """A filled slab in 64 x 64 x 64 voxels, across any of the axes, of any other size and at any place."""
    sides = random.permutation([thickness, *random.integers(14, 24, 2)])
    low = [random.integers(0, 64 - side) for side in sides]
    volume = np.zeros((64, 64, 64), np.uint8)
    volume[tuple(slice(start, start + side) for start, side in zip(low, sides, strict=True))] = 255
    return volume


@pytest.mark.parametrize("path", [FOLDER / "adrenalmnist3d.yaml"], ids=["adrenalmnist3d"])
def test_shapes_tell_thick_from_thin_and_join_the_blend(path: Path, tmp_path: Path) -> None:
    random, raw, told = np.random.default_rng(1), tmp_path / "raw", tmp_path / "told"
    raw.mkdir()
    counts, thick = {"train": 30, "val": 10, "test": 4}, {}
    arrays: dict[str, np.ndarray] = {}
    for name, count in counts.items():
        thick[name] = np.arange(count) % 2
        arrays[f"{name}_images"] = np.stack([slab(4 + 2 * label, random) for label in thick[name]])
        arrays[f"{name}_labels"] = thick[name][:, None].astype(np.uint8)
    (raw / file_of(path)).write_bytes(zipped({f"{name}.npy": npy(values) for name, values in arrays.items()}))
    (raw / "sample_submission.csv").write_text("id,hyperplasia\n" + "".join(f"{number},0\n" for number in range(4)))
    index, summary = ready_configs.index(ready_configs.described(path, path.stem, raw), raw, tmp_path)
    command = [sys.executable, str(ROOT / "benchmarks" / "shapes.py"), str(tmp_path), "--out", str(told)]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})

    for split, truth in (("train", np.concatenate([thick["train"], thick["val"]])), ("test", thick["test"])):
        file = told / ("out-of-fold.csv" if split == "train" else "test.csv")
        ids = index.loc[index["split"] == split, "sample_id"].tolist()
        wanted = {"classes": summary["classes"], "task": "binary", "positive": "hyperplasia", "wanted": ids}
        answers = read_foreign(file, known=ids, **wanted)
        assert pd.read_csv(file).columns.tolist() == ["sample_id", "normal", "hyperplasia"]
        np.testing.assert_array_equal(answers[:, 1] > 0.5, truth == 1)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="CATSCAN_DATA has no adrenal-mnist-3d")
@pytest.mark.parametrize("path", [FOLDER / "adrenalmnist3d.yaml"], ids=["adrenalmnist3d"])
def test_the_real_set_of_adrenal_glands_goes_from_index_to_checked_submission(path: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    shutil.copy(DATA / file_of(path), raw)
    (raw / "sample_submission.csv").write_text(sheet(path, tmp_path))
    competition = ready_configs.described(path, path.stem, raw)
    table, summary = ready_configs.index(competition, raw, tmp_path)
    check = ready_configs.submission(competition, raw, tmp_path, table, summary)
    array = ready_configs.preprocess(competition, raw, tmp_path, "test")

    assert summary["counts"] == {"normal": 1005, "hyperplasia": 281}
    assert check["rows"] == 298
    volumes = np.load(raw / file_of(path))["test_images"].astype(float).reshape(298, 32, 2, 32, 2, 32, 2)
    # Grey levels, rounded after each axis.
    np.testing.assert_allclose(np.load(array)[..., 0], volumes.mean(axis=(2, 4, 6)), atol=1)
