"""Every file of config/kaggle, from a miniature of the competition's layout to a checked submission."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
import ready_configs
import yaml
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian, JPEGLSLossless

from catscan.flow import checks

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "config" / "kaggle").glob("*.yaml"))


class Miniature:
    """Writes the raw folder of a competition with a handful of samples."""

    def __init__(self, raw: Path) -> None:
        self.raw = raw
        self._random = np.random.default_rng(1)

    def bytes(self, path: str) -> bytes:
        """A small picture of noise in the format of the name; a few bytes where nothing looks inside."""
        if path.endswith(".dcm"):
            return mammogram(self._random.integers(0, 4096, (24, 24)))
        if not path.endswith((".jpg", ".png", ".tif")):
            return b""
        return cv2.imencode(Path(path).suffix, self._random.integers(0, 256, (24, 24, 3), np.uint8))[1].tobytes()

    def files(self, *paths: str) -> None:
        for path in paths:
            (self.raw / path).parent.mkdir(parents=True, exist_ok=True)
            (self.raw / path).write_bytes(self.bytes(path))

    def zip(self, name: str, *members: str) -> None:
        with zipfile.ZipFile(self.raw / name, "w") as archive:
            for member in members:
                archive.writestr(member, self.bytes(member))

    def table(self, name: str, header: str, *rows: str) -> None:
        (self.raw / name).write_text("\n".join([header, *rows]) + "\n")


def mammogram(values: np.ndarray) -> bytes:
    """A DICOM file of 12 bits, packed as those of RSNA's competition are."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.826.0.1"
    dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME1", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.WindowCenter, dataset.WindowWidth = [2048, 1000], [4096, 500]
    dataset.PixelData = values.astype("<u2").tobytes()
    dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


Layout = Callable[[Miniature], dict[str, Any]]
LAYOUTS: dict[str, Layout] = {}


def layout(name: str) -> Callable[[Layout], Layout]:
    """Register the miniature of the competition that ``config/kaggle/NAME.yaml`` describes.

    It returns what the index must find: the numbers of samples of each split, and the classes.
    """

    def register(make: Layout) -> Layout:
        LAYOUTS[name] = make
        return make

    return register


@layout("dogs-vs-cats-redux")
def _(raw: Miniature) -> dict[str, Any]:
    raw.zip("train.zip", *(f"train/{kind}.{n}.jpg" for n in range(6) for kind in ("cat", "dog")))
    raw.zip("test.zip", *(f"test/{n}.jpg" for n in (1, 2, 10)))
    raw.table("sample_submission.csv", "id,label", "1,0.5", "2,0.5", "10,0.5")
    return {"train": 12, "test": 3, "classes": ["cat", "dog"]}


def _bowl(raw: Miniature) -> None:
    for patient in ("00cba0", "00edff", "0a38e7", "0c0de3"):
        raw.files(*(f"stage1/{patient}/{n:02}.dcm" for n in range(3)))
    raw.table("stage1_labels.csv", "id,cancer", "00cba0,0", "00edff,1", "0a38e7,0")


@layout("data-science-bowl-2017")
def _(raw: Miniature) -> dict[str, Any]:
    _bowl(raw)
    raw.table("stage1_sample_submission.csv", "id,cancer", "0c0de3,0.5")
    return {"train": 3, "test": 1, "classes": ["no_cancer", "cancer"]}


@layout("data-science-bowl-2017-stage-2")
def _(raw: Miniature) -> dict[str, Any]:
    _bowl(raw)
    raw.files("stage2/1a2b3c/01.dcm", "stage2/1a2b3c/02.dcm")
    raw.table("stage2_sample_submission.csv", "id,cancer", "1a2b3c,0.5")
    return {"train": 3, "test": 1, "classes": ["no_cancer", "cancer"]}


@layout("dog-breed-identification")
def _(raw: Miniature) -> dict[str, Any]:
    breeds = ["afghan_hound", "beagle", "chow"]
    raw.files(*(f"train/{n:032x}.jpg" for n in range(6)), *(f"test/{n:032x}.jpg" for n in range(8, 10)))
    raw.table("labels.csv", "id,breed", *(f"{n:032x},{breeds[n % 3]}" for n in range(6)))
    raw.table("sample_submission.csv", "id," + ",".join(breeds), *(f"{n:032x},0.33,0.33,0.33" for n in (9, 8)))
    return {"train": 6, "test": 2, "classes": breeds}


