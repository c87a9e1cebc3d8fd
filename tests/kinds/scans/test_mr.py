"""MR: read only where it is asked for, and measured by its own values, whatever scale its scanner gave them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from factories import write_shard
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage, generate_uid

from catscan.common.arrays import Shards
from catscan.common.errors import BadSample, CatscanError
from catscan.kinds.samples import Reading, Sample
from catscan.kinds.scans import mr
from catscan.kinds.scans.geometry import Steps, own_axes
from catscan.kinds.scans.nifti import NiftiReader
from catscan.kinds.scans.reader import ScanReader
from catscan.kinds.scans.resample import Grid
from catscan.kinds.scans.scan import Scan
from catscan.kinds.scans.settings import NiftiSettings, ScanSettings
from catscan.raw.files import RawFiles
from catscan.stages.report import geometry_table, scan_figures

Read = Callable[..., Reading]
Save = Callable[..., Path]
Slice = Callable[..., Dataset]

UPRIGHT = own_axes((1, 0, 0, 0, 1, 0))
PLACES = [3.0 * k for k in range(12)]


@pytest.fixture(scope="session")
def real(pydicom_files: Path) -> np.ndarray:
    """The pixels of a real MR slice, int16, (64, 64)."""
    return pydicom.dcmread(pydicom_files / "MR_small.dcm").pixel_array


@pytest.fixture
def mr_at(slice_at: Slice, real: np.ndarray) -> Slice:
    """Makes one MR slice: the real one, moved down a little from slice to slice; without a rescale, as is usual."""

    def made(z: float, **elements: Any) -> Dataset:
        pixels = elements.pop("pixels", np.roll(real, round(z), axis=0))
        usual = {"Modality": "MR", "SOPClassUID": MRImageStorage, "RescaleSlope": None, "RescaleIntercept": None}
        return slice_at((0, 0, z), pixels, **(usual | elements))

    return made


def scan_of(slices: np.ndarray, **how: Any) -> Scan:
    """A scan of (n, rows, columns) values, voxels of 2 mm, its first pixel's centre at 1 mm on every axis."""
    n = len(slices)
    straight = np.stack([1.0 + 2.0 * np.arange(n), np.ones(n), np.ones(n)], axis=1)
    return Scan(
        modality="MR",
        axes=UPRIGHT,
        places_mm=how.get("places_mm", straight),
        pixel_mm=(2.0, 2.0),
        size=slices.shape[1:],
        steps=Steps(2.0, True, ()),
        rescale=how.get("rescale", ((1.0, 0.0),) * n),
        padding=(how.get("padding"),) * n,
        stored=lambda k: slices[k],
        report={},
        remarks=(),
    )


def grid(shape: tuple[int, int, int], voxel_mm: float, low_mm: float = 0.0) -> Grid:
    return Grid(np.full(3, low_mm), np.full(3, voxel_mm), shape)


