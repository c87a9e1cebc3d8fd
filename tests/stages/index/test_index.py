"""The index stage by its command line, on small raw folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from index_stage import MIXED, Stage

from catscan.stages.index import COLUMNS, shard_of


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
