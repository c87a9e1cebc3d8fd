"""The index of an earlier run with the test samples that are there now, as a notebook of Kaggle finds others."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from index_stage import MIXED, Stage


def index_again(stage: Stage, **settings: Any) -> int:
    """The index stage once more, with the training samples of its own first index."""
    for ending in ("csv", "json"):
        shutil.copy(stage.folder / f"index.{ending}", stage.folder / f"known.{ending}")
    return stage.run("--known", str(stage.folder / "known.csv"), **settings)


def test_training_samples_stay_as_they_were_without_their_files(cats_and_dogs: Stage) -> None:
    cats_and_dogs.run()
    before = cats_and_dogs.index
    for path in (cats_and_dogs.raw / "train").iterdir():
        path.unlink()
    cats_and_dogs.files("test/77.jpg")
    cats_and_dogs.table("sample_submission.csv", "id,label", "77,0.5", "10,0.5")

    assert index_again(cats_and_dogs, shards=1) == 0

    rows = cats_and_dogs.index
    is_train = rows["split"] == "train"
    assert rows[is_train].equals(before[before["split"] == "train"])
    assert rows[~is_train].to_numpy().tolist() == [
        ["10", "test", "", "", "", "1", "", "test/10.jpg"],
        ["77", "test", "", "", "", "1", "", "test/77.jpg"],
    ]
    assert (cats_and_dogs.summary["n_train"], cats_and_dogs.summary["n_test"]) == (8, 2)
    assert cats_and_dogs.summary["remarks"] == ["2 test samples not in sample_submission.csv, left out: 1, 2."]


@pytest.mark.parametrize("test_ids", ["sample_submission", "files"])
def test_in_a_mixed_folder_those_once_learnt_from_are_not_predicted(bowl: Stage, test_ids: str) -> None:
    bowl.run(**MIXED, test_ids=test_ids)
    bowl.files("stage1/0e/0.dcm")
    bowl.table("sample_submission.csv", "id,cancer", "0d,0.5", "0e,0.5")
    (bowl.raw / "labels.csv").unlink()

    assert index_again(bowl, **MIXED, test_ids=test_ids) == 0

    assert (bowl.ids("train"), bowl.ids("test")) == (["0a", "0b", "0c"], ["0d", "0e"])


def test_a_sample_submission_of_other_columns_is_refused(cats_and_dogs: Stage) -> None:
    cats_and_dogs.run()
    cats_and_dogs.table("sample_submission.csv", "id,cat,dog,owl", "1,0,0,0")

    assert index_again(cats_and_dogs) == 2

    assert "sample submission" in cats_and_dogs.said
