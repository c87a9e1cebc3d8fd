"""What is refused in a submission, and how its cells are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catscan.common.errors import CatscanError
from catscan.raw.row_ids import fill_in
from catscan.raw.sample_submission import Layout
from catscan.stages.submission.sheet import Form, form_of, split_row_id, write_cells
from catscan.stages.submission.sheet_check import check_sheet

SAMPLE = pd.DataFrame({"id": ["007", "08", "9", "10"], "label": "0.5"})
BINARY = Form("id", ("label",), (1,), "probability", "{id}", "binary", ("cat", "dog"), 1)
RIGHT = ["id,label", "007,0.1", "08,0.25", "9,1", "10,0"]


def form(sample: pd.DataFrame, **changes) -> Form:
    of_layout = {key: changes.pop(key) for key in ("columns", "value", "row_id") if key in changes}
    given = {"id_column": "", "task": "binary", "classes": ("cat", "dog"), "positive": "dog"}
    return form_of(sample, Layout(**of_layout), **given | changes)


def check(folder: Path, lines: list[str], sample: pd.DataFrame = SAMPLE, looks_like: Form = BINARY) -> None:
    (folder / "submission.csv").write_text("\n".join(lines) + "\n")
    check_sheet(folder / "submission.csv", sample, looks_like)


class TestCheckSheet:
    def test_right_sheet_passes(self, tmp_path: Path) -> None:
        check(tmp_path, RIGHT)

    @pytest.mark.parametrize(
        ("lines", "line", "found"),
        [
            pytest.param(
                ["label,id", "0.1,007", "0.25,08", "1,9", "0,10"], 1, "columns in another order", id="columns-swapped"
            ),
            pytest.param(["id,cancer", *RIGHT[1:]], 1, "'id', 'cancer'\nexpected 'id', 'label'", id="column-misnamed"),
            pytest.param(["id,label,x", "007,0.1,1"], 1, "expected 'id', 'label'", id="column-too-many"),
            pytest.param(RIGHT[1:], 1, "expected 'id', 'label'", id="no-header"),
            pytest.param([], 1, "expected 'id', 'label'", id="empty"),
            pytest.param([*RIGHT[:2], *RIGHT[3:]], 3, "1 row missing: ids 08", id="row-missing"),
            pytest.param(RIGHT[:4], 5, "1 row missing: ids 10", id="last-row-missing"),
            pytest.param([*RIGHT, "08,0.2"], 6, "id '08' stands in line 3 already", id="row-twice"),
            pytest.param([*RIGHT, "11,0.2"], 6, "id '11' is not in the sample submission", id="row-too-many"),
            pytest.param(
                [RIGHT[0], "7,0.1", *RIGHT[2:]], 2, "'007' has lost its leading zeros", id="leading-zeros-lost"
            ),
            pytest.param(
                [*RIGHT[:3], RIGHT[4], RIGHT[3]], 4, "id '10' stands where '9' is expected", id="rows-swapped"
            ),
            pytest.param([*RIGHT[:2], "08,", *RIGHT[3:]], 3, "id '08': '' is not a number", id="value-empty"),
            pytest.param([*RIGHT[:2], "08,nan", *RIGHT[3:]], 3, "id '08': nan is not a probability", id="nan"),
            pytest.param([*RIGHT[:2], "08,inf", *RIGHT[3:]], 3, "id '08': inf is not a probability", id="infinity"),
            pytest.param([*RIGHT[:2], "08,1.01", *RIGHT[3:]], 3, "1.01 lies outside 0 to 1", id="above-1"),
            pytest.param([*RIGHT[:2], "08,-1e-9", *RIGHT[3:]], 3, "-1e-09 lies outside 0 to 1", id="below-0"),
            pytest.param([*RIGHT[:2], "08,dog", *RIGHT[3:]], 3, "'dog' is not a number", id="text"),
            pytest.param([*RIGHT[:2], "08", *RIGHT[3:]], 3, "1 cells; the header has 2", id="cell-missing"),
            pytest.param([*RIGHT[:2], "", *RIGHT[2:]], 3, "0 cells; the header has 2", id="blank-line"),
        ],
    )
    def test_wrong_sheet_is_refused_with_its_line(
        self, tmp_path: Path, lines: list[str], line: int, found: str
    ) -> None:
        with pytest.raises(CatscanError, match="not what the competition asks for") as refused:
            check(tmp_path, lines)

        assert refused.value.where == f"{tmp_path / 'submission.csv'}, line {line}"
        assert found in refused.value.found

    def test_the_line_is_that_of_the_file_also_after_an_id_of_two_lines(self, tmp_path: Path) -> None:
        sample = pd.DataFrame({"id": ["one\ntwo", "08", "9"], "label": "0.5"}, dtype=str)

        with pytest.raises(CatscanError) as refused:
            check(tmp_path, ["id,label", '"one\ntwo",0.5', "08,0.5", "9,dog"], sample)

        assert refused.value.where == f"{tmp_path / 'submission.csv'}, line 5"

    @pytest.mark.parametrize(
        ("value", "cell", "found"),
        [
            ("label", "fox", "'fox' is not a class"),
            ("index", "2", "'2' is not a class number from 0 to 1"),
            ("index", "1.0", "'1.0' is not a class number from 0 to 1"),
            ("list", "cat fox", "'fox' is not a class"),
        ],
    )
    def test_cell_that_names_no_class_is_refused(self, tmp_path: Path, value: str, cell: str, found: str) -> None:
        looks_like = form(SAMPLE[:1], value=value, task="multilabel" if value == "list" else "binary")

        with pytest.raises(CatscanError) as refused:
            check(tmp_path, ["id,label", f"007,{cell}"], SAMPLE[:1], looks_like)

        assert found in refused.value.found

    @pytest.mark.parametrize(
        ("value", "cells", "found"),
        [
            ("probability", "0.5,0.6", "the probabilities add up to 1.1, not 1"),
            ("one_hot", "1,1", "2 classes are 1, not one"),
            ("one_hot", "0.5,1", "'0.5' is neither 0 nor 1"),
        ],
    )
    def test_classes_of_a_row_must_fit_each_other(self, tmp_path: Path, value: str, cells: str, found: str) -> None:
        sample = pd.DataFrame({"id": ["1"], "cat": "0", "dog": "0"})

        with pytest.raises(CatscanError) as refused:
            check(tmp_path, ["id,cat,dog", f"1,{cells}"], sample, form(sample, value=value))

        assert found in refused.value.found

    def test_classes_of_a_multilabel_row_need_not_add_up(self, tmp_path: Path) -> None:
        sample = pd.DataFrame({"id": ["1"], "cat": "0", "dog": "0"})

        check(tmp_path, ["id,cat,dog", "1,0.9,0.9"], sample, form(sample, task="multilabel"))

    def test_an_amount_may_be_any_finite_number(self, tmp_path: Path) -> None:
        sample = pd.DataFrame({"id": ["1", "2"], "age": "0"})
        of_ages = form(sample, task="regression", classes=("age",), positive="age")
        check(tmp_path, ["id,age", "1,63.5", "2,-4"], sample, of_ages)

        with pytest.raises(CatscanError) as refused:
            check(tmp_path, ["id,age", "1,63.5", "2,inf"], sample, of_ages)
        assert refused.value.found == "id '2': inf is not a finite number"


class TestFormOf:
    def test_the_one_column_of_a_regression_may_have_any_name(self) -> None:
        looks_like = form(SAMPLE, task="regression", classes=("age",), positive="age")

        assert (looks_like.columns, looks_like.of_class) == (("label",), (0,))

    def test_one_column_of_a_binary_task_is_the_positive_class(self) -> None:
        assert form(SAMPLE, positive="cat").of_class == (0,)

    def test_columns_are_matched_to_classes_by_name(self) -> None:
        sample = pd.DataFrame({"id": ["1"], "dog": "0", "cat": "0"})

        assert form(sample).of_class == (1, 0)

    def test_blanks_of_columns_do_not_matter(self) -> None:
        sample = pd.DataFrame({"id": ["1"], "Swan Ganz": "0", "ETT - Normal": "0"})

        assert form(
            sample, task="multilabel", classes=("ETT_-_Normal", "Swan_Ganz"), positive="Swan_Ganz"
        ).of_class == (1, 0)

    def test_named_columns_are_in_the_order_of_the_classes(self) -> None:
        sample = pd.DataFrame({"id": ["1"], "p1": "0", "p0": "0"})

        assert form(sample, columns=("p0", "p1")).of_class == (1, 0)

    def test_id_column_need_not_be_the_first(self) -> None:
        looks_like = form(pd.DataFrame({"label": ["0"], "id": "1"}), id_column="id")

        assert (looks_like.id_column, looks_like.columns) == ("id", ("label",))

    @pytest.mark.parametrize(
        ("sample", "changes", "message"),
        [
            ({"id": ["1", "1"], "p": "0"}, {}, "an id twice"),
            ({"id": ["1"], "p": "0"}, {"task": "multiclass", "classes": ("a", "b", "dog")}, "one column a class"),
            ({"id": ["1"], "p": "0", "q": "0"}, {"value": "label"}, "one value column"),
            (
                {"id": ["1"], "p": "0", "q": "0"},
                {"task": "regression", "classes": ("age",), "positive": "age"},
                "one value column;",
            ),
            ({"id": ["1"], "p": "0"}, {"value": "label", "row_id": "{id}_{class}"}, "holds probabilities, or 0 and 1"),
            ({"id": ["1"], "p": "0", "q": "0"}, {}, "not clear which column"),
            ({"id": ["1"], "p": "0", "q": "0"}, {"columns": ("p", "r")}, "not those of the sample submission"),
        ],
        ids=[
            "id-twice",
            "too-few-columns",
            "too-many-columns",
            "two-amounts",
            "label-in-long",
            "unknown-names",
            "columns-not-there",
        ],
    )
    def test_form_that_does_not_fit_is_refused(self, sample: dict, changes: dict, message: str) -> None:
        with pytest.raises(CatscanError) as refused:
            form(pd.DataFrame(sample), **changes)

        assert message in refused.value.what


class TestCells:
    THREE = np.array([[0.2, 0.5, 0.3], [0.123456789, 1e-7, 0.876543111]])

    def cells(self, value: str, task: str = "multiclass", row_id: str = "{id}", columns: int = 1) -> list[list[str]]:
        names = ("b", "a", "c")[:columns] if columns > 1 else ("value",)
        of_class = (1, 0, 2)[:columns] if columns > 1 else ()
        looks_like = Form("id", names, of_class, value, row_id, task, ("a", "b", "c"), 2)
        return write_cells(self.THREE, looks_like, at_least_one=True)

    def test_probabilities_follow_the_columns_with_nine_digits(self) -> None:
        assert self.cells("probability", columns=3) == [["0.5", "0.2", "0.3"], ["1e-07", "0.123456789", "0.876543111"]]

    def test_label_is_the_likeliest_class(self) -> None:
        assert self.cells("label") == [["b"], ["c"]]

    def test_index_is_its_number_from_0(self) -> None:
        assert self.cells("index") == [["1"], ["2"]]

    def test_label_of_an_ordinal_task_is_nearest_to_the_expected(self) -> None:
        assert self.cells("index", task="ordinal") == [["1"], ["2"]]

    def test_one_hot_follows_the_columns(self) -> None:
        assert self.cells("one_hot", columns=3) == [["1", "0", "0"], ["0", "0", "1"]]

    def test_list_names_all_classes_that_reach_a_half(self) -> None:
        looks_like = Form("id", ("value",), (), "list", "{id}", "multilabel", ("a", "b", "c"), 2)

        written = write_cells(np.array([[0.5, 0.9, 0.1], [0.1, 0.2, 0.3]]), looks_like, at_least_one=True)

        assert written == [["a b"], ["c"]]


class TestRowIds:
    def test_template_is_filled_in(self) -> None:
        assert fill_in("{patient}-{side}", {"patient": "0012", "side": "L"}) == "0012-L"

    def test_unknown_field_is_refused_with_the_nearest(self) -> None:
        with pytest.raises(CatscanError, match="unknown field 'patiend'") as refused:
            fill_in("{patiend}", {"patient": "0012"})

        assert refused.value.do == 'Did you mean "patient"?'

    @given(st.text(min_size=1), st.sampled_from(["C1", "C10", "patient_overall"]))
    def test_long_row_id_comes_apart_as_it_was_put_together(self, sample_id: str, name: str) -> None:
        classes = ("C1", "C10", "patient_overall")
        long = Form("row_id", ("p",), (), "probability", "{id}_{class}", "multilabel", classes, 0)
        row_id = fill_in(long.row_id, {"id": sample_id, "class": name})

        assert split_row_id(row_id, long, where="here") == ((sample_id,), classes.index(name))

    def test_row_id_of_another_template_is_refused(self) -> None:
        long = Form("row_id", ("p",), (), "probability", "{id}_{class}", "multilabel", ("C1",), 0)

        with pytest.raises(CatscanError, match=r"'1[.]2-C1' does not follow the template"):
            split_row_id("1.2-C1", long, where="here")
