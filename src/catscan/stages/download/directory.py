"""A competition that is on the disk already: its files are linked, never copied and never written to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from catscan.raw.source import check, is_archive, located, offered, solution_of
from catscan.stages.download.folder import RawFolder, link
from catscan.stages.download.unpacking import unpack_all


def fill(raw: RawFolder, truth: Path, source: str, solution: str, password_files: Mapping[str, str]) -> None:
    """Link the files of ``source`` into the raw folder, and the solution, outside of it, to ``truth``/solution.csv.

    A 7z is not linked, since it is of no use as it is, but unpacked.
    """
    check(source, solution)
    path = located(source)
    files = offered(path) if path.is_dir() else [path]
    if solution:
        hidden_truth = solution_of(source, solution)
        files = [file for file in files if not file.samefile(hidden_truth)]
        link(truth / "solution.csv", hidden_truth)
    raw.link(file for file in files if file.suffix.lower() != ".7z" or file.is_dir())
    unpack_all(raw, [file for file in files if is_archive(file.name) and file.is_file()], password_files)
