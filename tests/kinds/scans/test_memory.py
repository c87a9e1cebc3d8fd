"""Headers that lie about sizes take no memory: one process reads them all, and stays far under 1 GB."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

MOST = 800  # MB, the whole process; a deflated file may inflate to 256 MB, and is then held three times

READ = """
import json, sys
from catscan.common.errors import BadSample
from catscan.raw.files import RawFiles
from catscan.kinds.samples import Sample
from catscan.kinds.scans.reader import ScanReader
from catscan.kinds.scans.settings import ScanSettings

reader = ScanReader(RawFiles(sys.argv[1]), ScanSettings(size=(8, 8, 8)))
for name in sys.argv[2:]:
    try:
        outcome = str(reader.read(Sample("1", "", name)).array.shape)
    except BadSample as error:
        outcome = error.reason
    # Not ru_maxrss, which begins at the size of the process that started this one.
    peak = next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(json.dumps([name, outcome, peak]), flush=True)
"""

Lie = Callable[[Dataset], bytes]
SERIES_UID = b"\x20\x00\x0d\x00UI"  # how its element starts: before it, others can be put in


def file_of(dataset: Dataset) -> bytes:
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def with_elements(**elements: int) -> Lie:
    def lie(dataset: Dataset) -> bytes:
        for name, value in elements.items():
            setattr(dataset, name, value)
        return file_of(dataset)

    return lie


def with_bytes_before_the_series(inserted: bytes) -> Lie:
    return lambda dataset: file_of(dataset).replace(SERIES_UID, inserted + SERIES_UID, 1)


def long_element(dataset: Dataset) -> bytes:
    """One that claims 4 GB."""
    return with_bytes_before_the_series(b"\x19\x00\x10\x00UN\0\0" + struct.pack("<I", 0xFFFFFF00))(dataset)


def nested(dataset: Dataset) -> bytes:
    """A hundred thousand sequences, each inside the one before."""
    opened = b"\x19\x00\x10\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    return with_bytes_before_the_series(opened * 100_000)(dataset)


def code_stream(syntax: str, marker: bytes, place: int, claimed: bytes) -> Lie:
    """A packed slice whose code stream claims another size, ``place`` bytes after the first byte of ``marker``."""

    def lie(dataset: Dataset) -> bytes:
        dataset.compress(syntax, generate_instance_uid=False)
        data = bytearray(file_of(dataset))
        start = data.rindex(marker) + place
        data[start : start + len(claimed)] = claimed
        return bytes(data)

    return lie


def frames_of_packed_pixels(dataset: Dataset) -> bytes:
    dataset.compress(uid.JPEGLSLossless, generate_instance_uid=False)
    return with_elements(NumberOfFrames=2**31 - 1)(dataset)


def lying_segments(dataset: Dataset) -> bytes:
    """Run lengths whose fifteen segments start 4 GB further on."""
    dataset.compress(uid.RLELossless, generate_instance_uid=False)
    data = bytearray(file_of(dataset))
    start = data.rindex(b"\xfe\xff\x00\xe0") + 8
    data[start : start + 64] = struct.pack("<16I", 15, *[0xFFFFFF00] * 15)
    return bytes(data)


def deflated(megabytes: int) -> Lie:
    """An element of zeros before the series."""

    def lie(dataset: Dataset) -> bytes:
        dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
        file = io.BytesIO()
        pydicom.dcmwrite(file, dataset, enforce_file_format=True)
        data = file.getvalue()
        end = 144 + int.from_bytes(data[140:144], "little")
        before, after = zlib.decompress(data[end:], -zlib.MAX_WBITS).split(SERIES_UID, 1)
        packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = packer.compress(before + b"\x19\x00\x10\x00UN\0\0" + struct.pack("<I", megabytes << 20))
        packed += b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes))
        return data[:end] + packed + packer.compress(SERIES_UID + after) + packer.flush()

    return lie


BIG = struct.pack(">II", 65535, 65535)
CASES: dict[str, tuple[Lie, str]] = {
    "rows and columns": (with_elements(Rows=65535, Columns=65535), "has an impossible size, 65535 x 65535 pixels"),
    "rows alone": (with_elements(Rows=65535), "is cut short: 2,048 of 4,194,240 bytes of pixels"),
    "frames": (with_elements(NumberOfFrames=2**31 - 1), "is cut short: 2,048 of 4,398,046,509,056 bytes of pixels"),
    "frames of packed pixels": (frames_of_packed_pixels, "has 2147483647 frames and does not say where they lie"),
    "length of an element": (long_element, "is cut short inside its header"),
    "nested sequences": (nested, "has a damaged header: maximum recursion depth exceeded"),
    "JPEG 2000": (
        code_stream(uid.JPEG2000Lossless, b"\xff\x4f\xff\x51", 8, BIG),
        "has packed pixels of (65535, 65535, 1), not (32, 32, 1) (rows, columns, samples)",
    ),
    "components of JPEG 2000": (
        code_stream(uid.JPEG2000Lossless, b"\xff\x4f\xff\x51", 40, b"\x40\x00"),
        "has packed pixels of (32, 32, 16384), not (32, 32, 1)",
    ),
    "tiles of JPEG 2000": (code_stream(uid.JPEG2000Lossless, b"\xff\x4f\xff\x51", 24, struct.pack(">II", 1, 1)), ""),
    "JPEG-LS": (
        code_stream(uid.JPEGLSLossless, b"\xff\xf7", 5, BIG[2:4] + BIG[6:8]),
        "has packed pixels of (65535, 65535, 1), not (32, 32, 1) (rows, columns, samples)",
    ),
    "no code stream": (
        code_stream(uid.JPEGLSLossless, b"\xff\xd8", 0, bytes(4)),
        "has packed pixels of unknown size, not (32, 32, 1)",
    ),
    "segments of run lengths": (lying_segments, "cannot be decoded (RLE Lossless)"),
    "inflates to 255 MB": (deflated(255), "(8, 8, 8, 1)"),
    "inflates to 300 MB": (deflated(300), "inflates to more than 268,435,456 bytes"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, slice_at: Callable[..., Dataset]) -> dict[str, tuple[str, int]]:
    """What one process made of every case, in order, and its peak by then, in MB."""
    root = tmp_path_factory.mktemp("lies")
    for name, (lie, _) in CASES.items():
        (root / name).mkdir()
        for k in range(9):
            pixels = np.random.default_rng(k).integers(0, 1000, (32, 32)).astype(np.int16)
            dataset = slice_at((0, 0, 2.5 * k), pixels)
            (root / name / f"{k}.dcm").write_bytes(lie(dataset) if k == 4 else file_of(dataset))
    for name, length in (("large", 140), ("large, no DICOM", 100)):  # 3 GB without a byte on the disk
        (root / name).mkdir()
        (root / name / "4.dcm").write_bytes((root / "rows alone" / "0.dcm").read_bytes()[:length])
        os.truncate(root / name / "4.dcm", 3 << 30)
    names = [*CASES, "large", "large, no DICOM"]
    told = subprocess.run([sys.executable, "-c", READ, root, *names], capture_output=True, text=True, check=True)
    return {name: (outcome, peak) for name, outcome, peak in map(json.loads, told.stdout.splitlines())}


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak from /proc")


@linux
@pytest.mark.parametrize("name", CASES)
def test_a_lying_header_takes_no_memory(name: str, outcomes: dict[str, tuple[str, int]]) -> None:
    outcome, peak = outcomes[name]

    assert CASES[name][1] in outcome
    assert peak < MOST


@linux
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("large", "is too large: 3,221,225,472 bytes, more than 1,073,741,824"),
        ("large, no DICOM", "is not a DICOM file"),
    ],
)
def test_a_large_file_is_not_read_to_be_refused(name: str, reason: str, outcomes: dict[str, tuple[str, int]]) -> None:
    outcome, peak = outcomes[name]

    assert reason in outcome
    assert peak < MOST


@pytest.mark.filterwarnings("ignore")
def test_the_size_of_every_packed_file_at_hand_is_understood(pydicom_files: Path) -> None:
    """One of pydicom's files is made to have a damaged size."""
    from catscan.kinds.codestreams import size_problem

    refused = []
    for path in sorted(pydicom_files.rglob("*.dcm")):
        dataset = pydicom.dcmread(path, force=True)
        syntax = dataset.file_meta.get("TransferSyntaxUID") if "file_meta" in vars(dataset) else None
        if syntax and syntax.is_encapsulated and "PixelData" in dataset and size_problem(dataset, syntax, 0):
            refused.append(path.name)

    assert refused == ["JPEG2000-embedded-sequence-delimiter.dcm"]
