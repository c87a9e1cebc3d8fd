"""What every file of a competition holds, by digests that are taken once: a file is read again only when it may differ.

`.listing.json` in the raw folder has of each file its version (size, times of writing and of change, inode) and the
digest of its content; of each zip also its members with their checksums. The version says only which files may hold
something else now, and the content decides: a touched file is read, and is the same; an edited one is found, though its
size and its time of writing were restored. At its head stands one sum of all versions, so that a plan in which nothing
has changed holds none of a million files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Self

from catscan.common.errors import CatscanError
from catscan.common.files import read_json, write_text
from catscan.common.tables import natural_key
from catscan.raw.files import RawFile
from catscan.raw.manifest import Entry, digest
from catscan.raw.walk import files_below
from catscan.raw.zips import Zip

LISTING = ".listing.json"
SUM = re.compile(rb'\{"all":"([0-9a-f ]+)"')
HEAD = 100  # bytes in which the sum stands
AT_ONCE = 64  # files: handing over one takes as long as reading a small picture
NEW, GONE, CHANGED = "is new", "is gone", "holds something else"


class There(NamedTuple):
    """A file as it is now: where it lies, and its version, which begins with its size."""

    path: str
    version: str


def found_at(paths: Iterable[Path]) -> dict[str, There]:
    """Every file at and below ``paths``, by its name below their folder; hidden ones are left out, links followed."""
    return dict(_each(paths))


def _each(paths: Iterable[Path]) -> Iterator[tuple[str, There]]:
    for path in paths:
        if path.is_dir():
            for name, at in files_below(path):
                yield f"{path.name}/{name}", There(at.path, _version(at.stat()))
        else:
            yield path.name, There(str(path), _version(path.stat()))


def sum_at(paths: Iterable[Path]) -> str:
    """One sum of the files that `found_at` would find, of their names and versions; none of them is held."""
    return _sum((name, at.version) for name, at in _each(paths))


def _sum(versions: Iterable[tuple[str, str]]) -> str:
    """The same in any order, as a disk gives none."""
    count = total = 0
    for name, version in versions:
        text = f"{name}\0{version}".encode("utf-8", "surrogateescape")
        total += int.from_bytes(hashlib.sha256(text).digest()[:16])
        count += 1
    return f"{count} {total % 2**128:032x}"


def kept_sum(path: Path) -> str | None:
    """The sum at the head of a listing, of its files that are linked; None of what has none, or is not there."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None
    found = SUM.match(head)
    return found[1].decode() if found else None


def _version(state: os.stat_result) -> str:
    return f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns} {state.st_ino}"


def _size(version: str) -> int:
    return int(version.partition(" ")[0])


