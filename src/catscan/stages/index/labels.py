"""Labels: from the names of the files or from a CSV, as class names in one fixed order of classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from catscan.common.errors import CatscanError, did_you_mean, listed
from catscan.common.tables import natural_key, place_of_row
from catscan.common.words import number_of
from catscan.scores.tasks import REGRESSION
from catscan.stages.index.amounts import IS_REGRESSION, amount_in, numbers_in

NUMBER = re.compile(r"(\d+)(?:\.0*)?")  # a class number; a table that once had gaps has 1.0 for 1
NAMELESS = "label"  # the name of a target whose amounts stand in the names of the files
ONE_OR_ZERO = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "False": 0, "True": 1}


@dataclass(frozen=True)
class Rules:
    """Where the labels stand, when not in the pattern's {label}."""

    csv: str = ""
    """CSV (or JSON list of records) among the raw files that holds the labels; empty when the pattern `train` has the
    field {label}."""

    id_column: str = ""
    """Its column with the sample ids; empty is its first column (csv_pixels: the rows are numbered from 1)."""

    columns: tuple[str, ...] = ()
    """Its label columns: one that holds a class name or class number (or a list of names, or an amount), or one a class
    that holds 0 or 1; empty is every column but the id and the group."""

    separator: str = " "
    """What separates the names in a multilabel cell of one column."""


@dataclass(frozen=True)
class Labels:
    """The labels of all samples that have one.

    Attributes
    ----------
    classes
        All class names in their fixed order; of a regression the target's name alone.
    by_id
        Sample id to the names of its classes: one, or for multilabel any number; of a regression its amount.
    groups
        Sample id to its group, for those that have one.
    """

    classes: tuple[str, ...]
    by_id: dict[str, tuple[str, ...]]
    groups: dict[str, str] = field(default_factory=dict)


def labels_from_names(named: dict[str, str], *, task: str, classes: Sequence[str], where: str) -> Labels:
    """Labels that stand in the file names.

    Parameters
    ----------
    named
        Sample id to the text of the field `label`.
    classes
        The fixed order, or empty for natural order.

    Raises
    ------
    CatscanError
        For a label that is not one of ``classes``, or of a regression no number.
    """
    if task == REGRESSION:
        _refuse_no_numbers([name for name, label in named.items() if not amount_in(label)], named, where)
        return Labels((NAMELESS,), {name: (amount_in(label),) for name, label in named.items()})
    order = tuple(classes) or tuple(sorted(set(named.values()), key=natural_key))
    strangers = {name: label for name, label in named.items() if label not in order}
    if strangers:
        raise _not_a_class(list(strangers), next(iter(strangers.values())), order, where)
    return Labels(order, {name: (label,) for name, label in named.items()})


def labels_from_table(
    table: pd.DataFrame,
    rules: Rules,
    *,
    task: str,
    classes: Sequence[str],
    group_column: str,
    remarks: list[str],
) -> Labels:
    """Labels that stand in a table.

    Parameters
    ----------
    table
        As `read_table` gives it.
    task
        One of `tasks.TASKS`.
    classes
        The fixed order, or empty for what the table gives.
    group_column
        The column of the groups, "" for none.
    remarks
        Gets a line when rows are there twice.

    Raises
    ------
    CatscanError
        For a cell that is not a label (with its line), and for one id with two different labels (with both lines).
    """
    ids = table[rules.id_column or table.columns[0]]
    columns = _label_columns(table, rules, ids.name, group_column)
    if task == REGRESSION:
        order, names = _from_amounts(table[columns], rules)
    elif task == "multilabel" and len(columns) == 1 and not _is_binary(table[columns[0]]):
        order, names = _from_lists(table[columns[0]], rules, classes)
    elif len(columns) == 1:
        order, names = _from_one_column(table[columns[0]], rules, task, classes)
    else:
        order, names = _from_flags(table[columns], rules, task, classes)
    if task == "multilabel":
        _refuse_blanks(order)
    _refuse_contradictions(ids, names, rules.csv, remarks)
    groups = dict(zip(ids, table[group_column], strict=True)) if group_column in table.columns else {}
    return Labels(order, dict(zip(ids, names, strict=True)), {name: group for name, group in groups.items() if group})


