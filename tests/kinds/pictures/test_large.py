"""Large pictures: in strips or at a fraction, one at a time where neither helps, refused beyond the config's bound."""

from __future__ import annotations

import io
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from catscan.common.errors import BadSample
from catscan.kinds.pictures import decode as decoding
from catscan.kinds.pictures import reader, strips
from catscan.kinds.pictures.decode import decode
from catscan.kinds.pictures.formats import sniff
from catscan.kinds.pictures.picture_header import Header
from catscan.kinds.pictures.resize import area

NOISE = np.random.default_rng(1)
WIDTH, HEIGHT = 97, 41


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(bits: int, colour: int, transparent: bytes = b"", *, damage: int = 0, interlaced: int = 0) -> bytes:
    """A PNG of noise, whose rows are filtered in all five ways and which is cut into many chunks."""
    row_bytes = (WIDTH * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] * bits + 7) // 8
    rows = NOISE.integers(0, 256, (HEIGHT, 1 + row_bytes), np.uint8)
    rows[:, 0] = np.arange(HEIGHT) % 5
    packed = zlib.compress(rows.tobytes())
    packed = packed[:-damage] if damage else packed
    parts = [packed[start : start + 999] for start in range(0, len(packed), 999)]
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, colour, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + (chunk(b"PLTE", NOISE.bytes(3 << bits)) if colour == 3 else b"")
        + (chunk(b"tRNS", transparent) if transparent else b"")
        + b"".join(chunk(b"IDAT", part) for part in parts)
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def in_small_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every PNG is read in strips, of five rows."""
    monkeypatch.setattr(decoding, "AT_ONCE", 0)
    monkeypatch.setattr(strips, "PIXELS_AT_ONCE", 5 * WIDTH)


@pytest.mark.usefixtures("in_small_strips")
class TestStripsOfAPng:
    @pytest.mark.parametrize(
        ("bits", "colour", "transparent"),
        [
            *((bits, 0, b"") for bits in (1, 2, 4, 8, 16)),
            (8, 0, b"\0\1"),
            *((bits, 2, b"") for bits in (8, 16)),
            (8, 2, b"\0\1\0\2\0\3"),
            *((bits, 3, b"") for bits in (1, 2, 4, 8)),
            (8, 3, bytes([0, 100, 255])),
            *((bits, colour, b"") for colour in (4, 6) for bits in (8, 16)),
        ],
    )
    def test_are_to_the_bit_what_opencv_makes_of_the_whole(self, monkeypatch, bits, colour, transparent):
        data = png(bits, colour, transparent)
        found = decode(data, sniff(data), 3)
        monkeypatch.setattr(decoding, "AT_ONCE", 1 << 30)

        np.testing.assert_array_equal(found, decode(data, sniff(data), 3))

    def test_that_end_too_early_are_damage(self):
        data = png(8, 2, damage=2000)

        with pytest.raises(BadSample, match="is a damaged PNG: it ends before its last row"):
            decode(data, sniff(data), 3)

    def test_of_rotten_bytes_are_damage(self):
        data = png(8, 2).replace(b"IDAT\x78", b"IDAT\x77", 1)
        header = Header("PNG", HEIGHT, WIDTH, 3, takes=3)

        with pytest.raises(BadSample, match="is a damaged PNG: Error -3"):
            decode(data, header, 3)


def as_file(kind: str, picture: np.ndarray, mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.usefixtures("in_small_strips")
class TestAtAFraction:
    @pytest.mark.parametrize("factor", [2, 4, 8])
    @pytest.mark.parametrize(
        ("kind", "options"),
        [
            ("PNG", {}),
            ("TIFF", {}),
            ("TIFF", {"compression": "tiff_lzw"}),
            ("TIFF", {"mode": "RGBA"}),
            ("TIFF", {"mode": "L"}),
            ("BMP", {}),
            ("GIF", {"mode": "P"}),
        ],
    )
    def test_a_picture_is_its_area_average(self, photo, kind, options, factor):
        data = as_file(kind, photo, **options)

        found = decode(data, sniff(data), 3, factor=factor)

        whole = decode(data, sniff(data), 3)
        np.testing.assert_array_equal(found, area(whole, (120 // factor, 160 // factor)))

    @pytest.mark.parametrize("mode", ["RGB", "CMYK"])
    def test_a_jpeg_looks_like_its_area_average(self, photo, mode):
        data = as_file("JPEG", photo, mode, quality=100)

        found = decode(data, sniff(data), 3, factor=4)

        expected = area(decode(data, sniff(data), 3), (30, 40))
        assert np.abs(found.astype(int) - expected).mean() < 1  # grey levels

    def test_sides_that_are_no_multiple_are_rounded_up(self, photo):
        data = as_file("PNG", photo[:119, :158])

        found = decode(data, sniff(data), 3, factor=4)

        expected = area(decode(data, sniff(data), 3), (30, 40))
        assert np.abs(found.astype(int) - expected).mean() < 1  # grey level: a cut is rounded to a whole row

    def test_a_turned_picture_is_turned(self, photo):
        exif = Image.Exif()
        exif[0x0112] = 6
        turned, straight = as_file("PNG", photo, exif=exif), as_file("PNG", photo)

        found = decode(turned, sniff(turned), 3, factor=4)

        expected = decode(straight, sniff(straight), 3, factor=4)
        np.testing.assert_array_equal(found, np.rot90(expected, -1))


class TestTheFraction:
    @pytest.mark.parametrize(
        ("side", "takes", "keeps", "factor"),
        [
            (6_000, 3, 0, 1),
            (6_200, 3, 0, 2),
            (20_000, 3, 0, 4),
            (31_600, 3, 0, 8),
            (4_900, 8, 4, 4),
            (20_000, 8, 4, 8),
            (16_000, 7, 7, 1),
        ],
        ids=["36-Mpx", "38-Mpx", "400-Mpx", "999-Mpx", "24-Mpx-by-Pillow", "400-Mpx-by-Pillow", "WebP"],
    )
    def test_is_the_largest_that_takes_little_memory(self, side, takes, keeps, factor):
        assert Header("", side, side, 3, takes, keeps).small_enough((128, 128)) == factor

    def test_leaves_twice_the_size_that_is_wanted(self):
        assert Header("JPEG", 20_000, 20_000, 3, takes=3).small_enough((8_192, 8_192)) == 2


class TestTheBoundOfTheConfig:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
    def test_is_named_by_the_refusal(self, reader_of, kind):
        data = as_file(kind, np.zeros((1000, 1001, 3), np.uint8))

        with pytest.raises(BadSample) as refused:
            reader_of(most_megapixels=1).read_bytes(data)

        assert refused.value.reason == (
            "is too large: 1001 x 1000 pixels, more than 1 million (`preprocess.picture.most_megapixels`)"
        )

    def test_is_kept_to_the_pixel(self, reader_of):
        data = as_file("PNG", np.zeros((1000, 1000, 3), np.uint8))

        assert reader_of(most_megapixels=1).read_bytes(data).array.shape == (12, 16, 3)


@pytest.mark.parametrize("bound", ["of decoding", "of the file"])
def test_pictures_that_take_much_memory_are_decoded_one_at_a_time(monkeypatch, reader_of, tmp_path, bound):
    inside, most = [0], [0]
    guard = threading.Lock()

    def slowly(*_: object, **__: object) -> np.ndarray:
        with guard:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.02)
        with guard:
            inside[0] -= 1
        return np.zeros((60, 70, 3), np.uint8)

    data = as_file("WEBP", np.zeros((60, 70, 3), np.uint8))
    (tmp_path / "1.webp").write_bytes(data + bytes(60 * 70 * 7 if bound == "of the file" else 0))
    monkeypatch.setattr(reader, "decode", slowly)
    monkeypatch.setattr(reader, "AT_ONCE", 60 * 70 * 7 - (bound == "of decoding"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(reader_of().read, [reader.Sample("1", "", "1.webp")] * 6))

    assert most[0] == 1
