"""A competition from Kaggle: what it offers is fetched once, and again only when Kaggle has another version."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from catscan.common.errors import CatscanError
from catscan.common.files import read_json, write_json
from catscan.common.meter import size
from catscan.common.progress import say
from catscan.kaggle.api import Kaggle, RemoteFile
from catscan.kaggle.refusals import unknown_file
from catscan.raw.files import MANIFEST
from catscan.raw.source import is_archive
from catscan.stages.download.archives import is_safe
from catscan.stages.download.fetch import fetch, part_of
from catscan.stages.download.folder import PARTS, RawFolder, remove
from catscan.stages.download.unpacking import unpack_all

RECORD = ".fetched.json"  # for each file what Kaggle listed, and the size, MD5 and ETag of what came
FEW = 40  # files that are fetched one by one; a competition with more is fetched as one zip, which is read in place


def fill(raw: RawFolder, competition: str, files: Sequence[str], password_files: Mapping[str, str]) -> None:
    """Fetch the competition's files, or those named, into the raw folder, and unpack what has to be.

    Raises
    ------
    CatscanError
        When Kaggle refuses (with the next step), a file is not offered, or the disk is too small.
    TryAgain
        When Kaggle cannot be reached; what has come stays, and the next run goes on with it.
    """
    kaggle = Kaggle(competition)
    wanted = _wanted(kaggle, files)
    _check_space(raw, wanted)
    raw.own(sorted({PurePosixPath(file.name).parts[0] for file in wanted}))
    record: dict[str, Any] = read_json(raw.root / RECORD) if (raw.root / RECORD).exists() else {}
    for file in wanted:
        if not _is_there(raw, record.get(file.name), file):
            record[file.name] = _fetch(raw, kaggle, file)
            write_json(raw.root / RECORD, record)
    _drop_others(raw, record, {file.name for file in wanted})
    tops = sorted({PurePosixPath(entry["path"]).parts[0] for entry in record.values()})
    raw.own(tops)
    unpack_all(raw, [raw.root / name for name in tops if is_archive(name)], password_files)


def _wanted(kaggle: Kaggle, files: Sequence[str]) -> list[RemoteFile]:
    """The files to fetch; one without a name stands for the whole competition as one zip."""
    offered, is_whole = kaggle.files(at_most=FEW)
    known = {file.name: file for file in offered}
    for name in files:
        if is_whole and name not in known:
            raise unknown_file(name, list(known))
    if files:
        wanted = [known.get(name, RemoteFile(name, 0, "")) for name in files]
    elif is_whole and len(offered) <= FEW:
        wanted = offered
    else:
        wanted = [RemoteFile(f"{kaggle.competition}.zip", 0, max(file.date for file in offered))]
    unsafe = [file.name for file in wanted if not is_safe(file.name) or file.name == MANIFEST]
    if unsafe:
        raise CatscanError("Kaggle offers a file with a name that is not safe.", where=repr(unsafe[0]))
    return wanted


def _check_space(raw: RawFolder, wanted: list[RemoteFile]) -> None:
    """Refuse before the first byte when all that is listed cannot have room; what has come already is not counted."""
    needed = sum(_missing(raw, file) for file in wanted)
    free = shutil.disk_usage(raw.root).free
    say(f"{len(wanted)} files, {size(needed)} to fetch, {size(free)} free")
    if needed > free:
        raise CatscanError(
            "The disk is too small for the competition's files.",
            where=str(raw.root),
            found=f"{size(needed)} are needed, {size(free)} are free",
            do="Free some space, put the results on a larger disk, or name the files you need in `source.files`.",
        )


def _missing(raw: RawFolder, file: RemoteFile) -> int:
    """The bytes of a file that have not come yet, by its listed size."""
    if (raw.root / file.name).exists():
        return 0
    part = part_of(file.name, raw.root / PARTS)
    return max(0, file.size - (part.stat().st_size if part.exists() else 0))


def _fetch(raw: RawFolder, kaggle: Kaggle, file: RemoteFile) -> dict[str, Any]:
    whole = file.name == f"{kaggle.competition}.zip" and not file.size
    fetched = fetch(
        lambda: kaggle.locate("" if whole else file.name),
        raw.root / PARTS / "whole",
        raw.root / PARTS,
        name=file.name,
        competition=kaggle.competition,
    )
    path = PurePosixPath(file.name).with_name(fetched.name)
    raw.own([path.parts[0]])
    (raw.root / path).parent.mkdir(parents=True, exist_ok=True)
    (raw.root / PARTS / "whole" / fetched.name).replace(raw.root / path)
    say(f"{file.name}: fetched, {size(fetched.size)}")
    return {**asdict(fetched), "path": str(path), "listed": asdict(file)}


def _drop_others(raw: RawFolder, record: dict[str, Any], names: set[str]) -> None:
    """Remove the files of an earlier run that the competition no longer offers, and forget them."""
    for name in sorted(record.keys() - names):
        path = record.pop(name)["path"]
        if path not in {entry["path"] for entry in record.values()}:
            remove(raw.root / path)
    write_json(raw.root / RECORD, record)


def _is_there(raw: RawFolder, entry: dict[str, Any] | None, file: RemoteFile) -> bool:
    """Whether an earlier run has fetched this very version, and it lies there whole."""
    if entry is None or entry["listed"] != asdict(file):
        return False
    path = raw.root / entry["path"]
    return path.is_file() and path.stat().st_size == entry["size"]
