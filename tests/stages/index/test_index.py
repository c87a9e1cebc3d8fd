"""The index stage by its command line, on small raw folders."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from catscan.cli import main
from catscan.common.contracts.summary import Duplicates
from catscan.stages.index import COLUMNS, shard_of
from catscan.stages.index.alike import remarks_on

SETTINGS: dict[str, Any] = {
    "kind": "picture",
    "task": "binary",
    "train": "train/{label}.{id}.jpg",
    "test": "test/{id}.jpg",
    "labels": {},
    "classes": [],
    "positive": "",
    "group_column": "",
    "test_ids": "sample_submission",
    "sample": "sample_submission.csv",
    "id_column": "",
    "folds": 2,
    "seed": 1,
    "shards": 2,
    "near_duplicates": False,
}
MIXED = {"kind": "dicom_series", "train": "stage1/{id}/*.dcm", "test": "", "labels": {"csv": "labels.csv"}}


class Stage:
    """Runs the index stage on a raw folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.raw, self.folder, self.capsys = folder / "raw", folder, capsys
        self.raw.mkdir()
        self.said = ""

    def files(self, *paths: str, content: bytes = b"x") -> None:
        for path in paths:
            (self.raw / path).parent.mkdir(parents=True, exist_ok=True)
            (self.raw / path).write_bytes(content)

    def table(self, name: str, *lines: str) -> None:
        (self.raw / name).write_text("\n".join(lines) + "\n")

    def run(self, *more: str, **settings: Any) -> int:
        compared = ("columns", "value", "row_id", "rows", "solution")
        layout = {key: settings.pop(key) for key in compared if key in settings}
        arguments = ["--settings", json.dumps(SETTINGS | settings), "--layout", json.dumps(layout)]
        arguments += ["--raw", str(self.raw), *more]
        code = main(
            [
                "index",
                *arguments,
                "--index",
                str(self.folder / "index.csv"),
                "--summary",
                str(self.folder / "index.json"),
            ]
        )
        self.said = self.capsys.readouterr().err
        return code

    @property
    def index(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "index.csv", dtype=str, keep_default_na=False)

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.folder / "index.json").read_text())

    def ids(self, split: str) -> list[str]:
        return self.index.loc[self.index["split"] == split, "sample_id"].tolist()


@pytest.fixture
def stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Stage:
    return Stage(tmp_path, capsys)


@pytest.fixture
def cats_and_dogs(stage: Stage) -> Stage:
    stage.files(
        *(f"train/{kind}.{n}.jpg" for kind in ("cat", "dog") for n in range(4)),
        "test/1.jpg",
        "test/10.jpg",
        "test/2.jpg",
    )
    stage.table("sample_submission.csv", "id,label", "1,0.5", "2,0.5", "10,0.5")
    return stage


@pytest.fixture
def bowl(stage: Stage) -> Stage:
    """Three labelled patients and one to predict, in one folder."""
    stage.files(*(f"stage1/{patient}/{n}.dcm" for patient in ("0a", "0b", "0c", "0d") for n in range(3)))
    stage.table("labels.csv", "id,cancer", "0a,0", "0b,1", "0c,0")
    stage.table("sample_submission.csv", "id,cancer", "0d,0.5")
    return stage


