"""A competition that is on the disk already: its files are linked, never copied and never written to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from catscan.raw.source import check, is_archive, linked, seven_zips, solution_of
from catscan.stages.download.folder import RawFolder, link
from catscan.stages.download.unpacking import unpack_all


def fill(raw: RawFolder, truth: Path, source: str, solution: str, password_files: Mapping[str, str]) -> None:
    """Link the files of ``source`` into the raw folder, and the solution, outside of it, to ``truth``/solution.csv.

    A 7z is not linked, since it is of no use as it is, but unpacked.
    """
    check(source, solution)
    if solution:
        link(truth / "solution.csv", solution_of(source, solution))
    files = linked(source, solution)
    raw.link(files)
    archives = [*files, *seven_zips(source)]
    unpack_all(raw, sorted(file for file in archives if is_archive(file.name) and file.is_file()), password_files)