class TestWhatIsRead:
    def test_mr_is_refused_unless_it_is_asked_for(self, mr_at: Slice, save: Save, read: Read) -> None:
        folder = save([mr_at(z) for z in PLACES])

        with pytest.raises(BadSample, match=r"has no CT slice \(0000\.dcm is MR Image Storage, not a CT slice"):
            read(folder)
        assert read(folder, modality="MR").geometry["modality"] == "MR"

    def test_ct_is_refused_where_mr_is_asked_for(self, slice_at: Slice, save: Save, read: Read) -> None:
        folder = save([slice_at((0, 0, z)) for z in PLACES])

        with pytest.raises(BadSample, match=r"has no MR slice \(0000\.dcm is CT Image Storage, not an MR slice"):
            read(folder, modality="MR")

    def test_any_reads_ct_by_its_windows_and_mr_by_its_percentiles(
        self, slice_at: Slice, mr_at: Slice, save: Save, read: Read
    ) -> None:
        ct, magnetic = save([slice_at((0, 0, z)) for z in PLACES], "ct"), save([mr_at(z) for z in PLACES], "mr")
        how = {"hu_windows": ((-100, 700),), "percentiles": ((2, 98),)}

        assert read(ct, modality="any", **how).array.tobytes() == read(ct, **how).array.tobytes()
        assert (
            read(magnetic, modality="any", **how).array.tobytes()
            == read(magnetic, modality="MR", **how).array.tobytes()
        )
        assert read(ct, modality="any", **how).geometry["intensity_ranges"] == [[-100, 700]]

    def test_any_names_both_when_there_is_neither(self, tmp_path: Path, read: Read) -> None:
        (tmp_path / "patient").mkdir()
        (tmp_path / "patient" / "notes.txt").write_bytes(b"x" * 500)

        with pytest.raises(BadSample, match="has no CT or MR slice"):
            read(tmp_path / "patient", modality="any")

    def test_a_damaged_mr_slice_beside_a_ct_series_is_left_out(
        self, slice_at: Slice, mr_at: Slice, save: Save, read: Read
    ) -> None:
        folder = save([slice_at((0, 0, z)) for z in PLACES])
        save([mr_at(0.0, BitsStored=40)], "patient", names=["mr.dcm"])

        assert read(folder).geometry["left_out"] == {"mr.dcm": "is MR Image Storage, not a CT slice"}

    def test_two_echoes_of_the_same_places_are_never_interleaved(self, mr_at: Slice, save: Save, read: Read) -> None:
        first = [mr_at(z, EchoTime="12.5") for z in PLACES]
        second = [mr_at(z, EchoTime="98", pixels=np.full((64, 64), 7 + k, np.int16)) for k, z in enumerate(PLACES)]

        both = read(save([*second, *first], "both"), modality="MR")

        assert both.geometry["phase"] == "Echo Time 12.5 of 2"
        assert both.array.tobytes() == read(save(first, "first"), modality="MR").array.tobytes()

    @pytest.mark.filterwarnings("ignore:The string")  # highdicom on the patient's name
    def test_enhanced_multi_frame_equals_its_single_frames(
        self, mr_at: Slice, save: Save, read: Read, tmp_path: Path
    ) -> None:
        highdicom = pytest.importorskip("highdicom")
        folder = save([mr_at(z, FrameOfReferenceUID="1.2.3.9") for z in PLACES], "plain")
        slices = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
        for number, dataset in enumerate(slices):
            for name in ("StudyDate", "StudyTime", "AccessionNumber", "StudyID", "PatientSex", "Manufacturer"):
                setattr(dataset, name, "")
            dataset.PatientBirthDate, dataset.PositionReferenceIndicator = "", ""
            dataset.InstanceNumber, dataset.SeriesNumber = number + 1, 1
        converted = highdicom.legacy.LegacyConvertedEnhancedMRImage(slices, generate_uid(), 1, generate_uid(), 1)
        (tmp_path / "enhanced").mkdir()
        converted.save_as(tmp_path / "enhanced" / "all.dcm")

        enhanced = read(tmp_path / "enhanced", modality="MR")

        assert enhanced.array.tobytes() == read(folder, modality="MR").array.tobytes()
        assert enhanced.geometry["n_slices"] == len(PLACES)


class TestScale:
    """The scanner's scale does not matter."""

    @given(
        factor=st.floats(1e-3, 1e3),
        shift=st.floats(-10, 10),
        shape=st.tuples(*[st.integers(2, 9)] * 3),
        low=st.floats(0, 40),
        high=st.floats(60, 100),
        seed=st.integers(0, 1000),
    )
    @settings(deadline=None, max_examples=60)
    def test_multiplied_and_shifted_values_give_the_same_levels(  # noqa: PLR0917 -- hypothesis names them
        self, factor: float, shift: float, shape: tuple[int, int, int], low: float, high: float, seed: int
    ) -> None:
        """The shift is up to ten times the span of the values."""
        values = np.random.default_rng(seed).gamma(2, 100, (9, 12, 10)).astype(np.int16)
        values[:, :4] = 0
        span = float(values.max() - values.min())
        where = Grid(np.zeros(3), np.array([18, 24, 20]) / shape, shape)

        plain, _ = mr.grey_levels(scan_of(values), where, [(low, high)])
        other, _ = mr.grey_levels(scan_of(values, rescale=((factor, shift * span * factor),) * 9), where, [(low, high)])

        # Rounding may move a value over the border of two levels, by one level.
        assert np.abs(plain.astype(int) - other).max() <= 1
        assert (plain != other).sum() <= max(2, 0.01 * plain.size)

    def test_a_real_slice_three_times_as_bright_and_shifted_gives_the_same_levels(
        self, mr_at: Slice, real: np.ndarray, save: Save, read: Read
    ) -> None:
        plain = save([mr_at(z) for z in PLACES], "plain")
        brighter = save([mr_at(z, pixels=np.roll(real, round(z), axis=0) * 3 + 500) for z in PLACES], "brighter")

        found = [read(folder, modality="MR", size=(12, 16, 16)).array.astype(int) for folder in (plain, brighter)]

        assert np.abs(found[0] - found[1]).max() <= 1
        assert (found[0] == found[1]).mean() >= 0.99
        assert len(np.unique(found[0])) > 100  # grey levels

    def test_slopes_hold_for_their_own_slices(self, mr_at: Slice, real: np.ndarray, save: Save, read: Read) -> None:
        same = [mr_at(z, pixels=real * 2) for z in PLACES]
        mixed = [
            mr_at(z, pixels=real * (1 + k % 2), RescaleSlope=2 - k % 2, RescaleIntercept=0)
            for k, z in enumerate(PLACES)
        ]

        found = [read(save(slices, name), modality="MR").array for slices, name in ((same, "a"), (mixed, "b"))]

        assert found[0].tobytes() == found[1].tobytes()

    def test_no_rescale_is_usual_and_some_is_told(self, mr_at: Slice, save: Save, read: Read) -> None:
        bare = [mr_at(z) for z in PLACES]
        mixed = [mr_at(z, RescaleSlope=1, RescaleIntercept=0) for z in PLACES[:5]] + bare[5:]

        assert read(save(bare, "bare"), modality="MR").odd == ()
        assert "7 slices without slope or intercept; taken were 1 and 0" in read(save(mixed, "m"), modality="MR").odd

    def test_threads_give_the_same_bytes(self, mr_at: Slice, save: Save) -> None:
        folder = save([mr_at(z) for z in PLACES])
        reader = ScanReader(RawFiles(folder.parent), ScanSettings(size=(8, 8, 8), modality="MR"))
        sample = Sample("p", "", folder.name)
        alone = reader.read(sample).array.tobytes()

        with ThreadPoolExecutor(4) as pool:
            assert {reader.read(sample).array.tobytes() for _ in range(2)} == {alone}
            assert set(pool.map(lambda _: reader.read(sample).array.tobytes(), range(8))) == {alone}


