"""Which slices make the scan, in which order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from catscan.common.errors import BadSample
from catscan.kinds.samples import Reading

Read = Callable[..., Reading]
Save = Callable[..., Path]
Slice = Callable[..., Dataset]

REAL = "0a38e7597ca26f9374f8ea2770ba870d"  # 110 slices, every 2.5 mm
FLIPPED = "00edff4f51a893d80dae2d42a7f45ad1"  # its instance numbers run against those of the other three


def links(folder: Path, names: dict[str, Path]) -> Path:
    folder.mkdir()
    for name, target in names.items():
        (folder / name).symlink_to(target)
    return folder


@pytest.fixture(scope="session")
def real(patients: Path) -> list[Path]:
    return sorted((patients / REAL).iterdir())


@pytest.fixture(scope="session")
def whole(patients: Path, read: Read) -> Reading:
    return read(patients / REAL)


def stack(slice_at: Slice, places: list[float], **elements: object) -> list[Dataset]:
    return [slice_at((-31, -31, z), **elements) for z in places]


def test_real_files_shuffled_and_renamed_give_the_same_bytes(
    tmp_path: Path, real: list[Path], whole: Reading, read: Read
) -> None:
    order = np.random.default_rng(1).permutation(len(real))

    shuffled = read(links(tmp_path / "renamed", {f"{n:03}": real[i] for n, i in enumerate(order)}))

    assert shuffled.array.tobytes() == whole.array.tobytes()
    assert shuffled.geometry == whole.geometry


def test_reversed_instance_numbers_give_the_same_bytes(slice_at: Slice, save: Save, read: Read) -> None:
    places = [2.0 * k for k in range(10)]
    up = [slice_at((0, 0, z), InstanceNumber=k) for k, z in enumerate(places)]
    down = [slice_at((0, 0, z), InstanceNumber=9 - k) for k, z in enumerate(places)]

    assert read(save(up, "up")).array.tobytes() == read(save(down, "down")).array.tobytes()


@pytest.mark.parametrize("patient", [REAL, FLIPPED])
def test_real_patients_stand_upright_whatever_their_instance_numbers(patient: str, patients: Path, read: Read) -> None:
    affine = np.array(read(patients / patient).geometry["affine"])

    assert (affine[[2, 1, 0], [0, 1, 2]] > 0).all()  # z up, y back, x left


@pytest.mark.parametrize("new_uid", [False, True], ids=["same uid", "new uid"])
def test_a_copied_slice_is_dropped_and_named(new_uid: bool, slice_at: Slice, save: Save, read: Read) -> None:
    slices = stack(slice_at, [2.0 * k for k in range(10)])
    copy = slice_at((-31, -31, 6.0))
    if new_uid:
        copy.SOPInstanceUID = "1.2.3.4.5"
    clean = read(save(slices, "clean"))

    copied = read(save([*slices, copy], "copied"))

    assert copied.array.tobytes() == clean.array.tobytes()
    assert len(copied.geometry["copies"]) == 1
    assert "1 slice present twice" in copied.odd


def test_a_copied_real_slice_leaves_the_step_at_2_5_mm(
    tmp_path: Path, real: list[Path], whole: Reading, read: Read
) -> None:
    names = {path.name: path for path in real} | {"copy": real[40]}

    copied = read(links(tmp_path / "copied", names))

    assert copied.geometry["step_mm"] == pytest.approx(2.5, abs=1e-4)
    assert copied.array.tobytes() == whole.array.tobytes()


@pytest.mark.parametrize("element", ["AcquisitionNumber", "TemporalPositionIdentifier", "ConvolutionKernel"])
def test_two_scans_of_the_same_places_are_never_interleaved(
    element: str, slice_at: Slice, save: Save, read: Read
) -> None:
    places = [2.0 * k for k in range(10)]
    value = {"AcquisitionNumber": (1, 2), "TemporalPositionIdentifier": (1, 2), "ConvolutionKernel": ("A", "B")}[
        element
    ]
    first = [slice_at((0, 0, z), **{element: value[0]}) for z in places]
    other = [
        slice_at((0, 0, z), np.full((32, 32), 50 + k, np.int16), **{element: value[1]}) for k, z in enumerate(places)
    ]
    alone = read(save(first, "alone"))

    mixed = read(save([s for pair in zip(other, first, strict=True) for s in pair], "mixed"))
    turned = read(save([*reversed(first), *other], "turned"))

    assert mixed.array.tobytes() == turned.array.tobytes() == alone.array.tobytes()
    assert "of 2" in mixed.geometry["phase"]


def test_different_slices_in_one_place_without_a_reason_are_refused(slice_at: Slice, save: Save, read: Read) -> None:
    slices = stack(slice_at, [2.0 * k for k in range(10)])
    other = slice_at((-31, -31, 6.0), np.ones((32, 32), np.int16))

    with pytest.raises(BadSample, match=r"2 different slices in the same place, 6\.00 mm"):
        read(save([*slices, other]))


def test_a_missing_real_slice_is_named_and_filled(tmp_path: Path, real: list[Path], read: Read) -> None:
    import pydicom

    by_height = sorted(real, key=lambda path: pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2])
    height = float(pydicom.dcmread(by_height[50]).ImagePositionPatient[2])

    lacking = read(links(tmp_path / "lacking", {p.name: p for p in by_height if p != by_height[50]}))

    assert lacking.geometry["step_mm"] == pytest.approx(2.5, abs=1e-4)
    assert lacking.geometry["interpolated_mm"] == [pytest.approx(height, abs=0.01)]
    assert lacking.geometry["n_slices"] == 109


@pytest.mark.parametrize("lost", [1, 2])
def test_up_to_two_missing_slices_are_filled_linearly(lost: int, slice_at: Slice, save: Save, read: Read) -> None:
    """On a ramp along z, the filled slices are the ones that were lost."""
    ramp = [slice_at((0, 0, 2.0 * k), np.full((32, 32), 100 * k, np.int16)) for k in range(16)]
    whole = read(save(ramp, "whole"), size=(16, 4, 4))

    filled = read(save(ramp[:7] + ramp[7 + lost :], "filled"), size=(16, 4, 4))

    assert filled.array.tobytes() == whole.array.tobytes()
    assert filled.geometry["interpolated_mm"] == [14.0 + 2 * k for k in range(lost)]


def test_three_missing_slices_in_a_row_are_refused_with_their_place(slice_at: Slice, save: Save, read: Read) -> None:
    slices = stack(slice_at, [2.0 * k for k in range(20)])

    with pytest.raises(
        BadSample, match=r"lacks 3 slices in a row; slices every 2 mm, but none between 12\.00 and 20\.00"
    ):
        read(save(slices[:7] + slices[10:]))


def test_a_missing_slice_is_refused_when_gaps_are_not_allowed(slice_at: Slice, save: Save, read: Read) -> None:
    slices = stack(slice_at, [2.0 * k for k in range(10)])

    with pytest.raises(BadSample, match=r"none between 6\.00 and 10\.00 mm"):
        read(save(slices[:4] + slices[5:]), allow=())


def test_jitter_of_the_positions_is_accepted(slice_at: Slice, save: Save, read: Read) -> None:
    steps = [1.8, 1.799, 1.8, 1.801, 1.8, 1.8, 1.799, 1.801, 1.8]
    places = np.concatenate([[0.0], np.cumsum(steps)]).tolist()

    reading = read(save(stack(slice_at, places)), allow=())

    assert reading.odd == ()
    assert reading.geometry["step_mm"] == pytest.approx(sum(steps) / 9)


def test_uneven_real_spacing_is_told_with_its_three_steps(heads: Path, read: Read) -> None:
    reading = read(heads / "ge-tilt-uneven-spacing")

    assert reading.geometry["n_slices"] == 28
    assert sorted(reading.geometry["steps_mm"]) == [pytest.approx(mm, abs=0.01) for mm in (1.08, 4.0, 7.0)]
    assert not reading.geometry["even"]


def test_uneven_slices_are_resampled_from_their_true_places(slice_at: Slice, save: Save, read: Read) -> None:
    """A ramp along z stays a ramp."""
    places = [0.0, 4.0, 8.0, 9.0, 16.0, 23.0, 30.0]
    ramp = [slice_at((0, 0, z), np.full((32, 32), 10 * z, np.int16)) for z in places]

    reading = read(save(ramp), mode="iso", size=(28, 4, 4), spacing_mm=1.0, hu_windows=((-1024, -724),))

    column = reading.array[:, 2, 2, 0].astype(float)
    height = np.array([(np.array(reading.geometry["affine"]) @ [k, 0, 0, 1])[2] for k in range(28)])
    np.testing.assert_allclose(column, height * 10 / 300 * 255, atol=0.51)  # grey levels


def test_the_series_with_the_most_slices_is_taken(slice_at: Slice, save: Save, read: Read) -> None:
    many = stack(slice_at, [2.0 * k for k in range(12)])
    few = stack(slice_at, [5.0 * k for k in range(6)], SeriesInstanceUID="1.2.3.1")
    alone = read(save(many, "alone"))

    both = read(save([*few, *many], "both"))

    assert both.array.tobytes() == alone.array.tobytes()
    assert [other["n_slices"] for other in both.geometry["other_series"]] == [6]


def test_of_equal_numbers_the_longer_then_the_smaller_uid_is_taken(slice_at: Slice, save: Save, read: Read) -> None:
    short = stack(slice_at, [1.0 * k for k in range(6)], SeriesInstanceUID="1.1")
    long_b = stack(slice_at, [2.0 * k for k in range(6)], SeriesInstanceUID="1.3")
    long_a = stack(slice_at, [2.0 * k for k in range(6)], SeriesInstanceUID="1.2")

    assert read(save([*short, *long_b, *long_a])).geometry["series_uid"] == "1.2"


def test_a_named_series_is_taken(slice_at: Slice, save: Save, read: Read) -> None:
    many = stack(slice_at, [2.0 * k for k in range(12)])
    few = stack(slice_at, [5.0 * k for k in range(6)], SeriesInstanceUID="1.2.3.1")

    reading = read(save([*few, *many], "both"), series={"both": "1.2.3.1"})

    assert reading.geometry["step_mm"] == 5.0


def test_a_named_series_that_is_absent_is_refused_with_those_there(slice_at: Slice, save: Save, read: Read) -> None:
    with pytest.raises(BadSample, match=r"has no series 9\.9, only 1\.2\.3\.4"):
        read(save(stack(slice_at, [0.0, 2.0, 4.0]), "p"), series={"p": "9.9"})


def test_of_several_cardiac_phases_one_is_taken(slice_at: Slice, save: Save, read: Read) -> None:
    phases = [
        slice_at((0, 0, 2.0 * k), np.full((32, 32), 100 * phase + 10 * k, np.int16), TemporalPositionIdentifier=phase)
        for k in range(8)
        for phase in (1, 2, 3, 4)
    ]

    reading = read(save(phases))

    assert reading.geometry["n_slices"] == 8
    assert reading.geometry["phase"] == "Temporal Position 1 of 4"


@pytest.mark.parametrize("offset", [0.7, 1.0], ids=["uneven together", "even together"])
def test_phases_between_each_others_slices_are_not_interleaved(
    offset: float, slice_at: Slice, save: Save, read: Read
) -> None:
    first = [slice_at((0, 0, 2.0 * k), AcquisitionNumber=1) for k in range(8)]
    other = [slice_at((0, 0, 2.0 * k + offset), AcquisitionNumber=2) for k in range(8)]
    alone = read(save(first, "alone"))

    mixed = read(save([*other, *first], "mixed"))

    assert mixed.geometry["step_mm"] == 2.0
    assert mixed.array.tobytes() == alone.array.tobytes()


def test_runs_one_above_the_other_are_one_scan(slice_at: Slice, save: Save, read: Read) -> None:
    runs = [slice_at((0, 0, 2.0 * k), AcquisitionNumber=1 + k // 4) for k in range(12)]

    assert read(save(runs)).geometry["n_slices"] == 12
