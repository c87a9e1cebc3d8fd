"""List every sample once: its id, label, split, group, fold and where its bytes are.

In: the raw folder. Out: `index.csv`, one row a sample, all cells strings, train before test, each in natural order:
`sample_id, split, label, group, fold, shard, archive, path`; and `index.json`: the kind and task, the classes in their
fixed order with counts and prior, the number of folds and shards, duplicates, remarks.
"""

from __future__ import annotations

import argparse
import math
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from catscan.common.contracts.summary import Duplicates, Summary
from catscan.common.errors import CatscanError
from catscan.common.progress import say
from catscan.common.settings import parse
from catscan.common.tables import read_table, write_table
from catscan.common.words import number_of
from catscan.kinds.registry import kind_named
from catscan.raw.files import RawFiles
from catscan.raw.packed import unpacked
from catscan.raw.row_ids import read_fields
from catscan.scores.tasks import REGRESSION
from catscan.stages.index.alike import find_duplicates, remarks_on
from catscan.stages.index.amounts import binned
from catscan.stages.index.checks import check_foreign, check_labels, check_sample, check_solution, remarks_on_cuts
from catscan.stages.index.collect import Collected, collect, collect_test
from catscan.stages.index.folds import FEWEST, assign_folds, unite
from catscan.stages.index.settings import Compared, Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLUMNS = ["sample_id", "split", "label", "group", "fold", "shard", "archive", "path"]


