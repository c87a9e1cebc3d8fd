"""The raw folder as one tree of files: plain files, and the members of its zips as if they were unpacked in place."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from catscan.errors import BadSample, CatscanError
from catscan.tables import natural_key

MANIFEST = "manifest.json"
LARGEST_FILE = 4 << 30  # bytes; a larger single picture, slice or table is no such thing


@dataclass(frozen=True, order=True)
class RawFile:
    """One file: ``archive`` is the zip that holds it, relative to the raw folder, or ""; ``path`` its name in there."""

    archive: str
    path: str
    size: int


def is_hidden(path: str) -> bool:
    """Whether ``path`` is one of the files that file managers leave behind (.DS_Store, __MACOSX, Thumbs.db)."""
    parts = PurePosixPath(path).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1:] == ("Thumbs.db",)


class RawFiles:
    """Reads the files below ``root``; safe to share between threads (each has its own handle on each zip)."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self._local = threading.local()
        self._handles: list[zipfile.ZipFile] = []
        self._guard = threading.Lock()

    def all(self) -> list[RawFile]:
        """Every file, in natural order; hidden files and the manifest are left out, zips are shown by their members.

        Raises
        ------
        CatscanError
            When a zip is damaged.
        """
        return sorted(self._walk(), key=lambda file: (natural_key(file.path), file.archive))

    def _walk(self) -> Iterator[RawFile]:
        seen: set[Path] = set()
        folders = [self.root]
        while folders:
            folder = folders.pop()
            real = folder.resolve()
            if real in seen:  # a link that leads back into a folder already visited
                continue
            seen.add(real)
            for entry in folder.iterdir():
                name = entry.relative_to(self.root).as_posix()
                if is_hidden(name) or name == MANIFEST:
                    continue
                if entry.is_dir():
                    folders.append(entry)
                elif not entry.exists():
                    continue  # a dangling link; the manifest names it
                elif entry.suffix.lower() == ".zip":
                    yield from self._members(name)
                else:
                    yield RawFile("", name, entry.stat().st_size)

    def _members(self, archive: str) -> Iterator[RawFile]:
        for member in self._zip(archive).infolist():
            if not member.is_dir() and not is_hidden(member.filename):
                yield RawFile(archive, member.filename, member.file_size)

    def below(self, archive: str, folder: str) -> list[RawFile]:
        """The files of one folder and its sub-folders, in natural order; ``folder`` may also be one file."""
        if archive:
            inside = [file for file in self._members(archive) if _is_below(file.path, folder)]
        else:
            start = self.root / folder
            if start.is_file():
                return [RawFile("", folder, start.stat().st_size)]
            part = RawFiles(start)
            inside = [RawFile(f.archive, f"{folder}/{f.path}", f.size) for f in part.all()] if start.is_dir() else []
        return sorted(inside, key=lambda file: natural_key(file.path))

    def read(self, archive: str, path: str) -> bytes:
        """The bytes of one file.

        Raises
        ------
        BadSample
            When the file is missing, unreadable, encrypted, or fails its checksum.
        """
        try:
            if not archive:
                return (self.root / path).read_bytes()
            return self._zip(archive).read(path)
        except KeyError as error:
            raise BadSample(f"{archive} has no member {path}") from error
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
            raise BadSample(f"cannot be read: {error}") from error

    def start(self, archive: str, path: str, size: int) -> bytes:
        """The first ``size`` bytes of one file, fewer when it is shorter; raises as `read` does."""
        try:
            with self._zip(archive).open(path) if archive else (self.root / path).open("rb") as file:
                return file.read(size)
        except KeyError as error:
            raise BadSample(f"{archive} has no member {path}") from error
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
            raise BadSample(f"cannot be read: {error}") from error

    def _zip(self, archive: str) -> zipfile.ZipFile:
        handles: dict[str, zipfile.ZipFile] = self._local.__dict__.setdefault("handles", {})
        if archive not in handles:
            try:
                handles[archive] = zipfile.ZipFile(self.root / archive)
            except FileNotFoundError as error:
                raise CatscanError(
                    "An archive is missing.", where=str(self.root / archive), do="Run the download stage again."
                ) from error
            except (OSError, zipfile.BadZipFile) as error:
                raise CatscanError(
                    "An archive is damaged.",
                    where=str(self.root / archive),
                    found=str(error),
                    do="Fetch it again: delete it and run the download stage.",
                ) from error
            with self._guard:
                self._handles.append(handles[archive])
        return handles[archive]

    def close(self) -> None:
        """Close all zips."""
        with self._guard:
            for handle in self._handles:
                handle.close()
            self._handles.clear()


def _is_below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(folder + "/")
