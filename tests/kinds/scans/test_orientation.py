"""Directions, tilt, spacing, and where a marked place ends up."""

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

MARK = np.array([9.0, -14.0, 21.0])  # mm in the patient: left, posterior, superior of the origin
SPREAD_MM = 5.0

AXIAL = (1, 0, 0, 0, 1, 0)
ORIENTATIONS = {
    "axial, head first": AXIAL,
    "axial, feet first": (-1, 0, 0, 0, 1, 0),
    "axial, prone": (-1, 0, 0, 0, -1, 0),
    "axial, rows and columns exchanged": (0, 1, 0, 1, 0, 0),
    "coronal": (1, 0, 0, 0, 0, -1),
    "sagittal": (0, 1, 0, 0, 0, -1),
}


def brightness(places: np.ndarray) -> np.ndarray:
    """Stored values at places (..., 3) of the patient: air, and a soft ball of 1,000 around the mark."""
    return 1000 * np.exp(-((places - MARK) ** 2).sum(axis=-1) / (2 * SPREAD_MM**2))


def scan_of(slice_at: Slice, orientation: tuple[float, ...], **how: object) -> list[Dataset]:
    """Slices of the ball in any directions, 36 x 40 pixels; `way` is the step between slices, else along the normal."""
    along, down = np.reshape(np.asarray(orientation, float), (2, 3))
    spacing = how.get("spacing", (2.0, 2.0))
    way = np.asarray(how.get("way", 2.0 * np.cross(along, down)))
    corner = how.get("corner", -34 * along - 36 * down - 20 * way)
    slices = []
    for k in range(40):
        first = corner + k * way
        rows, columns = np.arange(36) * spacing[0], np.arange(40) * spacing[1]
        places = first + rows[:, None, None] * down + columns[None, :, None] * along
        pixels = np.round(brightness(places)).astype(np.int16)
        slices.append(
            slice_at(first, pixels, ImageOrientationPatient=list(map(float, orientation)), PixelSpacing=list(spacing))
        )
    return slices


def centre_of_mass_mm(reading: Reading) -> np.ndarray:
    """Where the bright part of the array lies in the patient, by the array's affine."""
    levels = reading.array[..., 0].astype(float)
    index = np.stack(np.indices(levels.shape), axis=-1).reshape(-1, 3)
    weights = levels.ravel() / levels.sum()
    return (np.array(reading.geometry["affine"]) @ [*(weights @ index), 1.0])[:3]


LOW = ((-1000.0, 0.0),)  # a window in which air is black


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_a_mark_keeps_its_place_in_the_patient(
    orientation: tuple[float, ...], slice_at: Slice, save: Save, read: Read
) -> None:
    reading = read(save(scan_of(slice_at, orientation)), size=(20, 18, 20), hu_windows=LOW)

    np.testing.assert_allclose(centre_of_mass_mm(reading), MARK, atol=0.3)  # mm


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_every_array_is_up_back_left(orientation: tuple[float, ...], slice_at: Slice, save: Save, read: Read) -> None:
    """The same box of the same body gives the same array, however it was scanned."""
    iso = {"mode": "iso", "size": (16, 16, 16), "spacing_mm": 2.0, "hu_windows": LOW}
    along, down = np.reshape(np.asarray(orientation, float), (2, 3))
    normal = np.cross(along, down)
    corner = -39 * along - 35 * down - 39 * normal  # so that the middle of every scan is the origin
    reference = read(save(scan_of(slice_at, AXIAL, corner=np.array([-39, -35, -39.0])), "axial"), **iso)

    reading = read(save(scan_of(slice_at, orientation, corner=corner), "other"), **iso)

    assert np.abs(reading.array.astype(int) - reference.array).max() <= 1  # grey levels
    np.testing.assert_allclose(reading.geometry["affine"], reference.geometry["affine"], atol=1e-6)


def test_oblique_slices_keep_their_axes_and_say_so(slice_at: Slice, save: Save, read: Read) -> None:
    turn = np.radians(20)
    orientation = (np.cos(turn), np.sin(turn), 0, -np.sin(turn), np.cos(turn), 0)

    reading = read(save(scan_of(slice_at, orientation)), size=(20, 18, 20), hu_windows=LOW)

    assert reading.geometry["oblique_degrees"] == pytest.approx(20, abs=0.01)
    assert "lies 20.0 degrees across the patient's axes" in reading.odd
    np.testing.assert_allclose(centre_of_mass_mm(reading), MARK, atol=0.3)  # mm


