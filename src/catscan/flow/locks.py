"""Which run is at work on which files, in `.snakemake/locks`: a file a run, which the kernel locks while the run lives.

Snakemake's own locks outlive a run that was killed, and a person has to find out that nobody is there any more and lift
them (`--unlock`). The kernel's go with the process: what a dead run left is taken over, what a living one holds is told
with its process and machine. A run on another machine counts as alive even where its lock is free, since few file
systems tell all machines of all locks; `catscan cluster clean` lifts it then, with what it left in SLURM.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import snakemake.api  # noqa: F401  # and by it snakemake.persistence, which cannot be imported first
from snakemake.persistence.file import FilePersistence

from catscan.common.errors import CatscanError, TryAgain
from catscan.common.leader import lives
from catscan.flow.schema import ROOT


@dataclass(frozen=True)
class Run:
    """A run of Snakemake, as its lock tells."""

    pid: int
    host: str
    since: str
    input: list[str]
    output: list[str]


class Locks(FilePersistence):
    """Snakemake's store, with locks that end with the run."""

    _held: Any = None

    # Named as Snakemake's own, which it replaces by another where it was told not to lock.
    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs from the plan's files.

        Raises
        ------
        TryAgain
            When another run is at work on one of them.
        """
        inputs, outputs = ([str(file) for file in files] for files in (self.all_inputfiles(), self.all_outputfiles()))
        folder = Path(self._lockdir)
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_name("locks.guard")):
            for path in folder.glob("*.json"):
                other = _read(path)
                if not _alive(path, other):
                    path.unlink(missing_ok=True)
                elif other and (set(other.output) & {*inputs, *outputs} or set(other.input) & set(outputs)):
                    raise refusal(other)
            since = time.strftime("%Y-%m-%d %H:%M:%S")
            run = Run(os.getpid(), socket.gethostname(), since, inputs, outputs)
            path = folder / f"{run.host}-{run.pid}.json"
            self._held = path.open("w")
            with suppress(OSError):  # where nothing can be locked
                fcntl.flock(self._held, fcntl.LOCK_EX)
            json.dump(asdict(run), self._held)
            self._held.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            self._held.close()

    def _delete_locks(self) -> None:
        """Lift all locks: `--unlock`."""
        lift(Path(self._lockdir))


@contextmanager
def _alone(guard: Path) -> Iterator[None]:
    """Wait until nobody else looks for locks, or sets one; it is a file, since of a folder NFS tells nobody."""
    with guard.open("w") as file:
        with suppress(OSError):  # where nothing can be locked
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def living(folder: Path, *, surely: bool = False) -> list[Run]:
    """The runs that are at work in a folder.

    Parameters
    ----------
    surely
        Whether those on other machines that hold no lock are left out.
    """
    locks = [(path, _read(path)) for path in (folder / ".snakemake" / "locks").glob("*.json")]
    return [run for path, run in locks if run and (_is_held(path, run) if surely else _alive(path, run))]


def lift(folder: Path) -> None:
    """Remove all locks of `.snakemake/locks`."""
    shutil.rmtree(folder, ignore_errors=True)


def _read(path: Path) -> Run | None:
    """The run that a lock tells of; None where it was killed while it wrote."""
    try:
        return Run(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _alive(path: Path, run: Run | None) -> bool:
    return (run is not None and run.host != socket.gethostname()) or _is_held(path, run)


def _is_held(path: Path, run: Run | None) -> bool:
    """Whether the run that set a lock has it still; where nothing can be locked, whether its process lives."""
    try:
        file = path.open()
    except FileNotFoundError:  # the run has ended just now
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return run is not None and (run.host != socket.gethostname() or lives(run.pid))
    return False


def refusal(run: Run) -> CatscanError:
    """The block for files that another run has locked."""
    here = Path.cwd()
    elsewhere = "" if here == ROOT else f" --directory {shlex.quote(str(here))}"
    near = run.host == socket.gethostname()
    return TryAgain(
        "Another run is at work on the same files.",
        where=str(here),
        found=f"process {run.pid} on {'this machine' if near else run.host}, since {run.since}",
        do=f"Wait for it to end, or end it: kill {run.pid}"
        if near
        else f"Wait for it to end. If that machine runs it no more: ./run snakemake --unlock{elsewhere}\n"
        "and then the same command again.",
    )