Names = list[tuple[str, ...]]


def _label_columns(table: pd.DataFrame, rules: Rules, id_column: object, group_column: str) -> list[str]:
    columns = list(rules.columns) or [name for name in table.columns if name not in (id_column, group_column)]
    for name in columns:
        if name not in table.columns:
            raise CatscanError(
                f"The labels lack the column {name!r}.",
                where=f"{rules.csv}; config key data.labels.columns",
                found="columns " + listed([repr(other) for other in table.columns]),
                do=did_you_mean(name, list(table.columns)),
            )
    if not columns:
        raise CatscanError("The labels have no label column.", where=rules.csv, found=f"only {id_column!r}")
    return columns


def _is_binary(cells: pd.Series) -> bool:
    return bool(cells.isin(list(ONE_OR_ZERO)).all())


def _from_one_column(
    cells: pd.Series, rules: Rules, task: str, classes: Sequence[str]
) -> tuple[tuple[str, ...], Names]:
    """One column with a class name in each cell, or with its number in ``classes``."""
    if task == "multilabel":  # one class that is there or not
        return _from_flags(cells.to_frame(), rules, task, classes)
    order = tuple(classes) or tuple(sorted({str(cell) for cell in cells if cell}, key=natural_key))
    values = set(cells)
    if values & set(order):
        class_of = {name: name for name in order}
    else:
        numbers = {cell: int(found[1]) for cell in values if (found := NUMBER.fullmatch(cell))}
        class_of = {cell: order[number] for cell, number in numbers.items() if number < len(order)}
    wrong = [row for row, cell in enumerate(cells) if cell not in class_of]
    if wrong:
        raise _not_a_class([place_of_row(cells, row) for row in wrong], cells.iloc[wrong[0]], order, rules.csv)
    return order, [(class_of[cell],) for cell in cells]


def _from_amounts(cells: pd.DataFrame, rules: Rules) -> tuple[tuple[str, ...], Names]:
    """One column with a number in each cell."""
    if len(cells.columns) > 1:
        raise CatscanError(
            "A regression has one label column.",
            where=f"{rules.csv}; config key data.labels.columns",
            found=f"{len(cells.columns)} columns: {listed([repr(name) for name in cells.columns])}",
            do="Name the column of the amounts in data.labels.columns.",
        )
    (column,) = cells.columns
    amounts = [amount_in(cell) for cell in cells[column]]
    by_place = {place_of_row(cells, row): cells[column].iloc[row] for row, amount in enumerate(amounts) if not amount}
    _refuse_no_numbers(list(by_place), by_place, f"{rules.csv}, column {column!r}")
    return (str(column),), [(amount,) for amount in amounts]


def _refuse_no_numbers(offenders: list[str], labels: dict[str, str], where: str) -> None:
    if offenders:
        first = labels[offenders[0]]
        raise CatscanError(
            f"{number_of(len(offenders), 'label')} not a finite number, and the task is a regression.",
            where=f"{where}: {listed(offenders)}",
            found=repr(first) if first else "an empty cell",
            do="Correct or leave out these; a number has a point for its decimals and no unit.",
        )


def _from_lists(cells: pd.Series, rules: Rules, classes: Sequence[str]) -> tuple[tuple[str, ...], Names]:
    """One column with the names of all classes that apply, such as "rust scab"."""
    lists = [tuple(plain_name(part) for part in cell.split(rules.separator) if part.strip()) for cell in cells]
    order = tuple(classes) or tuple(sorted({name for names in lists for name in names}, key=natural_key))
    wrong = [(place_of_row(cells, row), name) for row, names in enumerate(lists) for name in names if name not in order]
    if wrong:
        raise _not_a_class([place for place, _ in wrong], wrong[0][1], order, rules.csv)
    return order, [tuple(name for name in order if name in names) for names in lists]


