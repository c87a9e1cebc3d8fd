"""What stands in the raw folder, by name, size and digest: equal content gives an equal manifest.

Of an archive the digest is that of the part that lists the members with their checksums, so that the members need not
be read.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from catscan.common.documents import Document
from catscan.common.errors import CatscanError

SMALL = 1 << 17  # bytes
ZIP_END = b"PK\x05\x06"
ZIP64_END = b"PK\x06\x06"
ZIP64_LOCATOR = b"PK\x06\x07"
ZIP_END_SIZE = 22
ZIP_COMMENT_MAX = 65_535
SEVEN_ZIP_START = b"7z\xbc\xaf\x27\x1c"
SEVEN_ZIP_HEADER = 32  # bytes: signature, version, checksum, then place, size and checksum of the end header


@dataclass(frozen=True)
class Entry:
    """A file or folder at the top of the raw folder: its name, its bytes in all, and its `digest`."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Manifest(Document):
    """`manifest.json`: what the download stage made, by name."""

    VERSION: ClassVar[int] = 1
    STAGE: ClassVar[str] = "download"

    entries: tuple[Entry, ...]


def digest(path: Path, *, by_headers: bool = True) -> str:
    """The digest of one file, as "method:hexadecimal".

    Of a zip it is the SHA-256 of its central directory, of a 7z that of its start and end headers (both hold the
    members' checksums), unless ``by_headers`` says to read it like any other file, of which it is that of its bytes.

    Raises
    ------
    CatscanError
        When an archive is damaged, a file cannot be read, or it is no file.
    """
    try:
        if not path.is_file():
            raise CatscanError("This is no file.", where=str(path), do="Move it away.")
        if by_headers and path.suffix.lower() == ".zip":
            return "zip:" + hashlib.sha256(_zip_directory(path)).hexdigest()
        if by_headers and path.suffix.lower() == ".7z":
            return "7z:" + hashlib.sha256(_seven_zip_headers(path)).hexdigest()
        return "sha256:" + _content(path)
    except OSError as error:
        raise CatscanError(
            "A file cannot be read.", where=str(path), found=error.strerror or str(error), do="Check its permissions."
        ) from error


def _content(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        start = file.read(SMALL)  # at once: `file_digest` makes a quarter of a megabyte of room for each file
        if len(start) < SMALL:
            return hashlib.sha256(start).hexdigest()
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _zip_directory(path: Path) -> bytes:
    """The central directory of a zip and its end record."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        tail_start = max(0, size - ZIP_END_SIZE - ZIP_COMMENT_MAX)
        file.seek(tail_start)
        tail = file.read()
        end = tail.rfind(ZIP_END)
        if end < 0 or len(tail) - end < ZIP_END_SIZE:
            raise damaged(path, "it has no end record, as if cut off" if size else "it is empty")
        length = struct.unpack_from("<L", tail, end + 12)[0]
        if tail[max(0, end - 20) : max(0, end - 16)] == ZIP64_LOCATOR:
            file.seek(struct.unpack_from("<Q", tail, end - 20 + 8)[0])
            record = file.read(56)
            if record[:4] != ZIP64_END or len(record) < 56:
                raise damaged(path, "its zip64 end record is missing")
            length, start = struct.unpack_from("<QQ", record, 40)
        else:
            start = tail_start + end - length  # bytes before the zip (a self-extractor) do not count in its own offset
        if start < 0 or start + length > size:
            raise damaged(path, "its central directory lies outside the file")
        file.seek(start)
        return file.read(length) + tail[end:]


def _seven_zip_headers(path: Path) -> bytes:
    """The first 32 bytes of a 7z and its end header."""
    with path.open("rb") as file:
        start = file.read(SEVEN_ZIP_HEADER)
        if len(start) < SEVEN_ZIP_HEADER or not start.startswith(SEVEN_ZIP_START):
            raise damaged(path, "it does not begin as a 7z does" if start else "it is empty")
        place, length, checksum = struct.unpack_from("<QQL", start, 12)
        size = file.seek(0, os.SEEK_END)
        if SEVEN_ZIP_HEADER + place + length > size:
            raise damaged(path, f"it ends after {size:,} bytes, its headers after {32 + place + length:,}")
        file.seek(SEVEN_ZIP_HEADER + place)
        header = file.read(length)
        if zlib.crc32(start[12:]) != struct.unpack_from("<L", start, 8)[0] or zlib.crc32(header) != checksum:
            raise damaged(path, "its headers fail their checksum")
        return start + header


def damaged(path: Path, found: str) -> CatscanError:
    """The block for an archive that is not what its name says."""
    return CatscanError("An archive is damaged.", where=str(path), found=found, do="Fetch or copy it again.")
