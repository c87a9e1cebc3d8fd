"""Generated CT series: the layout of Data Science Bowl 2017, valid DICOM, and nothing but shape to tell the classes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import highdicom
import numpy as np
import pandas as pd
import pydicom
import pytest
from sklearn.metrics import roc_auc_score

from catscan.stages.download.sample import generate
from catscan.stages.download.sample.series import UNFINISHED, generate_series

TRAIN, TEST = 32, 4
OF_A_RUN = 120, 40  # as many as a default run makes: what holds of the set as a whole is a slow test
DEVIATIONS = 3.5  # of an AUC around 0.5, by chance; 30 cues at once stay within with odds of 98 %
PER_SERIES = ["SliceThickness", "PixelSpacing", "ImagePositionPatient", "BitsStored", "RescaleIntercept"]
PER_SERIES += ["PixelPaddingValue", "PixelRepresentation"]


def make(folder: Path, *, train: int, test: int, seed: int = 1, threads: int = 2) -> Path:
    generate("series", folder / "raw", folder / "truth", train=train, test=test, seed=seed, threads=threads)
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def slices_of(patient: Path) -> list[pydicom.Dataset]:
    """By file name, which is no order in space."""
    return [pydicom.dcmread(path) for path in sorted(patient.iterdir())]


def place(image: pydicom.Dataset) -> float:
    return float(image.ImagePositionPatient[2])


def hu_of(image: pydicom.Dataset) -> np.ndarray:
    hu = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
    return hu[hu >= -1024]


@pytest.fixture(scope="module")
def sample(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    return made_once("series", lambda folder: make(folder, train=TRAIN, test=TEST))


@pytest.fixture(scope="module")
def series(sample: Path) -> dict[str, list[pydicom.Dataset]]:
    return {patient.name: slices_of(patient) for patient in sorted((sample / "raw/stage1").iterdir())}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set of a default run."""
    train, test = OF_A_RUN
    return make(tmp_path_factory.mktemp("series"), train=train, test=test)


@pytest.fixture(scope="module")
def all_series(whole: Path) -> dict[str, list[pydicom.Dataset]]:
    return {patient.name: slices_of(patient) for patient in sorted((whole / "raw/stage1").iterdir())}


@pytest.fixture(scope="module")
def cues(whole: Path, all_series: dict[str, list[pydicom.Dataset]]) -> pd.DataFrame:
    """One row a training patient: the label, and what is no shape."""
    labels = pd.read_csv(whole / "raw/stage1_labels.csv", dtype={"id": str})
    rows = []
    for place_in_list, (patient, label) in enumerate(zip(labels.id, labels.cancer, strict=True)):
        images = all_series[patient]
        hu = np.concatenate([hu_of(image) for image in images])
        numbers = [int(image.InstanceNumber) for image in sorted(images, key=place)]
        rows.append(
            {
                "cancer": label,
                "place in the list": place_in_list,
                "patient id": int(patient, 16) / 16**32,
                "modified": (whole / "raw/stage1" / patient).stat().st_mtime_ns % 10**15,
                "slices": len(images),
                "bytes": sum(image.pixel_array.nbytes for image in images),
                "extent": max(map(place, images)) - min(map(place, images)),
                "numbered upwards": numbers[-1] - numbers[0],
                "first slice": place(images[0]),
                "last byte of the first name": int(Path(str(images[0].filename)).stem[-2:], 16),
                "study UID": float(images[0].StudyInstanceUID.split(".")[1]),
                "series UID": float(images[0].SeriesInstanceUID.split(".")[1]),
                "frame UID": float(images[0].FrameOfReferenceUID.split(".")[1]),
                "instance UID": float(images[0].SOPInstanceUID.split(".")[1]),
                "HU mean": hu.mean(),
                "HU deviation": hu.std(),
                "HU maximum": hu.max(),
                "HU 99th percentile": np.percentile(hu, 99),
                "tissue": np.mean(hu > -300),
                "lung": np.mean((hu > -950) & (hu < -700)),
                "bone": np.mean(hu > 250),
                **{tag: tag_value(images[0], tag) for tag in PER_SERIES},
            }
        )
    return pd.DataFrame(rows)


def tag_value(image: pydicom.Dataset, tag: str) -> float:
    value = image.get(tag, 0)
    return float(value[0] if isinstance(value, pydicom.multival.MultiValue) else value)


