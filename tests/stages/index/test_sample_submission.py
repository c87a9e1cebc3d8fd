"""What the submission stage would refuse after all trainings, the index refuses before the first."""

from __future__ import annotations

import pytest
from index_stage import Stage


@pytest.fixture
def foxes(cats_and_dogs: Stage) -> Stage:
    cats_and_dogs.files("train/fox.1.jpg", "train/fox.2.jpg")
    return cats_and_dogs


def test_missing_one_is_told_with_the_setting_that_does_without(cats_and_dogs: Stage) -> None:
    (cats_and_dogs.raw / "sample_submission.csv").unlink()

    assert cats_and_dogs.run(test_ids="files") == 2
    assert "The raw folder has no file 'sample_submission.csv'." in cats_and_dogs.said
    assert "where  config key submission.sample" in cats_and_dogs.said
    assert 'set `submission.sample: ""`:\n' in cats_and_dogs.said
    assert "one row for each test sample (3 found)" in cats_and_dogs.said


def test_missing_one_that_gives_the_ids_is_told_with_both_settings(cats_and_dogs: Stage) -> None:
    (cats_and_dogs.raw / "sample_submission.csv").unlink()

    assert cats_and_dogs.run() == 2
    assert 'set `submission.sample: ""` and `data.test_ids: files`:' in cats_and_dogs.said


def test_without_one_the_files_are_the_test_samples(cats_and_dogs: Stage) -> None:
    (cats_and_dogs.raw / "sample_submission.csv").unlink()

    assert cats_and_dogs.run(test_ids="files", sample="") == 0
    assert cats_and_dogs.ids("test") == ["1", "2", "10"]


@pytest.mark.parametrize("test_ids", ["sample_submission", "files"])
def test_one_column_that_cannot_hold_a_probability_a_class(foxes: Stage, test_ids: str) -> None:
    assert foxes.run(task="multiclass", test_ids=test_ids) == 2
    assert "By the config a submission has one column a class; the sample submission has not." in foxes.said
    assert "1 value column: label" in foxes.said
    assert "3 classes: cat, dog, fox" in foxes.said
    assert "label (a class name)" in foxes.said


def test_one_column_may_hold_the_name_of_the_class(foxes: Stage) -> None:
    assert foxes.run(task="multiclass", value="label") == 0


def test_columns_of_other_classes(foxes: Stage) -> None:
    foxes.table("sample_submission.csv", "id,cat,dog,wolf", "1,0,0,0")

    assert foxes.run(task="multiclass") == 2
    assert "It is not clear which column of the sample submission is which class." in foxes.said


def test_rows_of_other_samples(cats_and_dogs: Stage) -> None:
    cats_and_dogs.table("sample_submission.csv", "id,label", "a-1,0.5", "a-2,0.5")

    assert cats_and_dogs.run(test_ids="files") == 2
    assert "None of the 2 rows of the sample submission is of a test sample." in cats_and_dogs.said
    assert "row ids such as 'a-1'; test samples such as '1', and `row_id: '{id}'`" in cats_and_dogs.said


def test_row_ids_may_be_made_from_the_samples(cats_and_dogs: Stage) -> None:
    cats_and_dogs.table("sample_submission.csv", "id,label", "a-1,0.5", "a-2,0.5")

    assert cats_and_dogs.run(test_ids="files", row_id="a-{id}") == 0


def test_a_missing_table_of_rows_is_told_with_its_key(cats_and_dogs: Stage) -> None:
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
    cats_and_dogs: Stage, lines: list[str], rows: dict[str, str], found: str
) -> None:
    cats_and_dogs.table("rows.csv", *lines)

    assert cats_and_dogs.run(test_ids="files", row_id="{id}-{side}", rows={"csv": "rows.csv", **rows}) == 2
    assert found in cats_and_dogs.said


def test_a_table_of_rows_that_fits(cats_and_dogs: Stage) -> None:
    cats_and_dogs.table("rows.csv", "id,side", "1,L", "2,L", "10,R")
    cats_and_dogs.table("sample_submission.csv", "id,label", "1-L,0.5", "2-L,0.5", "10-R,0.5")

    assert cats_and_dogs.run(test_ids="files", row_id="{id}-{side}", rows={"csv": "rows.csv"}) == 0


def test_a_solution_with_other_columns_is_told_beside_those_of_the_submission(cats_and_dogs: Stage) -> None:
    assert cats_and_dogs.run(solution=["id", "cancer"]) == 2
    assert "The solution lacks the column 'label' of the submission." in cats_and_dogs.said
    assert "where  config key source.solution\n" in cats_and_dogs.said
    assert "columns id, cancer; the submission has id, label\n" in cats_and_dogs.said


def test_a_solution_is_held_against_the_columns_to_be_written_where_there_is_no_sample(cats_and_dogs: Stage) -> None:
    given = {"test_ids": "files", "sample": "", "solution": ["id", "label", "Usage"]}

    assert cats_and_dogs.run(**given) == 0
    assert cats_and_dogs.run(**given, columns=["cancer"]) == 2
    assert "The solution lacks the column 'cancer' of the submission." in cats_and_dogs.said


class TestForeignMembers:
    """The evaluation would refuse them after all trainings."""

    def run(self, stage: Stage, **texts: str) -> int:
        paths = {split: stage.folder / f"{split}.csv" for split in texts}
        for split, path in paths.items():
            path.write_text("id,dog\n" + texts[split])
        return stage.run(foreign={split: [str(path)] for split, path in paths.items()})

    @pytest.mark.parametrize(
        ("texts", "split", "found"),
        [
            ({"train": "cat.0,0.1\nwolf.1,0.9\n", "test": "1,0.5\n"}, "train", "1 id unknown: wolf.1"),
            ({"train": "cat.0,0.1\n", "test": "1,0.5\n10,0.5\n1,0.5\n"}, "test", "1 id there twice: 1"),
            ({"train": "cat.0,0.1\n", "test": "cat.0,0.5\n"}, "test", "1 id unknown: cat.0"),
        ],
        ids=["a stranger", "one twice", "of the other split"],
    )
    def test_one_of_other_samples_is_refused(
        self, cats_and_dogs: Stage, texts: dict[str, str], split: str, found: str
    ) -> None:
        assert self.run(cats_and_dogs, **texts) == 2

        assert "The sample ids of a foreign member are not those of the index." in cats_and_dogs.said
        assert f"where  {cats_and_dogs.folder / f'{split}.csv'}\n" in cats_and_dogs.said
        assert f"found  {found}\n" in cats_and_dogs.said

    def test_one_that_lacks_some_is_left_to_the_evaluation(self, cats_and_dogs: Stage) -> None:
        assert self.run(cats_and_dogs, train="cat.0,0.1\n", test="1,0.5\n") == 0