class TestAverages:
    @given(shape=st.tuples(*[st.integers(1, 9)] * 3), seed=st.integers(0, 99))
    @settings(deadline=None)
    def test_every_voxel_is_the_exact_average_of_what_it_covers(self, shape: tuple[int, int, int], seed: int) -> None:
        values = np.random.default_rng(seed).normal(size=(9, 10, 11)) * 100 - 50
        exact = values
        for axis, count in enumerate(shape):
            edges, cells = np.linspace(0, exact.shape[axis], count + 1), np.arange(exact.shape[axis])
            overlap = np.clip(np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells), 0, None)
            weights = overlap / np.diff(edges)[:, None]
            exact = np.moveaxis(np.tensordot(weights, exact, axes=(1, axis)), 0, axis)

        found = mr.averages(scan_of(values), Grid(np.zeros(3), np.array([18.0, 20.0, 22.0]) / shape, shape))

        np.testing.assert_allclose(found, exact, atol=1e-3)

    def test_voxels_mostly_outside_the_slices_have_no_value(self) -> None:
        values = np.full((4, 4, 4), 50, np.int16)

        found = mr.averages(scan_of(values), grid((7, 7, 7), 2.0, low_mm=-2.9))  # the scan is 0 to 8 mm

        inside = np.argwhere(~np.isnan(found))
        assert inside.min(axis=0).tolist() == [1, 1, 1]  # from -0.9 mm: 1.1 of its 2 mm lie inside
        assert inside.max(axis=0).tolist() == [4, 4, 4]
        np.testing.assert_allclose(found[~np.isnan(found)], 50, rtol=1e-5)

    @pytest.mark.parametrize(
        ("odd", "padding"), [(-2000, (-2000, -1500)), (np.nan, None)], ids=["marked as padding", "no number"]
    )
    def test_what_is_no_pixel_enters_no_average(self, odd: float, padding: tuple[int, int] | None) -> None:
        values = np.full((4, 8, 8), 50, np.int16 if padding else np.float32)
        values[:, :, 3:] = odd

        found = mr.averages(scan_of(values, padding=padding), grid((2, 4, 4), 4.0))

        np.testing.assert_allclose(found[:, :, :1], 50)
        assert np.isnan(found[:, :, 1:]).all()  # half of the second voxel is padding

    @pytest.mark.parametrize("tilt", [0.0, 0.4, -0.4], ids=["straight", "one way", "the other way"])
    def test_a_ramp_stays_a_ramp_in_a_tilted_scan(self, tilt: float) -> None:
        """Values are mm along the rows, in slices that are shifted along them one by one."""
        n = 10
        places = np.stack([1.0 + 2.0 * np.arange(n), 1.0 + tilt * np.arange(n), np.ones(n)], axis=1)
        values = np.broadcast_to(places[:, 1, None, None] + 2.0 * np.arange(20)[:, None], (n, 20, 6))

        where = Grid(np.array([0.0, 8.0, 0.0]), np.array([2.0, 4.0, 4.0]), (10, 5, 3))
        found = mr.averages(scan_of(values, places_mm=places), where)

        np.testing.assert_allclose(found, np.broadcast_to(np.arange(10.0, 30.0, 4.0)[:, None], (10, 5, 3)), rtol=1e-5)


