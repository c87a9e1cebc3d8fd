"""Where the record of a result lies, and what it says had changed since the result before.

The record of `weights.npz` is `.weights.npz.stage.json` beside it (`flow/records.py`).
"""

from __future__ import annotations

from pathlib import Path

from catscan.common.errors import CatscanError
from catscan.common.files import read_json

ENDING = ".stage.json"
CHANGES = "changes"  # the key


def place_of(output: Path | str) -> Path:
    """The file that holds the record of ``output``."""
    path = Path(output)
    return path.with_name(f".{path.name}{ENDING}")


def changes_of(output: Path | str) -> tuple[str, ...]:
    """Why ``output`` was made anew, a sentence each; empty for a first result, and where nobody knows."""
    try:
        told = read_json(place_of(output)).get(CHANGES, ())
    except (CatscanError, AttributeError):
        return ()
    return tuple(map(str, told)) if isinstance(told, list) else ()
