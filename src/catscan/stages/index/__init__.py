"""List every sample once: its id, label, split, group, fold and where its bytes are.

In: the raw folder. Out: `index.csv`, one row a sample, all cells strings, train before test, each in natural order:
`sample_id, split, label, group, fold, shard, archive, path`; and `index.json`: the kind and task, the classes in their
fixed order with counts and prior, the number of folds and shards, duplicates, remarks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from catscan.common.contracts.summary import Duplicates, Summary
from catscan.common.errors import CatscanError, listed
from catscan.common.progress import say
from catscan.common.settings import parse
from catscan.common.tables import write_table
from catscan.common.words import number_of
from catscan.kinds.registry import kind_named
from catscan.raw.files import RawFiles
from catscan.stages.index.alike import find_duplicates, remarks_on
from catscan.stages.index.collect import Collected, collect
from catscan.stages.index.folds import FEWEST, assign_folds, unite
from catscan.stages.index.settings import Settings

COLUMNS = ["sample_id", "split", "label", "group", "fold", "shard", "archive", "path"]


def register(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--settings", required=True, help="the stage's settings, as JSON")
    parser.add_argument("--raw", required=True, type=Path, help="the raw folder")
    parser.add_argument("--index", required=True, type=Path, help="the table to write")
    parser.add_argument("--summary", required=True, type=Path, help="the summary to write, JSON")
    parser.add_argument("--threads", type=int, default=1, help="threads that look for duplicates")


def run(args: argparse.Namespace) -> None:
    """Write the index and its summary, and print the counts."""
    settings = parse(Settings, args.settings)
    raw = RawFiles(args.raw)
    try:
        collected = collect(raw, settings)
        kind = kind_named(settings.kind)
        look = settings.near_duplicates and kind.thumbnails
        thumbnails = kind.open_thumbnails(raw) if look else None
        duplicates = find_duplicates(thumbnails, collected, args.threads) if thumbnails else Duplicates()
    finally:
        raw.close()
    collected.remarks.extend(remarks_on(duplicates))
    groups = unite([sample.sample_id for sample in collected.train], collected.groups, duplicates.groups)
    summary = summarise(collected, groups, duplicates, settings)
    table = tabulate(collected, groups, summary, seed=settings.seed)
    write_table(args.index, table)
    summary.write(args.summary)
    _tell(table, summary)


def summarise(collected: Collected, groups: list[str], duplicates: Duplicates, settings: Settings) -> Summary:
    """What `index.json` tells; fewer folds than asked for where there are fewer groups, with a remark.

    Parameters
    ----------
    groups
        The group of each training sample.

    Raises
    ------
    CatscanError
        When there is nothing to cross-validate, or `positive` is not a class.
    """
    classes = list(collected.classes)
    n_train = len(collected.train)
    counts = {name: sum(name in label for label in collected.labels.values()) for name in classes}
    positive = settings.positive or classes[-1]
    _check_classes(settings, classes, counts, positive, n_train)
    _check_groups(groups)
    n_groups = len(set(groups))
    folds = min(settings.folds, n_groups)
    return Summary(
        kind=settings.kind,
        task=settings.task,
        classes=tuple(classes),
        positive=positive,
        prior=tuple(counts[name] / n_train for name in classes),
        counts=counts,
        n_train=n_train,
        n_test=len(collected.test),
        folds=folds,
        shards=settings.shards,
        groups=n_groups,
        duplicates=duplicates,
        remarks=(*collected.remarks, *_remarks_on_folds(counts, folds, asked=settings.folds)),
    )


def _remarks_on_folds(counts: dict[str, int], folds: int, *, asked: int) -> Iterator[str]:
    if folds < asked:
        yield f"{folds} folds instead of {asked}: there are no more groups of samples."
    rare = [f"{name} ({count})" for name, count in counts.items() if count < folds]
    if rare:
        yield f"Fewer samples than folds, so that some fold holds none of them: {listed(rare)}."


def _check_classes(settings: Settings, classes: list[str], counts: dict[str, int], positive: str, n_train: int) -> None:
    if n_train < FEWEST:
        raise CatscanError(
            f"Cross-validation needs at least {FEWEST} labelled samples.",
            where="config keys data.train and data.labels",
            found=f"{n_train} labelled",
        )
    if settings.task == "binary" and len(classes) != 2:
        raise CatscanError(
            "A binary task has two classes.",
            where="config key data.task",
            found=f"{len(classes)} classes: {', '.join(classes[:10])}",
            do="Set data.task to multiclass, or name the two in data.classes.",
        )
    if positive not in classes:
        raise CatscanError(
            "The positive class is not among the classes.",
            where="config key data.positive",
            found=f"{positive!r}; the classes are {', '.join(map(repr, classes))}",
        )
    if settings.task != "multilabel" and sum(count > 0 for count in counts.values()) < 2:
        raise CatscanError(
            "All labelled samples are of one class, so there is nothing to learn.",
            where="config keys data.train and data.labels",
            found=", ".join(f"{count} {name}" for name, count in counts.items()),
        )


def _check_groups(groups: list[str]) -> None:
    if len(set(groups)) < FEWEST:
        raise CatscanError(
            "All labelled samples are of one group, so none can be held out.",
            where="config key data.group_column",
            found=f"{len(groups)} samples, 1 group: {groups[0]!r}",
        )


def tabulate(collected: Collected, groups: list[str], summary: Summary, *, seed: int) -> pd.DataFrame:
    """The index as a table; ``groups`` has the group of each training sample."""
    import numpy as np

    ids = [sample.sample_id for sample in collected.train]
    targets = np.array([[name in collected.labels[key] for name in summary.classes] for key in ids], dtype=np.int64)
    folds = assign_folds(targets, sample_ids=ids, groups=groups, folds=summary.folds, seed=seed)
    rows = []
    shards = {"train": shard_of(len(ids), summary.shards), "test": shard_of(len(collected.test), summary.shards)}
    for number, sample in enumerate(collected.train):
        label = " ".join(collected.labels[sample.sample_id])
        place = (str(folds[number]), str(shards["train"][number]), sample.archive, sample.path)
        rows.append((sample.sample_id, "train", label, groups[number], *place))
    for number, sample in enumerate(collected.test):
        place = ("", str(shards["test"][number]), sample.archive, sample.path)
        rows.append((sample.sample_id, "test", "", collected.groups.get(sample.sample_id, ""), *place))
    return pd.DataFrame(rows, columns=COLUMNS)


def shard_of(n_samples: int, shards: int) -> list[int]:
    """The shard, from 1, of each of ``n_samples`` in order: contiguous cuts whose sizes differ by one at most.

    >>> shard_of(5, 2)
    [1, 1, 1, 2, 2]
    """
    whole, more = divmod(n_samples, shards)
    return [shard for shard in range(1, shards + 1) for _ in range(whole + (shard <= more))]


def _tell(table: pd.DataFrame, summary: Summary) -> None:
    """Print the counts that show whether the patterns and labels were meant so."""
    shown = [f"{count:,} {name}" for name, count in summary.counts.items()]
    more = f", and {len(shown) - 10} more classes" if len(shown) > 10 else ""
    say(f"{number_of(summary.n_train, 'train sample')}: {', '.join(shown[:10])}{more}")
    say(number_of(summary.n_test, "test sample"))
    sizes = table.loc[table["split"] == "train", "fold"].value_counts()
    say(f"{number_of(summary.groups, 'group')} in {summary.folds} folds of {sizes.min():,} to {sizes.max():,}")
    for remark in summary.remarks:
        say(f"remark: {remark}")