def _from_flags(flags: pd.DataFrame, rules: Rules, task: str, classes: Sequence[str]) -> tuple[tuple[str, ...], Names]:
    """One column a class, with 0 or 1 in each cell."""
    order = tuple(classes) or tuple(plain_name(name) if task == "multilabel" else name for name in flags.columns)
    if len(order) != len(flags.columns):
        raise CatscanError(
            "There is another number of label columns than of classes.",
            where=f"{rules.csv}; config keys data.classes and data.labels.columns",
            found=f"{len(flags.columns)} columns: {listed(list(flags.columns))}\n"
            f"{len(order)} classes: {listed(list(order))}",
            do="Name one column a class, in the order of the classes.",
        )
    for name in flags.columns:
        wrong = [row for row, cell in enumerate(flags[name]) if cell not in ONE_OR_ZERO]
        if wrong:
            raise CatscanError(
                f"{number_of(len(wrong), 'label')} neither 0 nor 1.",
                where=f"{rules.csv}, column {name!r}, " + listed([place_of_row(flags, row) for row in wrong]),
                found=repr(flags[name].iloc[wrong[0]]),
                do="Correct these lines, or name the label columns in data.labels.columns."
                + _hint(flags[name].iloc[wrong[0]]),
            )
    rows = flags.replace(ONE_OR_ZERO).to_numpy(dtype=int)
    if task != "multilabel" and (rows.sum(axis=1) != 1).any():
        wrong = [row for row, total in enumerate(rows.sum(axis=1)) if total != 1]
        raise CatscanError(
            f"{number_of(len(wrong), 'row')} without exactly one class.",
            where=f"{rules.csv}, " + listed([place_of_row(flags, row) for row in wrong]),
            found=f"{rows[wrong[0]].sum()} classes are 1",
            do="Correct these lines, or set data.task to multilabel.",
        )
    return order, [tuple(name for name, flag in zip(order, row, strict=True) if flag) for row in rows]


def plain_name(name: str) -> str:
    """A class name without blanks, since the index joins the names of a multilabel sample by one."""
    return "_".join(name.split())


def _refuse_blanks(order: Sequence[str]) -> None:
    blank = [name for name in order if name != plain_name(name)]
    if blank:
        raise CatscanError(
            "A class of a multilabel task has a blank in its name.",
            where="config key data.classes",
            found=listed([repr(name) for name in blank]),
            do=f"Write {plain_name(blank[0])!r}; the columns are found all the same.",
        )


def _refuse_contradictions(ids: pd.Series, names: Names, where: str, remarks: list[str]) -> None:
    first: dict[str, int] = {}
    repeated = []
    for row, name in enumerate(ids):
        before = first.setdefault(name, row)
        if before == row:
            continue
        if names[before] != names[row]:
            raise CatscanError(
                f"The id {name!r} has two labels.",
                where=f"{where}, {place_of_row(ids, before)} and {place_of_row(ids, row)}",
                found=f"{' '.join(names[before])!r} and {' '.join(names[row])!r}",
                do="Keep the one that is right.",
            )
        repeated.append(place_of_row(ids, row))
    if repeated:
        remarks.append(
            f"{number_of(len(repeated), 'row')} of {where} with the id and label of another: {listed(repeated)}."
        )


def _not_a_class(offenders: list[str], label: str, order: Sequence[str], where: str) -> CatscanError:
    return CatscanError(
        f"{number_of(len(offenders), 'label')} not among the classes.",
        where=f"{where}: {listed(offenders)}",
        found=f"{label!r}; the classes are {listed([repr(name) for name in order])}",
        do="Correct the label, or add it to data.classes." + _hint(label),
    )


def _hint(label: str) -> str:
    """A line for a wrong label that is a number, which may be an amount."""
    return f"\n{IS_REGRESSION}" if numbers_in([label]) else ""