@layout("aptos2019-blindness-detection")
def _(raw: Miniature) -> dict[str, Any]:
    raw.files(*(f"train_images/{n:012x}.png" for n in range(10)), "test_images/0005cfc8afb6.png")
    raw.table("train.csv", "id_code,diagnosis", *(f"{n:012x},{n % 5}" for n in range(10)))
    raw.table("sample_submission.csv", "id_code,diagnosis", "0005cfc8afb6,0")
    return {"train": 10, "test": 1, "classes": ["0", "1", "2", "3", "4"]}


@layout("cassava-leaf-disease")
def _(raw: Miniature) -> dict[str, Any]:
    raw.files(*(f"train_images/100{n}.jpg" for n in range(6)), "test_images/2216849948.jpg")
    raw.table("train.csv", "image_id,label", *(f"100{n}.jpg,{n % 5}" for n in range(6)))
    raw.table("label_num_to_disease_map.json", "{}")
    raw.table("sample_submission.csv", "image_id,label", "2216849948.jpg,4")
    return {"train": 6, "test": 1, "classes": ["0", "1", "2", "3", "4"]}


@layout("plant-pathology-2020")
def _(raw: Miniature) -> dict[str, Any]:
    names = "healthy,multiple_diseases,rust,scab"
    raw.files(*(f"images/Train_{n}.jpg" for n in range(8)), *(f"images/Test_{n}.jpg" for n in range(2)))
    one_hot = ["1,0,0,0", "0,1,0,0", "0,0,1,0", "0,0,0,1"]
    raw.table("train.csv", f"image_id,{names}", *(f"Train_{n},{one_hot[n % 4]}" for n in range(8)))
    raw.table("test.csv", "image_id", "Test_0", "Test_1")
    raw.table("sample_submission.csv", f"image_id,{names}", *(f"Test_{n},0.25,0.25,0.25,0.25" for n in range(2)))
    return {"train": 8, "test": 2, "classes": names.split(",")}


@layout("plant-pathology-2021")
def _(raw: Miniature) -> dict[str, Any]:
    raw.files(*(f"train_images/80{n}.jpg" for n in range(4)), "test_images/85f8cb619c66b863.jpg")
    raw.table("train.csv", "image,labels", "800.jpg,healthy", "801.jpg,scab", "802.jpg,rust scab", "803.jpg,rust")
    raw.table("sample_submission.csv", "image,labels", "85f8cb619c66b863.jpg,healthy")
    return {"train": 4, "test": 1, "classes": ["healthy", "rust", "scab"]}


@layout("plant-seedlings")
def _(raw: Miniature) -> dict[str, Any]:
    species = ["Black-grass", "Small-flowered Cranesbill", "Sugar beet"]
    raw.files(*(f"train/{name}/{n:09x}.png" for name in species for n in range(2)), "test/0021e90e4.png")
    raw.table("sample_submission.csv", "file,species", "0021e90e4.png,Sugar beet")
    return {"train": 6, "test": 1, "classes": species}


@layout("paddy-disease")
def _(raw: Miniature) -> dict[str, Any]:
    diseases = ["blast", "normal", "tungro"]
    raw.files(*(f"train_images/{name}/10{n}.jpg" for n, name in enumerate(diseases * 2)), "test_images/200001.jpg")
    raw.table("sample_submission.csv", "image_id,label", "200001.jpg,")
    return {"train": 6, "test": 1, "classes": diseases}


@layout("histopathologic-cancer-detection")
def _(raw: Miniature) -> dict[str, Any]:
    raw.files(*(f"train/{n:040x}.tif" for n in range(4)), f"test/{9:040x}.tif")
    raw.table("train_labels.csv", "id,label", *(f"{n:040x},{n % 2}" for n in range(4)))
    raw.table("sample_submission.csv", "id,label", f"{9:040x},0")
    return {"train": 4, "test": 1, "classes": ["normal", "tumour"]}


@layout("aerial-cactus-identification")
def _(raw: Miniature) -> dict[str, Any]:
    raw.zip("train.zip", *(f"train/000{n}.jpg" for n in range(4)))
    raw.zip("test.zip", "test/000940378805c44108d287872b2f04ce.jpg")
    raw.table("train.csv", "id,has_cactus", *(f"000{n}.jpg,{n % 2}" for n in range(4)))
    raw.table("sample_submission.csv", "id,has_cactus", "000940378805c44108d287872b2f04ce.jpg,0.5")
    return {"train": 4, "test": 1, "classes": ["no_cactus", "cactus"]}


