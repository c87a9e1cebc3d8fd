"""Results of earlier jobs, each under the digest of what it was made from: one folder, one file a job.

An entry is a line that names the format, a line of JSON (its key, when it was made, and of each file the name, the
size and the digest), then the bytes of the files, one after another. It is written beside and renamed, so that nobody
sees half of one, and copied out under its digests, so that nobody gets a damaged one. Nothing is ever linked: whoever
writes into a result does not write into the store.

The folder may be on a shared disk, or in a bucket (`bucket`). What others wrote there is data and no more: a name is
looked up among the job's own files and never leads elsewhere, a link or a device is not opened, no right is taken over.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from catscan.common.files import PARTIAL, caches, whole
from catscan.common.settings import canonical

VARIABLE = "CATSCAN_CACHE"  # the folder, or OFF; goes before the config
OFF = "off"
S3 = "s3://"
GIGABYTE = 10**9
SPARED = 2 * GIGABYTE  # of the disk: an entry that would leave less free is not kept

FORMAT = b"catscan store 1\n"
NAME = re.compile(r"[0-9a-f]{64}")
HEAD = 64 << 20  # bytes that the line of JSON may have; 300,000 files' names
BLOCK = 1 << 20
LAST = 253402300799  # the last second that a date has a name for: the year 9999
FORGOTTEN = 86400.0  # seconds after which what a killed writer left is removed
BETWEEN_LOOKS = 0.2  # seconds

LOCKS = "locks"
TAG = "CACHEDIR.TAG"  # by which programs for backups know a cache: https://bford.info/cachedir
TAGGED = "Signature: 8a477f597d28d172789f06886806bc55\n# Results that catscan has kept: docs/going-back.md\n"

Key = dict[str, Any]


class Broken(Exception):
    """An entry is not what its name and its digests say."""


class NoRoom(OSError):
    """An entry is larger than all that may be kept, or the disk is nearly full."""


@dataclass(frozen=True)
class Part:
    """One file in an entry: its name there, its bytes, its SHA-256."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Entry:
    """What an entry says of itself, and when it was last used (seconds since 1970, as ``made``)."""

    key: Key
    title: str
    made: float
    parts: tuple[Part, ...]
    size: int
    used: float

    @property
    def stage(self) -> str:
        """The stage whose result it is."""
        return self.title.partition(" ")[0]

    @property
    def competition(self) -> str:
        """The competition whose result it is."""
        return self.title.partition(" ")[2].partition(":")[0]


@dataclass(frozen=True)
class Opened:
    """An entry that is being read, its bytes, and when it was last used."""

    file: IO[bytes]
    size: int
    used: float


def place_of(path: str) -> str:
    """Where the store is: the place that the environment names, else ``path``; "" is among the user's caches."""
    return os.environ.get(VARIABLE) or path


def store_at(place: str, limit: int) -> Store | None:
    """The store at a place: a folder, or an address in S3; None for `OFF`, and where nobody knows the user's home.

    Parameters
    ----------
    limit
        Bytes that its entries may have together.
    """
    if place == OFF:
        return None
    if place.startswith(S3):
        from catscan.flow.bucket import Bucket

        return Bucket(place, limit)
    if not place:
        folder = caches()
        return None if folder is None else Store(folder, limit)
    with suppress(RuntimeError):
        return Store(Path(place).expanduser().absolute(), limit)
    return None


def name_of(key: Key) -> str:
    """The name of the entry with this key."""
    return hashlib.sha256(canonical(key).encode()).hexdigest()


