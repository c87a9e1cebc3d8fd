"""The samples that a pattern finds among the raw files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from catscan.common.errors import CatscanError, listed
from catscan.common.tables import natural_key
from catscan.common.words import number_of
from catscan.kinds.samples import Found, Sample, Search
from catscan.raw.files import RawFile
from catscan.raw.patterns import Match, Pattern
from catscan.raw.places import PLACES, place_of, read_raw_table

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 3

Named = tuple[RawFile, str, Match]  # a file, the name by which it matches, and what the name gives


class FileFinder:
    """Finds samples that are files, by a pattern over their paths; their labels stand in the names or in a table."""

    folders = False
    own_labels = ""

    def __init__(self, text: str, *, key: str) -> None:
        self._pattern = Pattern(text, key=key, folders=self.folders)

    def find(self, search: Search) -> list[Found]:
        """The samples that the pattern finds, as `find_samples`."""
        return find_samples(search.files, self._pattern, search.remarks)

    def label_table(self, search: Search, name: str, columns: Sequence[str]) -> pd.DataFrame:
        """The table called ``name``, as `read_raw_table`."""
        return read_raw_table(search.raw, search.files, name, columns=columns)


class FolderFinder(FileFinder):
    """Finds samples that are folders of files, unless the pattern's fields reach into the names of the files."""

    folders = True


def find_samples(files: Sequence[RawFile], pattern: Pattern, remarks: list[str]) -> list[Found]:
    """The samples that ``pattern`` finds, in the natural order of their ids.

    Parameters
    ----------
    files
        Every raw file.
    remarks
        Gets a line when the same file lies there twice (a zip beside its unpacked folder) and one is taken.

    Raises
    ------
    CatscanError
        When nothing matches, or one id has two files.
    """
    matches = matching(files, pattern)
    if not matches:
        raise nothing_matches(files, pattern)
    by_id: dict[str, dict[tuple[str, str], Found]] = {}
    for file, name, match in one_of_each(matches, remarks):
        sample = Sample(_id_of(match.fields), file.archive, _inside(file, name, match.sample_path))
        by_id.setdefault(sample.sample_id, {}).setdefault((sample.archive, sample.path), Found(sample, match.fields))
    _refuse_two_of_one_id(by_id, pattern)
    return [next(iter(by_id[name].values())) for name in sorted(by_id, key=natural_key)]


def matching(files: Sequence[RawFile], pattern: Pattern) -> list[Named]:
    """The files that match, with the name by which they do; second names count only where the first give nothing."""
    for place in PLACES:
        named = [(file, place(file)) for file in files]
        matches = [(file, name, match) for file, name in named if (match := pattern.match(name))]
        if matches:
            return matches
    return []


def one_of_each(matches: list[Named], remarks: list[str]) -> list[Named]:
    """Leave out a source (a zip, or the plain files) of which some files lie in another source with more files too.

    That is a zip beside its unpacked folder, half unpacked or whole, or a second zip with other versions of the same.
    """
    by_source: dict[str, list[Named]] = {}
    for named in matches:
        by_source.setdefault(named[0].archive, []).append(named)
    owner: dict[str, str] = {}
    left_out = set()
    for source in sorted(by_source, key=lambda archive: (-len(by_source[archive]), archive)):
        names = [name for _, name, _ in by_source[source]]
        twice = [name for name in names if name in owner]
        if twice:
            left_out.add(source)
            remarks.append(
                f"{source or 'The unpacked folder'} is left out: {len(twice):,} of its {len(names):,} files that match "
                f"lie in {owner[twice[0]] or 'the unpacked folder'} too, such as {twice[0]}."
            )
        else:
            owner.update(dict.fromkeys(names, source))
    return [named for named in matches if named[0].archive not in left_out]


def _id_of(fields: dict[str, str]) -> str:
    """The id of a sample; a label in its name is part of it, since cat.0 and dog.0 are two samples."""
    return f"{fields['label']}.{fields['id']}" if "label" in fields else fields["id"]


def _inside(file: RawFile, name: str, sample_path: str) -> str:
    """The path of the sample inside its archive; ``name`` ends as the file's own path does."""
    rest = len(name) - len(sample_path)  # what the file has after its sample's path: /1.dcm
    return file.path[: max(0, len(file.path) - rest)]


def nothing_matches(files: Sequence[RawFile], pattern: Pattern) -> CatscanError:
    """The error of a pattern that finds nothing, with a file from each of a few folders."""
    return CatscanError(
        f"No file matches the pattern {pattern.text!r}.",
        where=f"config key {pattern.key}",
        found=f"{len(files):,} files" + (", such as " + _examples(files) if files else " in the raw folder"),
        do="Write the pattern as these paths are written, with {id} where the id stands.",
    )


def _examples(files: Sequence[RawFile]) -> str:
    """One file from each of a few folders."""
    by_folder: dict[PurePosixPath, str] = {}
    for file in files:
        by_folder.setdefault(PurePosixPath(place_of(file)).parent, place_of(file))
    return ", ".join(list(by_folder.values())[:EXAMPLES])


def _refuse_two_of_one_id(by_id: dict[str, dict[tuple[str, str], Found]], pattern: Pattern) -> None:
    double = [name for name, found in by_id.items() if len(found) > 1]
    if not double:
        return
    paths = [str(PurePosixPath(archive) / path) for archive, path in by_id[double[0]]]
    raise CatscanError(
        f"{number_of(len(double), 'id')} with more than one sample.",
        where=f"config key {pattern.key} ({pattern.text}); ids {listed(double)}",
        found=f"{double[0]!r} is {listed(paths)}",
        do="Narrow the pattern to one of them (a field can be fixed: {channel:FLAIR}), or make the id tell them apart.",
    )