@layout("ranzcr-clip")
def _(raw: Miniature) -> dict[str, Any]:
    names = [
        *(f"ETT - {state}" for state in ("Abnormal", "Borderline", "Normal")),
        *(f"NGT - {state}" for state in ("Abnormal", "Borderline", "Incompletely Imaged", "Normal")),
        *(f"CVC - {state}" for state in ("Abnormal", "Borderline", "Normal")),
        "Swan Ganz Catheter Present",
    ]
    header, zeros = ",".join(names), ",".join("0" * len(names))
    raw.files(*(f"train/1.2.826.{n}.jpg" for n in range(4)), "test/1.2.826.9.jpg")
    flags = [",".join("1" if place in (n, 10) else "0" for place in range(11)) for n in range(4)]
    raw.table(
        "train.csv", f"StudyInstanceUID,{header},PatientID", *(f"1.2.826.{n},{flags[n]},p{n // 2}" for n in range(4))
    )
    raw.table("sample_submission.csv", f"StudyInstanceUID,{header}", f"1.2.826.9,{zeros}")
    return {"train": 4, "test": 1, "classes": ["_".join(name.split()) for name in names], "groups": 2}


@layout("siim-isic-melanoma")
def _(raw: Miniature) -> dict[str, Any]:
    raw.files(*(f"jpeg/train/ISIC_{n:07}.jpg" for n in range(6)), "jpeg/test/ISIC_0052060.jpg")
    raw.files("train/ISIC_0000000.dcm")
    raw.table(
        "train.csv",
        "image_name,patient_id,sex,age_approx,diagnosis,benign_malignant,target",
        *(f"ISIC_{n:07},IP_{n // 2},male,45,unknown,benign,{n % 2}" for n in range(6)),
    )
    raw.table("sample_submission.csv", "image_name,target", "ISIC_0052060,0")
    return {"train": 6, "test": 1, "classes": ["benign", "melanoma"], "groups": 3}


@layout("digit-recognizer")
def _(raw: Miniature) -> dict[str, Any]:
    pixels = ",".join(f"pixel{n}" for n in range(784))
    row = ",".join("7" for _ in range(784))
    raw.table("train.csv", f"label,{pixels}", *(f"{n % 3},{row}" for n in range(6)))
    raw.table("test.csv", pixels, row, row)
    raw.table("sample_submission.csv", "ImageId,Label", "1,0", "2,0")
    return {"train": 6, "test": 2, "classes": ["0", "1", "2"]}


@layout("cifar-10")
def _(raw: Miniature) -> dict[str, Any]:
    kinds = ["airplane", "frog", "truck"]
    raw.files(*(f"train/{n}.png" for n in range(1, 7)), *(f"test/{n}.png" for n in range(1, 3)))
    raw.table("trainLabels.csv", "id,label", *(f"{n},{kinds[n % 3]}" for n in range(1, 7)))
    raw.table("sampleSubmission.csv", "id,label", "1,frog", "2,frog")
    return {"train": 6, "test": 2, "classes": kinds}


@layout("rsna-miccai-brain-tumor")
def _(raw: Miniature) -> dict[str, Any]:
    for split, patients in (("train", ("00000", "00002", "00003")), ("test", ("00001",))):
        for patient in patients:
            raw.files(*(f"{split}/{patient}/{kind}/Image-{n}.dcm" for kind in ("FLAIR", "T1w") for n in (1, 2)))
    raw.table("train_labels.csv", "BraTS21ID,MGMT_value", "00000,1", "00002,1", "00003,0")
    raw.table("sample_submission.csv", "BraTS21ID,MGMT_value", "00001,0.5")
    return {"train": 3, "test": 1, "classes": ["unmethylated", "methylated"]}


@layout("rsna-2022-cervical-spine")
def _(raw: Miniature) -> dict[str, Any]:
    names = ["C1", "C2", "C3", "C4", "C5", "C6", "C7", "patient_overall"]
    for n in range(4):
        raw.files(f"train_images/1.2.826.0.{n}/1.dcm", f"train_images/1.2.826.0.{n}/2.dcm")
    raw.files("test_images/1.2.826.0.22327/1.dcm")
    flags = [",".join(str(int(n == place)) for place in range(7)) for n in range(4)]
    raw.table(
        "train.csv",
        "StudyInstanceUID,patient_overall,C1,C2,C3,C4,C5,C6,C7",
        *(f"1.2.826.0.{n},{n % 2},{flags[n]}" for n in range(4)),
    )
    raw.table("sample_submission.csv", "row_id,fractured", *(f"1.2.826.0.22327_{name},0.5" for name in names))
    return {"train": 4, "test": 1, "classes": ["patient_overall", *names[:-1]]}


