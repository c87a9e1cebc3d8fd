"""Damaged files end in a named error or in the same geometry; never in a crash or in another number."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from catscan.common.errors import BadSample
from catscan.kinds.samples import Reading

Read = Callable[..., Reading]
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def quiet_pydicom() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


MOST = 1_000_000_000  # bytes


def memory(kind: str) -> int:
    """This process's own memory in bytes: VmRSS now, VmHWM at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(kind))


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    """No test here takes more than 1 GB, not for a moment; measured where Linux lets the peak be forgotten."""
    forget = Path("/proc/self/clear_refs")
    if not os.access(forget, os.W_OK):
        yield
        return
    forget.write_text("5")  # the peak becomes what is held now
    before = memory("VmRSS")
    yield
    assert memory("VmHWM") - before < MOST


@pytest.fixture
def folder(slice_at: Callable[..., Dataset], save: Callable[..., Path]) -> Path:
    return save([slice_at((0, 0, 2.5 * k), np.arange(1024, dtype=np.int16).reshape(32, 32) * k) for k in range(9)])


@pytest.fixture
def few(folder: Path) -> Path:
    """The five slices in the middle, where a thousand readings are to be quick."""
    for number in (0, 1, 7, 8):
        (folder / f"{number:04}.dcm").unlink()
    return folder


def reason_or_reading(read: Read, folder: Path) -> str | Reading:
    try:
        return read(folder)
    except BadSample as error:
        return error.reason


def test_a_file_cut_anywhere_leaves_2_5_mm_or_a_reason(folder: Path, read: Read) -> None:
    victim = folder / "0004.dcm"
    data = victim.read_bytes()
    steps = set()
    for length in range(0, len(data), 64):
        victim.write_bytes(data[:length])
        outcome = reason_or_reading(read, folder)
        steps.add(2.5 if isinstance(outcome, str) else outcome.geometry["step_mm"])

    assert steps == {2.5}


def test_a_thousand_changed_bytes_never_crash_the_reader(few: Path, read: Read) -> None:
    victim = few / "0004.dcm"
    data = victim.read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(1000):
        changed = bytearray(data)
        changed[generator.integers(len(data))] = generator.integers(256)
        victim.write_bytes(changed)
        outcome = reason_or_reading(read, few)
        assert isinstance(outcome, str) or outcome.array.shape == (8, 8, 8, 1)


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless], ids=lambda s: s.name)
def test_damaged_packed_pixels_never_crash_the_reader(syntax: str, few: Path, read: Read) -> None:
    for path in few.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path)
    victim = few / "0004.dcm"
    data = victim.read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(60):
        changed = bytearray(data)
        for _ in range(3):
            changed[generator.integers(len(data) // 2, len(data))] = generator.integers(256)
        victim.write_bytes(changed)
        outcome = reason_or_reading(read, few)
        assert isinstance(outcome, str) or outcome.array.shape == (8, 8, 8, 1)


def test_a_deflated_bomb_is_refused(folder: Path, read: Read) -> None:
    import zlib

    data = (folder / "0004.dcm").read_bytes()
    end = 144 + int.from_bytes(data[140:144], "little")
    meta = data[:end].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    meta = meta[:140] + (len(meta) - 144).to_bytes(4, "little") + meta[144:]
    place = meta.index(b"1.2.840.10008.1.2.1.99")
    meta = meta[: place - 2] + (22).to_bytes(2, "little") + meta[place:]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    megabyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)  # refers to nothing before it
    bomb = megabyte * 300 + packer.flush()
    (folder / "0004.dcm").write_bytes(meta + bomb)

    with pytest.raises(BadSample, match=r"0004\.dcm inflates to more than 268,435,456 bytes"):
        read(folder)


@pytest.mark.parametrize("rows", [0, 65535])
def test_an_impossible_size_is_refused_before_memory_is_taken(rows: int, folder: Path, read: Read) -> None:
    dataset = pydicom.dcmread(folder / "0004.dcm")
    dataset.Rows = dataset.Columns = rows
    dataset.save_as(folder / "0004.dcm")

    with pytest.raises(BadSample, match=rf"0004\.dcm has an impossible size, {rows} x {rows} pixels"):
        read(folder)


def test_a_scan_larger_than_any_patient_is_refused_before_memory_is_taken(folder: Path, read: Read) -> None:
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PixelSpacing = [900000, 900000]
        dataset.save_as(path)

    with pytest.raises(BadSample, match="more than any patient"):
        read(folder, crop="lungs")
