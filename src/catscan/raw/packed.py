"""The raw folder as one file, for jobs that run where the folder is not: with the results in a bucket.

`raw.tar` beside the folder holds what the download stage has put there: its own files whole, what it has linked as
links, so that the files of a folder that every machine sees at the same path do not travel. The truth of the test set
is in it too, and is unpacked for the one stage that reads it.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tarfile
from pathlib import Path

from catscan.common.errors import CatscanError
from catscan.common.files import PARTIAL, whole, write_text
from catscan.raw.files import MANIFEST
from catscan.raw.manifest import Manifest

PACKED = "raw.tar"
TRUTH = "truth/solution.csv"
MARK = ".unpacked"  # in the raw folder: the digest of the manifest whose files are there


def pack(raw: Path, truth: Path, packed: Path, *, also: tuple[str, ...]) -> None:
    """Write the files of the manifest into one, equal ones into equal bytes; and the truth, where there is one.

    Parameters
    ----------
    also
        Names of hidden files of the raw folder, which go too.
    """
    names = [*(entry.name for entry in Manifest.read(raw / MANIFEST).entries), MANIFEST, *also]
    with whole(packed) as partial, tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(names):
            tar.add(raw / name, f"raw/{name}", filter=_bare)
        if truth.is_file():
            tar.add(truth.resolve(), TRUTH, filter=_bare)
    write_text(raw / MARK, _digest(raw))


def _bare(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The member without what differs from machine to machine."""
    member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
    return member


def unpacked(raw: Path) -> Path:
    """The raw folder, filled from the file beside it where that has come instead.

    Raises
    ------
    CatscanError
        When the file is damaged, or holds links to what is not on this machine.
    """
    packed = raw.with_name(PACKED)
    if packed.is_file():
        with packed.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # of jobs beside each other the first one unpacks
            if not (raw / MARK).is_file() or (raw / MARK).read_text() != _digest(raw):
                _unpack(packed, raw)
    return raw


def unpack_truth(raw: Path, place: Path) -> None:
    """Put the truth of the test set in its place, where it has come with the raw folder."""
    packed = raw.with_name(PACKED)
    if packed.is_file():
        with tarfile.open(packed) as tar:
            found = tar.extractfile(TRUTH) if TRUTH in tar.getnames() else None
            if found:
                with whole(place) as partial:
                    partial.write_bytes(found.read())


def _unpack(packed: Path, raw: Path) -> None:
    scratch = raw.with_name(f".{raw.name}{PARTIAL}")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        with tarfile.open(packed) as tar:
            members = [member for member in tar if member.name.startswith("raw/")]
            tar.extractall(scratch, members, filter="tar")
    except (tarfile.TarError, EOFError) as error:
        raise CatscanError(
            "The packed raw files are damaged.", where=str(packed), found=str(error), do="Run the download again."
        ) from error
    for link in filter(Path.is_symlink, (scratch / "raw").iterdir()):
        if not link.exists():
            raise CatscanError(
                "Raw files are not on this machine.",
                where=str(link.readlink()),
                found="no such file or folder",
                do="Have every machine see the source's folder at the same path.",
            )
    shutil.rmtree(raw, ignore_errors=True)
    (scratch / "raw").replace(raw)
    scratch.rmdir()
    write_text(raw / MARK, _digest(raw))


def _digest(raw: Path) -> str:
    return hashlib.sha256((raw / MANIFEST).read_bytes()).hexdigest()
