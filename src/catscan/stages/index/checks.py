"""What is refused, or told, of the labels and the sample submission once all samples are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from catscan.common.errors import CatscanError, listed
from catscan.common.tables import read_table
from catscan.common.words import number_of
from catscan.raw.row_ids import Fields, row_ids_of
from catscan.raw.sample_submission import Layout, blank_columns, classes_of_columns
from catscan.scores.foreign_ids import check_ids
from catscan.scores.tasks import ONE_CLASS
from catscan.stages.index.amounts import IS_REGRESSION, MOST_GRADES, are_amounts, may_be_amounts, numbers_in
from catscan.stages.index.collect import Collected
from catscan.stages.index.folds import FEWEST
from catscan.stages.index.settings import Compared, Settings

MOST_ALONE = 0.5  # share of the samples that may be the only one of their class: whale flukes have 0.1


def check_labels(collected: Collected, settings: Settings) -> None:
    """Refuse labels that nothing can be learnt from.

    Raises
    ------
    CatscanError
        When there is nothing to cross-validate, the labels are amounts, or they do not fit the task.
    """
    classes, counts = collected.classes, collected.counts
    n_train = len(collected.train)
    if n_train < FEWEST:
        raise CatscanError(
            f"Cross-validation needs at least {FEWEST} labelled samples.",
            where="config keys data.train and data.labels",
            found=f"{n_train} labelled",
        )
    if collected.amounts:
        _check_amounts(collected.amounts, classes[0])
        return
    if not settings.classes and are_amounts(classes):
        raise CatscanError(
            "The labels are amounts, not classes: this is a regression.",
            where="config keys data.train and data.labels",
            found=f"{len(classes):,} different numbers, such as {listed(list(classes))}",
            do="Set `data.task: regression`; or name the column of the classes in data.labels.columns. Only if the\n"
            "numbers are names of classes: list all in data.classes.",
        )
    _check_alone(counts, settings.task, n_train)
    if settings.task == "binary" and len(classes) != 2:
        hint = f"\n{IS_REGRESSION}" if numbers_in(classes) else ""
        raise CatscanError(
            "A binary task has two classes.",
            where="config key data.task",
            found=f"{len(classes)} classes: {listed(list(classes))}",
            do=f"Set data.task to multiclass, or name the two in data.classes.{hint}",
        )
    if settings.positive and settings.positive not in classes:
        raise CatscanError(
            "The positive class is not among the classes.",
            where="config key data.positive",
            found=f"{settings.positive!r}; the classes are {', '.join(map(repr, classes))}",
        )
    if settings.task != "multilabel" and sum(count > 0 for count in counts.values()) < 2:
        raise CatscanError(
            "All labelled samples are of one class, so there is nothing to learn.",
            where="config keys data.train and data.labels",
            found=", ".join(f"{count} {name}" for name, count in counts.items()),
        )


def _check_amounts(amounts: list[float], name: str) -> None:
    if len(set(amounts)) == 1:
        raise CatscanError(
            "All labelled samples have the same amount, so there is nothing to learn.",
            where="config keys data.train and data.labels",
            found=f"{name} is {amounts[0]:g} for {number_of(len(amounts), 'sample')}",
        )


def _check_alone(counts: dict[str, int], task: str, n_train: int) -> None:
    """Refuse labels that hardly any two samples share: ids, or amounts, taken for classes."""
    alone = [name for name, count in counts.items() if count == 1]
    if task not in ONE_CLASS or len(counts) <= MOST_GRADES or len(alone) <= MOST_ALONE * n_train:
        return
    other = IS_REGRESSION if numbers_in(counts) else "Or put {label} where the class stands in data.train."
    raise CatscanError(
        "Most labels are those of one sample alone, so what is learnt of one class can be tested on no other sample.",
        where="config keys data.train and data.labels",
        found=f"{len(counts):,} classes of {number_of(n_train, 'training sample')}, {len(alone):,} of them with one: "
        + listed([repr(name) for name in alone]),
        do=f"If these are ids, name the column of the classes in data.labels.columns.\n{other}",
    )


def check_sample(collected: Collected, settings: Settings, layout: Layout, fields: Fields) -> None:
    """Refuse a sample submission that does not ask for these classes or these samples.

    The submission stage would tell only after all trainings.

    Parameters
    ----------
    fields
        The cells of the table of rows.

    Raises
    ------
    CatscanError
        When its columns are other than the classes need, none of its rows is a test sample's, or the table of rows
        lacks a test sample or a field of the row ids.
    """
    for one in collected.test:
        next(row_ids_of(one.sample_id, layout.row_id, collected.classes, fields))
    sample = collected.sample
    if sample is None:
        return
    id_column = settings.id_column or str(sample.columns[0])
    classes_of_columns(
        [str(name) for name in sample.columns if name != id_column],
        layout,
        task=settings.task,
        classes=collected.classes,
        positive=settings.positive or collected.classes[-1],
    )
    asked = set(sample[id_column])
    ids = [one.sample_id for one in collected.test]
    if not any(
        row_id in asked for name in ids for row_id, _ in row_ids_of(name, layout.row_id, collected.classes, fields)
    ):
        raise CatscanError(
            f"None of the {len(asked):,} rows of the sample submission is of a test sample.",
            where=f"{settings.sample}; config keys data.test and submission.row_id",
            found=f"row ids such as {listed(sorted(asked)[:1])!r}; test samples such as {ids[0]!r}, "
            f"and `row_id: {layout.row_id!r}`",
            do="Write the pattern so that {id} gives the ids of the sample submission, or say in `submission.row_id`\n"
            "how its ids are made from the samples'.",
        )


def check_solution(collected: Collected, settings: Settings, layout: Compared) -> None:
    """Refuse a solution that has other columns than the submission.

    Raises
    ------
    CatscanError
        With the columns of both.
    """
    wanted = (
        blank_columns(layout, id_column=settings.id_column, task=settings.task, classes=collected.classes)
        if collected.sample is None
        else [str(name) for name in collected.sample.columns]
    )
    missing = [name for name in wanted if name not in layout.solution]
    if layout.solution and missing:
        raise CatscanError(
            f"The solution lacks the column {missing[0]!r} of the submission.",
            where="config key source.solution",
            found=f"columns {listed(list(layout.solution))}; the submission has {listed(wanted)}",
            do="Name its columns as the sample submission does, or set `source.solution` to '' to do without it.",
        )


def check_foreign(collected: Collected, files: Mapping[str, Sequence[str]]) -> None:
    """Refuse foreign members of the blend that speak of other samples than there are.

    Which samples they lack the evaluation tells, since nothing need be told of those that cannot be read.

    Parameters
    ----------
    files
        By split.

    Raises
    ------
    CatscanError
        With the ids that are unknown, or there twice.
    """
    for split, samples in (("train", collected.train), ("test", collected.test)):
        for path in map(Path, files.get(split, ())):
            table = read_table(path)
            check_ids(path, table[table.columns[0]], known=[one.sample_id for one in samples])


def remarks_on_cuts(collected: Collected, settings: Settings, *, folds: int) -> Iterator[str]:
    """What a person should know of the classes, the folds as made, and the shards."""
    if folds < settings.folds:
        yield f"{folds} folds instead of {settings.folds}: there are no more groups of samples."
    rare = [f"{name} ({count})" for name, count in collected.counts.items() if count < folds]
    if rare:
        yield f"Fewer samples than folds, so that some fold holds none of them: {listed(rare)}."
    if not settings.classes and may_be_amounts(collected.classes):
        first, last = collected.classes[0], collected.classes[-1]
        yield f"The {len(collected.classes)} classes are numbers from {first} to {last}, each a class. {IS_REGRESSION}"
    most = max(len(collected.train), len(collected.test))
    if settings.shards > most:
        yield f"{settings.shards} shards for {number_of(most, 'sample')}, so that some are empty; see index.shards."
