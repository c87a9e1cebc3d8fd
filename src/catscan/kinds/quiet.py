"""Keeps the remarks that native decoders print by themselves out of the log."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def native_remarks_discarded() -> Iterator[None]:
    """Send the process's standard error to nowhere, except what Python itself writes there.

    libpng, libtiff and others write warnings straight to file descriptor 2 ("iCCP: known incorrect sRGB profile"), and
    Pillow and pydicom give Python warnings. They name no file and would bury the lines that matter; a file that is
    really damaged is reported by its BadSample. Enter it before threads start.
    """
    ours = sys.stderr
    ours.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(PIL|pydicom)\.")
            if _is_descriptor_2(ours):
                # Line by line, as a log wants it.
                with open(
                    kept, "w", encoding=ours.encoding, errors="backslashreplace", buffering=1, closefd=False
                ) as err:
                    sys.stderr = err
                    yield
            else:
                yield
    finally:
        sys.stderr = ours
        os.dup2(kept, 2)
        os.close(kept)


def _is_descriptor_2(stream: object) -> bool:
    try:
        return stream.fileno() == 2  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):  # a test or a notebook put something else there
        return False
