"""Reads the members of one zip in any order, from any number of threads, without unpacking it.

Stored and deflated members are read by one `pread` each, so that threads share neither a file position nor a lock;
the rare other methods go through `zipfile`.
"""

from __future__ import annotations

import lzma
import os
import zipfile
import zlib
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO

from catscan.common.errors import BadSample, CatscanError, listed

LARGEST_FILE = 4 << 30  # bytes; no single picture, slice or table is larger
LOCAL_HEADER = 30  # bytes, before name and extra field (APPNOTE.TXT 4.3.7)
EXTRA_GUESSED = 64  # bytes; a longer extra field only costs a second read
ENCRYPTED = 0x1
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)
UNREADABLE = (*DAMAGED, OSError, RuntimeError, NotImplementedError)


class Zip:
    """One zip, open until `close`.

    Raises
    ------
    CatscanError
        When it is missing or damaged, when a member's name leaves the folder, or when a name stands for two contents.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = zipfile.ZipFile(path)
            self._number = os.open(path, os.O_RDONLY)
        except FileNotFoundError as error:
            raise CatscanError("An archive is missing.", where=str(path), do="Run the download stage again.") from error
        except UNREADABLE as error:
            raise CatscanError(
                "An archive is damaged.",
                where=str(path),
                found=str(error),
                do="Fetch it again: delete it and run the download stage.",
            ) from error
        self._members = _by_name(self._file.infolist(), path)
        self.names = sorted(self._members)

    def size(self, name: str) -> int:
        """The size of a member, unpacked, in bytes.

        Raises
        ------
        BadSample
            When there is no such member.
        """
        return self._named(name).file_size

    def checksum(self, name: str) -> int:
        """The CRC-32 of a member, unpacked, as the zip's directory tells; raises as `size` does."""
        return self._named(name).CRC

    def below(self, folder: str) -> list[str]:
        """The names of the members in a folder and its sub-folders, sorted; all of them for ""."""
        if not folder:
            return self.names
        start = f"{folder}/"
        return self.names[bisect_left(self.names, start) : bisect_left(self.names, f"{folder}0")]  # "0" follows "/"

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def read(self, name: str) -> bytes:
        """The bytes of one member.

        Raises
        ------
        BadSample
            When there is no such member, or it is encrypted, too large, cut off, or fails its checksum.
        """
        info = self._info(name)
        try:
            if info.compress_type == zipfile.ZIP_STORED:
                data = self._packed(info)
            elif info.compress_type == zipfile.ZIP_DEFLATED:
                data = _inflated(self._packed(info), info)
            else:
                return self._file.read(info)
        except UNREADABLE as error:
            raise BadSample(f"cannot be read: {error}") from error
        if len(data) != info.file_size or zlib.crc32(data) != info.CRC:
            raise BadSample("cannot be read: it fails the checksum of its zip")
        return data

    def opened(self, name: str) -> IO[bytes]:
        """A member, open to be read from its start; its checksum is checked at its end.

        Raises
        ------
        BadSample
            When there is no such member, or it is encrypted or too large.
        """
        info = self._info(name)
        try:
            return self._file.open(info)
        except UNREADABLE as error:
            raise BadSample(f"cannot be read: {error}") from error

    def start(self, name: str, size: int) -> bytes:
        """The first ``size`` bytes of a member, unchecked, fewer when it is shorter; raises as `read` does."""
        info = self._info(name)
        try:
            with self._file.open(info) as member:
                return member.read(size)
        except UNREADABLE as error:
            raise BadSample(f"cannot be read: {error}") from error

    def _named(self, name: str) -> zipfile.ZipInfo:
        info = self._members.get(name)
        if info is None:
            raise BadSample(f"{self._path.name} has no member {name}")
        return info

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = self._named(name)
        if info.flag_bits & ENCRYPTED:
            raise BadSample(f"is encrypted in {self._path.name}")
        if info.file_size > LARGEST_FILE:
            raise BadSample(f"is too large: {info.file_size:,} bytes unpacked, more than {LARGEST_FILE:,}")
        return info

    def _packed(self, info: zipfile.ZipInfo) -> bytes:
        ahead = LOCAL_HEADER + len(info.orig_filename.encode()) + EXTRA_GUESSED
        block = os.pread(self._number, ahead + info.compress_size, info.header_offset)
        if block[:4] != b"PK\3\4" or len(block) < LOCAL_HEADER:
            raise zipfile.BadZipFile("its header is not where the zip's directory says")
        start = LOCAL_HEADER + int.from_bytes(block[26:28], "little") + int.from_bytes(block[28:30], "little")
        if start > ahead:
            return os.pread(self._number, info.compress_size, info.header_offset + start)
        return block[start : start + info.compress_size]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        os.close(self._number)


def _inflated(packed: bytes, info: zipfile.ZipInfo) -> bytes:
    """Unpack deflate, never more than the zip's directory declares."""
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    data = unpack.decompress(packed, info.file_size + 1)
    if len(data) > info.file_size:
        raise zipfile.BadZipFile(f"it unpacks to more than the {info.file_size:,} bytes it declares")
    return data


def _by_name(infos: Iterable[zipfile.ZipInfo], path: Path) -> dict[str, zipfile.ZipInfo]:
    """The files among the members, by name, with "/" between folders."""
    members: dict[str, zipfile.ZipInfo] = {}
    twice, outside = [], []
    for info in infos:
        name = info.filename.replace("\\", "/")
        if name.endswith("/"):
            continue
        if name.startswith("/") or (".." in name and ".." in PurePosixPath(name).parts):
            outside.append(name)
        first = members.setdefault(name, info)
        if (first.CRC, first.file_size) != (info.CRC, info.file_size):
            twice.append(name)
    for names, what in ((outside, "leave its folder"), (twice, "stand for two different contents")):
        if names:
            raise CatscanError(
                f"Names in an archive {what}.",
                where=str(path),
                found=listed(names),
                do="Do not trust this archive; fetch it again from where it was published.",
            )
    return members
