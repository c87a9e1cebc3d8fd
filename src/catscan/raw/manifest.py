"""What stands in the raw folder, by name, size and digest: equal content gives an equal manifest.

The digest is cheap enough to be taken of a whole competition each time the workflow starts: of an archive it reads the
part that lists the members with their checksums, not the members.
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
from catscan.raw.files import MANIFEST
from catscan.raw.walk import files_below, is_hidden, is_ordinary

READ_WHOLE = 64 << 20  # bytes; a larger file that is no archive goes by its size and time
FEW = 1000  # entries at the top of a folder; among more, only tables are read whole, since the rest are the samples
TABLES = (".csv", ".tsv", ".txt", ".json")
BLOCK = 1 << 20

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


def entries(folder: Path) -> list[Entry]:
    """What lies at the top of ``folder``, sorted by name.

    Hidden files, the manifest itself, and what is neither a file nor a folder are left out; a link stands for what it
    points to.
    """
    return [Entry(path.name, _size(path), text) for path, text in _digests(folder)]


def source_digest(path: Path) -> str:
    """One digest over a whole source: a folder, or a single archive.

    It changes when a file appears, goes, or changes; it does not when a zip, a 7z or a table at the top of the folder
    is merely touched.

    Raises
    ------
    CatscanError
        When an archive at the top is damaged.
    """
    if not path.is_dir():
        return digest(path)
    return _sha256("\n".join(f"{entry.name}\0{text}" for entry, text in _digests(path)))


def digest(path: Path, read_whole: int = READ_WHOLE) -> str:
    """The digest of one file or folder, as "method:hexadecimal".

    Of a zip it is the SHA-256 of its central directory, of a 7z that of its start and end headers (both hold the
    members' checksums), of another file up to ``read_whole`` bytes that of its bytes. Of a folder and of larger files
    it is taken over names, sizes and modification times.

    Raises
    ------
    CatscanError
        When an archive is damaged, a file cannot be read, or it is neither a file nor a folder.
    """
    try:
        if path.is_dir():
            return "tree:" + _sha256("\n".join(_listing(path)))
        state = path.stat()
        if not path.is_file():
            raise CatscanError("This is neither a file nor a folder.", where=str(path), do="Move it away.")
        if path.suffix.lower() == ".zip":
            return "zip:" + hashlib.sha256(_zip_directory(path)).hexdigest()
        if path.suffix.lower() == ".7z":
            return "7z:" + hashlib.sha256(_seven_zip_headers(path)).hexdigest()
        if state.st_size > read_whole:
            return "stat:" + _sha256(f"{path.name}\0{state.st_size}\0{state.st_mtime_ns}")
        with path.open("rb") as file:
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CatscanError(
            "A file cannot be read.", where=str(path), found=error.strerror or str(error), do="Check its permissions."
        ) from error


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _top(folder: Path) -> list[Path]:
    shown = (path for path in folder.iterdir() if not is_hidden(path.name) and path.name != MANIFEST)
    return sorted(path for path in shown if is_ordinary(path))


def _digests(folder: Path) -> list[tuple[Path, str]]:
    paths = _top(folder)
    others = READ_WHOLE if len(paths) <= FEW else 0
    return [(path, digest(path, READ_WHOLE if path.suffix.lower() in TABLES else others)) for path in paths]


def _size(path: Path) -> int:
    return sum(entry.stat().st_size for _, entry in files_below(path)) if path.is_dir() else path.stat().st_size


def _listing(folder: Path) -> list[str]:
    """Name below ``folder``, size and modification time of every file."""
    states = ((name, entry.stat()) for name, entry in files_below(folder))
    return sorted(f"{name}\0{state.st_size}\0{state.st_mtime_ns}" for name, state in states)


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
