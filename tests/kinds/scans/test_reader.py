"""Whole patients: exact averages, several windows, threads, and a nodule that never vanishes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from catscan.kinds.samples import Reading, Sample
from catscan.kinds.scans.reader import ScanReader
from catscan.kinds.scans.settings import ScanSettings
from catscan.raw.files import RawFiles

Read = Callable[..., Reading]
Save = Callable[..., Path]
Slice = Callable[..., Dataset]

PATIENT = "0a38e7597ca26f9374f8ea2770ba870d"
LUNG = (-1350.0, 150.0)


@pytest.fixture(scope="session")
def hu(patients: Path) -> np.ndarray:
    """A real patient by pydicom alone: float64, (slices, 512, 512), nothing below -1024 HU."""
    slices = [pydicom.dcmread(path) for path in (patients / PATIENT).iterdir()]
    slices.sort(key=lambda dataset: float(dataset.ImagePositionPatient[2]))
    return np.stack([np.maximum(s.pixel_array + float(s.RescaleIntercept), -1024) for s in slices])


def averages(array: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The exact box average in float64, by dense products."""
    for axis in (2, 1, 0):
        edges, cells = np.linspace(0, array.shape[axis], shape[axis] + 1), np.arange(array.shape[axis])
        overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
        weights = np.clip(overlap, 0, None) / (edges[1] - edges[0])
        array = np.moveaxis(np.tensordot(array, weights, axes=(axis, 1)), -1, axis)
    return array


@pytest.mark.parametrize("shape", [(64, 64, 64), (50, 40, 33), (110, 128, 128)])
def test_every_voxel_is_the_exact_average_of_what_it_covers(
    shape: tuple[int, int, int], hu: np.ndarray, patients: Path, read: Read
) -> None:
    exact = np.clip((averages(hu, shape) - LUNG[0]) / (LUNG[1] - LUNG[0]) * 255, 0, 255)

    found = read(patients / PATIENT, size=shape).array[..., 0]

    assert np.abs(found - exact).max() <= 0.501  # grey levels: rounding to whole ones is half a level


def test_several_windows_are_the_channels(patients: Path, read: Read) -> None:
    both = read(patients / PATIENT, hu_windows=("lung", "bone")).array

    assert both.shape == (8, 8, 8, 2)
    np.testing.assert_array_equal(both[..., :1], read(patients / PATIENT, hu_windows=("lung",)).array)
    np.testing.assert_array_equal(both[..., 1:], read(patients / PATIENT, hu_windows=("bone",)).array)


def test_threads_give_the_same_bytes_as_one_after_another(patients: Path) -> None:
    reader = ScanReader(RawFiles(patients), ScanSettings(size=(16, 16, 16)))
    samples = [Sample(path.name, "", path.name) for path in sorted(patients.iterdir())] * 2
    alone = [reader.read(sample).array.tobytes() for sample in samples]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda sample: reader.read(sample).array.tobytes(), samples))

    assert together == alone


def test_iso_voxels_have_their_size_and_air_around(slice_at: Slice, save: Save, read: Read) -> None:
    """A scan of 64 x 64 x 20 mm in a box of 80 mm."""
    slices = [slice_at((0, 0, 2.0 * k), np.full((32, 32), 1024 + 100 * (k % 2), np.int16)) for k in range(10)]

    reading = read(save(slices), mode="iso", size=(20, 20, 20), spacing_mm=4.0, hu_windows=((-1024.0, 231.0),))

    inside = reading.array[..., 0] > 0
    assert np.argwhere(inside).min(axis=0).tolist() == [7, 2, 2]
    assert np.argwhere(inside).max(axis=0).tolist() == [12, 17, 17]
    assert reading.geometry["spacing_mm"] == [4.0, 4.0, 4.0]


def test_a_constant_scan_with_one_mark_keeps_its_mass(slice_at: Slice, save: Save, read: Read) -> None:
    """The sum of HU above air is the same at every size."""
    pixels = [np.full((32, 32), 24, np.int16) for _ in range(12)]
    pixels[5][10:14, 20:25] = 1024
    slices = [slice_at((0, 0, 2.0 * k), plane) for k, plane in enumerate(pixels)]
    folder = save(slices)

    sums = [
        read(folder, size=size, hu_windows=((-1024.0, 0.0),)).array.astype(float).mean()
        for size in ((12, 32, 32), (6, 16, 16), (5, 7, 9))
    ]

    np.testing.assert_allclose(sums, sums[0], atol=0.5)  # grey levels


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5, 0.75])
def test_a_nodule_of_10_mm_keeps_its_contrast_wherever_it_lies(
    shift: float, slice_at: Slice, save: Save, read: Read
) -> None:
    """A ball of +40 HU in lung of -850 HU; voxels of 5 mm, moved by a share of a voxel against it."""
    centre = np.array([40.0, 40.0, 40.0]) + 5.0 * shift
    y, x = np.mgrid[0:80, 0:80] * 1.0
    slices = []
    for k in range(40):
        inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (2.0 * k - centre[2]) ** 2 <= 25
        pixels = np.where(inside, 40, -850).astype(np.int16) + 1024
        slices.append(slice_at((0, 0, 2.0 * k), pixels, PixelSpacing=[1, 1]))

    levels = read(save(slices), size=(16, 16, 16), hu_windows=((-1000.0, 150.0),)).array[..., 0].astype(float)

    hu = levels / 255 * 1150 - 1000
    above = np.where(hu > -840, hu + 850, 0)  # a grey level is 4.5 HU
    assert above.sum() * 125 / (890 * 4 / 3 * np.pi * 125) >= 0.8  # of the mass that was put in
    assert above.max() / 890 >= 0.35


def test_the_report_names_every_decision(patients: Path, read: Read) -> None:
    geometry = read(patients / PATIENT).geometry

    assert {key: geometry[key] for key in ("n_files", "n_slices", "rows_columns", "rescale", "padding", "even")} == {
        "n_files": 110,
        "n_slices": 110,
        "rows_columns": [512, 512],
        "rescale": [(1.0, -1024.0)],
        "padding": [(-2000, -2000)],
        "even": True,
    }


def test_the_report_is_json(patients: Path, heads: Path, read: Read) -> None:
    import json

    for folder in (patients / PATIENT, heads / "ge-tilt-uneven-spacing"):
        json.dumps(read(folder, crop="lungs").geometry, allow_nan=False)
