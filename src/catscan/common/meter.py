"""Bytes as they arrive: a bar on a terminal, a line every ten seconds in a log, with rate and time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from catscan.common.progress import SECONDS_BETWEEN_LINES, say


class Meter:
    """Counts bytes; ``total`` is 0 when it is not known, ``done`` what an earlier run has fetched already."""

    def __init__(self, what: str, total: int, done: int = 0) -> None:
        """Begin to count; nothing is shown before the first ten seconds are over."""
        self.what, self.total, self.done, self._before = what, total, done, done
        self._began = self._told = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Meter:
        """Show the bar, on a terminal."""
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=self.total or None, initial=self.done, unit="B", unit_scale=True, desc=self.what)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def add(self, count: int) -> None:
        """Count ``count`` bytes more."""
        self.done += count
        if self._bar is not None:
            self._bar.update(count)
            return
        now = time.monotonic()
        if now - self._told >= SECONDS_BETWEEN_LINES:
            self._told, rate = now, (self.done - self._before) / (now - self._began)
            left = f", {(self.total - self.done) / rate:,.0f} s left" if self.total and rate else ""
            say(f"{self.what}: {size(self.done)} of {size(self.total) if self.total else '?'}, {size(rate)}/s{left}")


def size(count: float) -> str:
    """A number of bytes for people.

    >>> size(814_213_120)
    '814.2 MB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
