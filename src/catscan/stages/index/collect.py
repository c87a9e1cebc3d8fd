"""Which samples there are, which of them are labelled, and which are to be predicted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property

import pandas as pd

from catscan.common.errors import CatscanError, listed
from catscan.common.tables import place_of_row
from catscan.common.words import number_of
from catscan.kinds.registry import kind_named
from catscan.kinds.samples import Finder, Found, Sample, Search
from catscan.raw.files import RawFiles
from catscan.raw.places import read_raw_table
from catscan.raw.sample_submission import find_sample
from catscan.scores.tasks import REGRESSION
from catscan.stages.index.labels import Labels, labels_from_names, labels_from_table
from catscan.stages.index.settings import Settings


@dataclass
class Collected:
    """All samples with what is known about them.

    Attributes
    ----------
    train, test
        In the natural order of their ids; no id is in both.
    task
        As in the config.
    classes
        In their fixed order; of a regression the target's name alone.
    labels
        Sample id of train to the names of its classes; of a regression to its amount.
    groups
        Sample id to the name of its group, for those that have one.
    sample
        The sample submission; None where there is none.
    remarks
        What a person should know, a sentence each.
    """

    train: list[Sample]
    test: list[Sample]
    task: str
    classes: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    groups: dict[str, str]
    sample: pd.DataFrame | None = None
    remarks: list[str] = field(default_factory=list)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Class to the number of training samples that are of it, in the order of the classes.

        Of a regression, the target to the number of all.
        """
        if self.task == REGRESSION:
            return dict.fromkeys(self.classes, len(self.labels))
        found = Counter(name for names in self.labels.values() for name in names)
        return {name: found[name] for name in self.classes}

    @cached_property
    def amounts(self) -> list[float]:
        """Of a regression, the amount of each training sample; else empty."""
        return [float(self.labels[one.sample_id][0]) for one in self.train] if self.task == REGRESSION else []


def collect(raw: RawFiles, settings: Settings) -> Collected:
    """Find the samples of both splits and their labels.

    Raises
    ------
    CatscanError
        When a pattern finds nothing, a label is not a class, or no ids match.
    """
    search = _search(raw, settings)
    finder = kind_named(settings.kind).open_finder(settings.train, key="data.train")
    found = finder.find(search)
    labels = _labels(finder, search, settings, found)
    mixed = _are_mixed(settings)
    others = found if mixed else _others(search, settings)
    sample, test = _of_test(others, labels.by_id if mixed else (), search, settings)
    tested = {one.sample.sample_id for one in test} if mixed else set[str]()
    train = [one for one in found if one.sample.sample_id not in tested]
    remarks = search.remarks
    _tell_unlabelled(train, found, labels, settings, remarks)
    train = [one for one in train if one.sample.sample_id in labels.by_id]
    groups = _groups(train, labels.groups, settings), _groups(test, labels.groups if mixed else {}, settings)
    return replace(_with_unique_ids(train, test, labels, groups, remarks), task=settings.task, sample=sample)


def collect_test(raw: RawFiles, settings: Settings, classes: tuple[str, ...], labelled: Collection[str]) -> Collected:
    """Find the test samples alone, where the training samples, ``labelled``, and the ``classes`` are known.

    Raises
    ------
    CatscanError
        When a pattern finds nothing, or no ids match.
    """
    search = _search(raw, settings)
    mixed = _are_mixed(settings)
    sample, test = _of_test(_others(search, settings), labelled if mixed else (), search, settings)
    return Collected(
        train=[],
        test=[one.sample for one in test],
        task=settings.task,
        classes=classes,
        labels={},
        groups=_groups(test, {}, settings),
        sample=sample,
        remarks=search.remarks,
    )


def _search(raw: RawFiles, settings: Settings) -> Search:
    return Search(raw, raw.all(), settings.labels.id_column, [])


def _are_mixed(settings: Settings) -> bool:
    """Whether training and test samples lie among each other."""
    return settings.test in ("", settings.train)