@dataclass(frozen=True)
class Listing:
    """What lay in the raw folder when it was filled.

    Attributes
    ----------
    linked
        The names at its top that are links into the source.
    files
        By the name of each file its version and its digest.
    members
        By the name of each zip the checksums of its members.
    """

    linked: list[str] = field(default_factory=list)
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)
    members: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Mapping[str, There], linked: Iterable[str], known: Self, *, threads: int) -> Self:
        """List what was found; what is ``known`` by its version is not read again.

        Raises
        ------
        CatscanError
            When a file cannot be read, or an archive is damaged.
        """
        new = [name for name, at in found.items() if known.version(name) != at.version]
        some = [new[start : start + AT_ONCE] for start in range(0, len(new), AT_ONCE)]
        with ThreadPoolExecutor(threads) as pool:
            read = pool.map(lambda names: {name: _digest(name, found[name].path) for name in names}, some)
        digests = {name: content for contents in read for name, content in contents.items()}
        files = {name: [at.version, digests.get(name) or known.files[name][1]] for name, at in found.items()}
        members = {
            name: _members(at.path) if name in digests else known.members[name]
            for name, at in found.items()
            if _is_zip(name)
        }
        return cls(sorted(linked), files, members)

    def entries(self, names: Iterable[str]) -> tuple[Entry, ...]:
        """The manifest's entries of files and folders at the top; a folder's digest is of names and digests below."""
        below: dict[str, list[tuple[str, int, str]]] = {name: [] for name in sorted(names)}
        for name, (version, content) in sorted(self.files.items()):
            top, _, rest = name.partition("/")
            below[top].append((rest, _size(version), content))
        return tuple(
            Entry(top, sum(size for _, size, _ in rows), rows[0][2] if top in self.files else _of_tree(rows))
            for top, rows in below.items()
        )

    def version(self, name: str) -> str | None:
        """The version of a file; None of one that is not there."""
        return self.files[name][0] if name in self.files else None

    def differing(self, found: Mapping[str, There]) -> tuple[dict[RawFile, str], Self]:
        """What has come, gone, or holds something else now, compared with the files that are linked.

        Parameters
        ----------
        found
            The files of the source, by their names in the raw folder.

        Returns
        -------
        dict
            By the file, in natural order, one of `NEW`, `GONE` and `CHANGED`; the members of a zip each for itself.
            Sizes are not told (0).
        Listing
            This one, with today's versions of the files that still hold the same.
        """
        known = set(self._linked_files())
        differ, same = dict[RawFile, str](), dict[str, list[str]]()
        for name in known | found.keys():
            at = found.get(name)
            if at and self.version(name) == at.version:
                continue
            others = self._others(name, at)
            differ |= others
            if at and not others:
                same[name] = [at.version, self.files[name][1]]
        ordered = sorted(differ.items(), key=lambda one: (natural_key(one[0].path), one[0].archive))
        return dict(ordered), replace(self, files={**self.files, **same}) if same else self

    def _linked_files(self) -> Iterator[str]:
        linked = set(self.linked)
        return (name for name in self.files if name.split("/", 1)[0] in linked)

    def _others(self, name: str, at: There | None) -> dict[RawFile, str]:
        """Of a file of another version itself, of a zip the members that differ; nothing where it holds the same."""
        if _is_zip(name):
            before, now = self.members.get(name, {}), _members_if_whole(at)
            names = [one for one in before.keys() | now.keys() if before.get(one) != now.get(one)]
            if names or name in self.files:
                return {RawFile(name, one, 0): _what(before.get(one), now.get(one)) for one in names}
        version, content = self.files.get(name, ("", ""))
        if at and version and _size(at.version) == _size(version) and _digest(name, at.path) == content:
            return {}
        return {RawFile("", name, 0): _what(version, at)}

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` has written.

        Raises
        ------
        CatscanError
            When it is missing, or no listing.
        """
        kept = read_json(path)
        try:
            files = kept["files"]
            if all(len(row) == 2 for row in files.values()):
                return cls(list(kept["linked"]), files, dict(kept["members"]))
        except (AttributeError, KeyError, TypeError, ValueError):
            pass
        raise CatscanError("This is no listing of raw files.", where=str(path), do="Delete it.")

    @classmethod
    def left_in(cls, raw: Path) -> Self:
        """The listing that an earlier run has left in the raw folder; empty where there is none."""
        try:
            return cls.read(raw / LISTING)
        except CatscanError:
            return cls()

    def write(self, path: Path) -> None:
        """Write it as JSON, on one line: a hundred thousand lines would take seconds."""
        total = _sum((name, self.files[name][0]) for name in self._linked_files())
        values = {"all": total, "linked": self.linked, "files": self.files, "members": self.members}
        write_text(path, json.dumps(values, sort_keys=True, separators=(",", ":")) + "\n")


def _what(before: object, now: object) -> str:
    return CHANGED if before and now else NEW if now else GONE


def _of_tree(rows: list[tuple[str, int, str]]) -> str:
    text = "\n".join(f"{name}\0{content}" for name, _, content in rows)
    return "tree:" + hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _digest(name: str, path: str) -> str:
    """The digest of a file; of an archive in a folder, which nothing unpacks, that of its bytes."""
    return digest(Path(path), by_headers="/" not in name or _is_zip(name))


def _members(path: str) -> dict[str, str]:
    """The members of a zip, each with its size and checksum."""
    with closing(Zip(Path(path))) as opened:
        return {name: f"{opened.size(name)} {opened.checksum(name):08x}" for name in opened.names}


def _members_if_whole(at: There | None) -> dict[str, str]:
    """As `_members`; none of a zip that has gone, or is damaged."""
    try:
        return _members(at.path) if at else {}
    except CatscanError:
        return {}
