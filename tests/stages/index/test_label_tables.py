"""Tables of labels as the Data Science Bowl serves them, with mistakes."""

from __future__ import annotations

import io

import pytest

from catscan.common.errors import CatscanError
from catscan.common.tables import read_table
from catscan.stages.index.labels import Rules, labels_from_table


def labels(text: str) -> dict[str, tuple[str, ...]]:
    rules = Rules(csv="stage1_labels.csv", id_column="id", columns=("cancer",))
    table = read_table(io.StringIO(text), name="stage1_labels.csv")
    found = labels_from_table(table, rules, task="binary", classes=("0", "1"), group_column="", remarks=[])
    return found.by_id


def test_an_id_with_two_labels_is_refused_with_its_lines() -> None:
    with pytest.raises(CatscanError) as refused:
        labels("id,cancer\na,0\nb,1\na,1\n")

    assert refused.value.what == "The id 'a' has two labels."
    assert refused.value.where == "stage1_labels.csv, line 2 and line 4"


def test_a_label_that_is_not_0_or_1_is_refused_with_its_line() -> None:
    with pytest.raises(CatscanError) as refused:
        labels("id,cancer\na,0\nb,maybe\n")

    assert "stage1_labels.csv" in refused.value.where
    assert "3" in refused.value.where
    assert "'maybe'" in refused.value.found


def test_a_table_without_ids_is_refused() -> None:
    with pytest.raises(CatscanError, match="lacks the column 'id'"):
        read_table(io.StringIO("patient,cancer\na,0\n"), columns=["id"], name="stage1_labels.csv")
