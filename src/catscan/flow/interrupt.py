"""Ctrl-C before the first job, when no stage is there yet to hear it. Imports nothing, to be ready at once."""

import sys
from types import TracebackType


def end_quietly() -> None:
    """Let Ctrl-C end this process by one line instead of a traceback."""
    sys.excepthook = _told


def _told(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("catscan: stopped; run the same command to go on.", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, at)