@layout("rsna-breast-cancer")
def _(raw: Miniature) -> dict[str, Any]:
    raw.files(
        *(f"train_images/{patient}/{patient}{view}.dcm" for patient in (10006, 10011, 10025) for view in range(2))
    )
    raw.files(*(f"test_images/10008/{name}.dcm" for name in ("736471439", "1591370361", "68070693")))
    raw.table(
        "train.csv",
        "site_id,patient_id,image_id,laterality,view,cancer",
        *(
            f"2,{patient},{patient}{view},L,CC,{int(patient == 10011)}"
            for patient in (10006, 10011, 10025)
            for view in range(2)
        ),
    )
    raw.table(
        "test.csv",
        "site_id,patient_id,image_id,laterality,view,prediction_id",
        "2,10008,736471439,L,MLO,10008_L",
        "2,10008,1591370361,L,CC,10008_L",
        "2,10008,68070693,R,CC,10008_R",
    )
    raw.table("sample_submission.csv", "prediction_id,cancer", "10008_L,0.02", "10008_R,0.02")
    return {"train": 6, "test": 3, "classes": ["no_cancer", "cancer"], "groups": 3}


@layout("rsna-intracranial-aneurysm")
def _(raw: Miniature) -> dict[str, Any]:
    described = yaml.safe_load((ROOT / "config" / "kaggle" / "rsna-intracranial-aneurysm.yaml").read_text())
    names = described["competitions"]["rsna-intracranial-aneurysm"]["data"]["labels"]["columns"]
    for n in range(5):
        raw.files(f"series/1.2.826.{n}/1.2.dcm", f"series/1.2.826.{n}/1.3.dcm")
    flags = [",".join(str(int(place in (n, 13))) for place in range(14)) for n in range(4)]
    header = ",".join(names)
    raw.table("train.csv", f"SeriesInstanceUID,PatientAge,PatientSex,Modality,{header}",
              *(f"1.2.826.{n},64,Female,CTA,{flags[n]}" for n in range(4)))  # fmt: skip
    raw.table("sample_submission.csv", f"SeriesInstanceUID,{header}", "1.2.826.4," + ",".join("0" * 14))
    return {"train": 4, "test": 1, "classes": ["_".join(name.split()) for name in names]}


@layout("leaf-classification")
def _(raw: Miniature) -> dict[str, Any]:
    species = ["Acer_Opalus", "Quercus_Rubra"]
    raw.zip("images.zip", *(f"images/{n}.jpg" for n in range(1, 7)))
    for name, header, rows in (
        ("train.csv", "id,species,margin1", [f"{n},{species[n % 2]},0.1" for n in range(1, 5)]),
        ("test.csv", "id,margin1", ["5,0.1", "6,0.1"]),
        ("sample_submission.csv", "id," + ",".join(species), ["5,0.5,0.5", "6,0.5,0.5"]),
    ):
        with zipfile.ZipFile(raw.raw / f"{name}.zip", "w") as archive:
            archive.writestr(name, "\n".join([header, *rows]) + "\n")
    return {"train": 4, "test": 2, "classes": species}


@layout("statoil-iceberg-classifier")
def _(raw: Miniature) -> dict[str, Any]:
    echo = {"band_1": [-27.878361] * 5625, "band_2": [-27.154118] * 5625}
    train = [{"id": f"dfd591{n}", **echo, "inc_angle": "na", "is_iceberg": n % 2} for n in range(4)]
    test = [{"id": name, **echo, "inc_angle": 34.9637} for name in ("5941774d", "4023181e")]
    (raw.raw / "data" / "processed").mkdir(parents=True)
    for name, records in (("train.json", train), ("test.json", test)):
        (raw.raw / "data" / "processed" / name).write_text(json.dumps(records))
    raw.table("data/processed/sample_submission.csv", "id,is_iceberg", "5941774d,0.5", "4023181e,0.5")
    return {"train": 4, "test": 2, "classes": ["ship", "iceberg"]}


@layout("petfinder-pawpularity-score")
def _(raw: Miniature) -> dict[str, Any]:
    raw.files(*(f"train/{n:032x}.jpg" for n in range(6)), *(f"test/{n:032x}.jpg" for n in (8, 9)))
    raw.table("train.csv", "Id,Eyes,Blur,Pawpularity", *(f"{n:032x},1,0,{63 - 7 * n}" for n in range(6)))
    raw.table("test.csv", "Id,Eyes,Blur", *(f"{n:032x},1,0" for n in (8, 9)))
    raw.table("sample_submission.csv", "Id,Pawpularity", *(f"{n:032x},65.41" for n in (9, 8)))
    return {"train": 6, "test": 2, "classes": ["Pawpularity"]}


