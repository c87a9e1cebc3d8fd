"""What may be taken out of an archive, and where it may go: archives come from others and are not trusted.

Refused are members with an absolute path or "..", links, devices, names that differ by case alone, too many members,
and too many bytes. Bytes are counted while they are written, since the sizes that an archive declares may lie.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from catscan.common.errors import CatscanError, listed
from catscan.common.files import unwritable
from catscan.common.meter import Meter, size
from catscan.raw.files import LARGEST_FILE
from catscan.raw.manifest import damaged
from catscan.raw.source import is_archive
from catscan.raw.walk import is_hidden

BLOCK = 1 << 20
DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class Limits:
    """How much one archive may unpack to.

    Attributes
    ----------
    members
        Number of members; the largest competitions have some millions of files.
    file_bytes
        Bytes of one member that is a plain file; an archive within an archive may be as large as the whole.
    total_bytes
        Bytes of all members.
    ratio, ratio_from
        Unpacked bytes for each byte of the archive, asked of archives that unpack to more than ``ratio_from`` bytes.
        Scans with empty corners reach about 10; a bomb has 1,000 and more.
    """

    members: int = 5_000_000
    file_bytes: int = LARGEST_FILE
    total_bytes: int = 4 << 40
    ratio: int = 200
    ratio_from: int = 1 << 30


LIMITS = Limits()


@dataclass(frozen=True)
class Member:
    """One member as the archive declares it; ``kind`` is file, folder, link or device."""

    name: str
    kind: str
    size: int


def check_members(archive: Path, members: list[Member], into: Path, limits: Limits = LIMITS) -> None:
    """Refuse an archive by its list of members, before a byte is written.

    Raises
    ------
    CatscanError
        For the first rule that is broken, with the members that break it.
    """
    if len(members) > limits.members:
        raise _refused(archive, f"{len(members):,} members, of which {limits.members:,} are allowed")
    for fault, is_faulty in (
        ("leave the folder they are unpacked to", lambda member: not is_safe(member.name)),
        ("are links", lambda member: member.kind == "link"),
        ("are devices", lambda member: member.kind == "device"),
    ):
        faulty = [member.name for member in members if is_faulty(member)]
        if faulty:
            raise _refused(archive, f"{len(faulty):,} members {fault}: {listed([repr(name) for name in faulty])}")
    _check_unique(archive, members)
    total = sum(member.size for member in members)
    if total > limits.total_bytes:
        raise _refused(archive, f"it unpacks to {size(total)}, of which {size(limits.total_bytes)} are allowed")
    free = shutil.disk_usage(into).free
    if total > free:
        raise CatscanError(
            f"The disk is too small to unpack {archive.name}.",
            where=str(into),
            found=f"{size(total)} are needed, {size(free)} are free",
            do="Free some space, or put the results on a larger disk.",
        )


class Budget:
    """Counts what is really written while one archive is unpacked, and stops when it is too much."""

    def __init__(self, archive: Path, limits: Limits, meter: Meter) -> None:
        """Begin at nothing."""
        self.archive, self.limits, self.meter = archive, limits, meter
        self.total = 0
        self._most = max(limits.ratio_from, limits.ratio * archive.stat().st_size)

    def spend(self, name: str, written: int, count: int) -> None:
        """Count ``count`` bytes more for the member ``name``, of which ``written`` are on the disk already.

        Raises
        ------
        CatscanError
            When the member, the sum, or the ratio of unpacked to packed bytes is over its limit.
        """
        limits = self.limits
        self.total += count
        if written + count > limits.file_bytes and not is_archive(name):
            raise _refused(self.archive, f"{name!r} is larger than {size(limits.file_bytes)}")
        if self.total > limits.total_bytes:
            raise _refused(self.archive, f"it unpacks to more than {size(limits.total_bytes)}")
        if self.total > self._most:
            raise _refused(self.archive, f"it unpacks to more than {limits.ratio} times its own size")
        self.meter.add(count)


def inner_archives(archive: Path) -> list[str]:
    """The members of a zip that are archives themselves, sorted.

    Raises
    ------
    CatscanError
        When the zip is damaged.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            return sorted(name for name in file.namelist() if is_archive(name) and not is_hidden(name))
    except (OSError, zipfile.BadZipFile) as error:
        raise damaged(archive, str(error)) from error


def take_out(archive: Path, names: Iterable[str], into: Path, limits: Limits = LIMITS) -> None:
    """Write members of a zip into the folder ``into``, each under its own name.

    Raises
    ------
    CatscanError
        When the zip is damaged or encrypted, or breaks a rule.
    """
    wanted = set(names)
    try:
        with zipfile.ZipFile(archive) as file:
            members = [info for info in file.infolist() if info.filename in wanted]
            check_members(archive, [_zip_member(info) for info in members], into, limits)
            total = sum(info.file_size for info in members)
            with Meter(f"taking archives out of {archive.name}", total) as meter:
                budget = Budget(archive, limits, meter)
                for info in members:
                    _take_out_one(file, info, into, budget)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise damaged(archive, str(error)) from error
    except OSError as error:
        raise unwritable(into, error) from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile's way to say encrypted, or packed by a rare method
        raise CatscanError(
            "A zip cannot be unpacked.", where=str(archive), found=str(error), do="Unpack it by hand, once."
        ) from error


def _take_out_one(file: zipfile.ZipFile, info: zipfile.ZipInfo, into: Path, budget: Budget) -> None:
    target = into / info.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with file.open(info) as source, target.open("xb") as out:
        while block := source.read(BLOCK):
            budget.spend(info.filename, written, len(block))
            written += out.write(block)


def _zip_member(info: zipfile.ZipInfo) -> Member:
    """The kind comes from the Unix mode, where the zip has one."""
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        kind = "link"
    elif info.is_dir():
        kind = "folder"
    elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
        kind = "file"
    else:
        kind = "device"
    return Member(info.filename, kind, info.file_size)


def is_safe(name: str) -> bool:
    """Whether a member stays in its folder on every system: no root, drive, "..", backslash or control character."""
    parts = PurePosixPath(name).parts
    return (
        bool(parts)
        and not name.startswith("/")
        and not DRIVE.match(name)
        and ".." not in parts
        and "\\" not in name
        and not any(unicodedata.category(sign) == "Cc" for sign in name)
        and all(len(os.fsencode(part)) <= 255 for part in parts)
    )


def _check_unique(archive: Path, members: list[Member]) -> None:
    """Refuse names that would meet on a disk that folds case, and a file where another member needs a folder."""
    seen: dict[str, Member] = {}
    needed: dict[str, str] = {}  # folder that a member lies in -> that member
    for member in members:
        path = PurePosixPath(unicodedata.normalize("NFC", member.name).casefold())
        other = seen.setdefault(str(path), member)
        if other is not member:
            if other.kind == member.kind == "folder" and other.name.rstrip("/") == member.name.rstrip("/"):
                continue
            raise _refused(archive, f"two members have one name: {other.name!r} and {member.name!r}")
        for parent in path.parents:
            needed.setdefault(str(parent), member.name)
    for key, member in seen.items():
        if member.kind != "folder" and key in needed:
            raise _refused(archive, f"{member.name!r} is a file, but {needed[key]!r} needs a folder of that name")


def _refused(archive: Path, found: str) -> CatscanError:
    return CatscanError(
        "An archive is not safe to unpack.",
        where=str(archive),
        found=found,
        do="Nothing of it was kept. If you trust it, unpack it by hand and set `source.path` to that folder.",
    )
