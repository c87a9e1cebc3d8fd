"""JSON lists of records, read one after another."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catscan.common import tables
from catscan.common.errors import CatscanError
from catscan.common.tables import place_of_row
from catscan.raw import records
from catscan.raw.records import read_records, read_records_table

VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


def read(text: str) -> list[dict[str, Any]]:
    return list(read_records(io.BytesIO(text.encode()), name="train.json"))


@given(
    st.lists(st.dictionaries(st.text(), VALUES | st.lists(VALUES)), max_size=5),
    st.sampled_from([None, 1]),
    st.integers(1, 40),
)
def test_any_list_of_records_is_read_as_by_the_json_module(
    content: list[dict[str, Any]], indent: int | None, piece: int
) -> None:
    """However the pieces in which the text comes cut it."""
    text = json.dumps(content, indent=indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "PIECE", piece)

        assert read(text) == content


@pytest.mark.parametrize(
    ("text", "record", "found"),
    [
        pytest.param("", 1, "it does not begin with [", id="empty"),
        pytest.param('{"id": ["a"]}', 1, "it does not begin with [", id="one-object"),
        pytest.param("[1]", 1, "a record begins with {, not with 1", id="no-record"),
        pytest.param('[{"id": 1}', 2, "not by the end of the file", id="cut-off-between"),
        pytest.param('[{"id": 1}, ', 2, "not with the end of the file", id="cut-off-before-a-record"),
        pytest.param('[{"id": 1}, {"id"', 2, "Expecting ':' delimiter", id="cut-off-inside"),
        pytest.param('[{"id": 1}, {"id": x}]', 2, "Expecting value", id="no-value"),
        pytest.param('[{"id": 1} {"id": 2}]', 2, "a record is followed by a comma or ], not by {", id="no-comma"),
    ],
)
def test_what_is_no_list_of_records_is_refused_with_the_record(text: str, record: int, found: str) -> None:
    with pytest.raises(CatscanError, match="as a JSON list of records") as refused:
        read(text)

    assert refused.value.where == f"train.json, record {record}"
    assert found in refused.value.found


def test_text_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(CatscanError, match="as a JSON list of records"):
        list(read_records(io.BytesIO(b'[{"id": "\xff"}]'), name="train.json"))


def test_more_records_than_can_be_held_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LARGEST_TABLE", 10)
    with pytest.raises(CatscanError, match=r"A table is too large\.[\s\S]*3 rows hold more than 10 characters"):
        read_records_table(io.BytesIO(b'[{"id": "abcd"}, {"id": "efgh"}, {"id": "ijkl"}]'), name="train.json")


def test_a_record_without_an_end_is_given_up_before_the_whole_file_is_read(monkeypatch) -> None:
    monkeypatch.setattr(records, "PIECE", 10)
    monkeypatch.setattr(records, "LARGEST_RECORD", 100)
    file = io.BytesIO(b'[{"id": "' + b"a" * 100_000)

    with pytest.raises(CatscanError):
        list(read_records(file, name="train.json"))

    assert file.closed or file.tell() < 50_000


class TestTable:
    def read(self, text: str, **asked: Any) -> Any:
        return read_records_table(io.BytesIO(text.encode()), name="train.json", **asked)

    def test_cells_are_strings_and_lists_are_left_out(self) -> None:
        table = self.read('[{"id": "007", "band": [1, 2], "angle": 34.5, "label": 1}, {"id": "08", "angle": null}]')

        assert list(table.columns) == ["id", "angle", "label"]
        assert table.to_numpy().tolist() == [["007", "34.5", "1"], ["08", "", ""]]

    def test_rows_are_called_records(self) -> None:
        assert place_of_row(self.read('[{"id": 1}, {"id": 2}]'), 1) == "record 2"

    def test_a_missing_field_is_named_with_the_nearest(self) -> None:
        with pytest.raises(CatscanError, match="lacks the column 'ids'") as refused:
            self.read('[{"id": 1, "label": 0}]', columns=["ids"])

        assert refused.value.do == 'Did you mean "id"?'

    def test_only_what_is_asked_for_is_kept(self) -> None:
        table = self.read('[{"id": 1, "label": 0}]', columns=["label"], only=True)

        assert list(table.columns) == ["label"]

    def test_no_record_is_no_table(self) -> None:
        with pytest.raises(CatscanError, match="has no record"):
            self.read("[]")
