"""Bytes from any place of a file, of a member of a zip, or of a member of a zip in a zip, none of them read whole.

A stored member is a part of its zip. A deflated one can be read only from its start: it is inflated once as far as
asked for, block by block, and the state of the inflater is kept at the start of each block to go back to.
"""

from __future__ import annotations

import io
import os
import threading
import zipfile
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from catscan.common.errors import BadSample

BLOCK = 4 << 20  # bytes of a member that are inflated at once
BLOCKS_HELD = 16  # the threads of one shard read within so many
PIECE = 1 << 14  # packed bytes given to the inflater at once; what it leaves over is kept with its state
MOST_TO_ONE = 1032  # deflate never packs more tightly (RFC 1951: 258 bytes in 2 bits)
LOCAL_HEADER = 30  # bytes, before name and extra field (APPNOTE.TXT 4.3.7)
ENCRYPTED = 0x1


class Span(Protocol):
    """A run of bytes that can be read at any place; safe to share between threads."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self, start: int, count: int) -> bytes:
        """Exactly ``count`` bytes from ``start``.

        Raises
        ------
        BadSample
            When they are not there, or are damaged.
        """


class File:
    """A file, open until `close`.

    Raises
    ------
    BadSample
        When it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._number = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise BadSample(f"cannot be read: {error.strerror or error}") from error
        self.size = os.fstat(self._number).st_size

    def read(self, start: int, count: int) -> bytes:
        """Some of its bytes."""
        pieces = []
        while count > 0:
            try:
                piece = os.pread(self._number, min(count, 1 << 30), start)
            except OSError as error:
                raise BadSample(f"cannot be read: {error.strerror or error}") from error
            if not piece:
                raise BadSample("is cut off")
            pieces.append(piece)
            start, count = start + len(piece), count - len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Close it."""
        os.close(self._number)


@dataclass(frozen=True)
class Part:
    """A part of a span, such as a stored member of a zip."""

    whole: Span
    start: int
    size: int

    def read(self, start: int, count: int) -> bytes:
        """Some of its bytes."""
        if start + count > self.size:
            raise BadSample("is cut off")
        return self.whole.read(self.start + start, count)


@dataclass(frozen=True)
class _State:
    """Where the inflater stands at the start of a block."""

    inflater: Any
    at: int  # in the packed bytes
    checksum: int  # of all bytes before


class Inflated:
    """A deflated member of a zip: ``size`` bytes, inflated from ``packed``; its checksum is checked at its end."""

    def __init__(self, packed: Span, size: int, checksum: int) -> None:
        if size > MOST_TO_ONE * packed.size:
            raise BadSample(f"declares {size:,} bytes, more than the {packed.size:,} of its zip could hold")
        self.size = size
        self._packed, self._checksum = packed, checksum
        self._states = [_State(zlib.decompressobj(-zlib.MAX_WBITS), 0, 0)]
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._guard = threading.Lock()

    def read(self, start: int, count: int) -> bytes:
        """Some of its bytes."""
        if start + count > self.size:
            raise BadSample("is cut off")
        last = (start + count - 1) // BLOCK
        return b"".join(
            self._block(number)[max(0, start - number * BLOCK) : start + count - number * BLOCK]
            for number in range(start // BLOCK, last + 1)
        )

    def _block(self, number: int) -> bytes:
        with self._guard:
            if number not in self._held:
                for at in range(min(number, len(self._states) - 1), number + 1):
                    data, after = self._inflate(self._states[at], min(BLOCK, self.size - at * BLOCK))
                    if (at + 1) * BLOCK >= self.size and after.checksum != self._checksum:
                        raise BadSample("fails the checksum of its zip")
                    if at + 1 == len(self._states):
                        self._states.append(after)
                self._held[number] = data
                if len(self._held) > BLOCKS_HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end(number)
            return self._held[number]

    def _inflate(self, state: _State, count: int) -> tuple[bytes, _State]:
        inflater, at, data = state.inflater.copy(), state.at, bytearray()
        try:
            while len(data) < count:
                piece = self._packed.read(at, min(PIECE, self._packed.size - at))
                found = inflater.decompress(piece, count - len(data))
                at += len(piece) - len(inflater.unconsumed_tail)
                if not found and (inflater.eof or not piece):
                    raise BadSample("is cut off")
                data += found
        except zlib.error as error:
            raise BadSample(f"is damaged: {error}") from error
        return bytes(data), _State(inflater, at, zlib.crc32(data, state.checksum))


class _Reading(io.RawIOBase):
    """A span as a file, for `zipfile`."""

    def __init__(self, span: Span) -> None:
        self._span, self._at = span, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        self._at = place + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._span.size}[whence]
        if self._at < 0:
            raise OSError("a place before the start of a file")
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), self._span.size - self._at))
        buffer[:count] = self._span.read(self._at, count)
        self._at += count
        return count


class Archive:
    """A zip in a span; its members by name.

    Raises
    ------
    BadSample
        When it is no zip, is damaged, or has two members of one name.
    """

    def __init__(self, span: Span) -> None:
        self._span = span
        try:
            with zipfile.ZipFile(io.BufferedReader(_Reading(span))) as opened:
                infos = [info for info in opened.infolist() if not info.is_dir()]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise BadSample(f"is no zip that can be read: {error}") from error
        self._members = {info.filename.replace("\\", "/"): info for info in infos}
        if len(self._members) < len(infos):
            raise BadSample("has two members of one name")
        self.names = tuple(self._members)

    def member(self, name: str) -> Span:
        """The bytes of one member.

        Raises
        ------
        BadSample
            When there is none, or it is encrypted, or packed by another way than deflate.
        """
        info = self._members.get(name)
        if info is None:
            raise BadSample(f"has no member {name}")
        if info.flag_bits & ENCRYPTED:
            raise BadSample(f"has an encrypted member {name}")
        start = self._start_of(info)
        if start + info.compress_size > self._span.size:
            raise BadSample("is cut off")
        packed = Part(self._span, start, info.compress_size)
        if info.compress_type == zipfile.ZIP_STORED:
            return packed
        if info.compress_type == zipfile.ZIP_DEFLATED:
            return Inflated(packed, info.file_size, info.CRC)
        raise BadSample(f"has a member {name} that is neither stored nor deflated")

    def _start_of(self, info: zipfile.ZipInfo) -> int:
        header = self._span.read(info.header_offset, LOCAL_HEADER)
        if header[:4] != b"PK\3\4":
            raise BadSample("is damaged: a member is not where the zip's directory says")
        lengths = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
        return info.header_offset + LOCAL_HEADER + sum(lengths)
