"""From stored bytes to Hounsfield units."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from catscan.common.errors import BadSample
from catscan.kinds.samples import Reading
from catscan.kinds.scans.dicom_files import read_headers, read_with_pydicom
from catscan.kinds.scans.slices import StoredSlices, height_above_air
from catscan.kinds.scans.sources import ScanFiles
from catscan.raw.files import RawFiles

Read = Callable[..., Reading]
Save = Callable[..., Path]
Slice = Callable[..., Dataset]

PLACES = [2.0 * k for k in range(6)]
WIDE = ((-1024.0, 3000.0),)


def hu(stored: np.ndarray, slope: float, intercept: float, padding: tuple[int, int] | None = None) -> np.ndarray:
    """HU of stored values as the reader sees them, float32."""
    out = np.empty(stored.shape, np.float32)
    height_above_air(stored, slope=slope, intercept=intercept, padding=padding, out=out)
    return out - 1024


def stored_of(path: Path) -> np.ndarray:
    files = ScanFiles(RawFiles(path.parent))
    file = files.list("", path.name)[0]
    return StoredSlices(files).read(read_headers(files, file)[0]).copy()


def test_slope_and_intercept_hold_for_their_own_slice(slice_at: Slice, save: Save, read: Read) -> None:
    """The same HU, stored three ways."""
    pixels = np.random.default_rng(0).integers(0, 1000, (32, 32)).astype(np.int16)
    same = [slice_at((0, 0, z), pixels) for z in PLACES]
    mixed = [
        slice_at((0, 0, z), pixels - b - 1024, RescaleIntercept=b)
        for z, b in zip(PLACES, [0, -1024, 100, 0, -500, -1024], strict=True)
    ]

    assert read(save(mixed, "mixed")).array.tobytes() == read(save(same, "same")).array.tobytes()


@pytest.mark.parametrize("empty", [None, ""], ids=["missing", "empty"])
def test_without_rescale_values_with_air_near_minus_1000_are_hu(
    empty: str | None, slice_at: Slice, save: Save, read: Read
) -> None:
    pixels = np.random.default_rng(0).integers(-1010, -990, (32, 32)).astype(np.int16)
    pixels[8:20, 8:20] = 40
    bare = [slice_at((0, 0, z), pixels, RescaleSlope=empty, RescaleIntercept=empty) for z in PLACES]
    told = [slice_at((0, 0, z), pixels, RescaleSlope=1, RescaleIntercept=0) for z in PLACES]

    reading = read(save(bare, "bare"))

    assert reading.array.tobytes() == read(save(told, "told")).array.tobytes()
    assert "6 slices without slope or intercept; taken were 1 and 0" in reading.odd


def test_without_rescale_values_with_air_near_zero_are_refused_unless_allowed(
    slice_at: Slice, save: Save, read: Read
) -> None:
    pixels = np.random.default_rng(0).integers(10, 30, (32, 32)).astype(np.int16)
    pixels[8:20, 8:20] = 1064
    folder = save([slice_at((0, 0, z), pixels, RescaleSlope=None, RescaleIntercept=None) for z in PLACES], "bare")
    told = read(save([slice_at((0, 0, z), pixels) for z in PLACES], "told"))

    with pytest.raises(BadSample, match=r"its rescale intercept, and its values are not HU \(no air near -1000\)"):
        read(folder)
    assert read(folder, allow=("no_rescale",)).array.tobytes() == told.array.tobytes()


def test_hu_without_air_are_never_taken_for_stored_values(slice_at: Slice, save: Save, read: Read) -> None:
    """A brain without a skull around: all values near 40 HU."""
    pixels = np.random.default_rng(0).integers(0, 80, (32, 32)).astype(np.int16)
    bare = [slice_at((0, 0, z), pixels, RescaleSlope=None, RescaleIntercept=None) for z in PLACES]

    with pytest.raises(BadSample, match=r"nor HU \+ 1024 \(no tissue near 1064\)"):
        read(save(bare), allow=("no_rescale",))


@pytest.mark.parametrize(("slope", "intercept"), [(0, -1024), ("nan", -1024), (1, "nan"), ("inf", 0)])
def test_impossible_rescale_is_refused(
    slope: float | str, intercept: float | str, slice_at: Slice, save: Save, read: Read
) -> None:
    slices = [slice_at((0, 0, z)) for z in PLACES]
    for dataset in slices:
        dataset.add_new("RescaleSlope", "LO", str(slope))  # DS refuses to write these; files hold them all the same
        dataset.add_new("RescaleIntercept", "LO", str(intercept))

    with pytest.raises(BadSample, match=r"has a rescale slope of .* and an intercept of"):
        read(save(slices))


def test_a_fractional_slope_is_rounded_once_at_the_end() -> None:
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)

    np.testing.assert_allclose(hu(stored, 0.25, -1000.5), 0.25 * stored - 1000.5, atol=1e-3)  # HU


@pytest.mark.parametrize("kind", [np.int16, np.uint16])
@pytest.mark.parametrize(("slope", "intercept"), [(1.0, -1024.0), (1.0, 0.0), (2.0, -1024.0), (-1.0, 0.0), (1.5, 3.3)])
def test_hu_are_slope_times_stored_plus_intercept(kind: type, slope: float, intercept: float) -> None:
    stored = np.random.default_rng(0).integers(0 if kind is np.uint16 else -3000, 4000, (16, 16)).astype(kind)

    expected = np.maximum(slope * stored.astype(float) + intercept, -1024)

    np.testing.assert_allclose(hu(stored, slope, intercept), expected, atol=1e-3)  # HU


def test_marked_padding_and_all_below_air_become_air() -> None:
    stored = np.array([[-2000, -2048, -1024, 0, 40, 5]], np.int16)

    assert hu(stored, 1, 0, padding=(5, 40)).tolist() == [[-1024, -1024, -1024, 0, -1024, -1024]]


def test_the_range_of_padding_counts(slice_at: Slice, save: Save) -> None:
    folder = save([slice_at((0, 0, 0), PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1500)])

    files = ScanFiles(RawFiles(folder))
    assert read_headers(files, files.list("", "")[0])[0].padding == (-2000, -1500)


@pytest.mark.parametrize(
    "patient",
    ["00cba091fa4ad62cc3200a657aeb957e", "00edff4f51a893d80dae2d42a7f45ad1"],
    ids=["-2000", "-1024, unmarked"],
)
def test_real_corners_are_air(patient: str, patients: Path, read: Read) -> None:
    """Scanner fill of -3024 and -2048 HU would make the corners of any average far too dark to be air."""
    array = read(patients / patient, size=(16, 32, 32), hu_windows=((-2000.0, 550.0),)).array

    # 97.6 levels are -1024 HU: no voxel is below, and the corners are exactly there.
    assert array.min() == 98
    assert (array[:, 0, 0] == 98).all()


def test_air_around_the_body_is_near_minus_1000_on_all_patients(patients: Path, read: Read) -> None:
    low, high = -1023.0, -900.0  # air, but no padding and no lung
    peaks = []
    for folder in sorted(patients.iterdir()):
        levels = read(folder, size=(64, 64, 64), hu_windows=((low, high),)).array
        common = np.argmax(np.bincount(levels.ravel(), minlength=256)[1:255]) + 1
        peaks.append(low + common * (high - low) / 255)

    assert all(abs(peak + 1000) <= 30 for peak in peaks), peaks


@pytest.mark.parametrize("name", ["CT_small.dcm", "693_J2KI.dcm"])
def test_padding_of_pydicoms_files_is_understood(name: str, pydicom_files: Path) -> None:
    header = read_with_pydicom(RawFiles(pydicom_files).below("", name)[0], (pydicom_files / name).read_bytes())[0]

    assert header.padding == (-2000, -2000)


def test_padding_marked_unsigned_in_a_signed_picture_is_minus_2000(patients: Path) -> None:
    files = ScanFiles(RawFiles(patients))
    file = files.list("", "00cba091fa4ad62cc3200a657aeb957e")[0]
    element = pydicom.dcmread(patients / file.path, stop_before_pixels=True)["PixelPaddingValue"]

    assert (element.VR, element.value) == ("US", 63536)
    assert read_headers(files, file)[0].padding == (-2000, -2000)


def test_padding_marked_signed_in_an_unsigned_picture_is_63536(slice_at: Slice, save: Save) -> None:
    dataset = slice_at((0, 0, 0), np.zeros((4, 4), np.uint16))
    dataset.add_new("PixelPaddingValue", "SS", -2000)
    files = ScanFiles(RawFiles(save([dataset])))

    assert read_headers(files, files.list("", "")[0])[0].padding == (63536, 63536)


@pytest.mark.parametrize("kind", ["<u2", "<i2"])
def test_junk_above_the_stored_bits_does_not_leak(kind: str, slice_at: Slice, save: Save) -> None:
    signed = kind == "<i2"
    clean = np.random.default_rng(0).integers(-2048 if signed else 0, 2048 if signed else 4096, (32, 32)).astype(kind)
    junk = np.random.default_rng(1).integers(0, 16, (32, 32)).astype("<u2") << 12
    dirty = ((clean.view("<u2") & 0x0FFF) | junk).view(kind)
    path = save([slice_at((0, 0, 0), dirty, BitsStored=12, HighBit=11)]) / "0000.dcm"

    np.testing.assert_array_equal(stored_of(path), clean)


def test_bits_stored_at_the_top_are_brought_down(slice_at: Slice, save: Save) -> None:
    clean = np.random.default_rng(0).integers(0, 4096, (32, 32)).astype("<u2")
    path = save([slice_at((0, 0, 0), (clean << 4) | 7, BitsStored=12, HighBit=15)]) / "0000.dcm"

    np.testing.assert_array_equal(stored_of(path), clean)


@pytest.mark.parametrize("name", ["J2K_pixelrep_mismatch.dcm", "693_J2KI.dcm"], ids=["13 bits", "14 bits"])
def test_signs_of_13_and_14_bits_are_extended(name: str, pydicom_files: Path) -> None:
    stored = stored_of(pydicom_files / name)

    np.testing.assert_array_equal(stored, pydicom.dcmread(pydicom_files / name).pixel_array)
    assert stored.min() <= -2000


def test_monochrome1_is_not_inverted_but_told(slice_at: Slice, save: Save, read: Read) -> None:
    plain = read(save([slice_at((0, 0, z)) for z in PLACES], "plain"))

    marked = read(save([slice_at((0, 0, z), PhotometricInterpretation="MONOCHROME1") for z in PLACES], "marked"))

    assert marked.array.tobytes() == plain.array.tobytes()
    assert any("MONOCHROME1" in remark for remark in marked.odd)


@pytest.fixture(scope="session")
def real_slices(patients: Path) -> list[Dataset]:
    """Twelve neighbouring slices of a real patient, ascending."""
    folder = patients / "0a38e7597ca26f9374f8ea2770ba870d"
    datasets = [pydicom.dcmread(path) for path in folder.iterdir()]
    return sorted(datasets, key=lambda dataset: dataset.ImagePositionPatient[2])[50:62]


def rewritten(slices: list[Dataset], folder: Path, syntax: str) -> Path:
    """The same slices in another transfer syntax."""
    folder.mkdir()
    for number, original in enumerate(slices):
        dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(_bytes_of(original)))
        if syntax == uid.JPEGLosslessSV1:
            _jpeg_lossless(dataset, folder / f"{number}")
            continue
        if uid.UID(syntax).is_compressed and syntax != uid.DeflatedExplicitVRLittleEndian:
            dataset.compress(syntax, generate_instance_uid=False)
        elif syntax == uid.ExplicitVRBigEndian:
            dataset.PixelData = dataset.pixel_array.astype(">i2").tobytes()
        dataset.file_meta.TransferSyntaxUID = syntax
        big = syntax == uid.ExplicitVRBigEndian
        pydicom.dcmwrite(
            folder / f"{number}", dataset, implicit_vr=uid.UID(syntax).is_implicit_VR, little_endian=not big
        )
    return folder


def _bytes_of(dataset: Dataset) -> bytes:
    buffer = pydicom.filebase.DicomBytesIO()
    pydicom.dcmwrite(buffer, dataset)
    return buffer.getvalue()


def _jpeg_lossless(dataset: Dataset, path: Path) -> None:
    gdcm = pytest.importorskip("gdcm")
    plain = path.with_suffix(".plain")
    pydicom.dcmwrite(plain, dataset)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(plain))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    plain.unlink()


@pytest.mark.parametrize(
    "syntax",
    [
        pytest.param(uid.ImplicitVRLittleEndian, id="implicit"),
        pytest.param(uid.ExplicitVRBigEndian, id="big endian"),
        pytest.param(uid.DeflatedExplicitVRLittleEndian, id="deflated"),
        pytest.param(uid.RLELossless, id="RLE"),
        pytest.param(uid.JPEGLSLossless, id="JPEG-LS"),
        pytest.param(uid.JPEG2000Lossless, id="JPEG 2000"),
        pytest.param(uid.JPEGLosslessSV1, id="JPEG lossless"),
    ],
)
def test_every_transfer_syntax_gives_the_same_array(
    syntax: str, real_slices: list[Dataset], tmp_path: Path, read: Read
) -> None:
    plain = read(rewritten(real_slices, tmp_path / "plain", uid.ExplicitVRLittleEndian), size=(12, 64, 64))

    other = read(rewritten(real_slices, tmp_path / "other", syntax), size=(12, 64, 64))

    assert other.array.tobytes() == plain.array.tobytes()
    assert other.geometry["affine"] == plain.geometry["affine"]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("MR_small.dcm", "MR_small_bigendian.dcm"),
        ("MR_small.dcm", "MR_small_implicit.dcm"),
        ("MR_small.dcm", "MR_small_RLE.dcm"),
    ],
)
def test_pydicoms_own_pairs_hold_the_same_values(a: str, b: str, pydicom_files: Path, tmp_path: Path) -> None:
    """Magnetic resonance, declared to be CT for the reader's sake."""
    arrays = []
    for name in (a, b):
        dataset = pydicom.dcmread(pydicom_files / name)
        dataset.SOPClassUID = uid.CTImageStorage
        dataset.save_as(tmp_path / name)
        arrays.append(stored_of(tmp_path / name))

    np.testing.assert_array_equal(arrays[0], arrays[1])
    assert arrays[0].dtype.isnative


