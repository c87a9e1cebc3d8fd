"""The ready files for competitions of MR: a miniature of each, from the competition's own DICOM folders to arrays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import yaml
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from catscan.cli import main
from catscan.flow import config as catscan_config
from catscan.flow import stage_strings

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"


@pytest.fixture
def write(tmp_path: Path, slice_at: Callable[..., Dataset], pydicom_files: Path) -> Callable[..., None]:
    """Writes a series of eight slices below the raw folder: CT of noise, or MR of real pixels."""
    real = pydicom.dcmread(pydicom_files / "MR_small.dcm").pixel_array
    (tmp_path / "raw").mkdir()

    def written(folder: str, modality: str, brightness: int = 1) -> None:
        (tmp_path / "raw" / folder).mkdir(parents=True)
        for k in range(8):
            elements: dict[str, Any] = {}
            if modality == "MR":
                elements = {"SOPClassUID": MRImageStorage, "RescaleSlope": None, "RescaleIntercept": None}
                elements |= {"pixels": np.roll(real, k, axis=0) * brightness, "Modality": "MR"}
            dataset = slice_at((0, 0, 3.0 * k), elements.pop("pixels", None), **elements)
            dataset.save_as(tmp_path / "raw" / folder / f"Image-{k + 1}.dcm", enforce_file_format=True)

    return written


def arrays_of(name: str, folder: Path) -> dict[str, tuple[np.ndarray, dict[str, Any]]]:
    """Index and preprocess the raw folder by the ready file; array and sidecar of each split."""
    described = yaml.safe_load((ROOT / "config" / "kaggle" / f"{name}.yaml").read_text())
    described["competitions"][name]["source"] = {"kind": "directory", "path": str(folder / "raw")}
    described["competitions"][name]["index"] = {"folds": 2, "shards": 1}
    competition = catscan_config.load(described, SCHEMA)["competitions"][name]
    raw, index = ["--raw", str(folder / "raw")], ["--index", str(folder / "index.csv")]
    summary = ["--summary", str(folder / "index.json")]
    assert (
        main(
            [
                "index",
                "--settings",
                stage_strings.index(competition),
                "--layout",
                stage_strings.layout(competition),
                *raw,
                *index,
                *summary,
            ]
        )
        == 0
    )
    found = {}
    for split in ("train", "test"):
        path = folder / f"{split}.npy"
        shard = ["--split", split, "--shard", "1", "--array", str(path)]
        assert main(["preprocess", "--settings", stage_strings.preprocess(competition), *raw, *index, *shard]) == 0
        found[split] = np.load(path), json.loads(path.with_suffix(".json").read_text())
    return found


def test_brain_tumours_are_read_from_the_flair_folders(tmp_path: Path, write: Callable[..., None]) -> None:
    for patient, brightness in (("00000", 1), ("00002", 3), ("00003", 1)):
        write(f"train/{patient}/FLAIR", "MR", brightness)
        write(f"train/{patient}/T1w", "CT")  # never looked at
    write("test/00001/FLAIR", "MR")
    (tmp_path / "raw" / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n00000,1\n00002,1\n00003,0\n")
    (tmp_path / "raw" / "sample_submission.csv").write_text("BraTS21ID,MGMT_value\n00001,0.5\n")

    found = arrays_of("rsna-miccai-brain-tumor", tmp_path)

    (train, told), (test, told_test) = found["train"], found["test"]
    assert (told["ids"], told_test["ids"]) == (["00000", "00002", "00003"], ["00001"])
    assert told["bad"] == told_test["bad"] == []
    assert train.shape == (3, 64, 64, 64, 1)
    assert np.abs(train[0].astype(int) - train[1]).max() <= 1  # three times as bright, the same levels
    assert test.std() > 30  # grey levels
    assert told["geometry"]["00000"]["modality"] == "MR"


def test_aneurysms_are_read_from_ct_and_mr(tmp_path: Path, write: Callable[..., None]) -> None:
    described = yaml.safe_load((ROOT / "config" / "kaggle" / "rsna-intracranial-aneurysm.yaml").read_text())
    columns = described["competitions"]["rsna-intracranial-aneurysm"]["data"]["labels"]["columns"]
    for series, modality in {"1.2.1": "CT", "1.2.2": "MR", "1.2.3": "MR", "1.2.4": "CT", "1.2.9": "MR"}.items():
        write(f"series/{series}", modality)
    flags = {f"1.2.{n}": ",".join(str(int(place in (n, 13))) for place in range(14)) for n in range(1, 5)}
    header = f"SeriesInstanceUID,{','.join(columns)}"
    (tmp_path / "raw" / "train.csv").write_text("\n".join([header, *(f"{id},{f}" for id, f in flags.items())]) + "\n")
    zeros = ",".join("0" * 14)
    (tmp_path / "raw" / "sample_submission.csv").write_text(f"{header}\n1.2.9,{zeros}\n")

    found = arrays_of("rsna-intracranial-aneurysm", tmp_path)

    told = found["train"][1]
    assert (found["train"][1]["bad"], found["test"][1]["bad"]) == ([], [])
    shown = {series: (told["geometry"][series]["modality"], told["geometry"][series]["intensity_ranges"][0][1] == 700)
             for series in told["ids"]}  # fmt: skip
    assert shown == {"1.2.1": ("CT", True), "1.2.2": ("MR", False), "1.2.3": ("MR", False), "1.2.4": ("CT", True)}
