"""Whether the sample ids of a foreign member are those of the index; the index looks before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from catscan.common.errors import CatscanError, listed
from catscan.common.words import number_of


def check_ids(path: Path, ids: pd.Series, *, known: Sequence[str], wanted: Sequence[str] = ()) -> None:
    """Refuse ids that are not those of the samples.

    Parameters
    ----------
    ids
        Those in the file.
    known
        The ids of all samples of the split.
    wanted
        The ids of the samples that must be there.

    Raises
    ------
    CatscanError
        When ids are missing, there twice or unknown.
    """
    there, of_split = set(ids), set(known)
    wrong = {
        "missing": [name for name in wanted if name not in there],
        "there twice": list(dict.fromkeys(ids[ids.duplicated()])),
        "unknown": [name for name in dict.fromkeys(ids) if name not in of_split],
    }
    found = [f"{number_of(len(names), 'id')} {what}: {listed(names)}" for what, names in wrong.items() if names]
    if found:
        raise CatscanError(
            "The sample ids of a foreign member are not those of the index.",
            where=str(path),
            found="\n".join(found),
            do="Write one row a sample, with the ids of index.csv.",
        )
