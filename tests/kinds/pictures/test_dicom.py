"""Single-image DICOM files as pictures: what comes out, or the reason why nothing does."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_voi_lut
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from catscan.common.errors import BadSample
from catscan.kinds.pictures.decode import decode
from catscan.kinds.pictures.dicom import NO_WINDOW
from catscan.kinds.pictures.formats import sniff

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
RAMP = np.arange(4096).reshape(64, 64)  # all of 12 bits


def dicom(
    values: Any, *, kind: str = "MONOCHROME2", bits: int = 12, syntax: str = ExplicitVRLittleEndian, **elements: Any
) -> bytes:
    """A DICOM file of ``values``, (rows, columns) or (rows, columns, 3)."""
    values = np.asarray(values)
    allocated = 8 if bits <= 8 else 16
    signed = values.dtype.kind == "i" and values.min() < 0
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.826.0.1"
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = values.shape[2] if values.ndim == 3 else 1
    if values.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = kind
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, bits, bits - 1
    dataset.PixelRepresentation = int(signed)
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.PixelData = values.astype(f"<{'i' if signed else 'u'}{allocated // 8}").tobytes()
    dataset["PixelData"].VR = "OW"
    if syntax in (JPEG2000Lossless, JPEGLSLossless, RLELossless):
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = values.astype(f">u{allocated // 8}").tobytes()
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def read(data: bytes, channels: int = 1) -> np.ndarray:
    pixels = decode(data, sniff(data), channels)
    return pixels[..., 0] if channels == 1 else pixels


def reason(data: bytes) -> str:
    with pytest.raises(BadSample) as bad:
        read(data)
    return bad.value.reason


def levels(shown: Any) -> np.ndarray:
    """Brightness 0 to 1 as grey levels."""
    return np.rint(np.clip(np.asarray(shown, float), 0, 1) * 255).astype(np.uint8)


class TestWindow:
    @pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
    @pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
    @pytest.mark.parametrize("bits", [12, 16])
    def test_is_that_of_pydicom(self, function: str, signed: bool, bits: int) -> None:
        values = np.arange(0, 1 << bits, 1 << (bits - 8)).reshape(16, 16) - (1 << (bits - 1) if signed else 0)
        centre = 100 if signed else 1 << (bits - 1)
        data = dicom(values, bits=bits, WindowCenter=centre, WindowWidth=1 << (bits - 2), VOILUTFunction=function)

        expected = apply_voi_lut(values, pydicom.dcmread(io.BytesIO(data)))
        low = -(1 << (bits - 1)) if signed else 0
        np.testing.assert_array_equal(read(data), levels((expected - low) / ((1 << bits) - 1)))

    def test_comes_after_the_modality_lut(self) -> None:
        data = dicom(RAMP, RescaleSlope=2, RescaleIntercept=-100, WindowCenter=1000.5, WindowWidth=501)

        np.testing.assert_array_equal(read(data), levels((RAMP * 2 - 100 - 1000) / 500 + 0.5))

    def test_of_a_negative_slope_turns_the_picture_around(self) -> None:
        data = dicom(RAMP, RescaleSlope=-1, RescaleIntercept=4095, WindowCenter=2048, WindowWidth=4096)

        assert read(data)[0, 0] == 255
        assert read(data)[-1, -1] < 2

    def test_is_the_first_of_several(self) -> None:
        several = dicom(RAMP, WindowCenter=[2000, 1000], WindowWidth=[500, 4000])

        np.testing.assert_array_equal(read(several), read(dicom(RAMP, WindowCenter=2000, WindowWidth=500)))

    def test_of_width_1_is_a_threshold(self) -> None:
        values = read(dicom(RAMP, WindowCenter=2000, WindowWidth=1))

        np.testing.assert_array_equal(values, np.where(RAMP > 1999.5, 255, 0))

    @pytest.mark.parametrize(
        "elements",
        [
            pytest.param({"WindowCenter": 1, "WindowWidth": 0}, id="no-width"),
            pytest.param({"WindowCenter": 1, "WindowWidth": 9, "VOILUTFunction": "CUBIC"}, id="unknown-function"),
        ],
    )
    def test_that_makes_no_sense_is_a_bad_sample(self, elements: dict[str, Any]) -> None:
        assert "window or table makes no sense" in reason(dicom(RAMP, **elements))


def table(entries: list[int], first: int, bits: int, vr: str = "OW") -> list[Dataset]:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    item.add_new("LUTData", vr, entries if vr == "US" else np.array(entries, "<u2").tobytes())
    return [item]


class TestVoiLut:
    @pytest.mark.parametrize("vr", ["OW", "US"])
    def test_goes_before_the_window(self, vr: str) -> None:
        lut = [(4095 - n) // 2 for n in range(4096)]
        data = dicom(RAMP, VOILUTSequence=table(lut, 0, 12, vr), WindowCenter=10, WindowWidth=20)

        np.testing.assert_array_equal(read(data), levels(np.array(lut)[RAMP] / 4095))

    def test_keeps_its_ends_outside_of_its_entries(self) -> None:
        data = dicom(RAMP, VOILUTSequence=table([100, 200, 300], 1000, 10))

        assert read(data)[0, 0] == round(100 / 1023 * 255)
        assert read(data)[-1, -1] == round(300 / 1023 * 255)

    def test_of_8_bits_may_have_more_than_256_entries(self) -> None:
        data = dicom(RAMP, VOILUTSequence=table([n // 16 for n in range(4096)], 0, 8))

        np.testing.assert_array_equal(read(data), RAMP // 16)


class TestWithoutWindow:
    def test_own_lowest_to_highest_values_are_shown_and_told(self) -> None:
        values = RAMP // 2 + 100
        data = dicom(values, bits=16)

        np.testing.assert_array_equal(read(data), levels((values - 100) / (values.max() - 100)))
        assert sniff(data).notes == (NO_WINDOW,)

    def test_padding_is_no_value_and_black(self) -> None:
        values = RAMP.copy()
        values[0, :4] = 4095
        values[1] = np.arange(100, 164)
        values[2:] = 100

        shown = read(dicom(values, PixelPaddingValue=4095, PixelPaddingRangeLimit=4000))

        assert shown[0, :4].tolist() == [0] * 4
        assert shown.max() == 255  # the highest that is no padding

    def test_padding_of_an_inverted_picture_is_black(self) -> None:
        values = RAMP - 2048
        values[0] = -2048

        shown = read(dicom(values, kind="MONOCHROME1", PixelPaddingValue=-2048))

        assert shown[0].tolist() == [0] * 64
        assert shown[1, 0] == 255

    def test_8_bits_are_grey_levels_already(self) -> None:
        values = np.arange(40, 104).reshape(8, 8)

        np.testing.assert_array_equal(read(dicom(values, bits=8)), values)
        assert sniff(dicom(values, bits=8)).notes == ()

    def test_a_single_value_is_black(self) -> None:
        assert read(dicom(np.full((4, 4), 7))).max() == 0


def test_monochrome1_is_inverted() -> None:
    shown = read(dicom(RAMP, kind="MONOCHROME1", WindowCenter=2048, WindowWidth=4096))

    assert shown[0, 0] == 255
    assert shown[-1, -1] < 2


def test_bits_that_are_not_stored_do_not_count() -> None:
    junk = RAMP | 0xF000  # an overlay in the upper bits

    np.testing.assert_array_equal(
        read(dicom(junk, WindowCenter=2048, WindowWidth=4096)), read(dicom(RAMP, WindowCenter=2048, WindowWidth=4096))
    )


@pytest.mark.parametrize(
    "syntax",
    [
        pytest.param(ImplicitVRLittleEndian, id="implicit"),
        pytest.param(ExplicitVRBigEndian, id="big-endian"),
        pytest.param(DeflatedExplicitVRLittleEndian, id="deflated"),
        pytest.param(JPEG2000Lossless, id="jpeg-2000"),
        pytest.param(JPEGLSLossless, id="jpeg-ls"),
        pytest.param(RLELossless, id="rle"),
    ],
)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_every_transfer_syntax_gives_the_same_picture(syntax: str, bits: int) -> None:
    values = RAMP >> 4 if bits == 8 else RAMP
    window = {"WindowCenter": 1 << (bits - 1), "WindowWidth": 1 << bits}

    np.testing.assert_array_equal(
        read(dicom(values, bits=bits, syntax=syntax, **window)), read(dicom(values, bits=bits, **window))
    )


class TestColour:
    PHOTO = np.random.default_rng(1).integers(0, 256, (6, 8, 3))

    def test_rgb_is_taken_as_it_is(self) -> None:
        np.testing.assert_array_equal(read(dicom(self.PHOTO, kind="RGB", bits=8), 3), self.PHOTO)

    def test_16_bits_are_brought_to_8(self) -> None:
        np.testing.assert_array_equal(read(dicom(self.PHOTO * 257, kind="RGB", bits=16), 3), self.PHOTO)

    def test_gray_of_it_is_asked_for_like_of_any_picture(self) -> None:
        assert read(dicom(self.PHOTO, kind="RGB", bits=8)).shape == (6, 8)

    @pytest.mark.parametrize(
        ("name", "levels_off"),
        [
            pytest.param("SC_rgb_dcmtk_+eb+cr.dcm", 0.3, id="jpeg-of-rgb"),
            pytest.param("SC_rgb_jpeg_gdcm.dcm", 0, id="jpeg-lossless"),
            pytest.param("SC_rgb_dcmtk_+eb+cy+s4.dcm", 1, id="jpeg-4:2:2"),
            pytest.param("SC_rgb_gdcm_KY.dcm", 0, id="jpeg-2000-lossless"),
            pytest.param("SC_rgb_jls_lossy_line.dcm", 2, id="jpeg-ls"),
            pytest.param("SC_ybr_full_422_uncompressed.dcm", 1, id="ybr-full-422"),
            pytest.param("SC_rgb_rle_16bit.dcm", 0, id="rle-of-16-bits"),
        ],
    )
    def test_files_of_the_same_stripes_look_the_same(self, name: str, levels_off: float) -> None:
        expected = read((FILES / "SC_rgb_rle.dcm").read_bytes(), 3).astype(float)

        assert np.abs(read((FILES / name).read_bytes(), 3) - expected).mean() <= levels_off

    def test_a_palette_is_looked_up(self) -> None:
        shown = read((FILES / "examples_palette.dcm").read_bytes(), 3)

        assert shown.shape == (350, 800, 3)
        assert (shown[..., 0] != shown[..., 2]).any()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(lambda: dicom(RAMP)[:-100], "is less than expected", id="cut-off"),
        pytest.param(lambda: dicom(RAMP, syntax=JPEG2000Lossless)[:-60], "", id="packed-and-cut-off"),
        pytest.param(lambda: dicom(RAMP)[:300], "", id="cut-off-in-the-header"),
        pytest.param(lambda: bytes(128) + b"DICM", "without a picture", id="nothing-but-the-mark"),
        pytest.param(lambda: dicom(RAMP, NumberOfFrames=3), "of 3 frames, a scan or a film", id="frames"),
        pytest.param((FILES / "reportsi.dcm").read_bytes, "(Basic Text SR Storage)", id="report"),
        pytest.param((FILES / "rtdose_1frame.dcm").read_bytes, "of 32 bits a value in 32", id="32-bits"),
        pytest.param(lambda: dicom(RAMP, kind="HSV"), "of a rare kind (HSV)", id="rare-kind"),
        pytest.param(lambda: dicom(RAMP, kind="RGB"), "1 samples a pixel of RGB", id="samples"),
        pytest.param(lambda: dicom(RAMP, BitsStored=14, HighBit=11), "14 bits a value in 16", id="odd-bits"),
        pytest.param(lambda: dicom(RAMP, Rows=0), "has no pixels: 64 x 0", id="no-rows"),
        pytest.param(lambda: dicom(RAMP, Rows=60_000, Columns=60_000), "is too large: 60000 x 60000", id="bomb"),
        pytest.param(
            lambda: dicom(RAMP, WindowCenter="1").replace(b"US\x02\x00\x10\x00", b"US\x02\x00"), "", id="junk"
        ),
    ],
)
def test_what_is_no_picture_is_a_bad_sample(make: Any, expected: str) -> None:
    assert expected in reason(make())


@pytest.mark.parametrize(
    ("name", "mark", "skip"),
    [
        pytest.param("MR_small_jp2klossless.dcm", b"\xff\x4f\xff\x51", 8, id="jpeg-2000"),
        pytest.param("MR_small_jpeg_ls_lossless.dcm", b"\xff\xf7", 5, id="jpeg-ls"),
        pytest.param("JPGExtended.dcm", b"\xff\xc1", 5, id="jpeg"),
    ],
)
def test_packed_pixels_of_another_size_are_refused_before_they_are_decoded(name: str, mark: bytes, skip: int) -> None:
    data = bytearray((FILES / name).read_bytes())
    at = data.rindex(mark) + skip
    data[at : at + 2] = b"\xea\x60"

    assert "has packed pixels of (" in reason(bytes(data))


def test_one_frame_is_a_picture() -> None:
    np.testing.assert_array_equal(read(dicom(RAMP, NumberOfFrames=1)), read(dicom(RAMP)))


@pytest.fixture(scope="module")
def packed() -> bytes:
    return dicom(RAMP, syntax=JPEG2000Lossless, WindowCenter=2048, WindowWidth=4096)


@pytest.mark.filterwarnings("ignore")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_damage_gives_a_picture_or_a_reason(packed: bytes, data: st.DataObject) -> None:
    plain = dicom(RAMP, WindowCenter=2048, WindowWidth=4096)
    file = bytearray(data.draw(st.sampled_from([packed, plain])))
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(132, len(file) - 1))] = data.draw(st.integers(0, 255))

    try:
        assert read(bytes(file)).dtype == np.uint8
    except BadSample as bad:
        assert bad.reason


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("train_images/10006/462822612.dcm", (NO_WINDOW,)),
        ("1.2.840.113619.7", (NO_WINDOW,)),
        ("mammogram.png", (NO_WINDOW, "is a DICOM named .png")),
    ],
)
def test_remarks_tell_what_is_odd(reader_of: Any, name: str, odd: tuple[str, ...]) -> None:
    assert reader_of().read_bytes(dicom(RAMP), name=name).odd == odd
