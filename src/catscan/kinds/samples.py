"""What a kind of data must bring: settings, a finder of its samples, a reader of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from catscan.raw.files import RawFile, RawFiles

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Sample:
    """Where the bytes of one sample are.

    Attributes
    ----------
    sample_id
        Its id in the index and in the submission.
    archive
        The zip that holds it, relative to the raw folder; "" for plain files.
    path
        The member of the archive, or the file relative to the raw folder. For a scan it is the folder (or the one
        file) of its series, without a trailing slash.
    """

    sample_id: str
    archive: str
    path: str


@dataclass(frozen=True)
class Found:
    """One sample that a finder found, with the fields of its name."""

    sample: Sample
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """One sample, read.

    Attributes
    ----------
    array
        uint8, (height, width, channels) or (depth, height, width, channels), C-contiguous.
    odd
        Remarks worth a line in the sidecar though the sample is usable ("is a PNG"); empty for most.
    geometry
        What the report needs to know about a scan (spacing, positions, decisions); empty for a picture.
    """

    array: NDArray[np.uint8]
    odd: tuple[str, ...] = ()
    geometry: dict[str, Any] = field(default_factory=dict)


class Settings(Protocol):
    """What a user can choose about a kind of data: a frozen dataclass of one block of `preprocess`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of every array: (height, width, channels) or (depth, height, width, channels)."""

    def seen_at(self, side: int) -> Self:
        """The same samples, ``side`` pixels high and wide."""


@dataclass(frozen=True)
class Search:
    """Where a finder looks.

    Attributes
    ----------
    raw
        The raw files.
    files
        All of them.
    id_column
        `data.labels.id_column`.
    remarks
        Gets a line for what a person should know.
    """

    raw: RawFiles
    files: Sequence[RawFile]
    id_column: str
    remarks: list[str]


class Finder(Protocol):
    """Finds the samples that one text of the config speaks of, `data.train` or `data.test`, and the labels beside them.

    It is made of the text and of the key where it stands, and refuses a text that cannot say where samples lie.
    """

    @property
    def own_labels(self) -> str:
        """What holds labels beside the samples themselves, where no table is named; "" for nothing."""

    def find(self, search: Search) -> list[Found]:
        """The samples.

        Raises
        ------
        CatscanError
            When there are none, or one id stands for two.
        """

    def label_table(self, search: Search, name: str, columns: Sequence[str]) -> pd.DataFrame:
        """The labels in ``name``, a table or `own_labels`, with ``columns`` among others.

        All cells are strings; the ids stand in the id column, or where none is named in the first.
        """


class Reader(Protocol):
    """Reads one sample after another; safe to share between threads."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of every array it gives: (height, width, channels) or (depth, height, width, channels)."""

    def read(self, sample: Sample) -> Reading:
        """Read one sample.

        Raises
        ------
        BadSample
            When it cannot be used, with the reason.
        """

    def close(self) -> None:
        """Close what the reader itself has opened; the raw files belong to the caller."""
