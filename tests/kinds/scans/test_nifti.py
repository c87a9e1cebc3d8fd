"""NIfTI files give what the same slices give as DICOM."""

from __future__ import annotations

import gzip
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import Dataset

from catscan.common.errors import BadSample
from catscan.kinds.samples import Reading, Sample
from catscan.kinds.scans.nifti import NiftiReader
from catscan.kinds.scans.settings import ScanSettings
from catscan.raw.files import RawFiles

SHAPE = (20, 24, 12)  # columns, rows, slices
SPACING = (2.0, 1.5, 3.0)


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2000, SHAPE).astype(np.int16)


def affine(flips: tuple[int, int, int] = (-1, -1, 1)) -> np.ndarray:
    """Columns to the left, rows to the back, slices upwards, as in DICOM; a flip of +1 or -1 turns an axis round."""
    matrix = np.diag([*(np.array(SPACING) * flips), 1.0])
    matrix[:3, 3] = [10.0, 20.0, -30.0]
    return matrix


def image_of(values: np.ndarray, matrix: np.ndarray) -> nib.Nifti1Image:
    image = nib.Nifti1Image(values, matrix)
    image.header.set_slope_inter(1, -1024)
    return image


def read(path: Path, archive: str = "", inside: str = "", **settings: object) -> Reading:
    reader = NiftiReader(RawFiles(path.parent), ScanSettings(**{"size": (6, 6, 6)} | settings))
    return reader.read(Sample("a", archive, inside or path.name))


@pytest.fixture
def dicom(values: np.ndarray, slice_at: Callable[..., Dataset], save: Callable[..., Path]) -> Path:
    """The same values as slices."""
    return save(
        [
            slice_at((-10, -20, -30 + 3.0 * k), np.ascontiguousarray(values[:, :, k].T), PixelSpacing=[1.5, 2.0])
            for k in range(SHAPE[2])
        ],
        "dicom",
    )


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_nifti_equals_dicom(
    name: str, values: np.ndarray, tmp_path: Path, dicom: Path, read: Callable[..., Reading] = read
) -> None:
    from catscan.kinds.scans.reader import ScanReader

    nib.save(image_of(values, affine()), tmp_path / name)
    expected = ScanReader(RawFiles(tmp_path), ScanSettings(size=(6, 6, 6))).read(Sample("d", "", dicom.name))

    found = read(tmp_path / name)

    assert found.array.tobytes() == expected.array.tobytes()
    np.testing.assert_allclose(found.geometry["affine"], expected.geometry["affine"], atol=1e-5)


@pytest.mark.parametrize("flips", [(1, -1, 1), (-1, 1, 1), (-1, -1, -1), (1, 1, -1)])
def test_the_way_an_array_is_stored_does_not_matter(
    flips: tuple[int, int, int], values: np.ndarray, tmp_path: Path
) -> None:
    """The same body, its axes counted from the other end."""
    nib.save(image_of(values, affine()), tmp_path / "plain.nii")
    matrix = affine(flips)
    stored = values
    for axis, (flip, usual) in enumerate(zip(flips, (-1, -1, 1), strict=True)):
        if flip != usual:
            stored = np.flip(stored, axis)
            matrix[axis, 3] = affine()[axis, 3] + usual * SPACING[axis] * (SHAPE[axis] - 1)
    nib.save(image_of(np.ascontiguousarray(stored), matrix), tmp_path / "other.nii")

    plain, other = read(tmp_path / "plain.nii"), read(tmp_path / "other.nii")

    assert np.abs(plain.array.astype(int) - other.array).max() <= 1  # grey levels
    np.testing.assert_allclose(plain.geometry["affine"], other.geometry["affine"], atol=1e-5)


def test_floating_point_values_and_no_numbers_are_read(values: np.ndarray, tmp_path: Path) -> None:
    hu = values.astype(np.float32) - 1024
    holed = hu.copy()
    holed[0, 0, 0] = np.nan
    nib.save(nib.Nifti1Image(hu, affine()), tmp_path / "whole.nii")
    nib.save(nib.Nifti1Image(holed, affine()), tmp_path / "holed.nii")

    whole, found = read(tmp_path / "whole.nii"), read(tmp_path / "holed.nii")

    assert np.abs(found.array.astype(int) - whole.array).sum() < 60
    np.testing.assert_array_equal(found.array[1:], whole.array[1:])


