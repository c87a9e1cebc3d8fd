"""Samples that are arrays in files of their own, or the rows of one array, and the arrays of labels beside these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from catscan.common.errors import BadSample, CatscanError
from catscan.common.tables import check_columns, natural_key
from catscan.kinds.arrays.places import NPY, NPZ, ArrayFiles
from catscan.kinds.arrays.stored import StoredArray
from catscan.kinds.find import find_samples, matching, nothing_matches, one_of_each
from catscan.kinds.samples import Found, Sample, Search
from catscan.raw.files import RawFile
from catscan.raw.patterns import Pattern
from catscan.raw.places import MARK, place_of, read_raw_table

if TYPE_CHECKING:
    import pandas as pd

IMAGES, LABELS = "images", "labels"
FEWEST_AXES = 3  # samples, height, width

Arrays = list[tuple[str, RawFile, dict[str, str], StoredArray]]


class ArrayFinder:
    """Finds arrays by a pattern over their paths, in which an `.npz` is a folder of its arrays.

    A pattern with {id} finds one sample a file. One without finds arrays of samples, whose rows are numbered from 0:
    `{set:train|val}_images` gives the ids train.0, train.1 ..., val.0 ...; their labels stand in the array that is
    called `labels` where this is called `images`, unless they are named elsewhere.
    """

    def __init__(self, text: str, *, key: str) -> None:
        self._pattern = Pattern(text, key=key, of_samples=False)
        self._has_rows = "id" not in self._pattern.fields
        self.own_labels = ""
        folder, slash, name = text.rpartition("/")
        if self._has_rows and "label" not in self._pattern.fields and IMAGES in name:
            self.own_labels = f"{folder}{slash}{name.replace(IMAGES, LABELS)}"

    def find(self, search: Search) -> list[Found]:
        """The samples, in the natural order of their ids.

        Raises
        ------
        CatscanError
            When nothing matches, an id stands for two samples, or an array of samples cannot be read row by row.
        """
        with closing(ArrayFiles(search.raw)) as opened:
            if not self._has_rows:
                return find_samples(_arrays_among(search.files, self._pattern, opened), self._pattern, search.remarks)
            return [
                Found(Sample(f"{prefix}{row}", file.archive, f"{file.path}{MARK}{row}"), fields)
                for prefix, file, fields, stored in _row_arrays(search, self._pattern, opened)
                for row in range(_rows_of(stored, file))
            ]

    def label_table(self, search: Search, name: str, columns: Sequence[str]) -> pd.DataFrame:
        """The arrays of labels, one row a sample: its id, then a column, or for labels (n, k) the columns 0 to k - 1.

        Raises
        ------
        CatscanError
            When there is no such array, it holds no whole numbers, or has not one row a sample.
        """
        if not (f"{NPZ}/" in name or name.endswith(NPY)):
            return read_raw_table(search.raw, search.files, name, columns=columns)
        with closing(ArrayFiles(search.raw)) as opened:
            arrays = _row_arrays(search, self._pattern, opened)
            images = {prefix: _rows_of(stored, file) for prefix, file, _, stored in arrays}
            pattern = Pattern(name, key="data.labels.csv", of_samples=False)
            tables = [
                _table_of(prefix, file, _labels_of(stored, file, images.get(prefix)))
                for prefix, file, _, stored in _row_arrays(search, pattern, opened)
            ]
        import pandas as pd

        table = pd.concat(tables)
        table.index.name = "row"
        check_columns(list(table.columns), columns, where=name)
        return table


def _arrays_among(files: Sequence[RawFile], pattern: Pattern, opened: ArrayFiles) -> list[RawFile]:
    """The files that hold arrays; an `.npz` as its members where the pattern looks into one."""
    if f"{NPZ}/" not in pattern.text:
        return [file for file in files if file.path.endswith((NPY, NPZ))]
    expanded = []
    for file in files:
        if file.path.endswith(NPZ):
            with _told(file):
                names = opened.names(file.archive, file.path)
            expanded += [RawFile(file.archive, f"{file.path}/{name}", file.size) for name in names]
    return expanded


@contextmanager
def _told(file: RawFile) -> Iterator[None]:
    """Turn the reason why an array is bad into an error, where it holds more than one sample."""
    try:
        yield
    except BadSample as error:
        raise CatscanError("An array cannot be read.", where=place_of(file), found=error.reason) from error


def _row_arrays(search: Search, pattern: Pattern, opened: ArrayFiles) -> Arrays:
    """The arrays that a pattern finds, each with what goes before the numbers of its rows, in natural order.

    Raises
    ------
    CatscanError
        When nothing matches, an array cannot be read, or two would give the same ids.
    """
    files = _arrays_among(search.files, pattern, opened)
    matches = one_of_each(matching(files, pattern), search.remarks)
    if not matches:
        raise nothing_matches(files, pattern)
    found: dict[str, tuple[str, RawFile, dict[str, str], StoredArray]] = {}
    for file, _, match in matches:
        prefix = "".join(f"{text}." for text in match.fields.values())
        if prefix in found:
            raise CatscanError(
                "Two arrays of samples would give the same ids.",
                where=f"config key {pattern.key} ({pattern.text})",
                found=f"{place_of(found[prefix][1])} and {place_of(file)}",
                do="Put {id} where a name is the id of one sample, or a field such as {set:train|val} where each holds "
                "many.",
            )
        with _told(file):
            found[prefix] = (prefix, file, match.fields, opened.held(file.archive, file.path))
    return [found[prefix] for prefix in sorted(found, key=natural_key)]


def _rows_of(stored: StoredArray, file: RawFile) -> int:
    if len(stored.shape) < FEWEST_AXES:
        raise CatscanError(
            "An array of samples has the axes samples, height, width, or more.",
            where=place_of(file),
            found=f"the shape {stored.shape}",
        )
    if stored.is_fortran:
        raise CatscanError(
            "An array of samples lies in Fortran's order, so that its samples cannot be read one by one.",
            where=place_of(file),
            do="Save it again as numpy.ascontiguousarray(it).",
        )
    return stored.shape[0]


def _labels_of(stored: StoredArray, file: RawFile, samples: int | None) -> NDArray[Any]:
    """(n, k) whole numbers."""
    with _told(file):
        values = stored.whole()
    if values.dtype.kind not in "biu" or values.ndim not in (1, 2):
        raise CatscanError(
            "Labels are whole numbers, one or more a sample.",
            where=place_of(file),
            found=f"{values.dtype} values of the shape {values.shape}",
        )
    if len(values) != samples:
        raise CatscanError(
            "An array of labels has not one row a sample.",
            where=place_of(file),
            found=f"{len(values):,} labels, {samples or 0:,} samples",
        )
    return values.reshape(len(values), -1)


def _table_of(prefix: str, file: RawFile, values: NDArray[Any]) -> pd.DataFrame:
    import pandas as pd

    columns = ["label"] if values.shape[1] == 1 else [str(number) for number in range(values.shape[1])]
    places = [f"{row} of {place_of(file)}" for row in range(len(values))]
    table = pd.DataFrame(values.astype(str), index=places, columns=columns, dtype=str)
    table.insert(0, "id", [f"{prefix}{row}" for row in range(len(values))])
    return table