def register(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--settings", required=True, help="the stage's settings, as JSON")
    parser.add_argument(
        "--layout", required=True, help="what rows and columns the submission has, as JSON: compared, nothing else"
    )
    parser.add_argument("--raw", required=True, type=Path, help="the raw folder")
    parser.add_argument("--index", required=True, type=Path, help="the table to write")
    parser.add_argument("--summary", required=True, type=Path, help="the summary to write, JSON")
    parser.add_argument(
        "--known",
        type=Path,
        help="an index, its summary beside it, whose training samples are kept: only the test samples are listed anew",
    )
    parser.add_argument("--threads", type=int, default=1, help="threads that look for duplicates")


def run(args: argparse.Namespace) -> None:
    """Write the index and its summary, and print the counts."""
    settings, layout = parse(Settings, args.settings), parse(Compared, args.layout)
    with closing(RawFiles(unpacked(args.raw))) as raw:
        table, summary = (
            only_test(raw, settings, layout, args.known)
            if args.known
            else whole(raw, settings, layout, threads=args.threads)
        )
    write_table(args.index, table)
    summary.write(args.summary)
    _tell(table, summary)


def whole(raw: RawFiles, settings: Settings, layout: Compared, *, threads: int) -> tuple[pd.DataFrame, Summary]:
    """The index of all samples, and what `index.json` tells."""
    collected = collect(raw, settings)
    check_labels(collected, settings)
    check_sample(collected, settings, layout, read_fields(raw, layout.rows))
    check_solution(collected, settings, layout)
    check_foreign(collected, layout.foreign)
    kind = kind_named(settings.kind)
    look = settings.near_duplicates and kind.thumbnails
    thumbnails = kind.open_thumbnails(raw) if look else None
    duplicates = find_duplicates(thumbnails, collected, threads) if thumbnails else Duplicates()
    collected.remarks.extend(remarks_on(duplicates, len(collected.test)))
    groups = unite([sample.sample_id for sample in collected.train], collected.groups, duplicates.groups)
    summary = summarise(collected, groups, duplicates, settings)
    return tabulate(collected, groups, summary, seed=settings.seed), summary


def only_test(raw: RawFiles, settings: Settings, layout: Compared, known: Path) -> tuple[pd.DataFrame, Summary]:
    """The index ``known``, with its summary beside it, where other test samples are to be predicted."""
    table, summary = read_table(known, columns=COLUMNS), Summary.read(known.with_suffix(".json"))
    train = table[table["split"] == "train"]
    collected = collect_test(raw, settings, summary.classes, set(train["sample_id"]))
    check_sample(collected, settings, layout, read_fields(raw, layout.rows))
    summary = replace(
        summary,
        n_test=len(collected.test),
        shards=settings.shards,
        duplicates=Duplicates(),
        remarks=tuple(collected.remarks),
    )
    test = pd.DataFrame(rows_of_test(collected, settings.shards), columns=COLUMNS)
    return pd.concat([train, test], ignore_index=True), summary


def summarise(collected: Collected, groups: list[str], duplicates: Duplicates, settings: Settings) -> Summary:
    """What `index.json` tells; fewer folds than asked for where there are fewer groups, with a remark.

    Parameters
    ----------
    groups
        The group of each training sample.

    Raises
    ------
    CatscanError
        When all samples are of one group.
    """
    _check_groups(groups)
    classes, n_train, n_groups = collected.classes, len(collected.train), len(set(groups))
    folds = min(settings.folds, n_groups)
    return Summary(
        kind=settings.kind,
        task=settings.task,
        classes=classes,
        positive=settings.positive or classes[-1],
        prior=_prior(collected),
        counts=collected.counts,
        n_train=n_train,
        n_test=len(collected.test),
        folds=folds,
        shards=settings.shards,
        groups=n_groups,
        duplicates=duplicates,
        remarks=(*collected.remarks, *remarks_on_cuts(collected, settings, folds=folds)),
    )


def _prior(collected: Collected) -> tuple[float, ...]:
    """The share of each class in train; of a regression the mean amount."""
    n_train = len(collected.train)
    if collected.amounts:
        return (math.fsum(collected.amounts) / n_train,)
    return tuple(count / n_train for count in collected.counts.values())


def _check_groups(groups: list[str]) -> None:
    if len(set(groups)) < FEWEST:
        raise CatscanError(
            "All labelled samples are of one group, so none can be held out.",
            where="config key data.group_column",
            found=f"{len(groups)} samples, 1 group: {groups[0]!r}",
        )


def tabulate(collected: Collected, groups: list[str], summary: Summary, *, seed: int) -> pd.DataFrame:
    """The index as a table; ``groups`` has the group of each training sample."""
    ids = [sample.sample_id for sample in collected.train]
    folds = assign_folds(
        _shared(collected, summary.folds), sample_ids=ids, groups=groups, folds=summary.folds, seed=seed
    )
    rows = list[tuple[str, ...]]()
    shards = shard_of(len(ids), summary.shards)
    for number, sample in enumerate(collected.train):
        label = " ".join(collected.labels[sample.sample_id])
        place = (str(folds[number]), str(shards[number]), sample.archive, sample.path)
        rows.append((sample.sample_id, "train", label, groups[number], *place))
    rows += rows_of_test(collected, summary.shards)
    return pd.DataFrame(rows, columns=COLUMNS)


def rows_of_test(collected: Collected, shards: int) -> list[tuple[str, ...]]:
    """The rows of the test samples."""
    samples, groups = collected.test, collected.groups
    return [
        (one.sample_id, "test", "", groups.get(one.sample_id, ""), "", str(shard), one.archive, one.path)
        for one, shard in zip(samples, shard_of(len(samples), shards), strict=True)
    ]


def _shared(collected: Collected, folds: int) -> NDArray[np.int64]:
    """(n, classes) of 0 and 1, what the folds are to share alike: the classes; of a regression bins of the amounts."""
    import numpy as np

    if collected.amounts:
        return binned(collected.amounts, folds)
    labels = [collected.labels[sample.sample_id] for sample in collected.train]
    return np.array([[name in named for name in collected.classes] for named in labels], dtype=np.int64)


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
    if summary.task == REGRESSION:
        amounts = table.loc[table["split"] == "train", "label"].astype(float)
        shown = [f"{summary.positive} from {amounts.min():g} to {amounts.max():g}, {amounts.mean():.4g} on average"]
    more = f", and {len(shown) - 10} more classes" if len(shown) > 10 else ""
    say(f"{number_of(summary.n_train, 'train sample')}: {', '.join(shown[:10])}{more}")
    say(number_of(summary.n_test, "test sample"))
    sizes = table.loc[table["split"] == "train", "fold"].value_counts()
    say(f"{number_of(summary.groups, 'group')} in {summary.folds} folds of {sizes.min():,} to {sizes.max():,}")
    for remark in summary.remarks:
        say(f"remark: {remark}")