def bound(labels: pd.Series) -> float:
    positives = int(labels.sum())
    negatives = len(labels) - positives
    return DEVIATIONS * float(np.sqrt((len(labels) + 1) / (12 * positives * negatives)))


def test_the_layout_is_that_of_data_science_bowl_2017(sample: Path) -> None:
    tables = {"stage1_labels.csv", "stage1_sample_submission.csv"}
    labels = pd.read_csv(sample / "raw/stage1_labels.csv", dtype=str)
    submission = pd.read_csv(sample / "raw/stage1_sample_submission.csv", dtype=str)
    patients = [path.name for path in (sample / "raw/stage1").iterdir()]

    assert {path.name for path in (sample / "raw").iterdir()} == {"stage1", *tables}
    assert [list(labels), list(submission)] == [["id", "cancer"]] * 2
    assert sorted([*labels.id, *submission.id]) == sorted(patients)
    assert (len(labels), len(submission), set(submission.cancer)) == (TRAIN, TEST, {"0.5"})


def test_every_patient_and_every_file_is_named_by_32_hex_digits(sample: Path) -> None:
    files = [path.relative_to(sample / "raw/stage1") for path in (sample / "raw/stage1").rglob("*.dcm")]

    assert len(files) == len({file.stem for file in files})
    assert all(len(name) == 32 and int(name, 16) >= 0 for file in files for name in (file.parent.name, file.stem))


