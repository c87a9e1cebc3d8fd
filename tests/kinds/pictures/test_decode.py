"""Every kind of picture file, good and bad: what comes out, or the reason why nothing does."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from catscan.common.errors import BadSample
from catscan.kinds.pictures.decode import decode
from catscan.kinds.pictures.formats import sniff
from catscan.kinds.pictures.resize import area


def decoded(data: bytes, channels: int = 3) -> np.ndarray:
    return decode(data, sniff(data), channels)


def assert_looks_like(pixels: np.ndarray, photo: np.ndarray, levels: float) -> None:
    """Mean absolute difference below ``levels`` grey levels."""
    assert pixels.shape == photo.shape
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - photo).mean() < levels


def ycck(photo: np.ndarray) -> bytes:
    """A JPEG in YCCK: planes of the inverted picture under an Adobe marker with transform 2 (Adobe TN 5116)."""
    inverted = ImageOps.invert(Image.fromarray(photo)).convert("YCbCr")
    planes = [ImageOps.invert(plane) for plane in inverted.split()]
    file = io.BytesIO()
    Image.merge("CMYK", [*planes, Image.new("L", inverted.size)]).save(file, "JPEG", quality=95)
    data = bytearray(file.getvalue())
    data[data.index(b"Adobe") + 11] = 2
    return bytes(data)


class TestGoodFiles:
    @pytest.mark.parametrize(
        ("options", "levels"),
        [
            pytest.param({}, 1.5, id="baseline"),
            pytest.param({"progressive": True}, 1.5, id="progressive"),
            pytest.param({"subsampling": "4:4:4"}, 1.5, id="4:4:4"),
            pytest.param({"subsampling": "4:1:1"}, 3, id="4:1:1"),
            pytest.param({"restart_marker_blocks": 4}, 1.5, id="restart-markers"),
            pytest.param({"keep_rgb": True}, 1.5, id="adobe-rgb-without-transform"),
        ],
    )
    def test_jpeg_of_any_layout_is_decoded(self, encoded, photo, options, levels):
        assert_looks_like(decoded(encoded("JPEG", quality=95, **options)), photo, levels)

    def test_cmyk_jpeg_is_read_as_colour(self, encoded, photo):
        assert_looks_like(decoded(encoded("JPEG", mode="CMYK", quality=95)), photo, 1.5)

    def test_ycck_jpeg_is_read_as_colour(self, photo):
        assert_looks_like(decoded(ycck(photo)), photo, 3)

    def test_gray_jpeg_stays_gray_until_it_is_small(self, encoded):
        assert decoded(encoded("JPEG", mode="L")).shape == (120, 160, 1)

    def test_gray_of_a_colour_jpeg_is_what_opencv_gives(self, encoded):
        data = encoded("JPEG")

        np.testing.assert_array_equal(
            decoded(data, 1)[..., 0], cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        )

    def test_garbage_after_the_end_of_a_jpeg_changes_nothing(self, encoded):
        data = encoded("JPEG")

        np.testing.assert_array_equal(decoded(data + b"garbage" * 9), decoded(data))

    @pytest.mark.parametrize(
        ("kind", "options", "levels"),
        [
            pytest.param("PNG", {}, 1e-9, id="png"),
            pytest.param("BMP", {}, 1e-9, id="bmp"),
            pytest.param("TIFF", {}, 1e-9, id="tiff"),
            pytest.param("TIFF", {"compression": "tiff_lzw"}, 1e-9, id="tiff-lzw"),
            pytest.param("WEBP", {"lossless": True}, 1e-9, id="webp-lossless"),
            pytest.param("WEBP", {"quality": 95}, 3, id="webp"),
            pytest.param("GIF", {}, 12, id="gif"),
        ],
    )
    def test_other_formats_are_decoded(self, encoded, photo, kind, options, levels):
        assert_looks_like(decoded(encoded(kind, **options)), photo, levels)

    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
    def test_of_several_frames_the_first_is_read(self, encoded, kind):
        lossless = {"lossless": True} if kind == "WEBP" else {}
        mode = "P" if kind == "GIF" else "RGB"
        still = encoded(kind, mode=mode, **lossless)
        animated = encoded(kind, mode=mode, save_all=True, append_images=[Image.new(mode, (160, 120))], **lossless)

        with Image.open(io.BytesIO(animated)) as file:
            assert file.n_frames == 2
        np.testing.assert_array_equal(decoded(animated), decoded(still))

    def test_a_png_of_one_bit_is_black_and_white(self):
        dots = np.zeros((4, 4), bool)
        dots[1, 2] = True
        file = io.BytesIO()
        Image.fromarray(dots).save(file, "PNG")

        np.testing.assert_array_equal(decoded(file.getvalue())[..., 0], dots * np.uint8(255))

    def test_a_palette_png_gives_the_colours_of_its_palette(self):
        picture = Image.new("P", (3, 2), 1)
        picture.putpalette([0, 0, 0, 200, 100, 50])
        file = io.BytesIO()
        picture.save(file, "PNG")

        np.testing.assert_array_equal(decoded(file.getvalue()), np.full((2, 3, 3), [200, 100, 50], np.uint8))

    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
    def test_transparency_is_put_on_white(self, encoded, kind):
        pixels = np.zeros((2, 2, 4), np.uint8)
        pixels[0, 0] = 200, 100, 50, 255
        pixels[0, 1] = 200, 100, 50, 0
        pixels[1] = 0, 0, 0, 51  # a fifth of black on white: 204

        found = decoded(encoded(kind, mode="RGBA", picture=pixels, lossless=True, exact=True))

        np.testing.assert_array_equal(found[0], [[200, 100, 50], [255, 255, 255]])
        np.testing.assert_array_equal(found[1], np.full((2, 3), 204))

    def test_the_transparent_entry_of_a_palette_is_white(self):
        picture = Image.new("P", (1, 1), 0)
        picture.putpalette([9, 9, 9])
        file = io.BytesIO()
        picture.save(file, "PNG", transparency=0)

        np.testing.assert_array_equal(decoded(file.getvalue()), [[[255, 255, 255]]])

    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_16_bits_of_gray_are_divided_by_257(self, encoded, kind):
        stored = np.array([[0, 257, 385, 386, 25700, 65535]], np.uint16)

        np.testing.assert_array_equal(
            decoded(encoded(kind, mode="I;16", picture=stored))[..., 0], [[0, 1, 1, 2, 100, 255]]
        )

    def test_16_bits_of_colour_are_divided_by_257(self):
        stored = np.full((2, 2, 3), (257 * 3, 257 * 2, 257), np.uint16)  # OpenCV writes blue first

        found = decoded(cv2.imencode(".png", stored)[1].tobytes())

        np.testing.assert_array_equal(found, np.full((2, 2, 3), [1, 2, 3]))


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
    def test_exif_orientation_is_undone(self, encoded, kind, orientation):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encoded(kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
        with Image.open(io.BytesIO(data)) as file:
            upright = np.asarray(ImageOps.exif_transpose(file))

        assert_looks_like(decoded(data), upright, 0.1)

    def test_a_nonsense_exif_block_is_passed_over(self, encoded):
        data = encoded("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\0" * 9)

        assert sniff(data).orientation == 1


class TestBadFiles:
    @pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
    @pytest.mark.parametrize(
        "cut", [pytest.param(lambda n: n // 2, id="half"), pytest.param(lambda n: n - 2, id="last-two-bytes")]
    )
    def test_a_cut_jpeg_is_not_returned_half_grey(self, encoded, cut, progressive):
        data = encoded("JPEG", progressive=progressive)

        with pytest.raises(BadSample, match="is a damaged JPEG: Premature end of JPEG file"):
            decoded(data[: cut(len(data))])

    def test_forty_rotten_bytes_in_a_jpeg_are_found(self, encoded):
        data = bytearray(encoded("JPEG"))
        middle = len(data) * 2 // 3
        data[middle : middle + 40] = bytes(40)

        with pytest.raises(BadSample, match="is a damaged JPEG: Corrupt JPEG data"):
            decoded(bytes(data))

    @pytest.mark.parametrize("length", [3, 20, 150])
    def test_a_jpeg_cut_in_its_header_is_told(self, encoded, length):
        with pytest.raises(BadSample, match="is cut off in the header of a JPEG"):
            decoded(encoded("JPEG")[:length])

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            pytest.param(b"", r"is empty \(0 bytes\)", id="zero-bytes"),
            pytest.param(b"camera shy\n", "is text, not a picture, beginning b'camera shy", id="text"),
            pytest.param(b"<!DOCTYPE html><html>", "is text, not a picture", id="html"),
            pytest.param("<html>\u00e4".encode(), "is text, not a picture", id="html-not-ascii"),
            pytest.param(b"version https://git-lfs.github.com/spec/v1", "is text, not a picture", id="git-lfs-pointer"),
            pytest.param(b"PK\3\4\xff\xff", "not a picture of a known format, beginning 50 4b 03 04 ff ff", id="zip"),
            pytest.param(b"\0" * 5000, "is not a picture", id="zeros"),
        ],
    )
    def test_what_is_no_picture_is_told_with_its_first_bytes(self, data, reason):
        with pytest.raises(BadSample, match=reason):
            decoded(data)

    @pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF", "WEBP"])
    def test_other_formats_cut_in_half_are_found(self, encoded, kind):
        data = encoded(kind)

        with pytest.raises(BadSample, match=r"is cut off|is damaged"):
            decoded(data[: len(data) // 2])

    @pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
    def test_one_wrong_bit_in_a_png_is_found(self, encoded, part):
        data = bytearray(encoded("PNG"))
        data[int(len(data) * part)] ^= 1

        with pytest.raises(BadSample, match=r"is damaged|is cut off|fails its checksum"):
            decoded(bytes(data))

    def test_rot_in_a_gif_is_found(self, encoded):
        data = bytearray(encoded("GIF"))
        middle = len(data) * 2 // 3
        data[middle : middle + 40] = bytes(40)

        with pytest.raises(BadSample, match="is damaged"):
            decoded(bytes(data))


class TestSizeIsCheckedBeforeDecoding:
    @staticmethod
    def png(width: int, height: int, bits: int, colour: int) -> bytes:
        def chunk(name: bytes, body: bytes) -> bytes:
            return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

        header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
        body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + body

    @staticmethod
    def jpeg_that_claims(data: bytes, width: int, height: int) -> bytes:
        at = data.index(b"\xff\xc0")
        return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]

    @pytest.mark.parametrize(
        ("width", "height", "colour"), [(40_000, 40_000, 0), (20_001, 20_000, 2)], ids=["1600-Mpx", "400-Mpx"]
    )
    def test_a_png_bomb_is_refused(self, width, height, colour):
        with pytest.raises(BadSample, match=rf"is too large: {width} x {height} pixels, more than 400 million"):
            sniff(self.png(width, height, 8, colour))

    def test_a_jpeg_that_claims_65500_pixels_a_side_is_refused(self, encoded):
        with pytest.raises(BadSample, match="is too large: 65500 x 65500 pixels, more than 400 million"):
            sniff(self.jpeg_that_claims(encoded("JPEG"), 65_500, 65_500))

    def test_a_jpeg_too_short_for_what_it_claims_is_refused(self, encoded):
        data = self.jpeg_that_claims(encoded("JPEG", quality=10)[:700] + b"\xff\xd9", 6000, 6000)

        with pytest.raises(BadSample, match=r"is cut off: 702 bytes cannot hold the 6000 x 6000 pixels"):
            sniff(data)

    def test_a_png_too_short_for_what_it_claims_is_refused(self):
        with pytest.raises(BadSample, match="packed bytes cannot hold the 5000 x 5000 pixels"):
            sniff(self.png(5000, 5000, 8, 0))

    @pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0)])
    def test_a_picture_without_pixels_is_refused(self, width, height):
        with pytest.raises(BadSample, match="has no pixels"):
            sniff(self.png(width, height, 8, 0))

    def test_a_gif_bomb_is_refused(self):
        with pytest.raises(BadSample, match="is too large: 65535 x 65535"):
            sniff(b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\0" * 20)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 1)])
def test_extreme_shapes_are_resized(encoded, shape):
    data = encoded("PNG", picture=np.full((*shape, 3), 77, np.uint8))

    np.testing.assert_array_equal(area(decoded(data), (64, 64)), np.full((64, 64, 3), 77))
