"""What the functions of each stage's code were, by the digest of the whole: `results/.code/<digest>.json`.

A stage string holds one digest of all code that a stage imports. To say which function has changed, the digests of the
single definitions are kept, once a digest, when a result with it is recorded. They lie with the results, so that they
are copied and moved with them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from catscan.common import fingerprint
from catscan.common.errors import CatscanError
from catscan.common.files import read_json, write_json

FOLDER = Path("results") / ".code"


def remember(digest: str) -> None:
    """Keep the parts of the code of ``digest``, which a stage string of this process has."""
    parts, path = fingerprint.parts_of(digest), FOLDER / f"{digest}.json"
    if parts is not None and not path.exists():
        write_json(path, parts)


@cache
def parts_of(digest: str) -> dict[str, str] | None:
    """By "file: definition" its own digest; None for a code that nobody kept."""
    parts = fingerprint.parts_of(digest)
    if parts is not None:
        return parts
    try:
        kept = read_json(FOLDER / f"{digest}.json")
    except CatscanError:
        return None
    return kept if isinstance(kept, dict) else None
