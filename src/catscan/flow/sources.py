"""Which files of a source that is a folder are others than those that the results were made from.

The names and the contents count, of those files that the competition's patterns and tables speak of: a file beside them
is none of its business, and a touched one holds what it held. What they held is known from the listing that the
download stage left (`raw/listing.py`); nothing here reads a file whose version is the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from catscan.common.errors import CatscanError
from catscan.common.settings import canonical
from catscan.flow import remote
from catscan.flow.checks import kind_of
from catscan.raw.files import RawFile
from catscan.raw.listing import GONE, LISTING, Listing, found_at, kept_sum, sum_at
from catscan.raw.patterns import Pattern
from catscan.raw.places import PLACES, place_of
from catscan.raw.source import is_archive, linked

RESOURCE = "source"  # of the rule that fills the raw folder
NPZ = ".npz"


def described(competition: dict[str, Any]) -> str:
    """The source and what the competition reads of it, as JSON; "" where it is no folder or archive on the disk."""
    source, data, submission = (competition[key] for key in ("source", "data", "submission"))
    if source["kind"] != "directory":
        return ""
    kind = kind_of(competition)
    patterns = [data[key] for key in ("train", "test") if data[key]]
    labels = [kind.open_finder(text, key="data.train").own_labels for text in patterns]
    tables = [data["labels"]["csv"], submission["sample"], submission["rows"]["csv"]]
    named = {"patterns": patterns, "tables": sorted({*filter(None, (*labels, *tables))})}
    return canonical({"path": source["path"], "solution": source["solution"], **named})


def changed(job: Any) -> dict[str, str]:
    """The files of a job's source that have come, gone or changed since it ran, as patterns name them: which of it."""
    told = job.resources.get(RESOURCE)
    if not isinstance(told, str) or not told or remote.holds(job.output[0]):
        return {}
    return _changed(told, str(Path(str(job.output[0])).with_name(LISTING)))


@cache  # asked for the plan, and again to tell why
def _changed(told: str, place: str) -> dict[str, str]:
    return found_changed(json.loads(told), Path(place))


def found_changed(source: dict[str, Any], place: Path) -> dict[str, str]:
    """As `changed`; the listing at ``place`` then knows the versions of files that were only touched."""
    files = linked(source["path"], source["solution"])
    if kept_sum(place) == sum_at(files):
        return {}
    try:
        listing = Listing.read(place)
    except CatscanError:
        return {str(place): GONE}  # without it nothing is known
    differ, known = listing.differing(found_at(files))
    if known is not listing:
        with suppress(CatscanError):  # where nothing can be written they are read again next time
            known.write(place)
    concerns = concerning(source["patterns"], source["tables"])
    return {place_of(file): what for file, what in differ.items() if concerns(file)}


def concerning(patterns: list[str], tables: list[str]) -> Callable[[RawFile], bool]:
    """Whether a file may be one of the samples, lie in one or hold some, be a table, or an archive of such."""
    named = [*patterns, *tables, *(f"**/{name}" for name in tables)]
    compiled = [Pattern(_file_of(text), key="data", folders=True, of_samples=False) for text in named]

    def concerns(file: RawFile) -> bool:
        return is_archive(file.path) or any(one.covers(place(file)) for one in compiled for place in PLACES)

    return concerns


def _file_of(text: str) -> str:
    """Of a pattern or name that goes on within an `.npz`, the part that names the file."""
    head, found, _ = text.partition(f"{NPZ}/")
    return head + (NPZ if found else "")
