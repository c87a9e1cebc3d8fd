"""Bytes from any place of a zip, without reading what lies before them again."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from array_files import zipped
from hypothesis import given, settings
from hypothesis import strategies as st

from catscan.common.errors import BadSample
from catscan.kinds.arrays import spans
from catscan.kinds.arrays.spans import Archive, File, Part


class Memory:
    """Bytes in memory as a span; counts what is read."""

    def __init__(self, data: bytes) -> None:
        self.data, self.size, self.count = data, len(data), 0

    def read(self, start: int, count: int) -> bytes:
        self.count += count
        assert start + count <= self.size
        return self.data[start : start + count]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several blocks in a few kilobytes, of which three are held."""
    monkeypatch.setattr(spans, "BLOCK", 1000)
    monkeypatch.setattr(spans, "BLOCKS_HELD", 3)
    monkeypatch.setattr(spans, "PIECE", 64)


DATA = np.random.default_rng(1).integers(0, 9, 10_500, np.uint8).tobytes()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
@pytest.mark.usefixtures("small_blocks")
def test_any_bytes_of_a_member_are_those_of_the_file(method: int) -> None:
    member = Archive(Memory(zipped({"other": b"x" * 99, "a": DATA}, method))).member("a")

    @given(st.integers(0, len(DATA)), st.integers(0, len(DATA)))
    @settings(max_examples=200, deadline=None)
    def check(start: int, end: int) -> None:
        start, end = sorted((start, end))
        assert member.read(start, end - start) == DATA[start:end]

    check()


@pytest.mark.usefixtures("small_blocks")
def test_a_member_of_a_zip_in_a_zip_is_read_at_any_place() -> None:
    inner = zipped({"a": DATA})
    member = Archive(Archive(Memory(zipped({"inner.zip": inner}))).member("inner.zip")).member("a")

    assert member.read(9_000, 1_200) == DATA[9_000:10_200]
    assert member.read(10, 20) == DATA[10:30]


@pytest.mark.usefixtures("small_blocks")
def test_going_back_inflates_one_block_and_not_all_before_it() -> None:
    packed = Memory(zipped({"a": DATA}))
    member = Archive(packed).member("a")
    member.read(0, len(DATA))
    before = packed.count

    member.read(5_100, 10)

    assert packed.count - before < len(packed.data) / 5


def test_a_checksum_that_fails_is_told_whenever_the_end_is_read() -> None:
    data = bytearray(zipped({"a": DATA}, zipfile.ZIP_DEFLATED))
    at = data.index(b"PK\1\2") + 16
    data[at] ^= 1
    member = Archive(Memory(bytes(data))).member("a")

    for _ in range(2):
        with pytest.raises(BadSample, match="fails the checksum of its zip"):
            member.read(len(DATA) - 1, 1)


def test_damage_in_the_middle_is_told() -> None:
    data = bytearray(zipped({"a": DATA}))
    data[100:200] = bytes(100)

    with pytest.raises(BadSample, match=r"is damaged|checksum|cut off"):
        Archive(Memory(bytes(data))).member("a").read(0, len(DATA))


def test_a_size_that_deflate_could_not_reach_is_refused_before_anything_is_inflated() -> None:
    data = bytearray(zipped({"a": bytes(100_000)}))
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = (1 << 30).to_bytes(4, "little")

    with pytest.raises(BadSample, match=r"declares 1,073,741,824 bytes, more than the \d+ of its zip could hold"):
        Archive(Memory(bytes(data))).member("a")


def test_a_member_that_reaches_beyond_its_zip_is_refused() -> None:
    data = bytearray(zipped({"a": b"1234"}, zipfile.ZIP_STORED))
    at = data.index(b"PK\1\2") + 20
    data[at : at + 8] = (1 << 30).to_bytes(4, "little") * 2

    with pytest.raises(BadSample, match="is cut off"):
        Archive(Memory(bytes(data))).member("a")


def encrypted() -> bytes:
    data = bytearray(zipped({"a": b"1234"}))
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def twice() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("b", b"2")
    return file.getvalue().replace(b"b", b"a")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no zip", "is no zip that can be read"),
        (zipped({"a": DATA})[:-30], "is no zip that can be read"),
        (encrypted(), "has an encrypted member a"),
        (zipped({"b": b""}), "has no member a"),
        (zipped({"a": DATA}, zipfile.ZIP_LZMA), "neither stored nor deflated"),
        (twice(), "has two members of one name"),
    ],
    ids=["none", "cut off", "encrypted", "missing", "lzma", "twice"],
)
def test_a_zip_that_cannot_be_read_is_told_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(BadSample, match=reason):
        Archive(Memory(data)).member("a")


def test_a_file_that_is_missing_or_short_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSample, match="cannot be read: No such file"):
        File(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"12")
    file = File(tmp_path / "a")

    with pytest.raises(BadSample, match="is cut off"):
        file.read(1, 5)
    with pytest.raises(BadSample, match="is cut off"):
        Part(file, 0, 2).read(1, 2)
    file.close()
