"""Python imports this from PYTHONPATH: each stage tells in the file $OPENED which results it opens to read."""

import os
import sys
from pathlib import Path
from typing import Any

STAGE = next(
    (after for word, after in zip(sys.orig_argv, sys.orig_argv[1:], strict=False) if word[-8:] == "/catscan"), ""
)


def note(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not isinstance(arguments[0], str) or arguments[2] & os.O_ACCMODE:
        return
    path = os.path.relpath(arguments[0])
    if path.startswith("results/") and not Path(path).is_dir():
        number = os.open(os.environ["OPENED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(number, f"{STAGE} {path}\n".encode())
        os.close(number)


if STAGE and "OPENED" in os.environ:
    sys.addaudithook(note)