def test_a_packed_bomb_takes_no_memory(values: np.ndarray, tmp_path: Path) -> None:
    nib.save(image_of(values, affine()), tmp_path / "scan.nii")
    expected = read(tmp_path / "scan.nii").array
    with gzip.open(tmp_path / "bomb.nii.gz", "wb", compresslevel=1) as file:
        file.write((tmp_path / "scan.nii").read_bytes())
        for _ in range(200):
            file.write(bytes(1 << 20))

    tracemalloc.start()
    found = read(tmp_path / "bomb.nii.gz").array
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found.tobytes() == expected.tobytes()
    assert peak < 10_000_000  # bytes


@pytest.mark.parametrize("dims", [(32767, 32767, 32767), (-5, 24, 12)], ids=["huge", "negative"])
def test_impossible_dimensions_of_a_packed_file_are_refused(
    dims: tuple[int, int, int], values: np.ndarray, tmp_path: Path
) -> None:
    nib.save(image_of(values, affine()), tmp_path / "scan.nii")
    data = bytearray((tmp_path / "scan.nii").read_bytes())
    data[42:48] = np.array(dims, "<i2").tobytes()
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(bytes(data)))

    with pytest.raises(BadSample):
        read(tmp_path / "scan.nii.gz")


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_slice_that_holds_no_number_is_air(odd: float, values: np.ndarray, tmp_path: Path) -> None:
    hu = values.astype(np.float32) - 1024
    aired, holed = hu.copy(), hu.copy()
    aired[:, :, 5], holed[:, :, 5] = -1024, odd
    nib.save(nib.Nifti1Image(aired, affine()), tmp_path / "aired.nii")
    nib.save(nib.Nifti1Image(holed, affine()), tmp_path / "holed.nii")

    assert read(tmp_path / "holed.nii").array.tobytes() == read(tmp_path / "aired.nii").array.tobytes()


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_a_file_without_any_number_is_refused(modality: str, tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.full(SHAPE, np.nan, np.float32), affine()), tmp_path / "scan.nii")

    with pytest.raises(BadSample, match=r"has the same value everywhere \(-1024 HU\)|has no pixel with a value"):
        read(tmp_path / "scan.nii", modality=modality)


def test_a_packed_file_in_a_zip_is_read(values: np.ndarray, tmp_path: Path) -> None:
    nib.save(image_of(values, affine()), tmp_path / "scan.nii.gz")
    expected = read(tmp_path / "scan.nii.gz")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(tmp_path / "scan.nii.gz", "train/scan.nii.gz")

    found = read(tmp_path / "all.zip", archive="all.zip", inside="train/scan.nii.gz")

    assert found.array.tobytes() == expected.array.tobytes()


def test_of_a_member_that_is_no_nifti_only_the_start_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("train/scan.nii", bytes(50 << 20))

    tracemalloc.start()
    with pytest.raises(BadSample, match="is not a readable NIfTI file: it begins with 00 00 00 00"):
        read(tmp_path / "all.zip", archive="all.zip", inside="train/scan.nii")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 10_000_000  # bytes


def test_a_file_that_does_not_say_how_it_lies_is_told(values: np.ndarray, tmp_path: Path) -> None:
    image = nib.Nifti1Image(values, None)
    nib.save(image, tmp_path / "scan.nii")

    assert "does not say how it lies in the patient; the file's own order was taken" in read(tmp_path / "scan.nii").odd


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 2), (8, 8, 8, 2)])
def test_what_is_no_scan_is_refused_with_its_shape(shape: tuple[int, ...], tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)), tmp_path / "scan.nii")

    with pytest.raises(BadSample, match="not a scan of three dimensions"):
        read(tmp_path / "scan.nii")


@pytest.mark.parametrize("length", [0, 100, 352, 1000])
@pytest.mark.parametrize("packed", [True, False])
def test_a_file_cut_short_is_refused(packed: bool, length: int, values: np.ndarray, tmp_path: Path) -> None:
    nib.save(image_of(values, affine()), tmp_path / "whole.nii")
    data = (tmp_path / "whole.nii").read_bytes()
    path = tmp_path / ("cut.nii.gz" if packed else "cut.nii")
    path.write_bytes(gzip.compress(data)[:length] if packed else data[:length])

    with pytest.raises(BadSample):
        read(path)


def test_random_damage_never_crashes_the_reader(values: np.ndarray, tmp_path: Path) -> None:
    nib.save(image_of(values, affine()), tmp_path / "scan.nii")
    data = (tmp_path / "scan.nii").read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(3):
            changed[generator.integers(352)] = generator.integers(256)
        (tmp_path / "scan.nii").write_bytes(changed)
        try:
            assert read(tmp_path / "scan.nii").array.shape == (6, 6, 6, 1)
        except BadSample as error:
            assert error.reason


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "patient").mkdir()

    with pytest.raises(BadSample, match="has 0 NIfTI files, not one"):
        read(tmp_path / "patient")
