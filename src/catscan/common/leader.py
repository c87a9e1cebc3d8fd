"""Jobs end with the run that started them.

After a kill -9 of Snakemake its jobs would go on: they would keep the same command, given again, out of their folders,
and compute what nobody collects. So each looks once a second whether its run still lives, and stops as at a SIGTERM if
not: a training keeps its checkpoint, and the same command goes on from there.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

VARIABLE = "CATSCAN_RUN"  # the process that plans and starts the jobs
EVERY = 1.0  # seconds
STOPPING = threading.Event()  # set by a stage that has been asked to stop, and is about to


def lead() -> None:
    """Let the jobs that this process starts end with it."""
    os.environ[VARIABLE] = str(os.getpid())


def follow(name: str) -> None:
    """End this process, by a SIGTERM to itself, once the one that leads it is gone; ``name`` is its name for a person.

    Where none leads, or one that cannot be seen from here (as from a container), nothing happens.
    """
    leader = os.environ.get(VARIABLE, "")
    if leader.isdecimal() and lives(int(leader)):
        threading.Thread(target=_watch, args=(int(leader), name), daemon=True).start()


def _watch(leader: int, name: str) -> None:
    while lives(leader):
        time.sleep(EVERY)
    if STOPPING.is_set():  # as where SLURM ends all processes of a job: a second SIGTERM would cut short its saving
        return
    print(f"{name}: snakemake (process {leader}) is gone; stopped, the same command goes on.", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGTERM)


def lives(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        pass
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # not Linux
        return True
    return state != "Z"  # dead, and not yet buried by its parent