def _others(search: Search, settings: Settings) -> list[Found]:
    """The samples among which those of the test set are."""
    key = "test" if settings.test else "train"
    return kind_named(settings.kind).open_finder(settings.test or settings.train, key=f"data.{key}").find(search)


def _of_test(
    others: list[Found], labelled: Collection[str], search: Search, settings: Settings
) -> tuple[pd.DataFrame | None, list[Found]]:
    """The sample submission, if any, and the samples that are to be predicted.

    Parameters
    ----------
    labelled
        The ids of samples with a label, where such are among ``others``.
    """
    if settings.test_ids == "sample_submission":
        sample = _read_sample(search, settings)
        asked = _asked_ids(sample, settings)
        test = _listed_in(asked, others, settings, search.remarks)
        _tell_leaked(asked, labelled, settings, search.remarks)
        return sample, test
    test = [one for one in others if one.sample.sample_id not in labelled]
    if not test:
        raise CatscanError(
            "There is no test sample.",
            where="config keys data.test and data.test_ids",
            found=f"{len(others):,} samples match, and all have a label",
            do="Say in data.test where the test samples lie, or take their ids from the sample submission.",
        )
    rows = f"each test sample ({len(test):,} found)"
    return _read_sample(search, settings, rows=rows) if settings.sample else None, test


def _labels(finder: Finder, search: Search, settings: Settings, found: list[Found]) -> Labels:
    """The labels, from the one place that holds them."""
    in_names = {one.sample.sample_id: one.fields["label"] for one in found if "label" in one.fields}
    csv = settings.labels.csv or finder.own_labels
    if bool(in_names) == bool(csv):
        raise CatscanError(
            "The labels come from two places." if csv else "The config does not say where the labels are.",
            where="config keys data.train and data.labels.csv",
            found=f"pattern {settings.train!r}, table {csv!r}",
            do="Either put {label} into the pattern, or name the table of labels.",
        )
    in_path = bool(found) and settings.group_column in found[0].fields
    if in_names and settings.group_column and not in_path:
        raise CatscanError(
            "The config does not say where the groups are.",
            where="config key data.group_column",
            found=f"{settings.group_column!r}; the pattern {settings.train!r} has no such field",
            do="Put the field into the pattern, where the path names the group.",
        )
    if in_names:
        return labels_from_names(
            in_names,
            task=settings.task,
            classes=settings.classes,
            where=f"config key data.train ({settings.train})",
        )
    wanted = [*settings.labels.columns, settings.labels.id_column, "" if in_path else settings.group_column]
    return labels_from_table(
        finder.label_table(search, csv, [*filter(None, wanted)]),
        replace(settings.labels, csv=csv),
        task=settings.task,
        classes=settings.classes,
        group_column=settings.group_column,
        remarks=search.remarks,
    )


def _read_sample(search: Search, settings: Settings, *, rows: str = "each test sample") -> pd.DataFrame:
    find_sample(search.files, settings.sample, test_ids=settings.test_ids, rows=rows)
    columns = [*filter(None, [settings.id_column])]
    return read_raw_table(search.raw, search.files, settings.sample, columns=columns)


def _asked_ids(table: pd.DataFrame, settings: Settings) -> dict[str, int]:
    """The ids of the sample submission, each with its row."""
    asked: dict[str, int] = {}
    for row, name in enumerate(table[settings.id_column or table.columns[0]]):
        if name in asked:
            raise CatscanError(
                f"The sample submission lists the id {name!r} twice.",
                where=f"{settings.sample}, {place_of_row(table, asked[name])} and {place_of_row(table, row)}",
                do="Fetch it again; each test sample has one row. If its ids are not the samples', "
                "set data.test_ids to files.",
            )
        asked[name] = row
    return asked