def test_the_truth_has_one_label_a_test_patient_and_stands_nowhere_in_the_raw_folder(sample: Path) -> None:
    truth = pd.read_csv(sample / "truth/solution.csv", dtype=str)
    submission = pd.read_csv(sample / "raw/stage1_sample_submission.csv", dtype=str)
    labels = pd.read_csv(sample / "raw/stage1_labels.csv", dtype=str)

    assert list(truth.id) == list(submission.id)
    assert truth.cancer.value_counts().to_dict() == {"0": TEST // 2, "1": TEST // 2}
    assert not set(truth.id) & set(labels.id)
    assert not list((sample / "raw").rglob("*solution*"))


CUES = ["place in the list", "patient id", "modified", "slices", "bytes", "extent", "numbered upwards", "first slice"]
CUES += ["last byte of the first name", "study UID", "series UID", "frame UID", "instance UID", "HU mean"]
CUES += ["HU deviation", "HU maximum", "HU 99th percentile", "tissue", "lung", "bone", *PER_SERIES]


@pytest.mark.slow
@pytest.mark.parametrize("cue", CUES)
def test_a_trivial_cue_is_within_chance(cues: pd.DataFrame, cue: str) -> None:
    assert abs(roc_auc_score(cues.cancer, cues[cue]) - 0.5) <= bound(cues.cancer)


def test_every_other_tag_is_the_same_in_all_files(series: dict[str, list[pydicom.Dataset]]) -> None:
    """What differs is a random UID, the patient's id, or one of the cues that are held to chance above."""
    differ = {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID"}
    differ |= {"PatientName", "InstanceNumber", "SliceLocation", "HighBit", "PixelData", *PER_SERIES}
    first = [images[0] for images in series.values()]
    values = {element.keyword: {str(image.get(element.keyword)) for image in first} for element in first[0]}

    assert [keyword for keyword, seen in values.items() if len(seen) > 1 and keyword not in differ] == []


def test_the_patients_name_is_the_id_as_in_the_real_set(series: dict[str, list[pydicom.Dataset]]) -> None:
    assert all({i.PatientID, str(i.PatientName)} == {patient} for patient, images in series.items() for i in images)


def test_every_uid_is_valid_and_every_instance_has_its_own(series: dict[str, list[pydicom.Dataset]]) -> None:
    instances = [image.SOPInstanceUID for images in series.values() for image in images]

    assert len(set(instances)) == len(instances)
    assert all(uid.is_valid for uid in instances)
    assert all(i.file_meta.MediaStorageSOPInstanceUID == i.SOPInstanceUID for s in series.values() for i in s)
    assert all(len({image.SeriesInstanceUID for image in images}) == 1 for images in series.values())


def test_highdicom_finds_a_regular_volume_in_a_whole_series(series: dict[str, list[pydicom.Dataset]]) -> None:
    patient = next(iter(series))
    volume = highdicom.get_volume_from_series(series[patient])

    assert volume.spatial_shape == (len(series[patient]), 72, 72)
    assert volume.spacing[1:] == pytest.approx([float(v) for v in series[patient][0].PixelSpacing])


def test_every_slice_is_stored_uncompressed_and_decodes(series: dict[str, list[pydicom.Dataset]]) -> None:
    images = [image for one in series.values() for image in one]

    assert {image.file_meta.TransferSyntaxUID.name for image in images} == {"Explicit VR Little Endian"}
    assert {image.pixel_array.shape for image in images} == {(72, 72)}


def test_padding_lies_outside_the_circle_for_three_kinds_of_scanner(series: dict[str, list[pydicom.Dataset]]) -> None:
    kinds = {
        (
            int(i.PixelRepresentation),
            int(i.RescaleIntercept),
            i.get("PixelPaddingValue"),
            int(i.pixel_array[0, 0]) < -1999,
        )
        for images in series.values()
        for i in images[:1]
    }

    assert kinds == {(1, -1024, -2000, True), (1, 0, -2048, True), (0, -1024, None, False)}


def test_lungs_soft_tissue_and_bone_have_their_hounsfield_units(series: dict[str, list[pydicom.Dataset]]) -> None:
    hu = np.concatenate([hu_of(image) for image in next(iter(series.values()))])

    assert 0.08 < np.mean((hu > -950) & (hu < -700)) < 0.5
    assert 0.2 < np.mean((hu > 0) & (hu < 100)) < 0.7
    assert 0.005 < np.mean(hu > 250) < 0.1


def gaps(images: list[pydicom.Dataset]) -> np.ndarray:
    return np.diff(sorted(place(image) for image in images))


@pytest.mark.slow
def test_file_names_tell_no_order(all_series: dict[str, list[pydicom.Dataset]]) -> None:
    ranks = [np.corrcoef(np.arange(len(i)), [place(image) for image in i])[0, 1] for i in all_series.values()]

    assert abs(np.mean(ranks)) < 0.05


def upwards(images: list[pydicom.Dataset]) -> list[bool]:
    numbers = [int(image.InstanceNumber) for image in sorted(images, key=place)]
    return [later > earlier for earlier, later in pairwise(numbers)]


@pytest.mark.slow
def test_some_series_are_numbered_downwards(all_series: dict[str, list[pydicom.Dataset]]) -> None:
    whole = [set(upwards(images)) for images in all_series.values()]

    assert all(len(directions) == 1 for directions in whole)
    assert 0.1 < np.mean([directions == {False} for directions in whole]) < 0.3


@pytest.mark.slow
def test_some_series_of_each_class_lack_one_slice(whole: Path, all_series: dict[str, list[pydicom.Dataset]]) -> None:
    labels = pd.read_csv(whole / "raw/stage1_labels.csv", dtype={"id": str}).set_index("id").cancer
    lacking = [p for p, images in all_series.items() if gaps(images).max() > 1.9 * np.median(gaps(images))]

    assert labels.reindex(lacking).dropna().value_counts().to_dict() == {0: 2, 1: 2}
    assert all(np.sum(gaps(all_series[p]) > 1.5 * np.median(gaps(all_series[p]))) == 1 for p in lacking)


@pytest.mark.slow
def test_spacing_varies_between_series_and_some_jitter(all_series: dict[str, list[pydicom.Dataset]]) -> None:
    steps = [np.median(gaps(images)) for images in all_series.values()]
    jitter = [np.ptp(gaps(images)) for images in all_series.values()]

    assert 7 < min(steps) < 8
    assert 9 < max(steps) < 11
    assert sum(0.02 < j < 0.06 for j in jitter) >= 8


def few(folder: Path, *, threads: int) -> dict[str, bytes]:
    """All files of eight patients: fewer than the stage takes, to be quick."""
    generate_series(folder / "raw", folder / "truth", train=6, test=2, seed=1, threads=threads)
    return bytes_of(folder)


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files when the patients are drawn one after the other."""
    return few(tmp_path_factory.mktemp("few"), threads=1)


def test_equal_arguments_give_equal_bytes_for_any_number_of_threads(
    one_by_one: dict[str, bytes], tmp_path: Path
) -> None:
    assert few(tmp_path, threads=4) == one_by_one


def test_a_second_run_replaces_what_an_interrupted_one_left(one_by_one: dict[str, bytes], tmp_path: Path) -> None:
    leftover = tmp_path / "raw" / UNFINISHED / "0a"
    leftover.mkdir(parents=True)
    (leftover / "0b.dcm").write_bytes(b"half a slice")

    assert few(tmp_path, threads=2) == one_by_one
