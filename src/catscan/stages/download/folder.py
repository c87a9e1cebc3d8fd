"""The raw folder as the download stage fills it: what it made there is known, everything else is left alone.

A small journal (`.made.json`, hidden) is written before anything is put in place. So a run that is killed at any moment
is mended by the next one, and files that the source no longer has go, while a person's own files stay.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from catscan.common.errors import CatscanError
from catscan.common.files import PARTIAL, read_json, unwritable, write_json
from catscan.common.progress import say
from catscan.raw.files import MANIFEST
from catscan.raw.listing import LISTING, Listing, found_at
from catscan.raw.manifest import Manifest, digest
from catscan.raw.walk import is_hidden

JOURNAL = ".made.json"
PARTS = ".parts"  # files that are not fetched whole yet; a killed run goes on with them, so they are not swept


class RawFolder:
    """``results/<competition>/raw``, with one writer: the running download stage.

    Entries are the files, folders and links at the top of the folder.
    """

    def __init__(self, root: Path) -> None:
        """Make the folder, sweep what a killed run left, and take the manifest away until the stage is through."""
        self.root = root
        self._kept: set[str] = set()
        self._linked: set[str] = set()
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(root, error) from error
        (root / MANIFEST).unlink(missing_ok=True)
        for leftover in root.glob(f".*{PARTIAL}"):
            remove(leftover)
        journal = read_json(root / JOURNAL) if (root / JOURNAL).exists() else {}
        self._made: set[str] = set(journal.get("made", []))
        self._unpacked: dict[str, dict[str, Any]] = journal.get("unpacked", {})
        self._through: set[str] = set()  # archives whose entries lie there whole, by this run or an earlier one

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """A new empty folder on the same disk; it goes when the block ends, well or not."""
        folder = self.root / f".{name}{PARTIAL}"
        remove(folder)
        folder.mkdir()
        try:
            yield folder
        finally:
            remove(folder)

    def put(self, sources: Iterable[Path]) -> None:
        """Move files or folders into the raw folder, each under its own name, replacing what an earlier run made."""
        sources = sorted(sources)
        self._claim([source.name for source in sources])
        for source in sources:
            target = self.root / source.name
            if target.is_dir() or source.is_dir():
                remove(target)
            source.replace(target)

    def link(self, targets: Iterable[Path]) -> None:
        """Link files or folders of the source into the raw folder, each under its own name."""
        targets = sorted(targets)
        self._claim([target.name for target in targets])
        for target in targets:
            link(self.root / target.name, target)
        self._linked.update(target.name for target in targets)

    def own(self, names: Iterable[str]) -> None:
        """Say that entries are the stage's own, to be written in place; links of an earlier run give way."""
        names = list(names)
        self._claim(names)
        for name in names:
            if (self.root / name).is_symlink():
                remove(self.root / name)

    def forget_changed(self, archives: Iterable[Path]) -> None:
        """Forget what was unpacked from archives that have changed or gone, and from those that share their folders.

        So a shared folder is made anew from all of its archives, never from some of an old version.
        """
        now = {archive.name: digest(archive) for archive in archives}
        stale = {name for name, record in self._unpacked.items() if now.get(name) != record["digest"]}
        stale |= {name for name, record in self._unpacked.items() if not self._is_there(record)}
        while sharing := self._sharing({entry for name in stale for entry in self._unpacked[name]["entries"]}) - stale:
            stale |= sharing
        for name in stale:
            del self._unpacked[name]
        if stale:
            self._save()

    def is_unpacked(self, archive: Path) -> bool:
        """Whether this very archive was unpacked by an earlier run and its entries are all there; they are kept."""
        record = self._unpacked.get(archive.name)
        if record is None:
            return False
        self._claim(record["entries"])
        self._through.add(archive.name)
        return True

    def put_unpacked(self, archive: Path, sources: Iterable[Path]) -> None:
        """Move what was unpacked from ``archive`` into the raw folder, and remember it as done.

        A folder that another archive has brought too holds the files of both.
        """
        sources = sorted(sources)
        names = [source.name for source in sources]
        shared = {entry for name in self._through for entry in self._unpacked[name]["entries"]}.intersection(names)
        for name in names:
            if (name in self._kept and name not in shared) or name == MANIFEST:
                raise _is_there_already(archive, self.root / name)
        for name in self._sharing(names) - self._through:  # which is not unpacked any more, once its folder is replaced
            del self._unpacked[name]
        # Without a digest until it is through: a killed run's half is forgotten, with all that shares its folders.
        self._unpacked[archive.name] = {"digest": "", "entries": names}
        self._save()
        self.put(source for source in sources if source.name not in shared)
        for name in sorted(shared):
            _merge(next(source for source in sources if source.name == name), self.root / name, archive)
        self._unpacked[archive.name]["digest"] = digest(archive)
        self._through.add(archive.name)
        self._save()

    def _sharing(self, entries: Iterable[str]) -> set[str]:
        """The archives that have brought one of these entries."""
        entries = set(entries)
        return {name for name, record in self._unpacked.items() if entries.intersection(record["entries"])}

    def _is_there(self, record: dict[str, Any]) -> bool:
        return all((self.root / name).exists() for name in record["entries"])

    def finish(self, *, threads: int) -> None:
        """Remove what earlier runs made and the source no longer has; then write the manifest, last and whole.

        For it every file is read that an earlier run has not read in its present version.
        """
        for name in sorted(self._made - self._kept):
            remove(self.root / name)
        remove(self.root / PARTS)
        self._made = set(self._kept)
        self._unpacked = {
            name: record for name, record in self._unpacked.items() if self._kept.issuperset(record["entries"])
        }
        self._save()
        found = {path.name for path in self.root.iterdir() if not is_hidden(path.name)}
        for name in sorted(found - self._made):
            say(f"{self.root / name} was not made by this stage; it is left as it is")
        own = sorted(found & self._made)
        there = found_at(self.root / name for name in own)
        listing = Listing.of(there, self._linked, Listing.left_in(self.root), threads=threads)
        listing.write(self.root / LISTING)
        Manifest(listing.entries(own)).write(self.root / MANIFEST)

    def _claim(self, names: list[str]) -> None:
        """Write into the journal that ``names`` are the stage's own; refuse what a person has put there."""
        for name in names:
            if os.path.lexists(self.root / name) and name not in self._made:
                raise CatscanError(
                    "A file in the raw folder is in the way.",
                    where=str(self.root / name),
                    found="it was not made by this stage, and the source has one of the same name",
                    do="Move it away or delete it.",
                )
        self._kept.update(names)
        if not self._made.issuperset(names):
            self._made.update(names)
            self._save()

    def _save(self) -> None:
        write_json(self.root / JOURNAL, {"made": sorted(self._made), "unpacked": self._unpacked})


def _merge(source: Path, target: Path, archive: Path) -> None:
    """Move what is in the folder ``source`` into the folder ``target``; no file gives way to another."""
    if not (source.is_dir() and target.is_dir()):
        raise _is_there_already(archive, target)
    for entry in sorted(source.iterdir()):
        place = target / entry.name
        if os.path.lexists(place):
            _merge(entry, place, archive)
        else:
            entry.replace(place)


def _is_there_already(archive: Path, place: Path) -> CatscanError:
    return CatscanError(
        f"{archive.name} cannot be unpacked: {place.name} is there already.",
        where=str(place),
        do=f"Keep either {archive.name} or what has brought {place.name} in the source, not both.",
    )


def link(place: Path, target: Path) -> None:
    """Make ``place`` a symbolic link to ``target``, at once; what stood there goes."""
    if place.is_dir() and not place.is_symlink():
        remove(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f".{place.name}{PARTIAL}")
    partial.unlink(missing_ok=True)
    try:
        partial.symlink_to(target.absolute())
    except OSError as error:
        raise unwritable(place, error) from error
    partial.replace(place)


def remove(path: Path) -> None:
    """Remove a file, a link (never what it points to) or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