class Store:
    """The store in ``folder``, which is made when something is kept.

    Parameters
    ----------
    limit
        Bytes that its entries may have together.
    """

    is_near = True  # a look costs no request

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self.place = str(folder)  # for people
        self._locks: int | None = None

    def read(self, name: str, place: Callable[[str], Path | None]) -> Entry | None:
        """Copy the files of an entry to new files.

        Parameters
        ----------
        name
            The entry's.
        place
            Says where a file goes, by its name in the entry; None is nowhere: it is checked alone.

        Returns
        -------
        Entry or None
            None when there is none of this name.

        Raises
        ------
        Broken
            When a file is not what its digest says; what was copied by then is of no use.
        """
        with self._open(name) as opened:
            if opened is None:
                return None
            entry, file = _head(opened, name), opened.file
            for part in entry.parts:
                target = place(part.name)
                if target is None:
                    _pour(file, part, None)
                    continue
                with target.open("xb") as out:
                    _pour(file, part, out)
        return entry

    def used(self, name: str) -> None:
        """Note that an entry was of use just now, where it may be noted."""
        with suppress(OSError):
            os.utime(self.folder / name, follow_symlinks=False)

    def write(self, key: Key, title: str, files: Mapping[str, Path]) -> None:
        """Keep ``files``, by the names that they have in the entry; then remove what is over the limit.

        Parameters
        ----------
        title
            The job's, for people: "train my-cats: model resnet".

        Raises
        ------
        NoRoom
            When they are too many bytes.
        CatscanError, OSError
            When the store cannot be written to.
        """
        parts = [Part(name, path.stat().st_size, digest_of(path)) for name, path in files.items()]
        size = sum(part.size for part in parts)
        if size > self.limit:
            raise NoRoom(f"a result has {size / GIGABYTE:,.1f} GB, all may have {self.limit / GIGABYTE:,.1f}")
        head = {"key": key, "title": title, "made": time.time(), "parts": [asdict(part) for part in parts]}
        with self._new(name_of(key), size) as out:
            out.write(FORMAT + json.dumps(head).encode() + b"\n")
            for path in files.values():
                with path.open("rb") as file:
                    shutil.copyfileobj(file, out, BLOCK)
        self.prune(self.limit)

    @contextmanager
    def _new(self, name: str, size: int) -> Iterator[IO[bytes]]:
        """What is written becomes the entry of this name, when the block ends well."""
        self._make()
        if shutil.disk_usage(self.folder).free - size < SPARED:
            raise NoRoom("its disk is nearly full")
        with whole(self.folder / name) as partial, partial.open("wb") as out:
            yield out

    def _make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), (self.folder / TAG).open("x") as file:  # through no link
            file.write(TAGGED)

    def drop(self, name: str) -> None:
        """Remove an entry, if it may be removed."""
        with suppress(OSError):
            self._remove(name)

    def _remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """The names of all entries, the least recently used first."""
        return [name for _, _, name in sorted(self._files())]

    def _files(self) -> Iterator[tuple[float, int, str]]:
        """Of each entry when it was last used, its bytes, its name."""
        with suppress(FileNotFoundError), os.scandir(self.folder) as found:
            for one in found:
                if NAME.fullmatch(one.name):
                    with suppress(FileNotFoundError):  # removed by another
                        state = one.stat(follow_symlinks=False)
                        yield state.st_mtime, state.st_size, one.name

    def entry(self, name: str) -> Entry | None:
        """What an entry says of itself, with its files unread; None when it is there no more.

        Raises
        ------
        Broken
            When it does not say it.
        """
        with self._open(name) as opened:
            return None if opened is None else _head(opened, name)

    @contextmanager
    def _open(self, name: str) -> Iterator[Opened | None]:
        try:  # a link is not followed, a pipe not waited for
            number = os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise Broken("it is no file") from error
            raise
        state = os.fstat(number)
        if not stat.S_ISREG(state.st_mode):
            os.close(number)
            raise Broken("it is no file")
        with os.fdopen(number, "rb") as file:
            yield Opened(file, state.st_size, state.st_mtime)

    def prune(self, limit: int) -> tuple[int, int]:
        """Remove the least recently used entries until the rest has at most ``limit`` bytes.

        Returns
        -------
        tuple of int
            How many were removed, and their bytes.
        """
        self._sweep()
        files = sorted(self._files())
        surplus = sum(size for _, size, _ in files) - limit
        count = freed = 0
        for _, size, name in files:
            if freed >= surplus:
                break
            self._remove(name)
            count, freed = count + 1, freed + size
        return count, freed

    def _sweep(self) -> None:
        """Remove what killed writers left."""
        for leftover in self.folder.glob(f".*{PARTIAL}"):
            with suppress(OSError):
                if time.time() - leftover.lstat().st_mtime > FORGOTTEN:
                    leftover.unlink()

    @contextmanager
    def alone(self, name: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Keep every other process that asks for it from an entry until the block ends, and wait for one that has it.

        The lock is one byte of one file, so that none is left behind, and the kernel's, so that it goes with its
        process. It saves work and no more: on a disk that knows no locks, or may not be written to, two equal jobs are
        both computed.

        Parameters
        ----------
        waiting
            Called before each look but the first.
        """
        byte = int(name[:15], 16)
        held = self._lock(byte)
        while held is False:
            waiting()
            time.sleep(BETWEEN_LOOKS)
            held = self._lock(byte)
        try:
            yield
        finally:
            if held and self._locks is not None:
                fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, byte)

    def _lock(self, byte: int) -> bool | None:
        """Whether the byte is locked for this process now; None where nothing can be locked."""
        try:
            if self._locks is None:  # stays open: closing it would lift all locks of the process
                self._make()
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                self._locks = os.open(self.folder / LOCKS, flags, 0o666)
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError as error:
            return False if error.errno in (errno.EAGAIN, errno.EACCES) and self._locks is not None else None
        return True


def _head(opened: Opened, name: str) -> Entry:
    """What stands before the files' bytes, checked against the entry's name and size."""
    file = opened.file
    if file.readline(len(FORMAT)) != FORMAT:
        raise Broken("it does not begin as an entry does")
    try:
        head = json.loads(file.readline(HEAD))
        parts = tuple(Part(**part) for part in head["parts"])
        size = sum(part.size for part in parts)
        if not all(map(_is_sound, parts)) or len({part.name for part in parts}) < len(parts):
            raise ValueError
        if any(part.size < 0 for part in parts) or file.tell() + size != opened.size:
            raise Broken("it is longer or shorter than it says")
        title = "".join(sign if sign.isprintable() else "?" for sign in head["title"])
        if not isinstance(head["key"], dict) or not 0 <= head["made"] <= LAST:
            raise ValueError
        entry = Entry(head["key"], title, float(head["made"]), parts, opened.size, opened.used)
        if name_of(entry.key) != name:
            raise Broken("it is the result of another job")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Broken("its list of files cannot be read") from error
    return entry


def _is_sound(part: Part) -> bool:
    return isinstance(part.name, str) and isinstance(part.size, int)


def _pour(file: IO[bytes], part: Part, out: IO[bytes] | None) -> None:
    """Copy the next part, and check it by its digest."""
    digest, left = hashlib.sha256(), part.size
    while left and (block := file.read(min(left, BLOCK))):
        digest.update(block)
        if out is not None:
            out.write(block)
        left -= len(block)
    if left or digest.hexdigest() != part.digest:
        raise Broken(f"{part.name} is not what its digest says")


_DIGESTS: dict[tuple[str | int, ...], str] = {}  # by path, size, times and inode


def digest_of(path: Path | str) -> str:
    """The SHA-256 of a file, of all its bytes; read once a process unless it changes."""
    state = os.stat(path)  # noqa: PTH116  a Path would be made of a string
    # The time of its last change of any kind is in it too, since nobody can set that back.
    version = (os.fspath(path), state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
    if version not in _DIGESTS:
        with open(path, "rb") as file:  # noqa: PTH123
            _DIGESTS[version] = hashlib.file_digest(file, "sha256").hexdigest()
    return _DIGESTS[version]
