"""The archives of a source: which are unpacked (once, one level deep), and with which password."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from catscan.common.errors import CatscanError, did_you_mean
from catscan.common.progress import say
from catscan.raw.walk import is_ordinary
from catscan.stages.download.archives import inner_archives, take_out
from catscan.stages.download.folder import RawFolder

LONGEST_PASSWORD = 4096  # characters


def unpack_all(raw: RawFolder, archives: Sequence[Path], password_files: Mapping[str, str]) -> None:
    """Unpack every 7z into the raw folder, and take the archives out of a zip that holds some.

    Other zips are read in place by the later stages. What an earlier run unpacked from the same archive is kept.
    Archives may bring the same folder, each a part of it.

    Raises
    ------
    CatscanError
        When an archive cannot be unpacked, a password is missing, or one is given for an archive that is not there.
    """
    inside = {archive: inner_archives(archive) for archive in archives if _is_zip(archive)}
    _check_names(password_files, [*(path.name for path in archives), *(n for names in inside.values() for n in names)])
    raw.forget_changed(archive for archive in archives if inside.get(archive) != [])
    for archive in archives:
        names = inside.get(archive)
        if names == [] or raw.is_unpacked(archive):
            continue
        with raw.scratch(archive.name) as folder:
            if names is None:
                _unpack_7z(archive, folder, password_files)
            else:
                take_out(archive, names, folder)
                for name in names:
                    _open_inner(folder / name, password_files)
            raw.put_unpacked(archive, folder.iterdir())


def _open_inner(archive: Path, password_files: Mapping[str, str]) -> None:
    """Unpack a 7z that came out of a zip, in place of itself; a zip stays, and what it holds in turn is told."""
    if not _is_zip(archive):
        _unpack_7z(archive, archive.parent, password_files)
        archive.unlink()
    elif deeper := inner_archives(archive):
        say(f"{archive.name} holds archives on a second level, which stay packed: {', '.join(deeper[:5])}")


def _unpack_7z(archive: Path, into: Path, password_files: Mapping[str, str]) -> None:
    from catscan.stages.download.seven_zip import unpack

    secret = password_files.get(archive.name)
    unpack(archive, into, None if secret is None else read_password(archive.name, secret))


def read_password(archive: str, secret: str) -> str:
    """The password that stands in the file ``secret``, or, for "$NAME", in that variable.

    Raises
    ------
    CatscanError
        When the file or the variable is missing or empty, or the file has more than one line.
    """
    where = f"source.password_files: {{{archive}: {secret}}}"
    if secret.startswith("$"):
        password = os.environ.get(secret[1:], "")
        if not password:
            raise CatscanError("The variable with a password is not set.", where=where, do=f"export {secret[1:]}=...")
        return password
    path = Path(secret).expanduser()
    try:
        if path.exists() and not is_ordinary(path):
            raise OSError(errno.EINVAL, "a pipe, a socket or a device")
        with path.open(encoding="utf-8") as file:
            lines = file.read(LONGEST_PASSWORD).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
        raise CatscanError(
            "The file with a password cannot be read.", where=where, found=f"{path}: {found}", do="Check the path."
        ) from error
    if len(lines) != 1 or not lines[0]:
        raise CatscanError(
            "A password file must hold the password, on one line, and nothing else.",
            where=where,
            found=f"{len(lines)} lines",
        )
    return lines[0]


def _check_names(password_files: Mapping[str, str], names: list[str]) -> None:
    known = sorted({Path(name).name for name in names if not _is_zip(Path(name))})
    for name in password_files:
        if name not in known:
            raise CatscanError(
                f"A password is given for {name}, which the source does not have.",
                where=f"source.password_files: {name}",
                do=did_you_mean(name, known) if known else "The source has no 7z archive: remove the key.",
            )


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip"
