from __future__ import annotations

import io

import pytest

from catscan.common.errors import CatscanError
from catscan.common.tables import read_table
from catscan.stages.index.labels import Labels, Rules, labels_from_names, labels_from_table


def read(
    text: str,
    *,
    task: str = "binary",
    classes: tuple[str, ...] = (),
    columns: tuple[str, ...] = (),
    group_column: str = "",
    separator: str = " ",
) -> tuple[Labels, list[str]]:
    remarks: list[str] = []
    rules = Rules(csv="labels.csv", columns=columns, separator=separator)
    table = read_table(io.StringIO(text))
    labels = labels_from_table(table, rules, task=task, classes=classes, group_column=group_column, remarks=remarks)
    return labels, remarks


class TestOneColumn:
    def test_names_are_classes_in_natural_order(self) -> None:
        labels, _ = read("id,breed\na,beagle\nb,afghan\nc,beagle\n", task="multiclass")

        assert labels.classes == ("afghan", "beagle")
        assert labels.by_id == {"a": ("beagle",), "b": ("afghan",), "c": ("beagle",)}

    def test_class_10_comes_after_class_9(self) -> None:
        labels, _ = read("id,label\n" + "".join(f"s{n},{n}\n" for n in range(11)), task="multiclass")

        assert labels.classes[-2:] == ("9", "10")

    @pytest.mark.parametrize("cells", [("0", "1"), ("0.0", "1.0"), ("healthy", "cancer")])
    def test_numbers_and_names_mean_the_same_class(self, cells: tuple[str, str]) -> None:
        labels, _ = read(f"id,cancer\na,{cells[0]}\nb,{cells[1]}\n", classes=("healthy", "cancer"))

        assert labels.by_id == {"a": ("healthy",), "b": ("cancer",)}

    def test_names_go_before_numbers(self) -> None:
        labels, _ = read("id,label\na,1\nb,0\n", classes=("1", "0"))

        assert labels.by_id == {"a": ("1",), "b": ("0",)}

    def test_ids_keep_their_zeros(self) -> None:
        labels, _ = read("id,label\n007,0\n08,1\n")

        assert list(labels.by_id) == ["007", "08"]

    @pytest.mark.parametrize("cell", ["2", "yes", "-1", "nan", "", "0.5"])
    def test_cell_that_is_no_label_is_refused_with_its_line(self, cell: str) -> None:
        with pytest.raises(CatscanError, match="1 label not among the classes") as refused:
            read(f"id,cancer\na,0\nb,1\nc,{cell}\n", classes=("healthy", "cancer"))

        assert refused.value.where == "labels.csv: line 4"
        assert refused.value.found == f"{cell!r}; the classes are 'healthy', 'cancer'"

    def test_the_line_is_that_of_the_file_also_after_blank_lines_and_cells_of_two_lines(self) -> None:
        with pytest.raises(CatscanError, match="1 label not among the classes") as refused:
            read('id,cancer,note\n\na,0,"one\ntwo"\n\nb,maybe,\n', classes=("healthy", "cancer"), columns=("cancer",))

        assert refused.value.where == "labels.csv: line 6"

    def test_empty_cell_is_no_class(self) -> None:
        with pytest.raises(CatscanError, match="1 label not among the classes") as refused:
            read("id,breed\na,beagle\nb,\nc,chow\n", task="multiclass")

        assert refused.value.where == "labels.csv: line 3"


