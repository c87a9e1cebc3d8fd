"""The arrays among the raw files: `.npy` files, and the members of `.npz` files as if these were folders.

`sets/adrenal.npz/train_images` is the array `train_images` of `sets/adrenal.npz`, and `...#17` behind it its row 17.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from catscan.common.errors import BadSample, listed
from catscan.kinds.arrays.spans import Archive, File, Span
from catscan.kinds.arrays.stored import StoredArray, stored_array
from catscan.raw.files import RawFiles

NPY, NPZ = ".npy", ".npz"


def split(path: str) -> tuple[str, str]:
    """Cut the path of an array into that of its file and its name in there, "" for a file itself.

    >>> split("sets/adrenal.npz/train_images")
    ('sets/adrenal.npz', 'train_images')
    """
    head, found, name = path.partition(f"{NPZ}/")
    return (f"{head}{NPZ}", name) if found else (path, "")


class ArrayFiles:
    """Opens arrays below the raw folder; safe to share between threads."""

    def __init__(self, raw: RawFiles) -> None:
        self._root = raw.root
        self._files: list[File] = []
        self._archives: dict[str, Archive] = {}
        self._arrays: dict[tuple[str, str], StoredArray] = {}
        self._guard = threading.RLock()

    def names(self, archive: str, path: str) -> list[str]:
        """The names of the arrays in an `.npz`.

        Raises
        ------
        BadSample
            When it is damaged.
        """
        with self._opened(archive, path) as span:
            return [name.removesuffix(NPY) for name in Archive(span).names]

    def held(self, archive: str, path: str) -> StoredArray:
        """An array of many samples, which stays open until `close`.

        Raises
        ------
        BadSample
            When it is not there, or no array.
        """
        with self._guard:
            if (archive, path) not in self._arrays:
                file, name = split(path)
                span = self._archive(archive).member(file) if archive else self._kept(file)
                self._arrays[archive, path] = _array_in(span, file, name)
            return self._arrays[archive, path]

    @contextmanager
    def once(self, archive: str, path: str) -> Iterator[StoredArray]:
        """The array of a file that is one sample; raises as `held` does."""
        file, name = split(path)
        with self._opened(archive, file) as span:
            yield _array_in(span, file, name)

    @contextmanager
    def _opened(self, archive: str, path: str) -> Iterator[Span]:
        if archive:
            yield self._archive(archive).member(path)
            return
        with closing(File(self._root / path)) as file:
            yield file

    def _archive(self, archive: str) -> Archive:
        with self._guard:
            if archive not in self._archives:
                self._archives[archive] = Archive(self._kept(archive))
            return self._archives[archive]

    def _kept(self, path: str) -> File:
        self._files.append(File(self._root / path))
        return self._files[-1]

    def close(self) -> None:
        """Close all files."""
        for file in self._files:
            file.close()
        self._files.clear()
        self._archives.clear()
        self._arrays.clear()


def _array_in(span: Span, file: str, name: str) -> StoredArray:
    if not file.endswith(NPZ):
        return stored_array(span)
    archive = Archive(span)
    if not name and len(archive.names) != 1:
        known = listed([each.removesuffix(NPY) for each in archive.names])
        raise BadSample(f"holds {len(archive.names)} arrays ({known}): name one behind it, as in {{id}}.npz/image")
    return stored_array(archive.member(f"{name}{NPY}" if name else archive.names[0]))
