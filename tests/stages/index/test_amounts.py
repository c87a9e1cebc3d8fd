"""Labels that a regression would predict, or that are no labels at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from index_stage import Stage


@pytest.fixture
def labelled(stage: Stage) -> Callable[..., int]:
    """Runs the index over training samples with these labels."""

    def run(labels: Iterable[object], **settings: Any) -> int:
        labels = list(labels)
        stage.files(*(f"train/{n}.jpg" for n in range(len(labels))), "test/a.jpg")
        stage.table("labels.csv", "id,label", *(f"{n},{label}" for n, label in enumerate(labels)))
        given = {"train": "train/{id}.jpg", "labels": {"csv": "labels.csv"}, "test_ids": "files", "sample": ""}
        return stage.run(**given | settings)

    return run


@pytest.mark.parametrize("task", ["binary", "multiclass", "ordinal", "multilabel"])
def test_numbers_with_decimals_are_a_regression_whatever_the_task(
    stage: Stage, labelled: Callable[..., int], task: str
) -> None:
    assert labelled((f"{11959.38 + 10.22 * n:.2f}" for n in range(30)), task=task) == 2
    assert "The labels are amounts, not classes: this is a regression." in stage.said
    assert "30 different numbers, such as 11959.38, 11969.60" in stage.said


def test_numbers_with_decimals_that_are_named_as_classes_are_classes(labelled: Callable[..., int]) -> None:
    grades = [str(n / 2) for n in range(30)]

    assert labelled(grades * 2, task="ordinal", classes=grades) == 0


def test_a_scale_of_half_grades_is_of_classes(stage: Stage, labelled: Callable[..., int]) -> None:
    assert labelled(["0", "0.5", "1", "2", "3"] * 2, task="ordinal") == 0
    assert stage.summary["classes"] == ["0", "0.5", "1", "2", "3"]


def test_whole_numbers_of_one_sample_each_are_refused(stage: Stage, labelled: Callable[..., int]) -> None:
    assert labelled(range(100, 160, 2), task="multiclass") == 2
    assert "Most labels are those of one sample alone" in stage.said
    assert "30 classes of 30 training samples, 30 of them with one: '100', '102'" in stage.said
    assert "this is a regression" in stage.said


def test_ids_taken_for_labels_are_refused(stage: Stage, labelled: Callable[..., int]) -> None:
    assert labelled((f"patient-{n}" for n in range(30)), task="multiclass") == 2
    assert "If these are ids, name the column of the classes in data.labels.columns." in stage.said
    assert "regression" not in stage.said


def test_ages_of_several_samples_each_are_told_in_a_remark(stage: Stage, labelled: Callable[..., int]) -> None:
    assert labelled([age for age in range(0, 228, 6) for _ in range(2)], task="multiclass") == 0
    assert stage.summary["remarks"] == [
        "The 38 classes are numbers from 0 to 222, each a class. If the numbers are amounts (an age, a size), this "
        "is a regression: set `data.task: regression`."
    ]


def test_ages_in_a_binary_task_are_not_sent_on_to_multiclass_alone(stage: Stage, labelled: Callable[..., int]) -> None:
    assert labelled([age for age in range(0, 228, 6) for _ in range(2)]) == 2
    assert "A binary task has two classes." in stage.said
    assert "this is a regression" in stage.said


def test_class_numbers_that_are_counted_through_are_classes(stage: Stage, labelled: Callable[..., int]) -> None:
    assert labelled([n for n in range(30) for _ in range(2)], task="multiclass") == 0
    assert stage.summary["remarks"] == []


def test_amount_beside_named_classes_is_told(stage: Stage, labelled: Callable[..., int]) -> None:
    assert labelled(["0.383", "cat"], classes=["cat", "dog"]) == 2
    assert "'0.383'; the classes are 'cat', 'dog'" in stage.said
    assert "this is a regression" in stage.said


def test_share_a_class_is_told(stage: Stage) -> None:
    stage.files("train/0.jpg", "test/a.jpg")
    stage.table("labels.csv", "id,smooth,round", "0,0.383,0.617")

    assert stage.run(task="multilabel", train="train/{id}.jpg", labels={"csv": "labels.csv"}) == 2
    assert "1 label neither 0 nor 1." in stage.said
    assert "this is a regression" in stage.said
