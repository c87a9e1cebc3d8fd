"""Foreign members of the blend: read as catscan's own, or refused by one block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catscan.common.errors import CatscanError
from catscan.scores.foreign import read_foreign

IDS = ["a", "b", "c"]


def read(folder: Path, *lines: str, **given: Any) -> np.ndarray:
    (folder / "own.csv").write_text("\n".join(lines) + "\n")
    told = {"classes": ["cat", "dog"], "task": "binary", "positive": "dog", "wanted": IDS, "known": [*IDS, "d"]}
    return read_foreign(folder / "own.csv", **told | given)


def test_columns_and_rows_come_in_the_order_of_classes_and_samples(tmp_path: Path) -> None:
    found = read(tmp_path, "sample_id,dog,cat", "c,0.3,0.7", "a,0.1,0.9", "b,0.2,0.8", "d,0.5,0.5")

    assert found.tolist() == [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]


@pytest.mark.parametrize(("positive", "first"), [("dog", [0.75, 0.25]), ("cat", [0.25, 0.75])])
def test_one_column_of_a_binary_task_is_of_the_positive_class(
    tmp_path: Path, positive: str, first: list[float]
) -> None:
    assert read(tmp_path, "id,label", "a,0.25", "b,0.5", "c,1", positive=positive)[0].tolist() == first


def test_the_column_of_a_regression_may_have_any_name(tmp_path: Path) -> None:
    found = read(tmp_path, "id,prediction", "a,63", "b,-4.5", "c,1e3", task="regression", classes=["age"])

    assert found.tolist() == [[63], [-4.5], [1000]]


def test_all_that_is_wrong_with_the_ids_is_one_block(tmp_path: Path) -> None:
    with pytest.raises(CatscanError) as refused:
        read(tmp_path, "id,label", "a,0.5", "a,0.5", "x,0.1")

    assert "not those of the index" in refused.value.what
    assert refused.value.found == "2 ids missing: b, c\n1 id there twice: a\n1 id unknown: x"


def test_a_value_that_is_no_probability_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(CatscanError, match=r"not a probability[\s\S]*own.csv, line 3[\s\S]*1.5"):
        read(tmp_path, "id,label", "a,0.5", "b,1.5", "c,0.1")


@pytest.mark.parametrize(
    ("header", "given"),
    [
        ("id,cat,owl", {}),
        ("id,label", {"task": "multiclass", "classes": ["cat", "dog", "owl"]}),
        ("id,age,height", {"task": "regression", "classes": ["age"]}),
        ("id", {}),
    ],
    ids=["other-class", "one-for-three", "two-amounts", "none"],
)
def test_columns_of_another_task_are_refused(tmp_path: Path, header: str, given: dict[str, Any]) -> None:
    with pytest.raises(CatscanError, match="columns of a foreign member"):
        read(tmp_path, header, **given)
