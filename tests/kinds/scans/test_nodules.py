"""A nodule put into a real lung keeps its contrast wherever it lies among the voxels; point samples lose it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from catscan.kinds.samples import Reading, Sample
from catscan.kinds.scans.geometry import turn_to_patient
from catscan.kinds.scans.grids import grid_for
from catscan.kinds.scans.reader import ScanReader
from catscan.kinds.scans.region import find_region
from catscan.kinds.scans.settings import ScanSettings
from catscan.raw.files import RawFiles

Read = Callable[..., Reading]

PATIENT = "0a38e7597ca26f9374f8ea2770ba870d"
SIZE = (64, 64, 64)
WINDOW = (-1024.0, 226.0)
NODULE_HU = 40.0
FINE = 5  # points along each side of a stored voxel, by which its share of the nodule is counted
SHIFTS = [(z, y, x) for z in (0.0, 0.5) for y in (0.0, 0.5) for x in (0.0, 0.5)] + [(0.2, 0.7, 0.4)]


def lung_mask(folder: Path) -> NDArray[np.bool_]:
    """The lungs on the grid of the patient's array."""
    settings = ScanSettings(size=SIZE, mask=True)
    scan = ScanReader(RawFiles(folder.parent), settings).prepare(Sample(folder.name, "", folder.name))
    turn = turn_to_patient(scan.axes)
    region = find_region(scan, settings, turn)
    assert region.mask is not None
    return turn.apply(region.on(turn.undo(region.mask), grid_for(settings, region.box_mm, turn)))


class Chest:
    """The patient's slices from the feet upwards, and the place in a lung that is farthest from its walls."""

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.iterdir(), key=lambda p: pydicom.dcmread(p).ImagePositionPatient[2])
        first, second = (pydicom.dcmread(path) for path in self.paths[:2])
        self.step_mm = np.array([second.ImagePositionPatient[2] - first.ImagePositionPatient[2], *first.PixelSpacing])
        self.shape = (len(self.paths), first.Rows, first.Columns)
        self.voxel_mm = self.step_mm * self.shape / SIZE
        mask = lung_mask(folder)
        deep = ndimage.distance_transform_edt(mask, sampling=self.voxel_mm)
        self.voxel = np.unravel_index(int(np.argmax(deep)), SIZE)

    def with_nodule(
        self, diameter_mm: float, shift: tuple[float, float, float], folder: Path
    ) -> tuple[Path, NDArray[np.float64], tuple[slice, ...]]:
        """Write the patient with a ball that is ``shift`` voxels from the middle of a voxel of the array.

        Returns the folder, how many HU it adds to the stored voxels around it, and where these are.
        """
        centre = (np.array(self.voxel) + 0.5 + shift) * self.voxel_mm / self.step_mm - 0.5  # stored voxels
        reach = np.ceil(diameter_mm / 2 / self.step_mm + 1).astype(int)
        around = tuple(slice(int(c) - r, int(c) + r + 2) for c, r in zip(centre, reach, strict=True))
        share = _share_of_ball(around, centre, self.step_mm, diameter_mm / 2)
        added = np.zeros(share.shape)
        folder.mkdir()
        for k, path in enumerate(self.paths):
            if not around[0].start <= k < around[0].stop:
                (folder / path.name).symlink_to(path)
                continue
            dataset = pydicom.dcmread(path)
            pixels = dataset.pixel_array.copy()
            here, part = k - around[0].start, pixels[around[1:]]
            inside = share[here] * (NODULE_HU - float(dataset.RescaleIntercept) - part)
            part += np.round(inside).astype(np.int16)
            added[here] = np.round(inside)
            dataset.PixelData = pixels.tobytes()
            dataset.save_as(folder / path.name)
        return folder, added, around