@layout("rsna-bone-age")
def _(raw: Miniature) -> dict[str, Any]:
    train, test = (f"boneage-{split}-dataset/boneage-{split}-dataset" for split in ("training", "test"))
    raw.files(*(f"{train}/{n}.png" for n in range(1377, 1383)), *(f"{test}/{n}.png" for n in (4360, 4361)))
    raw.table(
        "boneage-training-dataset.csv", "id,boneage,male", *(f"{n},{2 * n - 2600},False" for n in range(1377, 1383))
    )
    raw.table("boneage-test-dataset.csv", "Case ID,Sex", "4360,M", "4361,F")
    return {"train": 6, "test": 2, "classes": ["boneage"]}


@layout("invasive-species-monitoring")
def _(raw: Miniature) -> dict[str, Any]:
    raw.files(*(f"train/{n}.jpg" for n in range(1, 5)), *(f"test/{n}.jpg" for n in range(1, 3)))
    raw.table("train_labels.csv", "name,invasive", *(f"{n},{n % 2}" for n in range(1, 5)))
    raw.table("sample_submission.csv", "name,invasive", "1,0.5", "2,0.5")
    return {"train": 4, "test": 2, "classes": ["native", "invasive"]}


def described_in(path: Path) -> list[tuple[Path, str]]:
    return [(path, name) for name in yaml.safe_load(path.read_text())["competitions"]]


COMPETITIONS = [pair for path in FILES for pair in described_in(path)]
IDS = [name for _, name in COMPETITIONS]


def test_every_described_competition_has_a_miniature() -> None:
    assert sorted(LAYOUTS) == sorted(IDS)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_file_runs_what_it_is_named_for_and_links_its_rules(path: Path) -> None:
    text = path.read_text()
    described = yaml.safe_load(text)

    assert described["run"] == [path.stem]
    assert re.search("https://www.kaggle.com/(competitions|datasets)/", text)
    assert all(line.startswith("#") for line in text.splitlines()[:2])


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_the_table_of_the_readme_says_what_the_file_says(path: Path) -> None:
    rows = [line.split(" | ") for line in (path.parent / "README.md").read_text().splitlines() if " | " in line]
    row = {cells[0].strip("| "): [cell.strip("| ") for cell in cells[2:]] for cells in rows}[path.stem]
    competition = yaml.safe_load(path.read_text())["competitions"][path.stem]
    data, submission = competition["data"], competition.get("submission", {})
    upload = "notebook" if submission.get("kind") == "notebook" else "yes"
    upload = "no" if "kaggle.com/datasets/" in path.read_text() else upload

    learns = "pretrained" if "preset" in competition else "from scratch"
    told = [data.get("kind", "picture"), data.get("task", "binary"), competition.get("metric", "log_loss")]
    told += [upload, learns]

    assert row == told


@pytest.mark.parametrize(("path", "name"), COMPETITIONS, ids=IDS)
def test_miniature_goes_from_index_to_checked_submission(path: Path, name: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    expected = LAYOUTS[name](Miniature(raw))
    competition = ready_configs.described(path, name, raw)
    table, summary = ready_configs.index(competition, raw, tmp_path)
    check = ready_configs.submission(competition, raw, tmp_path, table, summary)

    assert summary["classes"] == expected["classes"]
    assert (summary["n_train"], summary["n_test"]) == (expected["train"], expected["test"])
    assert summary["groups"] == expected.get("groups", expected["train"])
    assert all(ready_configs.is_there(raw, row) for row in table.itertuples())
    assert check["missing"] == []


OF_PICTURES = [
    (path, name)
    for path, name in COMPETITIONS
    if yaml.safe_load(path.read_text())["competitions"][name]["data"].get("kind", "picture")
    in ("picture", "csv_pixels")
]


@pytest.mark.parametrize(("path", "name"), OF_PICTURES, ids=[name for _, name in OF_PICTURES])
def test_every_sample_of_a_miniature_is_read(path: Path, name: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    expected = LAYOUTS[name](Miniature(raw))
    competition = ready_configs.described(path, name, raw)
    ready_configs.index(competition, raw, tmp_path)
    array = ready_configs.preprocess(competition, raw, tmp_path)

    assert json.loads(array.with_suffix(".json").read_text())["bad"] == []
    assert np.load(array).shape == (expected["train"], *checks.sample_shape(competition))
