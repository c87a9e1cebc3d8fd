"""The picture reader: from the raw files to arrays."""

from __future__ import annotations

import io
import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from catscan.common.errors import BadSample, CatscanError
from catscan.kinds.pictures.reader import PictureReader
from catscan.kinds.pictures.settings import PictureSettings
from catscan.kinds.registry import kind_named
from catscan.kinds.samples import Sample
from catscan.raw.files import RawFiles


def psnr(found: np.ndarray, expected: np.ndarray) -> float:
    """Decibels; infinite when they are equal."""
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255**2 / np.mean((found.astype(float) - expected) ** 2))


@pytest.mark.parametrize("name", ["cat 1.jpg", "кошка.JPG", "a#b%20.jpeg", "deep/er/cat.jpg"])
def test_a_picture_is_read_by_any_name(tmp_path, encoded, reader_of, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(encoded("JPEG"))

    reading = reader_of().read(Sample("1", "", name))

    assert reading.array.shape == (12, 16, 3)
    assert reading.array.dtype == np.uint8
    assert reading.array.flags.c_contiguous
    assert reading.odd == ()


def test_a_picture_comes_straight_from_the_zip(tmp_path, encoded, reader_of):
    data = encoded("JPEG")
    with zipfile.ZipFile(tmp_path / "train.zip", "w") as archive:
        archive.writestr("train/cat.1.jpg", data)

    reading = reader_of().read(Sample("cat.1", "train.zip", "train/cat.1.jpg"))

    np.testing.assert_array_equal(reading.array, reader_of().read_bytes(data).array)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_wrong_extension_is_a_remark(encoded, reader_of, kind):
    reading = reader_of().read_bytes(encoded(kind), name="train/cat.7.jpg")

    assert reading.odd == (f"is a {'WebP' if kind == 'WEBP' else kind} named .jpg",)


def test_cmyk_and_orientation_are_remarks(encoded, reader_of):
    exif = Image.Exif()
    exif[0x0112] = 6

    reading = reader_of().read_bytes(encoded("JPEG", mode="CMYK", exif=exif))

    assert reading.odd == ("is turned upright by its EXIF orientation 6", "is a CMYK picture")


def test_transparency_is_a_remark(reader_of):
    data = cv2.imencode(".png", np.zeros((2, 2, 4), np.uint16))[1].tobytes()

    assert reader_of().read_bytes(data).odd == ("is transparent in places or could be: put on white",)


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 3)], ids=["gray", "colour"])
def test_a_png_of_16_bits_is_no_oddity(reader_of, shape):
    data = cv2.imencode(".png", np.zeros(shape, np.uint16))[1].tobytes()

    assert reader_of().read_bytes(data, name="scan.png").odd == ()


def test_a_gray_picture_has_three_equal_channels_when_colour_is_asked_for(encoded, reader_of):
    data = encoded("JPEG", mode="L")

    found = reader_of(channels="rgb").read_bytes(data).array

    assert found.shape == (12, 16, 3)
    np.testing.assert_array_equal(found, np.repeat(reader_of(channels="gray").read_bytes(data).array, 3, axis=2))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param("absent.jpg", "cannot be read: No such file or directory", id="missing"),
        pytest.param("folder.jpg", "cannot be read: Is a directory", id="directory"),
        pytest.param("dangling.jpg", "cannot be read: No such file or directory", id="dangling-link"),
        pytest.param("loop.jpg", "cannot be read: Too many levels of symbolic links", id="link-to-itself"),
    ],
)
def test_what_is_no_file_is_a_bad_sample(tmp_path, reader_of, path, reason):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "dangling.jpg").symlink_to("nowhere")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")

    with pytest.raises(BadSample, match=reason):
        reader_of().read(Sample("1", "", path))


def test_fast_is_near_the_exact_average(shared_data, reader_of):
    with zipfile.ZipFile(shared_data / "dogs-vs-cats" / "originals.zip") as archive:
        files = [archive.read(name) for name in archive.namelist()[:100]]
    area, fast = (reader_of(size=(64, 64), resize=resize) for resize in ("area", "fast"))

    ratios = [psnr(fast.read_bytes(data).array, area.read_bytes(data).array.astype(float)) for data in files]

    assert np.median(ratios) >= 42  # dB