def _share_of_ball(
    around: tuple[slice, ...], centre: NDArray[np.float64], step_mm: NDArray[np.float64], radius_mm: float
) -> NDArray[np.float64]:
    """How much of each stored voxel lies in the ball, 0 to 1."""
    offsets = (np.arange(FINE) + 0.5) / FINE - 0.5
    axes = [(np.arange(part.start, part.stop)[:, None] + offsets).ravel() for part in around]
    distances = [((axis - c) * mm) ** 2 for axis, c, mm in zip(axes, centre, step_mm, strict=True)]
    inside = distances[0][:, None, None] + distances[1][:, None] + distances[2] <= radius_mm**2
    counts = [part.stop - part.start for part in around]
    return inside.reshape(counts[0], FINE, counts[1], FINE, counts[2], FINE).mean(axis=(1, 3, 5))


def point_samples(added: NDArray[np.float64], around: tuple[slice, ...], chest: Chest) -> NDArray[np.float64]:
    """What trilinear interpolation at the middle of every voxel makes of it, as MONAI, SimpleITK and scipy.zoom do."""
    at = [(np.arange(n) + 0.5) * stored / n - 0.5 - part.start
          for n, stored, part in zip(SIZE, chest.shape, around, strict=True)]  # fmt: skip
    return ndimage.map_coordinates(added, np.meshgrid(*at, indexing="ij"), order=1, mode="constant")


@pytest.fixture(scope="module")
def chest(patients: Path) -> Chest:
    return Chest(patients / PATIENT)


Kept = NDArray[np.float64]  # (shifts, 3): catscan's whole contrast, its highest, and the whole of point samples; shares


@pytest.fixture(scope="module")
def kept(chest: Chest, read: Read, patients: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Kept]:
    """For a diameter in mm: what is left of the nodule's contrast at each shift."""
    root = tmp_path_factory.mktemp("nodules")
    how = {"size": SIZE, "hu_windows": (WINDOW,)}
    plain = read(patients / PATIENT, **how).array[..., 0].astype(float)

    def of_one(diameter_mm: float, shift: tuple[float, float, float]) -> list[float]:
        folder, added, around = chest.with_nodule(diameter_mm, shift, root / f"{diameter_mm} {shift}")
        ours = (read(folder, **how).array[..., 0] - plain) * (WINDOW[1] - WINDOW[0]) / 255  # HU
        points = point_samples(added, around, chest)
        whole = added.sum() * chest.step_mm.prod() / chest.voxel_mm.prod()
        return [ours.sum() / whole, ours.max() / added.max(), points.sum() / whole]

    @cache
    def of(diameter_mm: float) -> Kept:
        return np.array([of_one(diameter_mm, shift) for shift in SHIFTS])

    return of


@pytest.mark.parametrize("diameter_mm", [4.0, 6.0, 10.0])
def test_a_nodule_keeps_all_its_contrast_wherever_it_lies(diameter_mm: float, kept: Callable[[float], Kept]) -> None:
    """Voxels are 4.3 x 5 x 5 mm; a grey level is 4.9 HU."""
    np.testing.assert_allclose(kept(diameter_mm)[:, 0], 1, atol=0.05)


@pytest.mark.parametrize(("diameter_mm", "at_least"), [(4.0, 0.04), (6.0, 0.1), (10.0, 0.5)])
def test_the_brightest_voxel_of_a_nodule_stands_out_wherever_it_lies(
    diameter_mm: float, at_least: float, kept: Callable[[float], Kept]
) -> None:
    """A share of its full contrast: at worst an eighth of it lies in each of eight voxels."""
    assert kept(diameter_mm)[:, 1].min() >= at_least


@pytest.mark.parametrize(("diameter_mm", "least", "most"), [(4.0, 0.001, 2.5), (6.0, 0.1, 1.3), (10.0, 0.8, 1.25)])
def test_point_samples_lose_nodules_or_see_them_too_large(
    diameter_mm: float, least: float, most: float, kept: Callable[[float], Kept]
) -> None:
    """Between the points a nodule of 4 mm vanishes, on one of them it counts three times."""
    points = kept(diameter_mm)[:, 2]

    assert points.min() < least
    assert points.max() > most
