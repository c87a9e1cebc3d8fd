"""How long work shows itself: a bar on a terminal, one line every ten seconds in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
SECONDS_BETWEEN_LINES = 10

_job = [""]


def speak_for(job: str) -> None:
    """Put the name of this job before all that is said, since others may talk at the same time."""
    _job[0] = f"{job}: " if job else ""


def say(message: str) -> None:
    """Print one line (or several) for the person who watches, at once."""
    print("\n".join(_job[0] + line for line in message.split("\n")), file=sys.stderr, flush=True)


def progress(items: Iterable[T], *, total: int, what: str) -> Iterator[T]:
    """Yield ``items`` and show how far it is; ``what`` names them in the plural ("pictures")."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=what, unit="", leave=False)
        return
    began = told = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - told >= SECONDS_BETWEEN_LINES:
            told, rate = now, done / (now - began)
            say(f"{what}: {done:,} of {total:,}, {rate:,.0f} a second, {(total - done) / rate:,.0f} s left")
