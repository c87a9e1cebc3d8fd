"""The raw folder as one tree of files: plain files, and the members of its zips as if they were unpacked in place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from catscan.common.errors import BadSample
from catscan.common.tables import natural_key
from catscan.raw.walk import files_below, is_hidden
from catscan.raw.zips import DAMAGED, LARGEST_FILE, Zip

__all__ = ["LARGEST_FILE", "MANIFEST", "RawFile", "RawFiles"]

MANIFEST = "manifest.json"


@dataclass(frozen=True, order=True)
class RawFile:
    """One file: ``archive`` is the zip that holds it, relative to the raw folder, or ""; ``path`` its name in there."""

    archive: str
    path: str
    size: int


class RawFiles:
    """Reads the files below ``root``; safe to share between threads, which share one open file a zip."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self._zips: dict[str, Zip] = {}
        self._guard = threading.Lock()

    def all(self) -> list[RawFile]:
        """Every file, in natural order; hidden files and the manifest are left out, zips are shown by their members.

        A zip inside a zip is shown as one file.

        Raises
        ------
        CatscanError
            When a zip is damaged or cannot be trusted, or a folder may not be read.
        """
        return sorted(self._shown(""), key=lambda file: (natural_key(file.path), file.archive))

    def _shown(self, folder: str) -> Iterator[RawFile]:
        """The files below a folder, each zip by its members."""
        for below, entry in files_below(self.root / folder):
            name = f"{folder}/{below}" if folder else below
            if name == MANIFEST:
                continue
            if name.lower().endswith(".zip"):
                yield from self._members(name, "")
            else:
                yield RawFile("", name, entry.stat().st_size)

    def _members(self, archive: str, folder: str) -> Iterator[RawFile]:
        opened = self._zip(archive)
        for name in opened.below(folder):
            if not is_hidden(name):
                yield RawFile(archive, name, opened.size(name))

    def below(self, archive: str, folder: str) -> list[RawFile]:
        """The files of one folder and its sub-folders, in natural order; ``folder`` may also be one file."""
        if archive:
            opened = self._zip(archive)
            found = [RawFile(archive, folder, opened.size(folder))] if folder in opened else []
            found += self._members(archive, folder)
        else:
            start = self.root / folder
            if start.is_file():
                return [RawFile("", folder, start.stat().st_size)]
            found = list(self._shown(folder)) if start.is_dir() else []
        return sorted(found, key=lambda file: natural_key(file.path))

    def size(self, archive: str, path: str) -> int:
        """The number of bytes of one file, of a member as it declares; raises as `read` does."""
        if archive:
            return self._zip(archive).size(path)
        try:
            return (self.root / path).stat().st_size
        except OSError as error:
            raise BadSample(f"cannot be read: {error.strerror or error}") from error

    def read(self, archive: str, path: str) -> bytes:
        """The bytes of one file.

        Raises
        ------
        BadSample
            When the file is missing, unreadable, encrypted, or fails its checksum.
        """
        if archive:
            return self._zip(archive).read(path)
        try:
            return (self.root / path).read_bytes()
        except OSError as error:
            raise BadSample(f"cannot be read: {error.strerror or error}") from error

    @contextmanager
    def opened(self, archive: str, path: str) -> Iterator[IO[bytes]]:
        """One file, open to be read from its start to its end, for one that is too large to hold; raises as `read`."""
        try:
            with self._zip(archive).opened(path) if archive else (self.root / path).open("rb") as file:
                yield file
        except OSError as error:
            raise BadSample(f"cannot be read: {error.strerror or error}") from error
        except DAMAGED as error:
            raise BadSample(f"cannot be read: {error}") from error

    def start(self, archive: str, path: str, size: int) -> bytes:
        """The first ``size`` bytes of one file, fewer when it is shorter; raises as `read` does."""
        if archive:
            return self._zip(archive).start(path, size)
        try:
            with (self.root / path).open("rb") as file:
                return file.read(size)
        except OSError as error:
            raise BadSample(f"cannot be read: {error.strerror or error}") from error

    def _zip(self, archive: str) -> Zip:
        with self._guard:
            if archive not in self._zips:
                self._zips[archive] = Zip(self.root / archive)
            return self._zips[archive]

    def close(self) -> None:
        """Close all zips."""
        with self._guard:
            for opened in self._zips.values():
                opened.close()
            self._zips.clear()