def test_oblique_slices_are_refused_when_not_allowed(slice_at: Slice, save: Save, read: Read) -> None:
    turn = np.radians(20)
    orientation = (np.cos(turn), np.sin(turn), 0, -np.sin(turn), np.cos(turn), 0)

    with pytest.raises(BadSample, match=r"lies 20\.0 degrees across"):
        read(save(scan_of(slice_at, orientation)), allow=())


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0.5, 0.5, 0), (2, 0, 0, 0, 1, 0), (0, 0, 0, 0, 0, 0)])
def test_directions_that_are_no_directions_are_refused(
    orientation: tuple[float, ...], slice_at: Slice, save: Save, read: Read
) -> None:
    slices = [slice_at((0, 0, 2 * k), ImageOrientationPatient=list(map(float, orientation))) for k in range(5)]

    with pytest.raises(BadSample, match="not two perpendicular unit vectors"):
        read(save(slices))


@pytest.mark.parametrize(
    ("folder", "n_slices", "tilt", "normal_step"),
    [("ge-tilt-uneven-spacing", 28, 18.5, 4.002), ("philips-tilt", 54, 18.5, 2.371)],
)
def test_real_tilt_comes_from_the_positions(  # noqa: PLR0917 -- fixtures
    folder: str, n_slices: int, tilt: float, normal_step: float, heads: Path, read: Read
) -> None:
    """Both makers write a tilt of 18.5 degrees for the same directions, with opposite signs in their own tag."""
    geometry = read(heads / folder).geometry

    assert geometry["n_slices"] == n_slices
    assert geometry["tilt_degrees"] == pytest.approx(tilt, abs=0.1)
    assert geometry["step_mm"] == pytest.approx(normal_step, abs=0.002)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_mark_in_a_tilted_scan_keeps_its_place(sign: int, slice_at: Slice, save: Save, read: Read) -> None:
    tilt = np.radians(18.5) * sign
    orientation = (1, 0, 0, 0, np.cos(tilt), np.sin(tilt))

    reading = read(
        save(scan_of(slice_at, orientation, way=np.array([0, 0, 2.5]), corner=np.array([-39.0, -40.0, -40.0]))),
        size=(20, 24, 20),
        hu_windows=LOW,
    )

    assert reading.geometry["tilt_degrees"] == pytest.approx(18.5, abs=0.01)
    np.testing.assert_allclose(centre_of_mass_mm(reading), MARK, atol=0.3)  # mm


def test_tilt_is_refused_when_not_allowed(heads: Path, read: Read) -> None:
    with pytest.raises(BadSample, match=r"gantry tilt of 18\.5 degrees"):
        read(heads / "philips-tilt", allow=("gaps",))


def test_a_slice_off_the_line_of_the_others_is_told(slice_at: Slice, save: Save, read: Read) -> None:
    slices = [slice_at((30 * (k == 4), 0, 2 * k)) for k in range(9)]

    assert "has slices up to 30.0 mm off the line of the others" in read(save(slices)).odd


def test_pixel_spacing_is_between_rows_then_between_columns(slice_at: Slice, save: Save, read: Read) -> None:
    slices = scan_of(slice_at, AXIAL, spacing=(3.0, 1.5), corner=np.array([-25.0, -50.0, -30.0]))

    reading = read(save(slices), size=(20, 18, 20), hu_windows=LOW)

    assert reading.geometry["spacing_mm"] == pytest.approx([4.0, 6.0, 3.0])
    np.testing.assert_allclose(centre_of_mass_mm(reading), MARK, atol=0.4)  # mm


def test_real_spacing_comes_from_positions(patients: Path, read: Read) -> None:
    geometry = read(patients / "0a38e7597ca26f9374f8ea2770ba870d", size=(64, 64, 64)).geometry

    assert geometry["spacing_mm"] == pytest.approx([110 * 2.5 / 64, 5.0, 5.0], abs=1e-3)