class TestRanges:
    def test_percentiles_are_those_of_the_values_above_the_background(self) -> None:
        values = np.concatenate([np.zeros(500), np.arange(100, 201)]).astype(np.float32)

        assert mr.intensity_ranges(values, [(0, 100), (25, 50)]) == [(100, 200), (125, 150)]

    def test_what_is_no_value_does_not_count(self) -> None:
        values = np.array([0, np.nan, 10, 20, np.nan], np.float32)

        assert mr.intensity_ranges(values, [(0, 100)]) == [(10, 20)]

    def test_each_pair_is_a_channel(self, mr_at: Slice, save: Save, read: Read) -> None:
        folder = save([mr_at(z) for z in PLACES])

        both = read(folder, modality="MR", percentiles=((1, 99), (50, 100))).array

        assert both.shape == (8, 8, 8, 2)
        np.testing.assert_array_equal(both[..., :1], read(folder, modality="MR").array)

    @pytest.mark.parametrize(
        ("pixels", "elements", "reason"),
        [
            (np.full((32, 32), 300, np.int16), {}, r"has the same value everywhere \(300\)"),
            (np.full((32, 32), 300, np.int16), {"PixelPaddingValue": 300}, "has no pixel with a value"),
            (np.eye(32, dtype=np.int16).repeat(32, axis=1)[:, :32] * 9, {}, "has nearly the same value everywhere"),
        ],
        ids=["one value", "all padding", "one value on a background"],
    )
    def test_an_empty_scan_is_refused(  # noqa: PLR0917 -- fixtures
        self, pixels: np.ndarray, elements: dict[str, int], reason: str, mr_at: Slice, save: Save, read: Read
    ) -> None:
        with pytest.raises(BadSample, match=reason):
            read(save([mr_at(z, pixels=pixels, **elements) for z in PLACES]), modality="MR", size=(12, 32, 32))


def test_the_report_tells_the_modality_and_the_range_shown(mr_at: Slice, save: Save, read: Read) -> None:
    geometry = read(save([mr_at(z) for z in PLACES]), modality="MR", mode="iso", spacing_mm=8.0).geometry

    assert geometry["modality"] == "MR"
    ((low, high),) = geometry["intensity_ranges"]
    assert 0 < low < high
    json.dumps(geometry, allow_nan=False)


@pytest.mark.parametrize("shift", [0, 400], ids=["from zero", "shifted"])
def test_nifti_equals_dicom(  # noqa: PLR0917 -- fixtures
    shift: int, mr_at: Slice, real: np.ndarray, save: Save, read: Read, tmp_path: Path
) -> None:
    folder = save([mr_at(z) for z in PLACES])
    planes = np.stack([np.roll(real, round(z), axis=0).T for z in PLACES], axis=-1) + shift
    nib.save(nib.Nifti1Image(planes.astype(np.int16), np.diag([-2.0, -2.0, 3.0, 1.0])), tmp_path / "scan.nii.gz")

    reader = NiftiReader(RawFiles(tmp_path), ScanSettings(size=(8, 8, 8), modality="MR"))
    found = reader.read(Sample("a", "", "scan.nii.gz"))

    assert np.abs(found.array.astype(int) - read(folder, modality="MR").array).max() <= 1  # grey levels
    assert found.geometry["modality"] == "MR"


def test_nifti_files_do_not_say_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(CatscanError, match="`modality` must be CT or MR for NIfTI files"):
        NiftiReader(RawFiles(tmp_path), NiftiSettings(modality="any"))


def test_the_report_of_mr_scans_does_not_speak_of_hu(mr_at: Slice, save: Save, read: Read, tmp_path: Path) -> None:
    reading = read(save([mr_at(z) for z in PLACES]), modality="MR")
    write_shard(tmp_path / "train.npy", reading.array[None], ["a"], geometry={"a": reading.geometry})

    captions = [text for _, text in scan_figures(Shards([tmp_path / "train.npy"]), {"a": reading.geometry})]
    table = json.dumps(geometry_table({"a": reading.geometry}))

    assert len(captions) == 3
    assert not [text for text in [*captions, table] if "HU" in text or "Hounsfield" in text]
