"""The labels of a regression: amounts, kept as they are, and folds alike in them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from index_stage import Stage

from catscan.stages.index.amounts import binned

GIVEN = {"task": "regression", "train": "train/{id}.jpg", "test_ids": "files", "sample": ""}


@pytest.fixture
def ages(stage: Stage) -> Callable[..., int]:
    """Runs the index over training samples of these ages, a table with more columns."""

    def run(*cells: object, **settings: object) -> int:
        stage.files(*(f"train/{n}.jpg" for n in range(len(cells))), "test/a.jpg")
        stage.table("ages.csv", "id,male,age", *(f"{n},{n % 2},{cell}" for n, cell in enumerate(cells)))
        labels = {"csv": "ages.csv", "columns": ["age"]}
        return stage.run(**{**GIVEN, "labels": labels, **settings})

    return run


def test_amounts_stand_in_the_index_written_in_one_way(stage: Stage, ages: Callable[..., int]) -> None:
    assert ages("63", "63.0", "0.50", "1e2") == 0
    assert stage.index.query("split == 'train'")["label"].tolist() == ["63", "63", "0.5", "100"]
    assert stage.index.query("split == 'test'")["label"].tolist() == [""]


def test_the_summary_has_the_target_in_place_of_the_classes(stage: Stage, ages: Callable[..., int]) -> None:
    assert ages(10, 20, 30, 60) == 0
    assert "4 train samples: age from 10 to 60, 30 on average\n" in stage.said
    told = {key: stage.summary[key] for key in ("task", "classes", "positive", "prior", "counts")}
    assert told == {
        "task": "regression",
        "classes": ["age"],
        "positive": "age",
        "prior": [30],
        "counts": {"age": 4},
    }


def test_amounts_may_stand_in_the_names_of_the_files(stage: Stage) -> None:
    stage.files(*(f"train/{age}_{n}.jpg" for n, age in enumerate((5, 7, 80, 33))), "test/a.jpg")

    assert stage.run(**{**GIVEN, "train": "train/{label}_{id}.jpg"}) == 0
    assert stage.summary["classes"] == ["label"]
    assert sorted(stage.index.query("split == 'train'")["label"]) == ["33", "5", "7", "80"]


@pytest.mark.parametrize(
    ("cell", "found"),
    [("", "an empty cell"), ("nan", "'nan'"), ("inf", "'inf'"), ("63 y", "'63 y'"), ("cat", "'cat'")],
    ids=["missing", "nan", "infinity", "with-a-unit", "a-name"],
)
def test_what_is_no_finite_number_is_refused_with_its_line(
    stage: Stage, ages: Callable[..., int], cell: str, found: str
) -> None:
    assert ages(1, cell, 3, cell) == 2
    assert "2 labels not a finite number, and the task is a regression." in stage.said
    assert "ages.csv, column 'age': line 3, line 5" in stage.said
    assert f"found  {found}\n" in stage.said


def test_several_label_columns_are_refused(stage: Stage, ages: Callable[..., int]) -> None:
    assert ages(1, 2, 3, 4, labels={"csv": "ages.csv"}) == 2
    assert "A regression has one label column." in stage.said
    assert "2 columns: 'male', 'age'" in stage.said


def test_the_same_amount_everywhere_teaches_nothing(stage: Stage, ages: Callable[..., int]) -> None:
    assert ages(7, 7, 7, 7) == 2
    assert "All labelled samples have the same amount" in stage.said
    assert "age is 7 for 4 samples" in stage.said


def test_folds_are_alike_in_the_amounts(stage: Stage, ages: Callable[..., int]) -> None:
    assert ages(*np.random.default_rng(1).gamma(2, 20, 100).round(1), folds=5) == 0
    train = stage.index.query("split == 'train'")
    means = train["label"].astype(float).groupby(train["fold"]).mean()

    assert train["fold"].value_counts().tolist() == [20] * 5
    # By chance the means of 20 would differ by 6; so much is left within the ten bins.
    assert means.max() - means.min() < 4


def test_groups_stay_whole(stage: Stage, ages: Callable[..., int]) -> None:
    assert ages(*range(20), labels={"csv": "ages.csv", "columns": ["age"]}, group_column="male") == 0
    train = stage.index.query("split == 'train'")

    assert (train.groupby("group")["fold"].nunique() == 1).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60), st.integers(2, 5))
def test_each_amount_is_in_one_bin_and_equal_ones_in_the_same(amounts: list[float], folds: int) -> None:
    bins = binned(amounts, folds)
    number = bins.argmax(axis=1)
    ascending = np.argsort(amounts, kind="stable")

    assert (bins.sum(axis=1) == 1).all()
    assert (np.diff(number[ascending]) >= 0).all()
    assert all(len(set(number[np.array(amounts) == amount])) == 1 for amount in amounts)