class TestOneColumnAClass:
    def test_one_hot_rows(self) -> None:
        labels, _ = read("id,rust,scab\na,0,1\nb,1,0\n", task="multiclass")

        assert labels == Labels(("rust", "scab"), {"a": ("scab",), "b": ("rust",)})

    def test_multilabel_rows_may_have_none_and_many(self) -> None:
        labels, _ = read("id,C1,C2\na,0,0\nb,1,1\n", task="multilabel")

        assert labels.by_id == {"a": (), "b": ("C1", "C2")}

    def test_blanks_in_multilabel_names_become_underscores(self) -> None:
        labels, _ = read("id,ETT - Normal,Swan Ganz\na,1,1\n", task="multilabel")

        assert labels.by_id == {"a": ("ETT_-_Normal", "Swan_Ganz")}

    def test_order_of_classes_is_that_of_the_columns_named(self) -> None:
        labels, _ = read("id,C1,C2\na,1,0\n", task="multilabel", columns=("C2", "C1"))

        assert labels.classes == ("C2", "C1")

    def test_other_columns_are_no_classes_when_columns_are_named(self) -> None:
        labels, _ = read("id,age,C1,C2\na,64,1,0\n", task="multilabel", columns=("C1", "C2"))

        assert labels.classes == ("C1", "C2")

    @pytest.mark.parametrize(("row", "found"), [("c,0,0", "0 classes are 1"), ("c,1,1", "2 classes are 1")])
    def test_one_hot_row_without_exactly_one_class_is_refused_with_its_line(self, row: str, found: str) -> None:
        with pytest.raises(CatscanError, match="1 row without exactly one class") as refused:
            read(f"id,rust,scab\na,0,1\nb,1,0\n{row}\n", task="multiclass")

        assert (refused.value.where, refused.value.found) == ("labels.csv, line 4", found)

    def test_cell_that_is_no_flag_is_refused_with_line_and_column(self) -> None:
        with pytest.raises(CatscanError, match="1 label neither 0 nor 1") as refused:
            read("id,age,C1\na,64,1\n", task="multilabel")

        assert refused.value.where == "labels.csv, column 'age', line 2"
        assert refused.value.found == "'64'"

    def test_more_columns_than_classes_are_refused(self) -> None:
        with pytest.raises(CatscanError, match="another number of label columns than of classes"):
            read("id,C1,C2\na,1,0\n", task="multilabel", classes=("C1",))


class TestLists:
    def test_names_in_one_cell(self) -> None:
        labels, _ = read("id,labels\na,scab rust\nb,healthy\nc,\n", task="multilabel")

        assert labels.classes == ("healthy", "rust", "scab")
        assert labels.by_id == {"a": ("rust", "scab"), "b": ("healthy",), "c": ()}

    def test_another_separator(self) -> None:
        labels, _ = read("id,labels\na,scab|rust\n", task="multilabel", separator="|")

        assert labels.by_id == {"a": ("rust", "scab")}

    def test_blanks_in_names_become_underscores(self) -> None:
        labels, _ = read("id,labels\na,apple scab; leaf rust\n", task="multilabel", separator=";")

        assert labels.by_id == {"a": ("apple_scab", "leaf_rust")}

    def test_blank_in_a_class_of_the_config_is_refused(self) -> None:
        with pytest.raises(CatscanError, match="a blank in its name") as refused:
            read("id,labels\na,rust\n", task="multilabel", classes=("rust", "apple scab"))

        assert refused.value.do.startswith("Write 'apple_scab'")

    def test_unknown_name_is_refused_with_its_line(self) -> None:
        with pytest.raises(CatscanError, match="1 label not among the classes") as refused:
            read("id,labels\na,rust\nb,rust mold\n", task="multilabel", classes=("rust", "scab"))

        assert refused.value.where == "labels.csv: line 3"


class TestRowsTwice:
    def test_same_id_and_label_is_told(self) -> None:
        labels, remarks = read("id,label\na,1\nb,0\na,1\n")

        assert labels.by_id == {"a": ("1",), "b": ("0",)}
        assert remarks == ["1 row of labels.csv with the id and label of another: line 4."]

    def test_same_id_with_another_label_is_refused_with_both_lines(self) -> None:
        with pytest.raises(CatscanError, match="The id 'a' has two labels") as refused:
            read("id,label\na,1\nb,0\na,0\n")

        assert refused.value.where == "labels.csv, line 2 and line 4"
        assert refused.value.found == "'1' and '0'"


def test_groups_come_from_their_column() -> None:
    labels, _ = read("id,label,patient\na,1,p1\nb,0,\n", group_column="patient")

    assert labels.groups == {"a": "p1"}
    assert labels.by_id == {"a": ("1",), "b": ("0",)}


def test_missing_label_column_is_refused_with_the_nearest() -> None:
    with pytest.raises(CatscanError, match="lack the column 'lable'") as refused:
        read("id,label\na,1\n", columns=("lable",))

    assert refused.value.do == 'Did you mean "label"?'


def test_label_in_a_file_name_that_is_no_class_is_refused() -> None:
    with pytest.raises(CatscanError, match="1 label not among the classes") as refused:
        labels_from_names({"cat.1": "cat", "fox.2": "fox"}, task="binary", classes=("cat", "dog"), where="data.train")

    assert refused.value.where == "data.train: fox.2"
    assert refused.value.found == "'fox'; the classes are 'cat', 'dog'"
