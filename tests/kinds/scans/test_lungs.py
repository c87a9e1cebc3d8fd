"""Lungs: found on real patients, refused where they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from catscan.kinds.samples import Reading, Sample
from catscan.kinds.scans.geometry import turn_to_patient
from catscan.kinds.scans.grids import field_of_view
from catscan.kinds.scans.lungs import find_lungs
from catscan.kinds.scans.planes import resampled
from catscan.kinds.scans.reader import ScanReader
from catscan.kinds.scans.region import find_region
from catscan.kinds.scans.resample import Grid
from catscan.kinds.scans.settings import ScanSettings
from catscan.raw.files import RawFiles

Read = Callable[..., Reading]
PATIENTS = [
    "00cba091fa4ad62cc3200a657aeb957e",
    "00edff4f51a893d80dae2d42a7f45ad1",
    "0a38e7597ca26f9374f8ea2770ba870d",
    "0c0de3749d4fe175b7a5098b060982a1",
]


def body(*, left: bool = True, right: bool = True) -> np.ndarray:
    """Air (1) around a block of tissue with lungs of 1.5 l each, 2 mm a voxel, and a nodule in the left one."""
    air = np.ones((120, 120, 160), np.uint8)
    air[:, 15:105, 10:150] = 0
    if right:
        air[20:100, 30:90, 20:60] = 1
    if left:
        air[20:100, 30:90, 100:140] = 1
        air[58:62, 58:62, 118:122] = 0
    return air


def test_two_lungs_are_found_with_the_nodule_inside() -> None:
    lungs = find_lungs(body())

    assert lungs.why_not == ""
    assert lungs.litres == pytest.approx(2 * 80 * 60 * 40 * 8 / 1e6)
    assert lungs.mask[60, 60, 120]
    assert not lungs.mask[0, 0, 0]


def test_the_box_is_the_extent_of_the_mask() -> None:
    assert find_lungs(body()).box().tolist() == [[20, 30, 20], [100, 90, 140]]


@pytest.mark.parametrize(
    ("air", "reason"),
    [
        (np.zeros((20, 20, 20), np.uint8), "there is no air inside the body"),
        (np.ones((20, 20, 20), np.uint8), "there is no air inside the body"),
        (body()[:40], "the air inside the body is 0.8 l, not 1.5 to 9"),
        (body(left=False), "100 % of the air inside the body lies on one side"),
    ],
    ids=["no air", "only air", "too little", "one lung"],
)
def test_what_cannot_be_two_lungs_is_refused_with_a_reason(air: np.ndarray, reason: str) -> None:
    assert find_lungs(air).why_not == reason


def reference_mask(hu: np.ndarray) -> np.ndarray:
    """Zuidhof's mask (Kaggle, "Full preprocessing tutorial") of cubic voxels; outside air is sought at four corners."""
    solid = hu > -320
    labels, _ = ndimage.label(~solid, np.ones((3, 3, 3)))
    outside = np.isin(labels, [labels[0, y, x] for y in (0, -1) for x in (0, -1) if labels[0, y, x]])
    solid |= outside
    for k, plane in enumerate(solid):
        parts, _ = ndimage.label(plane, np.ones((3, 3)))
        solid[k] &= parts == np.argmax(np.bincount(parts.ravel())[1:]) + 1
    labels, _ = ndimage.label(~solid, np.ones((3, 3, 3)))
    return labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1


@pytest.mark.parametrize("fine_mm", [2.0, pytest.param(1.0, marks=pytest.mark.slow)])
@pytest.mark.parametrize("patient", PATIENTS)
def test_real_lungs_agree_with_the_reference(patient: str, fine_mm: float, patients: Path) -> None:
    settings = ScanSettings(mask=True)
    scan = ScanReader(RawFiles(patients), settings).prepare(Sample(patient, "", patient))
    region = find_region(scan, settings, turn_to_patient(scan.axes))
    box = field_of_view(scan)
    counts = np.floor((box[1] - box[0]) / fine_mm).astype(int).tolist()
    fine = Grid(box[0], np.full(3, fine_mm), (counts[0], counts[1], counts[2]))
    reference = reference_mask(np.stack([plane - 1024 for plane in resampled(scan, fine)]))

    assert region.mask is not None
    mask = region.on(region.mask, fine)

    assert 2 * (mask & reference).sum() / (mask.sum() + reference.sum()) >= 0.98
    assert 4 <= region.report["lung_litres"] <= 8


def test_cropping_to_the_lungs_gives_finer_voxels_around_them(patients: Path, read: Read) -> None:
    whole = read(patients / PATIENTS[0], size=(32, 32, 32))

    cropped = read(patients / PATIENTS[0], size=(32, 32, 32), crop="lungs")

    assert (np.array(cropped.geometry["spacing_mm"]) < whole.geometry["spacing_mm"]).all()
    assert cropped.geometry["lungs_not_used"] == ""


def test_masking_blackens_all_but_the_lungs(patients: Path, read: Read) -> None:
    window = ((-1024.0, 476.0),)

    masked = read(patients / PATIENTS[0], size=(32, 64, 64), mask=True, hu_windows=window).array

    assert (masked == 0).mean() > 0.6
    assert (masked[:, :4] == 0).all()
    assert 0.05 < ((masked > 0) & (masked < 100)).mean() < 0.35  # lung, -1024 to -436 HU


def test_a_head_has_no_lungs_and_keeps_its_field_of_view(heads: Path, read: Read) -> None:
    plain = read(heads / "philips-tilt")

    cropped = read(heads / "philips-tilt", crop="lungs", mask=True)

    assert cropped.array.tobytes() == plain.array.tobytes()
    assert any("lungs were not found, the whole field of view was taken" in remark for remark in cropped.odd)


def test_masking_keeps_the_lungs_where_they_lie_on_the_arrays_grid(patients: Path, read: Read) -> None:
    plain = read(patients / PATIENTS[2], size=(32, 48, 48)).array[..., 0]

    masked = read(patients / PATIENTS[2], size=(32, 48, 48), mask=True, hu_windows=((-1024.0, 476.0),)).array[..., 0]

    inside = ndimage.binary_erosion(masked > 0)  # a voxel at the edge is lung in part
    assert plain[inside].mean() < 110 < plain[masked == 0].mean()
