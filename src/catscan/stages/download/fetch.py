"""One file from the network to the disk: resumed where it was cut, checked, and under its name only when whole."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import urllib3

from catscan.common.errors import CatscanError, TryAgain
from catscan.common.files import read_json, write_json
from catscan.common.meter import Meter, size
from catscan.common.progress import say
from catscan.kaggle.api import TIMEOUT, Remote, retrying

BLOCK = 256 << 10
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Fetched:
    """What was fetched: the file's own name, its bytes, its MD5 (hexadecimal), and what the server knows it by."""

    name: str
    size: int
    md5: str
    validator: str


def fetch(locate: Callable[[], Remote], folder: Path, parts: Path, *, name: str, competition: str) -> Fetched:
    """Fetch one file into ``folder``, under the name that its address ends with.

    Until it is whole it lies in ``parts``, with a note by which the next try, or the next run, goes on with it. A cut
    connection is taken up again for as long as bytes come.

    Parameters
    ----------
    locate
        Gives the address anew for each try, since a signed one is good for some minutes only.
    folder, parts
        Where it ends up, and the folder for what is not whole yet, on the same disk.
    name, competition
        The file and its competition, for what is told.

    Raises
    ------
    CatscanError
        When the disk is too small or full, or the checksum is wrong twice.
    TryAgain
        When the connection is cut again and again before a byte has come.
    """
    part = part_of(name, parts)
    parts.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(2):
        remote = _complete(locate, part, name=name, competition=competition)
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "md5")
            os.fsync(file.fileno())
        if _fits(remote, part.stat().st_size, digest.digest()):
            target = folder / _own_name(name, remote)
            part.replace(target)
            _forget(part)
            return Fetched(target.name, target.stat().st_size, digest.hexdigest(), remote.validator)
        say(f"{name}: what came does not fit Kaggle's checksum; it is fetched again from its start")
        _forget(part)
    raise CatscanError(
        "What Kaggle sends does not fit its own checksum.",
        where=f"{competition}: {name}",
        found="twice; nothing of it was kept",
        do="Run the same command again later; something between here and Kaggle may change files.",
    )


def part_of(name: str, parts: Path) -> Path:
    """Where in ``parts`` a file lies until it is whole."""
    return parts / name.replace("/", "%2F")


def _complete(locate: Callable[[], Remote], part: Path, *, name: str, competition: str) -> Remote:
    """Fetch what is missing of ``part``; a round of tries that brought bytes is followed by another."""
    while True:
        before = _size(part)
        try:
            return retrying(lambda: _fetch_rest(locate(), part, name), competition=competition, of_file=name)
        except TryAgain:
            if _size(part) <= before:
                raise
            say(f"{name}: {size(_size(part))} have come; going on")


def _fetch_rest(remote: Remote, part: Path, name: str) -> Remote:
    """Ask for the bytes behind those that are there, when they belong to the same file, and write them."""
    note = {"size": remote.size, "validator": remote.validator}
    if not remote.validator or _note(part) != note:
        _forget(part)
        write_json(_note_path(part), note)
    have = _size(part)
    if have and have == remote.size:
        return remote
    _check_space(part, name, remote.size - have)
    headers = {"Accept-Encoding": "identity"}  # the bytes as they lie there, which the checksum is of
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": remote.validator}
    with requests.get(remote.url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            _forget(part)  # it is no part of the file; the next round begins from nothing
            raise requests.ConnectionError(response=None, request=answer.request)
        answer.raise_for_status()
        goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        _write(answer, part, name, remote.size, have if goes_on else 0)
    return remote


def _write(answer: requests.Response, part: Path, name: str, total: int, have: int) -> None:
    try:
        with part.open("ab") as file, Meter(name, total, have) as meter:
            file.truncate(have)
            # read1 gives what has come so far; requests' own reader would drop up to a whole block at each cut
            while block := answer.raw.read1(BLOCK):
                file.write(block)
                meter.add(len(block))
    except (urllib3.exceptions.ProtocolError, urllib3.exceptions.TimeoutError) as error:
        raise requests.exceptions.ChunkedEncodingError(request=answer.request) from error
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise CatscanError(
            "The disk is full.",
            where=str(part.parent.parent),
            found=f"{size(_size(part))} of {name} ({size(total)}) are fetched, and stay",
            do="Free some space and run the same command again: it goes on from there.",
        ) from error


def _check_space(part: Path, name: str, missing: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise CatscanError(
            f"The disk is too small for {name}.",
            where=str(part.parent.parent),
            found=f"{size(missing)} are needed, {size(free)} are free",
            do="Free some space, or put the results on a larger disk. Unpacking a 7z takes as much again, and more.",
        )


def _fits(remote: Remote, length: int, digest: bytes) -> bool:
    if remote.size and length != remote.size:
        return False
    return not remote.md5 or base64.b64decode(remote.md5) == digest


def _own_name(name: str, remote: Remote) -> str:
    """The file's name; Kaggle sends some tables zipped, which the end of the address tells."""
    own = name.rsplit("/", 1)[-1]
    return remote.name if remote.name == own + ".zip" else own


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _note_path(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _note(part: Path) -> Any:
    return read_json(_note_path(part)) if _note_path(part).exists() and part.exists() else None


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note_path(part).unlink(missing_ok=True)
