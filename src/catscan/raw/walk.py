"""Every file below a folder, with one rule for links and one for what file managers leave behind.

Links are followed, so that a folder which is linked twice is there twice, under both names; only a link that leads back
into a folder around it is not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from catscan.common.errors import CatscanError


def is_hidden(path: str) -> bool:
    """Whether ``path`` is one of the files that file managers leave behind (.DS_Store, __MACOSX, Thumbs.db)."""
    parts = path.split("/")  # a tenth of the time of PurePosixPath, for hundreds of thousands of slices
    hidden = any((part.startswith(".") and part != ".") or part == "__MACOSX" for part in parts)
    return hidden or parts[-1] == "Thumbs.db"


def is_ordinary(path: Path) -> bool:
    """Whether ``path`` leads to a file or a folder of a disk.

    A pipe would be waited for, and a device read, without an end, as some of the files are that the kernel makes up.
    """
    return (path.is_file() or path.is_dir()) and not _is_made_up(path)


def _is_made_up(path: Path | str) -> bool:
    """Whether ``path`` leads to where the kernel shows itself; no disk is there."""
    real = f"{os.path.realpath(path)}/"
    return real.startswith(("/proc/", "/sys/", "/dev/")) and not real.startswith("/dev/shm/")


def files_below(folder: Path | str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every file in a folder and its sub-folders, in no order.

    Hidden files and folders are left out, and so is what is neither a file nor a folder of a disk: a link that leads
    nowhere, a pipe, a device, /proc.

    Yields
    ------
    Its name below ``folder``, with "/" between folders, and its entry.

    Raises
    ------
    CatscanError
        When a folder cannot be read.
    """
    return _below(os.fspath(folder), "", ())


def _below(folder: str, start: str, inside: tuple[str, ...]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    real = os.path.realpath(folder)
    if real in inside or _is_made_up(real):
        return
    try:
        entries = os.scandir(folder)
    except OSError as error:
        raise CatscanError(
            "A folder cannot be read.", where=folder, found=error.strerror or str(error), do="Check its permissions."
        ) from error
    with entries:  # which may be a million
        for entry in entries:
            if entry.name[0] in ".T_" and is_hidden(entry.name):  # most names need no closer look
                continue
            try:
                is_folder, is_file = entry.is_dir(), entry.is_file()
            except OSError:  # a link to itself leads nowhere too
                continue
            if is_folder:
                yield from _below(entry.path, f"{start}{entry.name}/", (*inside, real))
            elif is_file and not (entry.is_symlink() and _is_made_up(entry.path)):
                yield start + entry.name, entry
