"""24 real slices every 2.5 mm, each time with one defect: the answer is 2.5 mm or a named reason, never another number.

Of each defect it is known what SimpleITK, MONAI and dicom2nifti make of it: steps of 0.521, 1.855, 2.396, 2.614 and
2.738 mm without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from catscan.common.errors import BadSample
from catscan.kinds.samples import Reading

Read = Callable[..., Reading]
Defect = Callable[[list[Dataset], Path], None]

PATIENT = "0a38e7597ca26f9374f8ea2770ba870d"
SIZE = (24, 64, 64)
DEFECTS: dict[str, tuple[Defect, str]] = {}


def defect(name: str, reason: str = "") -> Callable[[Defect], Defect]:
    """Register a defect and the reason for which the scan is refused; "" when it is read."""

    def register(make: Defect) -> Defect:
        DEFECTS[name] = make, reason
        return make

    return register


def save(slices: list[Dataset], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for dataset in slices:
        dataset.save_as(folder / f"{dataset.SOPInstanceUID}.dcm")


@defect("two slices missing apart")
def _(slices: list[Dataset], folder: Path) -> None:
    save(slices[:5] + slices[6:15] + slices[16:], folder)


@defect("two slices missing in a row")
def _(slices: list[Dataset], folder: Path) -> None:
    save(slices[:5] + slices[7:], folder)


@defect("three slices missing in a row", "lacks 3 slices in a row; slices every 2.5 mm")
def _(slices: list[Dataset], folder: Path) -> None:
    save(slices[:5] + slices[8:], folder)


@defect("a duplicate with the same UID")
def _(slices: list[Dataset], folder: Path) -> None:
    save(slices, folder)
    slices[7].save_as(folder / "copy.dcm")


@defect("a duplicate with a new UID")
def _(slices: list[Dataset], folder: Path) -> None:
    save(slices, folder)
    slices[7].SOPInstanceUID = "1.2.3"
    save(slices[7:8], folder)


@defect("another slice in the same place", "has 2 different slices in the same place")
def _(slices: list[Dataset], folder: Path) -> None:
    save(slices, folder)
    slices[7].SOPInstanceUID, slices[7].PixelData = "1.2.3", slices[8].PixelData
    save(slices[7:8], folder)


@defect("no slope and intercept", "lacks its rescale intercept, and its values are not HU")
def _(slices: list[Dataset], folder: Path) -> None:
    for dataset in slices:
        del dataset.RescaleSlope, dataset.RescaleIntercept
    save(slices, folder)


@defect("another slope and intercept in one slice")
def _(slices: list[Dataset], folder: Path) -> None:
    pixels = slices[9].pixel_array.astype(np.int32) - 24  # above -1000 HU
    slices[9].PixelData = (pixels // 2).astype(np.int16).tobytes()
    slices[9].RescaleSlope, slices[9].RescaleIntercept = 2, -1000
    save(slices, folder)


@defect("a localizer of the same series")
def _(slices: list[Dataset], folder: Path) -> None:
    save(slices, folder)
    scout = slices[0]
    scout.SOPInstanceUID, scout.ImageOrientationPatient = "1.2.3", [0, 1, 0, 0, 0, -1]
    scout.Rows = 256
    scout.PixelData = scout.PixelData[: 256 * 512 * 2]
    save([scout], folder)


@defect("a second series of 8 slices between them")
def _(slices: list[Dataset], folder: Path) -> None:
    save(slices, folder)
    for number, dataset in enumerate(slices[4:12]):
        dataset.SOPInstanceUID, dataset.SeriesInstanceUID = f"1.2.3.{number}", "1.2.4"
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y, z + 1.25]
    save(slices[4:12], folder)


@defect("a file cut short", "has damaged files")
def _(slices: list[Dataset], folder: Path) -> None:
    save(slices, folder)
    path = folder / f"{slices[7].SOPInstanceUID}.dcm"
    path.write_bytes(path.read_bytes()[:200_000])


@defect("files that are no slices")
def _(slices: list[Dataset], folder: Path) -> None:
    save(slices, folder)
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (folder / name).write_bytes(bytes(300))


@defect("one slice alone", "has 1 slice, not a scan of three dimensions")
def _(slices: list[Dataset], folder: Path) -> None:
    save(slices[7:8], folder)


@pytest.fixture(scope="module")
def files(patients: Path) -> list[Path]:
    """24 neighbouring slices, ascending."""
    height = {p: pydicom.dcmread(p, stop_before_pixels=True).ImagePositionPatient[2]
              for p in (patients / PATIENT).iterdir()}  # fmt: skip
    return sorted(height, key=lambda path: height[path])[40:64]


@pytest.mark.parametrize("name", DEFECTS)
def test_a_broken_series_is_2_5_mm_or_refused_by_name(name: str, files: list[Path], tmp_path: Path, read: Read) -> None:
    make, reason = DEFECTS[name]
    make([pydicom.dcmread(path) for path in files], tmp_path / "patient")

    if reason:
        with pytest.raises(BadSample, match=reason):
            read(tmp_path / "patient", size=SIZE)
        return
    reading = read(tmp_path / "patient", size=SIZE)

    assert reading.geometry["step_mm"] == pytest.approx(2.5, abs=1e-3)
    assert reading.geometry["spacing_mm"] == pytest.approx([2.5, 5.0, 5.0], abs=1e-3)


@pytest.mark.parametrize(
    "name",
    [
        "a duplicate with the same UID",
        "a duplicate with a new UID",
        "a localizer of the same series",
        "a second series of 8 slices between them",
        "files that are no slices",
    ],
)
def test_what_does_not_belong_to_the_scan_leaves_its_bytes_as_they_are(
    name: str, files: list[Path], tmp_path: Path, read: Read
) -> None:
    save([pydicom.dcmread(path) for path in files], tmp_path / "whole")
    DEFECTS[name][0]([pydicom.dcmread(path) for path in files], tmp_path / "patient")

    assert read(tmp_path / "patient", size=SIZE).array.tobytes() == read(tmp_path / "whole", size=SIZE).array.tobytes()


def test_another_slope_in_one_slice_is_no_other_hu(files: list[Path], tmp_path: Path, read: Read) -> None:
    save([pydicom.dcmread(path) for path in files], tmp_path / "whole")
    DEFECTS["another slope and intercept in one slice"][0]([pydicom.dcmread(p) for p in files], tmp_path / "patient")

    found, whole = (read(tmp_path / name, size=SIZE).array.astype(int) for name in ("patient", "whole"))

    assert np.abs(found - whole).max() <= 1  # grey levels: half of the pixels lost 1 HU
