"""Tables: every cell a string, so that ids keep their zeros."""

import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catscan.errors import CatscanError
from catscan.tables import natural_key, read_table, write_table


def test_ids_keep_their_leading_zeros_and_na_stays_a_word() -> None:
    table = read_table(io.StringIO("id,label\n00007,NA\n1e5,\n"))

    assert table.to_numpy().tolist() == [["00007", "NA"], ["1e5", ""]]


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfid,x\n1,2\n")

    assert list(read_table(tmp_path / "a.csv").columns) == ["id", "x"]


def test_a_missing_column_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,labels\n1,2\n")

    with pytest.raises(
        CatscanError, match=r"lacks the column 'label'[\s\S]*a.csv[\s\S]*'id', 'labels'[\s\S]*\"labels\"\?"
    ):
        read_table(tmp_path / "a.csv", columns=["label"])


@pytest.mark.parametrize("content", [b"", b'"a\n'], ids=["empty", "open quote"])
def test_what_is_no_table_is_one_block(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)

    with pytest.raises(CatscanError, match="cannot be read as CSV"):
        read_table(tmp_path / "a.csv")


def test_rows_with_more_cells_than_the_header_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,label\n007,1,\n008,0,\n")

    with pytest.raises(CatscanError, match="more cells than its header") as refused:
        read_table(path)

    assert refused.value.found == "2 columns, and a row that starts with '007'"


def test_written_and_read_again_is_the_same(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["01", "a,b", 'q"q'], "x": ["", " ", "NA"]})
    write_table(tmp_path / "a.csv", table)

    pd.testing.assert_frame_equal(read_table(tmp_path / "a.csv"), table)


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_natural_order_of_numbered_names_is_the_order_of_the_numbers(numbers: list[int]) -> None:
    names = [f"cat.{number}.jpg" for number in numbers]

    assert sorted(names, key=natural_key) == [f"cat.{number}.jpg" for number in sorted(numbers)]


@given(st.lists(st.text(max_size=12)))
def test_natural_order_exists_for_any_names(names: list[str]) -> None:
    ordered = sorted(names, key=natural_key)

    assert sorted(ordered, key=natural_key) == ordered