def test_a_missing_decoder_is_named_with_the_package(
    real_slices: list[Dataset], tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = rewritten(real_slices, tmp_path / "packed", uid.JPEGLSLossless)
    from pydicom.pixels.decoders import JPEGLSLosslessDecoder

    monkeypatch.setattr(JPEGLSLosslessDecoder, "_available", {})

    with pytest.raises(
        BadSample, match=r"needs a decoder for JPEG-LS Lossless .* pip install 'pylibjpeg\[all\]' pyjpegls"
    ):
        read(folder)


@pytest.mark.filterwarnings("ignore:The string")  # highdicom on the patient's name
def test_enhanced_multi_frame_equals_its_single_frames(real_slices: list[Dataset], tmp_path: Path, read: Read) -> None:
    highdicom = pytest.importorskip("highdicom")
    plain = read(rewritten(real_slices, tmp_path / "plain", uid.ExplicitVRLittleEndian), size=(12, 64, 64))
    slices = [pydicom.dcmread(path) for path in (tmp_path / "plain").iterdir()]
    for dataset in slices:
        for name in ("StudyDate", "StudyTime", "AccessionNumber", "StudyID", "PatientSex", "Manufacturer"):
            setattr(dataset, name, getattr(dataset, name, ""))
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    enhanced = highdicom.legacy.LegacyConvertedEnhancedCTImage(slices, uid.generate_uid(), 1, uid.generate_uid(), 1)
    (tmp_path / "enhanced").mkdir()
    enhanced.save_as(tmp_path / "enhanced" / "all.dcm")

    reading = read(tmp_path / "enhanced", size=(12, 64, 64))

    assert reading.array.tobytes() == plain.array.tobytes()
    assert reading.geometry["n_slices"] == 12


def test_frames_without_places_are_refused(slice_at: Slice, save: Save, read: Read) -> None:
    pixels = np.zeros((5, 8, 8), np.int16)
    dataset = slice_at((0, 0, 0), pixels[0], NumberOfFrames=5)
    dataset.PixelData = pixels.tobytes()

    with pytest.raises(BadSample, match="has 5 frames and does not say where they lie"):
        read(save([dataset]))


@pytest.mark.parametrize("count", ["0", "-5", "1.5", "inf"])
def test_a_number_of_frames_that_is_none_is_damage(count: str, slice_at: Slice, save: Save, read: Read) -> None:
    slices = [slice_at((0, 0, z)) for z in PLACES]
    slices[2].add_new("NumberOfFrames", "LO", count)  # IS refuses to write these; files hold them all the same

    with pytest.raises(BadSample, match=rf"0002\.dcm has a damaged Number of Frames: {count}"):
        read(save(slices))


def test_frames_that_are_not_as_many_as_their_places_are_refused(slice_at: Slice, save: Save, read: Read) -> None:
    pixels = np.zeros((5, 8, 8), np.int16)
    dataset = slice_at((0, 0, 0), pixels[0], NumberOfFrames=5, PerFrameFunctionalGroupsSequence=[Dataset()] * 3)
    dataset.PixelData = pixels.tobytes()

    with pytest.raises(BadSample, match="has 5 frames and says of 3 where they lie"):
        read(save([dataset]))
