"""The bytes of a scan's files, from a folder or from a zip."""

from __future__ import annotations

import os
from operator import attrgetter

from catscan.common.errors import BadSample
from catscan.raw.files import RawFile, RawFiles
from catscan.raw.walk import files_below


class ScanFiles:
    """Lists and reads the files of one sample; plain files are opened by the system's own calls, for speed."""

    def __init__(self, raw: RawFiles) -> None:
        self._raw = raw
        self._root = os.fspath(raw.root)

    def list(self, archive: str, path: str) -> list[RawFile]:
        """The files of a folder and its sub-folders (or the one file), by name; hidden files are left out.

        Raises
        ------
        BadSample
            When there is none.
        """
        start = os.path.join(self._root, path)  # noqa: PTH118 -- pathlib costs more than reading the files
        plain = not archive and os.path.isdir(start)  # noqa: PTH112
        files = _plain_files(start, path) if plain else self._raw.below(archive, path)
        if not files:
            raise BadSample("has no files")
        return sorted(files, key=attrgetter("path"))

    def head(self, file: RawFile, size: int) -> bytes:
        """The first ``size`` bytes of a file, fewer when it is shorter."""
        if file.archive:
            return self._raw.start(file.archive, file.path, size)
        with _opened(self._root, file) as handle:
            return os.pread(handle.number, size, 0)

    def whole(self, file: RawFile) -> bytes:
        """All bytes of a file."""
        return self._raw.read(file.archive, file.path)

    def fill(self, file: RawFile, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` with the bytes from ``offset`` on.

        Raises
        ------
        BadSample
            When the file ends before the buffer is full.
        """
        if file.archive:
            part = self.whole(file)[offset : offset + len(buffer)]
            got = len(part)
            buffer[:got] = part
        else:
            with _opened(self._root, file) as handle:
                got = os.preadv(handle.number, [buffer], offset)
        if got != len(buffer):
            raise BadSample(f"is cut short: {got:,} of {len(buffer):,} bytes of pixels")


class _opened:  # noqa: N801 -- used as a statement; a generator would cost as much as the read itself
    """An open file's number, closed at the end of the block."""

    __slots__ = ("number",)

    def __init__(self, root: str, file: RawFile) -> None:
        try:
            self.number = os.open(f"{root}/{file.path}", os.O_RDONLY)
        except OSError as error:
            raise BadSample(f"cannot be opened: {error.strerror}") from error

    def __enter__(self) -> _opened:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.number)


def _plain_files(folder: str, path: str) -> list[RawFile]:
    """Unlike `RawFiles.below`, a zip is a file like any other, and nothing is sorted."""
    start = f"{path}/" if path else ""
    return [RawFile("", start + name, entry.stat().st_size) for name, entry in files_below(folder)]