def _listed_in(asked: dict[str, int], others: list[Found], settings: Settings, remarks: list[str]) -> list[Found]:
    """The samples that the sample submission asks for; what is missing or too many becomes a remark."""
    test = [one for one in others if one.sample.sample_id in asked]
    there = {one.sample.sample_id for one in test}
    missing = [name for name in asked if name not in there]
    if not test:
        example = others[0].sample.sample_id
        raise CatscanError(
            f"None of the {len(asked):,} ids in the sample submission has a file.",
            where=f"{settings.sample}; config key data.test ({settings.test or settings.train})",
            found=f"ids such as {next(iter(asked), '')!r}; samples such as {example!r}",
            do="Write the pattern so that {id} gives the ids of the sample submission, zeros and suffix included; "
            "if its ids are not the samples', set data.test_ids to files.",
        )
    if missing:
        remarks.append(
            f"{number_of(len(missing), 'id')} of {settings.sample} without a file, given the prior: {listed(missing)}."
        )
    if settings.test not in ("", settings.train) and len(others) > len(test):
        extra = [one.sample.sample_id for one in others if one.sample.sample_id not in asked]
        remarks.append(f"{number_of(len(extra), 'test sample')} not in {settings.sample}, left out: {listed(extra)}.")
    return test


def _tell_leaked(asked: dict[str, int], labelled: Collection[str], settings: Settings, remarks: list[str]) -> None:
    known = [name for name in asked if name in labelled]
    if known:
        remarks.append(
            f"{number_of(len(known), 'sample')} of {settings.sample} with a label too, predicted and not learnt from: "
            f"{listed(known)}."
        )


def _tell_unlabelled(
    train: list[Found], found: list[Found], labels: Labels, settings: Settings, remarks: list[str]
) -> None:
    """Refuse when no sample has a label; samples without one, and labels without a sample, become remarks."""
    bare = [one.sample.sample_id for one in train if one.sample.sample_id not in labels.by_id]
    if len(bare) == len(train):
        raise _no_label_fits(found, labels, settings)
    there = {one.sample.sample_id for one in found}
    missing = [name for name in labels.by_id if name not in there]
    if missing:
        remarks.append(f"{number_of(len(missing), 'labelled id')} without a file, left out: {listed(missing)}.")
    if bare:
        remarks.append(f"{number_of(len(bare), 'sample')} without a label, left out of train: {listed(bare)}.")


def _no_label_fits(found: list[Found], labels: Labels, settings: Settings) -> CatscanError:
    ids = [one.sample.sample_id for one in found]
    without_zeros = {name.lstrip("0") for name in ids}
    lost = any(name.lstrip("0") in without_zeros for name in labels.by_id)
    return CatscanError(
        "No sample has a label.",
        where=f"{settings.labels.csv}; config key data.train ({settings.train})",
        found=f"labels for ids such as {listed(list(labels.by_id)[:1])!r}; samples such as {listed(ids[:1])!r}",
        do="The table has lost the leading zeros of its ids (a spreadsheet does that): fetch it again."
        if lost
        else "Write the pattern so that {id} gives the ids of the table, or set data.labels.id_column.",
    )


def _groups(found: list[Found], in_table: dict[str, str], settings: Settings) -> dict[str, str]:
    """Sample id to its group, from the path where the pattern names it, else from the table."""
    groups = {one.sample.sample_id: one.fields.get(settings.group_column) for one in found}
    groups = {name: group or in_table.get(name) for name, group in groups.items()}
    return {name: group for name, group in groups.items() if group}


def _with_unique_ids(
    train: list[Found],
    test: list[Found],
    labels: Labels,
    groups: tuple[dict[str, str], dict[str, str]],
    remarks: list[str],
) -> Collected:
    """Collect; where train and test use the same ids for different samples, train ids get the prefix "train."."""
    test_ids = {one.sample.sample_id for one in test}
    prefix = "train." if any(one.sample.sample_id in test_ids for one in train) else ""
    if prefix:
        remarks.append('Train and test use the same ids; the train ids have the prefix "train.".')
    of_train, of_test = groups
    return Collected(
        train=[replace(one.sample, sample_id=prefix + one.sample.sample_id) for one in train],
        test=[one.sample for one in test],
        task="",
        classes=labels.classes,
        labels={prefix + one.sample.sample_id: labels.by_id[one.sample.sample_id] for one in train},
        groups={prefix + name: group for name, group in of_train.items()} | of_test,
        remarks=remarks,
    )
