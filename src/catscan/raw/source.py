"""A competition that is already on the disk: where it lies, and whether it can be linked."""

from __future__ import annotations

import os
from pathlib import Path

from catscan.common.errors import CatscanError, did_you_mean
from catscan.common.progress import say
from catscan.common.tables import read_header
from catscan.raw.files import MANIFEST
from catscan.raw.walk import is_hidden, is_ordinary


def is_archive(name: str) -> bool:
    """Whether a file of this name is an archive that catscan reads."""
    return name.lower().endswith((".zip", ".7z"))


def check(source: str, solution: str = "") -> None:
    """Refuse a source that cannot be linked; cheap enough for the time when the workflow is read.

    Parameters
    ----------
    source
        A folder with the competition's files, or one archive (.zip or .7z).
    solution
        The table with the truth of the test samples: a path, relative to the folder; "" when there is none.

    Raises
    ------
    CatscanError
        When it is missing, unreadable, empty, or neither a folder nor an archive; or the solution is missing or lies
        deeper or is no table.
    """
    path = located(source)
    if not path.exists():
        raise CatscanError(
            "The folder with the competition's files is missing.",
            where=f"source.path: {source}",
            found=_nearest(path),
            do="Set `source.path` to the folder, or to its zip or 7z archive.",
        )
    if not is_ordinary(path):
        raise CatscanError(
            "The source is neither a folder nor an archive.",
            where=f"source.path: {source}",
            found="a pipe, a socket, a device or what the kernel makes up",
            do="Set `source.path` to the folder, or to its zip or 7z archive.",
        )
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        raise CatscanError("The source cannot be read.", where=f"source.path: {source}", do="Check its permissions.")
    if path.is_file() and not is_archive(path.name):
        raise CatscanError(
            "The source is a file, but not a zip or 7z archive.",
            where=f"source.path: {source}",
            do="Set `source.path` to the folder that holds the file.",
        )
    if path.is_dir() and not offered(path):
        raise CatscanError(
            "The folder with the competition's files is empty.",
            where=f"source.path: {source}",
            do="Put the files there as Kaggle serves them, archives included.",
        )
    if solution:
        _check_solution(path, solution_of(source, solution), solution)


def located(source: str) -> Path:
    """The source as a path; "~" is the home folder, a relative path begins at the working folder."""
    return Path(source).expanduser()


def offered(folder: Path) -> list[Path]:
    """The files and folders at the top of ``folder`` that are the competition's, sorted; dangling links are refused.

    A pipe, a socket, a device or /proc is left out, as it is in the folders below.
    """
    found = sorted(path for path in folder.iterdir() if not is_hidden(path.name))
    for path in found:
        if not path.exists():
            raise CatscanError(
                "The source holds a link that leads nowhere.",
                where=str(path),
                found=f"it points to {path.readlink()}",
                do="Mend or remove the link.",
            )
    if folder / MANIFEST in found:
        say(f"{folder / MANIFEST} is left out: the raw folder has a file of this name of its own")
    for path in found:
        if not is_ordinary(path):
            say(f"{path} is left out: it is neither a file nor a folder of a disk")
    return _competition_s(found)


def _competition_s(paths: list[Path]) -> list[Path]:
    return [path for path in paths if path.name != MANIFEST and is_ordinary(path)]


def linked(source: str, solution: str) -> list[Path]:
    """What of a source is linked into the raw folder, sorted: not the truth, and no 7z, which is unpacked.

    Nothing is told or refused here, as it is by `offered`.
    """
    path = located(source)
    shown = [one for one in path.iterdir() if not is_hidden(one.name)] if path.is_dir() else [path]
    truth = solution_of(source, solution) if solution else None
    return [
        one
        for one in _competition_s(sorted(shown))
        if not is_seven_zip(one) and not (truth and truth.exists() and one.samefile(truth))
    ]


def seven_zips(source: str) -> list[Path]:
    """The 7z archives of a source, sorted."""
    path = located(source)
    return sorted(filter(is_seven_zip, path.iterdir() if path.is_dir() else [path]))


def is_seven_zip(path: Path) -> bool:
    """Whether a path is a 7z archive."""
    return path.suffix.lower() == ".7z" and path.is_file() and not is_hidden(path.name)


def folder_of(path: Path) -> Path:
    """The folder of a source: itself, or the one that its single archive lies in."""
    return path if path.is_dir() else path.parent


def solution_of(source: str, solution: str) -> Path:
    """The table with the truth of the test samples, which `source.solution` names."""
    return folder_of(located(source)) / solution


def _check_solution(path: Path, file: Path, solution: str) -> None:
    if not (file.is_file() and is_ordinary(file)):
        raise CatscanError(
            "The solution is missing.",
            where=f"source.solution: {solution}",
            found=f"no file {file}",
            do="Set `source.solution` to a table in the folder, or to ''; it is used for the true score alone.",
        )
    inside = os.path.relpath(file.resolve(), folder_of(path).resolve())
    if path.is_dir() and not inside.startswith("..") and len(Path(inside).parts) > 1:
        raise CatscanError(
            "The solution lies in a folder that the stages read.",
            where=f"source.solution: {solution}",
            do="Move it to the top of `source.path`, or out of it, so that no stage can see the truth.",
        )
    read_header(file)


def _nearest(path: Path) -> str:
    """What is there instead: the deepest folder that exists, and a name in it that looks alike."""
    parent = path.absolute()
    while not parent.exists():
        missing, parent = parent, parent.parent
    if not parent.is_dir():
        return f"{parent} is a file"
    names = [path.name for path in parent.iterdir() if not is_hidden(path.name)] if os.access(parent, os.R_OK) else []
    return f"{parent} has no {missing.name}. " + did_you_mean(missing.name, names[:20])
