"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from catscan.common.errors import CatscanError, TryAgain

PARTIAL = ".partial"
PATIENCE = 20.0  # seconds
NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # of a file system that locks nothing


@contextmanager
def whole(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` when the block ends well.

    The bytes are flushed to the disk before the rename, so that a crash leaves the old file or the new one. When the
    block raises, the temporary file is removed and ``path`` is as it was.

    Raises
    ------
    CatscanError
        When the disk is full or the folder cannot be written to.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, path.name)
        handle, partial = _locked_beside(path)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EISDIR):
            raise unwritable(path, error) from error
        raise
    finally:
        partial.unlink(missing_ok=True)
        os.close(handle)


def _locked_beside(path: Path) -> tuple[int, Path]:
    """A new empty file beside ``path``, open and locked while this process writes it: nobody sweeps it away."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PARTIAL)
        os.fchmod(handle, 0o666 & ~_umask())
        _lock(handle)
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)  # swept before it was locked


def unwritable(path: Path, error: OSError) -> CatscanError:
    """The block that tells why ``path`` could not be written, and what to do."""
    remedies = {
        errno.ENOSPC: "Free some space and run the same command again.",
        errno.EISDIR: "Name a file: this is a folder.",
    }
    do = remedies.get(error.errno or 0, "Check the folder's rights.")
    return CatscanError("A file cannot be written.", where=str(path), found=error.strerror or str(error), do=do)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sweep(folder: Path | str, name: str = "") -> None:
    """Remove the temporary files of ``name`` (without: all) that killed runs left in ``folder``.

    Those that a living process writes are locked and stay; so do all on a file system that locks no files.
    """
    own = f"{name.lstrip('.')}." if name else ""
    for leftover in Path(folder).glob(f".*{PARTIAL}"):
        if leftover.name.lstrip(".").startswith(own):  # one that is written beside another has a dot more
            with suppress(OSError), leftover.open("r+b") as file:
                if _lock(file.fileno()):
                    leftover.unlink()


def _lock(number: int) -> bool:
    """Lock a file that is open for writing, until it is closed; whether nobody else has."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    """Write ``value`` as JSON with sorted keys, one key a line, so that equal content gives equal bytes.

    Not-a-number and infinity are refused: they are not JSON.
    """
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path | str) -> Any:
    """Read JSON.

    Raises
    ------
    CatscanError
        When the file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CatscanError("A file is missing.", where=str(path), do="Run the stage that makes it.") from error
    except ValueError as error:
        raise CatscanError(
            "A file is damaged: it is not JSON.", where=str(path), found=str(error), do="Delete it and run again."
        ) from error


def spelt_out(path: Path) -> Path:
    """The absolute path with neither "." nor "..", so that it has a name and a parent; links stay links."""
    return Path(os.path.abspath(path))  # noqa: PTH100  Path.resolve() would follow links


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep every other process that asks for it out of ``folder`` until the block ends; made when it is missing.

    One that is there already is given `PATIENCE` seconds, since a job whose run was killed is about to end. What is
    locked is a hidden file beside the folder: NFS tells other machines of a file's lock, and not of a folder's. The
    lock goes with the process; a file that a killed one left is taken over. File systems that lock nothing keep nobody
    out.

    Raises
    ------
    TryAgain
        When another process is in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f".{folder.name.lstrip('.')}.in-use")
    until = time.monotonic() + PATIENCE
    while (number := _taken(path)) is None:
        if time.monotonic() > until:
            raise TryAgain("Another process is at work in this folder.", where=str(folder), do="Wait for it or end it.")
        time.sleep(0.1)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(number)


def _taken(path: Path) -> int | None:
    """The file of this name, made when it is missing, open and locked until it is closed; None where another has it."""
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(number)
        return None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            os.close(number)
            raise
    if os.fstat(number).st_nlink:
        return number
    os.close(number)  # whose it was has just removed it
    return None


def caches() -> Path | None:
    """catscan's folder among the user's caches, which may not be there yet; None when nobody knows the user's home."""
    with suppress(RuntimeError):
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute() / "catscan"
    return None
