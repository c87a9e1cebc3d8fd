"""What the index reads of the config: the blocks `data` and `index`, and which file is the sample submission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from catscan.common.keys import DISTINCT, at_least, between, one_of
from catscan.kinds.registry import COMMONEST, KINDS
from catscan.raw.sample_submission import Layout, SampleSubmission
from catscan.scores.tasks import Task
from catscan.stages.index.labels import Rules


@dataclass(frozen=True, kw_only=True)
class Data:
    """What the samples are, where they lie among the raw files, and what their labels are."""

    kind: Annotated[str, one_of(*KINDS)] = COMMONEST
    """What one sample is."""

    task: Task = "binary"
    """What is told about a sample: one of two classes, one of many, any number of many, one of an ordered scale, or an
    amount (an age, a size)."""

    train: str
    """Pattern of the training samples' files below raw/, zips seen as if unpacked in place: {id}, {label} and other
    {fields} match within one folder or file name, {channel:FLAIR|T1w} one of the named, * anything but a slash, ** any
    folders."""

    test: str = ""
    """The same for the test samples; empty when training and test samples lie mixed, both matched by `train`."""

    labels: Rules = field(default_factory=Rules)

    classes: Annotated[tuple[str, ...], DISTINCT] = ()
    """The classes in their fixed order; empty takes the label columns or the labels found, in natural order
    (multilabel: blanks become underscores)."""

    positive: str = ""
    """The class whose probability a one-column binary submission holds; empty is the last class."""

    group_column: str = ""
    """Column of the labels CSV, or field of the pattern, whose equal values (one patient) never stand in two folds."""

    test_ids: Annotated[str, one_of("sample_submission", "files")] = "sample_submission"
    """Whether the test samples are those that the sample submission lists, or all files that match `test`."""


@dataclass(frozen=True, kw_only=True)
class Index:
    """How the samples are divided."""

    folds: Annotated[int, at_least(2)] = 5
    """Parts that the training samples are divided into for cross-validation, alike in classes or amounts, groups
    whole."""

    seed: Annotated[int, at_least(0)] = 1
    """Seed of the division into folds."""

    shards: Annotated[int, between(1, 256)] = 8
    """Array files a split, each made by one job; the results do not depend on it."""

    near_duplicates: bool = True
    """Whether pictures that show the same are found and kept in one fold."""


@dataclass(frozen=True, kw_only=True)
class Settings(Data, Index, SampleSubmission):
    """All that the stage reads."""


@dataclass(frozen=True, kw_only=True)
class Compared(Layout):
    """What the index compares with what it found; nothing that it writes depends on it."""

    solution: tuple[str, ...] = ()
    """The columns of the solution, as far as there is one that has not to be fetched; its rows no stage may see."""

    foreign: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By split the files of the blend's foreign members, whose ids are to be those of the samples."""