def test_area_is_opencvs_full_decode_and_average_within_one_level(shared_data, reader_of):
    with zipfile.ZipFile(shared_data / "dogs-vs-cats" / "originals.zip") as archive:
        files = [archive.read(name) for name in archive.namelist()[:60]]
    reader = reader_of(size=(64, 64))
    expected = [
        cv2.resize(cv2.imdecode(np.frombuffer(data, np.uint8), 1), (64, 64), interpolation=cv2.INTER_AREA)[..., ::-1]
        for data in files
    ]

    differences = np.stack([reader.read_bytes(data).array for data in files]).astype(int) - np.stack(expected)

    assert np.abs(differences).max() <= 1


def test_the_tutorials_arrays_come_out_bit_for_bit(shared_data, reader_of, tmp_path):
    """cv2.imread(path, IMREAD_GRAYSCALE), then cv2.resize to 50 x 50: the tutorial's own two lines."""
    with zipfile.ZipFile(shared_data / "dogs-vs-cats" / "originals.zip") as archive:
        names = archive.namelist()[:60]
        archive.extractall(tmp_path, names)
    reader = reader_of(size=(50, 50), channels="gray", resize="tutorial")

    found = np.stack([reader.read(Sample(name, "", name)).array[..., 0] for name in names])

    expected = [cv2.resize(cv2.imread(str(tmp_path / name), cv2.IMREAD_GRAYSCALE), (50, 50)) for name in names]
    np.testing.assert_array_equal(found, np.stack(expected))


class TestSettings:
    def test_an_unknown_value_is_refused_with_the_nearest(self):
        settings = {"size": [64, 64], "channels": "rbg", "fit": "stretch", "resize": "area"}

        with pytest.raises(CatscanError) as error:
            kind_named("picture").open_reader(settings, RawFiles("."))

        assert str(error.value).splitlines() == [
            "Unknown `channels`.",
            "  where  preprocess.picture.channels",
            "  found  'rbg'",
            '  do     Did you mean "rgb"?',
        ]

    @pytest.mark.parametrize("size", [(64,), (0, 64), (64, 64, 3)])
    def test_a_size_that_is_none_is_refused(self, size):
        wrong = "a list of 2 values" if len(size) != 2 else "a whole number from 1 to 4,096"

        with pytest.raises(CatscanError, match=f"`size` must be {wrong}"):
            kind_named("picture").settings_of({"size": size})

    def test_the_bound_on_picture_files_is_none_on_tables(self):
        with pytest.raises(CatscanError) as error:
            kind_named("csv_pixels").settings_of({"most_megapixels": 10})

        assert str(error.value).splitlines() == [
            "`most_megapixels` is for picture files.",
            "  where  preprocess.picture.most_megapixels",
            "  found  data.kind: csv_pixels",
            "  do     Leave it out, or set `data.kind: picture`.",
        ]

    def test_an_unknown_kind_is_refused_with_the_known_ones(self):
        with pytest.raises(CatscanError) as error:
            kind_named("pictures")

        assert "data.kind" in str(error.value)
        assert 'Did you mean "picture"?' in str(error.value)

    @pytest.mark.parametrize(("kind", "shape"), [("picture", (5, 7, 3)), ("csv_pixels", (5, 7, 3))])
    def test_a_reader_of_each_kind_tells_its_shape(self, kind, shape):
        settings = {"size": [5, 7], "channels": "rgb", "fit": "pad", "resize": "fast"}

        assert kind_named(kind).open_reader(settings, RawFiles(".")).shape == shape


def test_a_picture_reader_closes_nothing_that_is_not_its_own(tmp_path, encoded):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("1.jpg", encoded("JPEG"))
    (tmp_path / "a.zip").write_bytes(file.getvalue())
    raw = RawFiles(tmp_path)

    PictureReader(raw, PictureSettings((4, 4), "rgb", "stretch", "area")).close()

    assert raw.read("a.zip", "1.jpg")[:2] == b"\xff\xd8"
