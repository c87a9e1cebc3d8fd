"""A 7z, unpacked once: it is packed as one stream, so that its members cannot be read in place as a zip's can."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import py7zr

from catscan.common.errors import CatscanError
from catscan.common.files import unwritable
from catscan.common.meter import Meter
from catscan.raw.manifest import damaged, digest
from catscan.stages.download.archives import LIMITS, Budget, Limits, Member, check_members

NO_TIME = 315_532_800  # 1980-01-01, the time a zip gives to what has none


def unpack(archive: Path, into: Path, password: str | None = None, limits: Limits = LIMITS) -> None:
    """Unpack ``archive`` into the empty folder ``into``.

    Files have the times that the archive gives them, so that unpacking twice gives the same folder.

    Raises
    ------
    CatscanError
        When the archive is damaged, needs a password, does not open by the one given, or breaks a rule of safety; when
        the disk is full.
    """
    into = into.absolute()  # as py7zr names the members to its writers
    digest(archive)  # refuses damaged headers, so that what fails from here on is the password or the packed bytes
    writers: _Writers | None = None
    try:
        with archive.open("rb") as file, py7zr.SevenZipFile(file, password=password) as seven:
            members = [_member(found) for found in seven.list()]
            check_members(archive, members, into, limits)
            if seven.needs_password() and password is None:
                raise py7zr.PasswordRequired
            with Meter(f"unpacking {archive.name}", sum(member.size for member in members)) as meter:
                writers = _Writers(into, Budget(archive, limits, meter))
                with _closed(writers):
                    seven.extractall(into, factory=writers)
            _finish(seven, into)
    except CatscanError:
        raise
    except FileExistsError as error:
        raise CatscanError(
            f"{archive.name} cannot be unpacked: a file of one of its members is there already.",
            where=str(error.filename),
            do="Another archive of the source has brought it: keep one of the two.",
        ) from error
    except OSError as error:
        if error.errno is not None:
            raise unwritable(into, error) from error
        raise _unreadable(archive, password, writers, error) from error
    except Exception as error:  # a damaged stream makes py7zr raise nearly anything, a wrong password too
        raise _unreadable(archive, password, writers, error) from error


def _unreadable(archive: Path, password: str | None, writers: _Writers | None, error: Exception) -> CatscanError:
    """Tell a missing and a wrong password from a damaged archive.

    A 7z holds nothing to check a password by. But the first member that comes out with the right checksum proves it.
    """
    where = f"source.password_files: {archive.name}"
    if isinstance(error, py7zr.PasswordRequired):
        return CatscanError(
            f"{archive.name} is encrypted.",
            where=where,
            found="no password for it",
            do="Put the password into a file and name the file there, or name a variable as `$VARIABLE`.",
        )
    if isinstance(error, py7zr.UnsupportedCompressionMethodError):
        return CatscanError(
            f"{archive.name} is packed by a method that cannot be read.",
            where=str(archive),
            found=str(error),
            do="Unpack it by hand and set `source.path` to that folder.",
        )
    if password is not None and (writers is None or not writers.completed):
        return CatscanError(
            f"The password does not open {archive.name}.",
            where=where,
            found="not one member comes out right",
            do="Check the password; should it be right, the archive is damaged from its first byte: fetch it again.",
        )
    proof = f" ({writers.completed:,} members came out right before it)" if writers is not None else ""
    return damaged(archive, f"{type(error).__name__}: {error}{proof}")


def _member(found: py7zr.FileInfo) -> Member:
    kind = "link" if found.is_symlink else "folder" if found.is_directory else "file" if found.is_file else "device"
    return Member(found.filename, kind, found.uncompressed)


def _finish(seven: py7zr.SevenZipFile, into: Path) -> None:
    """Make empty folders, and set the times of the files."""
    for member in seven.files:
        path = into / member.filename
        if member.is_directory:
            path.mkdir(parents=True, exist_ok=True)
        else:
            written = member.lastwritetime
            seconds = written.totimestamp() if written is not None else NO_TIME
            os.utime(path, (seconds, seconds))


class _Writers(py7zr.WriterFactory):
    """Gives py7zr a counted file for each member; ``completed`` is the number of members that passed their checksum."""

    def __init__(self, into: Path, budget: Budget) -> None:
        self.into, self.budget = into, budget
        self.completed = 0
        self.open: _Writer | None = None

    def create(self, filename: str) -> py7zr.Py7zIO:
        path = Path(filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.open = _Writer(path.open("xb"), path.relative_to(self.into).as_posix(), self)
        return self.open


class _Writer(py7zr.Py7zIO):
    """One member on its way to the disk."""

    def __init__(self, file: BinaryIO, name: str, writers: _Writers) -> None:
        self.file, self.name, self.writers = file, name, writers
        self.written = 0

    def write(self, s: bytes | bytearray) -> int:
        self.writers.budget.spend(self.name, self.written, len(s))
        self.written += len(s)
        return self.file.write(s)

    def read(self, size: int | None = None) -> bytes:
        raise AssertionError(f"a member is only written, not read ({size})")

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset + whence  # py7zr rewinds a finished member for those who would read it

    def flush(self) -> None:
        self.file.flush()

    def size(self) -> int:
        return self.written

    def close(self) -> None:
        """Called by py7zr when the member is through and its checksum is right."""
        self.file.close()
        if self.written:
            self.writers.completed += 1


@contextmanager
def _closed(writers: _Writers) -> Iterator[None]:
    """Close the file that is open when unpacking stops halfway."""
    try:
        yield
    finally:
        if writers.open is not None:
            writers.open.file.close()
