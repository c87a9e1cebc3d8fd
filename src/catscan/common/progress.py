"""How long work shows itself: a bar on a terminal, one line every ten seconds in a log, a note for the run's bar."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
SECONDS_BETWEEN_LINES = 10
SECONDS_BETWEEN_NOTES = 0.5
HOW_FAR = "CATSCAN_HOW_FAR"  # the variable that names the folder in which the jobs of a run note how far they are

_job = [""]
_noted = [0.0]


def speak_for(job: str) -> None:
    """Put the name of this job before all that is said, since others may talk at the same time."""
    _job[0] = f"{job}: " if job else ""


def say(message: str) -> None:
    """Print one line (or several) for the person who watches, at once."""
    print("\n".join(_job[0] + line for line in message.split("\n")), file=sys.stderr, flush=True)


def note(done: int, total: int, what: str) -> None:
    """Let the run's bar know how far this job is: ``done`` of ``total`` of ``what``, which is in the plural.

    It is a file named by the process: "done total job what". Nothing depends on it, so a full disk is no matter.
    """
    folder, now = os.environ.get(HOW_FAR), time.monotonic()
    if folder and now - _noted[0] >= SECONDS_BETWEEN_NOTES:
        _noted[0] = now
        with suppress(OSError):
            Path(folder, str(os.getpid())).write_text(f"{done} {total} {_job[0]}{what}", encoding="utf-8")


def progress(items: Iterable[T], *, total: int, what: str) -> Iterator[T]:
    """Yield ``items`` and show how far it is; ``what`` names them in the plural ("pictures")."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=what, unit="", leave=False)
        return
    began = told = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        note(done, total, what)
        now = time.monotonic()
        if now - told >= SECONDS_BETWEEN_LINES:
            told, rate = now, done / (now - began)
            say(f"{what}: {done:,} of {total:,}, {rate:,.0f} a second, {(total - done) / rate:,.0f} s left")
