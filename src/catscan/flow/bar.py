"""The last line of the terminal during a run: how far it is. All else scrolls above it, whoever prints."""

from __future__ import annotations

import atexit
import shutil
import sys
import threading
from collections.abc import Callable

SECONDS_BETWEEN = 0.5
WIDTH = 20
SAVE, RESTORE, ERASE = "\0337", "\0338", "\033[K"


def text(share: float, words: str, columns: int) -> str:
    """A bar and ``words``, no wider than the terminal.

    >>> text(0.5, "half", 30)
    '[##########          ] half'
    """
    filled = round(share * WIDTH)
    return f"[{'#' * filled:<{WIDTH}}] {words}"[: columns - 1]


class Bar:
    """Draws until it is stopped; nothing where the standard error is no terminal.

    Parameters
    ----------
    how_far
        Gives the share that is done and the words beside it.
    """

    def __init__(self, how_far: Callable[[], tuple[float, str]]) -> None:
        self._how_far, self._lines = how_far, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._draw_until_ended, daemon=True)

    def start(self) -> None:
        """Keep the last line free of all else, and begin to draw."""
        if not sys.stderr.isatty():
            return
        atexit.register(self.stop)
        self._thread.start()

    def stop(self) -> None:
        """Give the line back."""
        if self._ended.is_set() or not self._thread.is_alive():
            return
        self._ended.set()
        self._thread.join()
        self._write(f"{SAVE}\033[r\033[{self._lines};1H{ERASE}{RESTORE}")

    def _draw_until_ended(self) -> None:
        while not self._ended.is_set():
            columns, lines = shutil.get_terminal_size()
            if lines != self._lines and lines > 2:
                # A line is made free first, so that the cursor does not stand in the one that is kept.
                self._write(f"\n{SAVE}\033[1;{lines - 1}r{RESTORE}\033[1A")
                self._lines = lines
            self._write(f"{SAVE}\033[{lines};1H{ERASE}{text(*self._how_far(), columns)}{RESTORE}")
            self._ended.wait(SECONDS_BETWEEN)

    @staticmethod
    def _write(codes: str) -> None:
        sys.stderr.write(codes)
        sys.stderr.flush()
