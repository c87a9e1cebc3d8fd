"""What the download reads of the config: the block `source`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from catscan.common.keys import at_least, one_of


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the competition's own files come from."""

    kind: Annotated[str, one_of("sample", "directory", "kaggle")]
    """`sample` generates them, `directory` links files that are on this machine already, `kaggle` downloads them."""

    sample: Annotated[str, one_of("", "pictures", "series")] = ""
    """For `sample`: drawn cats and dogs laid out as Dogs vs. Cats, or CT series laid out as Data Science Bowl 2017."""

    train: Annotated[int, at_least(32)] = 1500
    """For `sample`: the number of training samples."""

    test: Annotated[int, at_least(2)] = 300
    """For `sample`: the number of test samples."""

    seed: Annotated[int, at_least(0)] = 1
    """For `sample`: the seed from which everything is drawn."""

    path: str = ""
    """For `directory`: the folder that holds the competition's files (train.zip, sample_submission.csv ...), or one
    archive; it is only read. A relative path starts at the working directory."""

    solution: str = ""
    """For `directory`: a CSV with the true labels of the test set, if you have one, as a path from that folder; it is
    used for nothing but the true score at the end."""

    competition: str = ""
    """For `kaggle`: the competition's name as in its address, such as dogs-vs-cats-redux-kernels-edition. `submit` uses
    it too."""

    files: tuple[str, ...] = ()
    """For `kaggle`: which of the competition's files to fetch; empty fetches all."""

    password_files: Mapping[str, str] = field(default_factory=dict)
    """For 7z archives with a password: the archive's name, and the path of a file that holds the password alone, or
    $NAME for a variable that does."""


@dataclass(frozen=True, kw_only=True)
class Settings(Source):
    """The block `source`; keys that only another kind reads are absent."""

    archives: Mapping[str, str] = field(default_factory=dict)
    """Of a directory: the digests of its 7z archives, which are unpacked. They make the stage run again."""
