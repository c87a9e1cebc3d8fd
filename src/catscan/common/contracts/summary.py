"""`index.json`: what the index stage tells of the samples as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from catscan.common.documents import Document
from catscan.common.errors import CatscanError

Alike = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Duplicates:
    """Sample ids of pictures that look the same.

    Attributes
    ----------
    groups
        All that belong together.
    across
        Each test picture of a group with training pictures, after the first of these.
    contradictory
        Pairs of training pictures with different labels.
    """

    groups: Alike = ()
    across: Alike = ()
    contradictory: Alike = ()

    @property
    def twins(self) -> tuple[str, ...]:
        """The test pictures that look like some training picture, each once."""
        return tuple(dict.fromkeys(test for _, test in self.across))


@dataclass(frozen=True)
class Summary(Document):
    """The classes, the counts and the cuts of one competition.

    Attributes
    ----------
    kind, task
        As in the config.
    classes
        In their fixed order, that of all probability columns.
    positive
        One of them.
    prior
        Share of each class in train, in the order of ``classes``.
    counts
        Labelled samples by class.
    n_train, n_test, folds, shards, groups
        Numbers of samples, of folds (as made, maybe fewer than asked for), of shards a split, of groups.
    duplicates
        Pictures that look the same; empty where they were not looked for.
    remarks
        What a person should know, a sentence each.
    """

    VERSION: ClassVar[int] = 1
    STAGE: ClassVar[str] = "index"

    kind: str
    task: str
    classes: tuple[str, ...]
    positive: str
    prior: tuple[float, ...]
    counts: dict[str, int]
    n_train: int
    n_test: int
    folds: int
    shards: int
    groups: int
    duplicates: Duplicates
    remarks: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.positive not in self.classes:
            raise ValueError(f"positive is {self.positive!r}, which is none of the classes")
        if set(self.counts) != set(self.classes) or len(self.prior) != len(self.classes):
            raise ValueError("counts and prior are not of the classes")

    def check_index(self, n_train: int, path: Path) -> None:
        """Refuse an index that holds another number of training samples, as one that is cut off."""
        if n_train != self.n_train:
            raise CatscanError(
                "index.csv is not the one that index.json tells of.",
                where=str(path),
                found=f"{n_train:,} training samples, not {self.n_train:,}",
                do="Delete it and run again.",
            )
