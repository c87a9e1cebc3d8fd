"""Decompression bombs and lying headers stay under 300 MB, each in a process of its own that does nothing else."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak from /proc")

MOST = 300  # MB, the whole process

# All that is imported and compiled is so once; then each file gets a process of its own, forked from that one.
READ = """
import json, os, sys
from catscan.stages import preprocess
from catscan.common.errors import BadSample
from catscan.kinds.kernels import area
from catscan.kinds.pictures.reader import PictureReader
from catscan.kinds.pictures.settings import PictureSettings
from catscan.raw.files import RawFiles
from catscan.kinds.samples import Sample

def memory(kind):  # MB; not ru_maxrss, which begins at the size of the process that started this one
    return next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith(kind))

def tell(folder, archive, path):
    unseen = imported - memory("VmRSS")  # what the fork has not touched of the libraries counts as well
    reader = PictureReader(RawFiles(folder), PictureSettings((64, 64), "rgb", "stretch", "area"))
    try:
        told = str(reader.read(Sample("1", archive, path)).array.shape)
    except BadSample as error:
        told = error.reason
    print(json.dumps([told, memory("VmHWM") + unseen]), flush=True)

area.machine_code(3)
imported = memory("VmRSS")
for line in sys.stdin:
    child = os.fork()
    if not child:
        tell(*json.loads(line))
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(json.dumps(["died", 0]), flush=True)
"""


def png(width: int, height: int, bits: int, colour: int, line_bytes: int = 0) -> bytes:
    """A PNG of black pixels; without ``line_bytes`` only its header is whole."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    packed = zlib.compress(bytes((1 + line_bytes) * height if line_bytes else 1), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def jpeg_that_claims(width: int, height: int, *, progressive: bool = False, padding: int = 0) -> bytes:
    """A small JPEG under a header of another size, made longer by ``padding`` so that its length betrays nothing."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "gray").save(file, "JPEG", progressive=progressive)
    data = file.getvalue()
    at = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :] + bytes(padding)


def tiff_that_claims(side: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "TIFF")
    data = file.getvalue()
    for tag in (256, 257):
        data = data.replace(struct.pack("<HHII", tag, 4, 1, 64), struct.pack("<HHII", tag, 4, 1, side))
    return data


def dicom_that_claims(side: int, *, said: int) -> bytes:
    """A DICOM whose packed pixels claim to be of ``side``, and its header ``said``."""
    data = (Path(pydicom.__file__).parent / "data" / "test_files" / "JPGExtended.dcm").read_bytes()
    at = data.rindex(b"\xff\xc1") + 5
    data = data[:at] + struct.pack(">HH", side, side) + data[at + 4 :]
    for tag in (0x10, 0x11):  # (0028,0010) Rows, (0028,0011) Columns
        place = data.index(struct.pack("<HH2sH", 0x28, tag, b"US", 2)) + 8
        data = data[:place] + struct.pack("<H", said) + data[place + 2 :]
    return data


def webp(side: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((side, side), np.uint8)).save(file, "WEBP", lossless=True, method=0)
    return file.getvalue()


def camera(kind: str, width: int, height: int, mode: str = "RGB", **options: str) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height), "gray").save(file, kind, **options)
    return file.getvalue()


CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "png-of-1600-Mpx": (lambda: png(40_000, 40_000, 1, 0), "is too large"),
    "png-that-lies": (lambda: png(14_000, 14_000, 8, 2), "is cut off"),
    "largest-png": (lambda: png(4_320, 4_320, 8, 2, 12_960), "(64, 64, 3)"),
    "largest-png-with-alpha": (lambda: png(4_000, 4_000, 8, 6, 16_000), "(64, 64, 3)"),
    "jpeg-of-65500": (lambda: jpeg_that_claims(65_500, 65_500), "is too large"),
    "jpeg-that-lies": (lambda: jpeg_that_claims(6_100, 6_100), "is cut off"),
    "padded-jpeg-that-lies": (lambda: jpeg_that_claims(6_100, 6_100, padding=1 << 20), "is a damaged JPEG"),
    "padded-progressive-jpeg-that-lies": (
        lambda: jpeg_that_claims(3_500, 3_500, progressive=True, padding=1 << 20),
        "is cut off",
    ),
    "gif-of-65535": (lambda: b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + bytes(99), "is too large"),
    "bmp-of-60000": (lambda: b"BM" + bytes(16) + struct.pack("<ii", 60_000, 60_000) + bytes(99), "is too large"),
    "dicom-of-60000": (lambda: dicom_that_claims(60_000, said=60_000), "is too large"),
    "dicom-whose-jpeg-is-of-60000": (
        lambda: dicom_that_claims(60_000, said=1024),
        "has packed pixels of (60000, 60000, 1), not (1024, 1024, 1)",
    ),
    "tiff-of-60000": (lambda: tiff_that_claims(60_000), "is too large"),
    "webp-of-25-Mpx": (lambda: webp(5_000), "(64, 64, 3)"),
    "largest-webp": (lambda: webp(4_000), "(64, 64, 3)"),
    "camera-png": (lambda: png(6_000, 4_000, 8, 2, 18_000), "(64, 64, 3)"),
    "camera-jpeg-of-48-Mpx": (lambda: camera("JPEG", 8_000, 6_000), "(64, 64, 3)"),
    "padded-jpeg-of-400-Mpx-that-lies": (
        lambda: jpeg_that_claims(20_000, 20_000, padding=4 << 20),
        "is a damaged JPEG",
    ),
    "padded-progressive-jpeg-of-400-Mpx-that-lies": (
        lambda: jpeg_that_claims(20_000, 20_000, progressive=True, padding=4 << 20),
        "is cut off",
    ),
    "gif-of-400-Mpx-that-lies": (lambda: b"GIF89a" + struct.pack("<HH", 20_000, 20_000) + bytes(99), "is cut off"),
}


ToldAndTaken = Callable[[Path, str, str], tuple[str, int]]


@pytest.fixture(scope="module")
def told_and_taken() -> Iterator[ToldAndTaken]:
    """What the reader tells of a file in a folder or in an archive, and the MB that its whole process has taken."""
    with subprocess.Popen(
        [sys.executable, "-c", READ], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout

        def told(folder: Path, archive: str, path: str) -> tuple[str, int]:
            print(json.dumps([str(folder), archive, path]), file=process.stdin, flush=True)
            result, megabytes = json.loads(process.stdout.readline())
            return result, megabytes

        yield told


@pytest.mark.parametrize("name", CASES)
def test_no_file_takes_more_than_300_mb(told_and_taken, tmp_path, name):
    make, expected = CASES[name]
    (tmp_path / "bomb").write_bytes(make())

    result, megabytes = told_and_taken(tmp_path, "", "bomb")

    assert expected in result
    assert megabytes < MOST


def test_a_tiff_of_24_megapixels_takes_its_bytes_and_four_a_pixel(told_and_taken, tmp_path):
    (tmp_path / "camera.tif").write_bytes(camera("TIFF", 6_000, 4_000))

    result, megabytes = told_and_taken(tmp_path, "", "camera.tif")

    assert result == "(64, 64, 3)"
    assert megabytes < MOST + 72  # MB, the file itself


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "most"),
    [
        (lambda: png(20_000, 20_000, 1, 0, 2_500), MOST),
        (lambda: camera("JPEG", 20_000, 20_000, "L"), MOST),
        (lambda: camera("TIFF", 20_000, 20_000, "L", compression="tiff_lzw"), MOST + 400),  # Pillow has it whole
    ],
    ids=["png", "jpeg", "tiff"],
)
def test_pictures_of_400_megapixels_are_read(told_and_taken, tmp_path, make, most):
    (tmp_path / "giant").write_bytes(make())

    result, megabytes = told_and_taken(tmp_path, "", "giant")

    assert result == "(64, 64, 3)"
    assert megabytes < most


def test_of_a_large_member_that_is_no_picture_only_the_start_is_unpacked(told_and_taken, tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "train.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("1.png", "w", force_zip64=True) as member,
    ):
        for _ in range(250):
            member.write(bytes(1 << 20))

    result, megabytes = told_and_taken(tmp_path, "train.zip", "1.png")

    assert result == "is not a picture of a known format, beginning 00 00 00 00 00 00 00 00"
    assert megabytes < MOST - 100
