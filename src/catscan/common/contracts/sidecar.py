"""The sidecar beside a shard's array, `<split>-<i>-of-<n>.json`: whose rows they are, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from catscan.common.documents import Document


@dataclass(frozen=True)
class Bad:
    """A sample that has no row, because it cannot be used, and why."""

    sample_id: str
    reason: str


@dataclass(frozen=True)
class Odd:
    """A sample that was read, and what is worth telling about it."""

    sample_id: str
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class ReadAs:
    """How a file becomes a sample: the kind of data and the settings of its reader."""

    kind: str
    reader: dict[str, Any]


@dataclass(frozen=True)
class Sidecar(Document):
    """What is known of one shard.

    Attributes
    ----------
    ids
        One a row of the array, each once; none of them is bad.
    settings
        How the samples were read.
    geometry
        Sample id to what a report needs of a scan: spacing, positions, decisions; without those that have none.
    """

    VERSION: ClassVar[int] = 1
    STAGE: ClassVar[str] = "preprocess"

    ids: tuple[str, ...]
    settings: ReadAs
    bad: tuple[Bad, ...] = ()
    odd: tuple[Odd, ...] = ()
    geometry: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse ids that stand for two rows, and those that have a row and have none."""
        if len(set(self.ids)) < len(self.ids):
            raise ValueError("an id stands in `ids` twice")
        both = set(self.ids).intersection(sample.sample_id for sample in self.bad)
        if both:
            raise ValueError(f"{min(both)!r} stands in `ids` and in `bad`")