class TestTable:
    def test_has_one_row_a_sample_in_natural_order_train_first(self, cats_and_dogs: Stage) -> None:
        assert cats_and_dogs.run() == 0

        assert list(cats_and_dogs.index.columns) == COLUMNS
        assert cats_and_dogs.ids("train") == [f"{kind}.{n}" for kind in ("cat", "dog") for n in range(4)]
        assert cats_and_dogs.ids("test") == ["1", "2", "10"]

    def test_row_says_label_group_fold_shard_and_place(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.run()

        first, last = cats_and_dogs.index.iloc[0], cats_and_dogs.index.iloc[-1]
        assert first.drop("fold").tolist() == ["cat.0", "train", "cat", "cat.0", "1", "", "train/cat.0.jpg"]
        assert last.tolist() == ["10", "test", "", "", "", "2", "", "test/10.jpg"]

    def test_is_the_same_to_the_byte_at_a_second_run(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.run()
        first = [(cats_and_dogs.folder / name).read_bytes() for name in ("index.csv", "index.json")]
        cats_and_dogs.run()

        assert [(cats_and_dogs.folder / name).read_bytes() for name in ("index.csv", "index.json")] == first

    def test_summary_holds_what_later_stages_need(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.run()

        assert cats_and_dogs.summary == {
            "version": 1,
            "kind": "picture",
            "task": "binary",
            "classes": ["cat", "dog"],
            "positive": "dog",
            "prior": [0.5, 0.5],
            "counts": {"cat": 4, "dog": 4},
            "n_train": 8,
            "n_test": 3,
            "folds": 2,
            "groups": 8,
            "shards": 2,
            "duplicates": {"groups": [], "across": [], "contradictory": []},
            "remarks": [],
        }

    def test_counts_are_printed(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.run()

        assert cats_and_dogs.said.splitlines() == [
            "8 train samples: 4 cat, 4 dog",
            "3 test samples",
            "8 groups in 2 folds of 4 to 4",
        ]

    def test_relabelling_does_not_move_a_fold(self, stage: Stage) -> None:
        stage.files(*(f"train/{n}.jpg" for n in range(12)), "test/a.jpg")
        stage.table("sample_submission.csv", "id,label", "a,0.5")
        folds = []
        for names in (("cat", "dog"), ("zebra", "ant")):
            stage.table("labels.csv", "id,label", *(f"{n},{names[n % 3 == 0]}" for n in range(12)))
            stage.run(train="train/{id}.jpg", labels={"csv": "labels.csv"}, folds=3)
            folds.append(stage.index["fold"].tolist())

        assert folds[0] == folds[1]


class TestMixedFolder:
    def test_train_is_what_has_a_label_and_test_what_the_sample_submission_lists(self, bowl: Stage) -> None:
        assert bowl.run(**MIXED, folds=5) == 0

        assert (bowl.ids("train"), bowl.ids("test")) == (["0a", "0b", "0c"], ["0d"])
        assert bowl.index["path"].tolist() == [f"stage1/{patient}" for patient in ("0a", "0b", "0c", "0d")]

    def test_three_patients_get_three_folds_with_a_remark(self, bowl: Stage) -> None:
        bowl.run(**MIXED, folds=5)

        assert bowl.summary["folds"] == 3
        assert sorted(bowl.index["fold"]) == ["", "0", "1", "2"]
        assert bowl.summary["remarks"] == [
            "3 folds instead of 5: there are no more groups of samples.",
            "Fewer samples than folds, so that some fold holds none of them: 0 (2), 1 (1).",
        ]

    def test_listed_sample_with_a_label_is_predicted_and_not_learnt_from(self, bowl: Stage) -> None:
        bowl.table("labels.csv", "id,cancer", "0a,0", "0b,1", "0c,0", "0d,1")

        bowl.run(**MIXED)

        assert (bowl.ids("train"), bowl.ids("test")) == (["0a", "0b", "0c"], ["0d"])
        assert bowl.summary["prior"] == pytest.approx([2 / 3, 1 / 3])
        assert bowl.summary["remarks"][0] == (
            "1 sample of sample_submission.csv with a label too, predicted and not learnt from: 0d."
        )

    def test_sample_in_neither_table_is_told(self, bowl: Stage) -> None:
        bowl.files("stage1/0e/1.dcm")

        bowl.run(**MIXED)

        assert bowl.summary["remarks"][0] == "1 sample without a label, left out of train: 0e."

    def test_without_a_sample_submission_the_unlabelled_are_predicted(self, bowl: Stage) -> None:
        bowl.files("stage1/0e/1.dcm")

        bowl.run(**MIXED, test_ids="files")

        assert bowl.ids("test") == ["0d", "0e"]

    def test_patient_without_slices_is_a_labelled_id_without_a_file(self, bowl: Stage) -> None:
        bowl.table("labels.csv", "id,cancer", "0a,0", "0b,1", "0c,0", "0f,1")
        (bowl.raw / "stage1" / "0f").mkdir()

        bowl.run(**MIXED)

        assert bowl.summary["remarks"][0] == "1 labelled id without a file, left out: 0f."


class TestIds:
    def test_missing_test_file_is_told(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.table("sample_submission.csv", "id,label", "1,0.5", "2,0.5", "3,0.5", "10,0.5")

        assert cats_and_dogs.run() == 0

        assert cats_and_dogs.summary["remarks"] == ["1 id of sample_submission.csv without a file, given the prior: 3."]

    def test_test_file_that_is_not_listed_is_left_out_and_told(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.table("sample_submission.csv", "id,label", "1,0.5", "2,0.5")

        cats_and_dogs.run()

        assert cats_and_dogs.ids("test") == ["1", "2"]
        assert cats_and_dogs.summary["remarks"] == ["1 test sample not in sample_submission.csv, left out: 10."]

    def test_same_ids_in_both_splits_get_a_prefix_in_train(self, stage: Stage) -> None:
        stage.files("train/1.jpg", "train/2.jpg", "test/1.jpg")
        stage.table("labels.csv", "id,label,patient", "1,0,p", "2,1,q")
        stage.table("sample_submission.csv", "id,label", "1,0.5")

        stage.run(train="train/{id}.jpg", labels={"csv": "labels.csv"}, group_column="patient")

        assert (stage.ids("train"), stage.ids("test")) == (["train.1", "train.2"], ["1"])
        assert stage.index["group"].tolist() == ["p", "q", ""]

    def test_lost_leading_zeros_are_explained(self, stage: Stage) -> None:
        stage.files("train/00001.jpg", "train/00002.jpg", "test/00003.jpg")
        stage.table("labels.csv", "id,label", "1,0", "2,1")
        stage.table("sample_submission.csv", "id,label", "00003,0.5")

        assert stage.run(train="train/{id}.jpg", labels={"csv": "labels.csv"}) == 2
        assert "No sample has a label." in stage.said
        assert "lost the leading zeros" in stage.said

    def test_sample_submission_with_other_ids_is_refused(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.table("sample_submission.csv", "id,label", "1.jpg,0.5", "2.jpg,0.5")

        assert cats_and_dogs.run() == 2
        assert "None of the 2 ids in the sample submission has a file." in cats_and_dogs.said
        assert "ids such as '1.jpg'; samples such as '1'" in cats_and_dogs.said

    def test_sample_submission_with_an_id_twice_is_refused_with_both_lines(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.table("sample_submission.csv", "id,label", "1,0.5", "2,0.5", "1,0.5")

        assert cats_and_dogs.run() == 2
        assert "sample_submission.csv, line 2 and line 4" in cats_and_dogs.said


class TestRefusals:
    def test_missing_sample_submission_names_those_that_are_there(self, cats_and_dogs: Stage) -> None:
        assert cats_and_dogs.run(sample="sample_submision.csv") == 2
        assert "The raw folder has no file 'sample_submision.csv'." in cats_and_dogs.said
        assert 'Did you mean "sample_submission.csv"?' in cats_and_dogs.said

    def test_three_classes_of_a_binary_task(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.files("train/fox.1.jpg")

        assert cats_and_dogs.run() == 2
        assert "3 classes: cat, dog, fox" in cats_and_dogs.said

    def test_label_that_is_no_class(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.files("train/fox.1.jpg")

        assert cats_and_dogs.run(classes=["cat", "dog"]) == 2
        assert "1 label not among the classes." in cats_and_dogs.said
        assert "fox.1" in cats_and_dogs.said

    def test_positive_that_is_no_class(self, cats_and_dogs: Stage) -> None:
        assert cats_and_dogs.run(positive="dogs") == 2
        assert "'dogs'; the classes are 'cat', 'dog'" in cats_and_dogs.said

    def test_one_class_alone(self, stage: Stage) -> None:
        stage.files("train/cat.1.jpg", "train/cat.2.jpg", "test/1.jpg")
        stage.table("sample_submission.csv", "id,label", "1,0.5")

        assert stage.run(classes=["cat", "dog"]) == 2
        assert "there is nothing to learn" in stage.said
        assert "2 cat, 0 dog" in stage.said

    def test_one_labelled_sample(self, bowl: Stage) -> None:
        bowl.table("labels.csv", "id,cancer", "0a,0")

        assert bowl.run(**MIXED, classes=["0", "1"]) == 2
        assert "Cross-validation needs at least 2 labelled samples." in bowl.said

    def test_one_group_alone(self, bowl: Stage) -> None:
        bowl.table("labels.csv", "id,cancer,patient", "0a,0,p", "0b,1,p")

        assert bowl.run(**MIXED | {"labels": {"csv": "labels.csv"}}, group_column="patient") == 2
        assert "All labelled samples are of one group" in bowl.said

    def test_group_column_that_is_not_there(self, bowl: Stage) -> None:
        assert bowl.run(**MIXED, group_column="patients") == 2
        assert "'patients'" in bowl.said

    def test_group_that_neither_path_nor_table_has(self, cats_and_dogs: Stage) -> None:
        assert cats_and_dogs.run(group_column="owner") == 2
        assert "The config does not say where the groups are." in cats_and_dogs.said

    def test_no_test_sample(self, bowl: Stage) -> None:
        bowl.table("labels.csv", "id,cancer", "0a,0", "0b,1", "0c,0", "0d,1")

        assert bowl.run(**MIXED, test_ids="files") == 2
        assert "There is no test sample." in bowl.said
        assert "4 samples match, and all have a label" in bowl.said

    def test_labels_in_two_places(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.table("labels.csv", "id,label", "cat.0,0")

        assert cats_and_dogs.run(labels={"csv": "labels.csv"}) == 2
        assert "The labels come from two places." in cats_and_dogs.said

    def test_labels_in_no_place(self, cats_and_dogs: Stage) -> None:
        assert cats_and_dogs.run(train="train/{id}.jpg") == 2
        assert "The config does not say where the labels are." in cats_and_dogs.said

    def test_more_shards_than_samples_are_told(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.run(shards=9)

        assert cats_and_dogs.summary["remarks"] == ["9 shards for 8 samples, so that some are empty; see index.shards."]

    def test_nothing_is_written_when_it_refuses(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.run(train="nothing/{id}.jpg")

        assert sorted(path.name for path in cats_and_dogs.folder.iterdir()) == ["raw"]


class TestSampleSubmission:
    """What the submission stage would refuse after all trainings, the index refuses before the first."""

    @pytest.fixture
    def foxes(self, cats_and_dogs: Stage) -> Stage:
        cats_and_dogs.files("train/fox.1.jpg", "train/fox.2.jpg")
        return cats_and_dogs

    def test_missing_one_is_told_with_the_setting_that_does_without(self, cats_and_dogs: Stage) -> None:
        (cats_and_dogs.raw / "sample_submission.csv").unlink()

        assert cats_and_dogs.run(test_ids="files") == 2
        assert "The raw folder has no file 'sample_submission.csv'." in cats_and_dogs.said
        assert "where  config key submission.sample" in cats_and_dogs.said
        assert 'set `submission.sample: ""`:\n' in cats_and_dogs.said
        assert "one row for each test sample (3 found)" in cats_and_dogs.said

    def test_missing_one_that_gives_the_ids_is_told_with_both_settings(self, cats_and_dogs: Stage) -> None:
        (cats_and_dogs.raw / "sample_submission.csv").unlink()

        assert cats_and_dogs.run() == 2
        assert 'set `submission.sample: ""` and `data.test_ids: files`:' in cats_and_dogs.said

    def test_without_one_the_files_are_the_test_samples(self, cats_and_dogs: Stage) -> None:
        (cats_and_dogs.raw / "sample_submission.csv").unlink()

        assert cats_and_dogs.run(test_ids="files", sample="") == 0
        assert cats_and_dogs.ids("test") == ["1", "2", "10"]

    @pytest.mark.parametrize("test_ids", ["sample_submission", "files"])
    def test_one_column_that_cannot_hold_a_probability_a_class(self, foxes: Stage, test_ids: str) -> None:
        assert foxes.run(task="multiclass", test_ids=test_ids) == 2
        assert "By the config a submission has one column a class; the sample submission has not." in foxes.said
        assert "1 value column: label" in foxes.said
        assert "3 classes: cat, dog, fox" in foxes.said
        assert "label (a class name)" in foxes.said

    def test_one_column_may_hold_the_name_of_the_class(self, foxes: Stage) -> None:
        assert foxes.run(task="multiclass", value="label") == 0

    def test_columns_of_other_classes(self, foxes: Stage) -> None:
        foxes.table("sample_submission.csv", "id,cat,dog,wolf", "1,0,0,0")

        assert foxes.run(task="multiclass") == 2
        assert "It is not clear which column of the sample submission is which class." in foxes.said

    def test_rows_of_other_samples(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.table("sample_submission.csv", "id,label", "a-1,0.5", "a-2,0.5")

        assert cats_and_dogs.run(test_ids="files") == 2
        assert "None of the 2 rows of the sample submission is of a test sample." in cats_and_dogs.said
        assert "row ids such as 'a-1'; test samples such as '1', and `row_id: '{id}'`" in cats_and_dogs.said

    def test_row_ids_may_be_made_from_the_samples(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.table("sample_submission.csv", "id,label", "a-1,0.5", "a-2,0.5")

        assert cats_and_dogs.run(test_ids="files", row_id="a-{id}") == 0

    def test_a_missing_table_of_rows_is_told_with_its_key(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.table("sample_submissions.csv", "id")

        assert cats_and_dogs.run(row_id="{id}-{side}", rows={"csv": "rows.csv"}) == 2
        assert "The raw folder has no file 'rows.csv'." in cats_and_dogs.said
        assert "where  config key submission.rows.csv\n" in cats_and_dogs.said

    @pytest.mark.parametrize(
        ("lines", "rows", "found"),
        [
            (["id,side", "1,L", "2,L", "10,R"], {"id_column": "image"}, "A table lacks the column 'image'."),
            (["id,sides", "1,L", "2,L", "10,R"], {}, "names an unknown field 'side'"),
            (["id,side", "1,L", "2,L"], {}, "The test sample '10' has no row in the table of rows."),
            (["id,side", "1,L", "2,L", "10,R"], {}, "None of the 3 rows of the sample submission"),
        ],
        ids=["no id column", "no such column", "a sample missing", "other rows"],
    )
    def test_a_table_of_rows_that_does_not_fit(
        self, cats_and_dogs: Stage, lines: list[str], rows: dict[str, str], found: str
    ) -> None:
        cats_and_dogs.table("rows.csv", *lines)

        assert cats_and_dogs.run(test_ids="files", row_id="{id}-{side}", rows={"csv": "rows.csv", **rows}) == 2
        assert found in cats_and_dogs.said

    def test_a_table_of_rows_that_fits(self, cats_and_dogs: Stage) -> None:
        cats_and_dogs.table("rows.csv", "id,side", "1,L", "2,L", "10,R")
        cats_and_dogs.table("sample_submission.csv", "id,label", "1-L,0.5", "2-L,0.5", "10-R,0.5")

        assert cats_and_dogs.run(test_ids="files", row_id="{id}-{side}", rows={"csv": "rows.csv"}) == 0

    def test_a_solution_with_other_columns_is_told_beside_those_of_the_submission(self, cats_and_dogs: Stage) -> None:
        assert cats_and_dogs.run(solution=["id", "cancer"]) == 2
        assert "The solution lacks the column 'label' of the submission." in cats_and_dogs.said
        assert "where  config key source.solution\n" in cats_and_dogs.said
        assert "columns id, cancer; the submission has id, label\n" in cats_and_dogs.said

    def test_a_solution_is_held_against_the_columns_to_be_written_where_there_is_no_sample(
        self, cats_and_dogs: Stage
    ) -> None:
        given = {"test_ids": "files", "sample": "", "solution": ["id", "label", "Usage"]}

        assert cats_and_dogs.run(**given) == 0
        assert cats_and_dogs.run(**given, columns=["cancer"]) == 2
        assert "The solution lacks the column 'cancer' of the submission." in cats_and_dogs.said


class TestAmounts:
    """Labels that a regression would predict, or that are no labels at all."""

    @pytest.fixture
    def labelled(self, stage: Stage) -> Callable[..., int]:
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
        self, stage: Stage, labelled: Callable[..., int], task: str
    ) -> None:
        assert labelled((f"{11959.38 + 10.22 * n:.2f}" for n in range(30)), task=task) == 2
        assert "The labels are amounts, not classes: this is a regression, which catscan does not do." in stage.said
        assert "30 different numbers, such as 11959.38, 11969.60" in stage.said

    def test_numbers_with_decimals_that_are_named_as_classes_are_classes(self, labelled: Callable[..., int]) -> None:
        grades = [str(n / 2) for n in range(30)]

        assert labelled(grades * 2, task="ordinal", classes=grades) == 0

    def test_a_scale_of_half_grades_is_of_classes(self, stage: Stage, labelled: Callable[..., int]) -> None:
        assert labelled(["0", "0.5", "1", "2", "3"] * 2, task="ordinal") == 0
        assert stage.summary["classes"] == ["0", "0.5", "1", "2", "3"]

    def test_whole_numbers_of_one_sample_each_are_refused(self, stage: Stage, labelled: Callable[..., int]) -> None:
        assert labelled(range(100, 160, 2), task="multiclass") == 2
        assert "Most labels are those of one sample alone" in stage.said
        assert "30 classes of 30 training samples, 30 of them with one: '100', '102'" in stage.said
        assert "this is a regression" in stage.said

    def test_ids_taken_for_labels_are_refused(self, stage: Stage, labelled: Callable[..., int]) -> None:
        assert labelled((f"patient-{n}" for n in range(30)), task="multiclass") == 2
        assert "If these are ids, name the column of the classes in data.labels.columns." in stage.said
        assert "regression" not in stage.said

    def test_ages_of_several_samples_each_are_told_in_a_remark(
        self, stage: Stage, labelled: Callable[..., int]
    ) -> None:
        assert labelled([age for age in range(0, 228, 6) for _ in range(2)], task="multiclass") == 0
        assert stage.summary["remarks"] == [
            "The 38 classes are numbers from 0 to 222, each a class. If the numbers are amounts (an age, a size), this "
            "is a regression, which catscan does not do."
        ]

    def test_ages_in_a_binary_task_are_not_sent_on_to_multiclass_alone(
        self, stage: Stage, labelled: Callable[..., int]
    ) -> None:
        assert labelled([age for age in range(0, 228, 6) for _ in range(2)]) == 2
        assert "A binary task has two classes." in stage.said
        assert "this is a regression" in stage.said

    def test_class_numbers_that_are_counted_through_are_classes(
        self, stage: Stage, labelled: Callable[..., int]
    ) -> None:
        assert labelled([n for n in range(30) for _ in range(2)], task="multiclass") == 0
        assert stage.summary["remarks"] == []

    def test_amount_beside_named_classes_is_told(self, stage: Stage, labelled: Callable[..., int]) -> None:
        assert labelled(["0.383", "cat"], classes=["cat", "dog"]) == 2
        assert "'0.383'; the classes are 'cat', 'dog'" in stage.said
        assert "this is a regression" in stage.said

    def test_share_a_class_is_told(self, stage: Stage) -> None:
        stage.files("train/0.jpg", "test/a.jpg")
        stage.table("labels.csv", "id,smooth,round", "0,0.383,0.617")

        assert stage.run(task="multilabel", train="train/{id}.jpg", labels={"csv": "labels.csv"}) == 2
        assert "1 label neither 0 nor 1." in stage.said
        assert "this is a regression" in stage.said


class TestGroups:
    def test_a_patient_stays_in_one_fold(self, stage: Stage) -> None:
        stage.files(*(f"train/{n}.jpg" for n in range(12)), "test/a.jpg")
        stage.table("labels.csv", "id,label,patient", *(f"{n},{n % 2},p{n // 3}" for n in range(12)))
        stage.table("sample_submission.csv", "id,label", "a,0.5")

        stage.run(train="train/{id}.jpg", labels={"csv": "labels.csv"}, group_column="patient")

        train = stage.index[stage.index["split"] == "train"]
        assert stage.summary["groups"] == 4
        assert (train.groupby("group")["fold"].nunique() == 1).all()

    def test_group_may_stand_in_the_path(self, stage: Stage) -> None:
        stage.files(*(f"train/p{n // 2}/{n}.jpg" for n in range(8)), "test/p9/20.jpg")
        stage.table("labels.csv", "id,label", *(f"{n},{n % 2}" for n in range(8)))

        code = stage.run(
            train="train/{patient}/{id}.jpg",
            test="test/{patient}/{id}.jpg",
            labels={"csv": "labels.csv"},
            group_column="patient",
            test_ids="files",
            sample="",
        )

        assert code == 0
        assert stage.index["group"].tolist() == ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3", "p9"]


class TestNearDuplicates:
    @pytest.fixture
    def twins(self, cats_and_dogs: Stage) -> Stage:
        draw = np.random.default_rng(0)
        for path in sorted((cats_and_dogs.raw).rglob("*.jpg")):
            coarse = draw.integers(0, 256, (6, 6), np.uint8)
            path.write_bytes(cv2.imencode(".jpg", cv2.resize(coarse, (90, 80)))[1].tobytes())
        for copy, source in (
            ("train/cat.1.jpg", "train/cat.0.jpg"),
            ("train/dog.3.jpg", "train/cat.2.jpg"),
            ("test/2.jpg", "train/dog.0.jpg"),
        ):
            (cats_and_dogs.raw / copy).write_bytes((cats_and_dogs.raw / source).read_bytes())
        cats_and_dogs.run(near_duplicates=True)
        return cats_and_dogs

    def test_pictures_that_look_the_same_stay_in_one_fold(self, twins: Stage) -> None:
        fold = twins.index.set_index("sample_id")["fold"]

        assert fold["cat.0"] == fold["cat.1"]
        assert fold["cat.2"] == fold["dog.3"]

    def test_they_are_told_and_nothing_is_dropped(self, twins: Stage) -> None:
        assert twins.summary["duplicates"] == {
            "groups": [["cat.0", "cat.1"], ["cat.2", "dog.3"], ["dog.0", "2"]],
            "across": [["dog.0", "2"]],
            "contradictory": [["cat.2", "dog.3"]],
        }
        assert twins.summary["remarks"] == [
            "3 groups of pictures that look the same, each kept in one fold: cat.0 = cat.1, cat.2 = dog.3, dog.0 = 2",
            "1 of 3 test pictures looks like a training picture: dog.0 = 2. They are predicted like others; expect a "
            "better score on the test set than out of fold, where no network was trained on a picture's like.",
            "1 pair of training pictures that look the same and have different labels, both kept: cat.2 = dog.3. One "
            "label is wrong, or the difference too small to be seen here.",
        ]
        assert twins.summary["n_train"] == 8

    def test_a_test_picture_with_several_twins_is_counted_once(self) -> None:
        found = Duplicates(across=(("a", "1"), ("b", "1"), ("b", "2")))

        assert remarks_on(found, 219)[0].startswith("2 of 219 test pictures look like a training picture: a = 1, b = 1")

    def test_threads_change_nothing(self, twins: Stage) -> None:
        first = [(twins.folder / name).read_bytes() for name in ("index.csv", "index.json")]
        twins.run("--threads", "4", near_duplicates=True)

        assert [(twins.folder / name).read_bytes() for name in ("index.csv", "index.json")] == first

    def test_pictures_that_cannot_be_read_are_left_to_preprocess(self, cats_and_dogs: Stage) -> None:
        assert cats_and_dogs.run(near_duplicates=True) == 0
        assert cats_and_dogs.summary["duplicates"]["groups"] == []


class TestShards:
    @pytest.mark.parametrize(("n_samples", "shards"), [(0, 3), (1, 3), (7, 3), (8, 8), (1000, 7)])
    def test_are_contiguous_and_alike(self, n_samples: int, shards: int) -> None:
        numbers = shard_of(n_samples, shards)

        sizes = [numbers.count(shard) for shard in range(1, shards + 1)]
        assert numbers == sorted(numbers)
        assert sum(sizes) == n_samples
        assert max(sizes) - min(sizes) <= 1


class TestRealData:
    def test_dogs_vs_cats(self, shared_data: Path, stage: Stage) -> None:
        stage.raw.rmdir()
        stage.raw.symlink_to(shared_data / "dogs-vs-cats")

        assert stage.run(folds=5, shards=8) == 0

        assert stage.summary["counts"] == {"cat": 4000, "dog": 4000}
        assert stage.summary["n_test"] == 1000
        assert set(stage.index["archive"]) == {"train.zip", "test.zip"}
        assert len(stage.index["sample_id"].unique()) == 9000
