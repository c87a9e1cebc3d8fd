"""Tables: every cell a string, so that ids keep their zeros."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catscan.common import tables
from catscan.common.errors import CatscanError
from catscan.common.tables import LONGEST_LINE, check_columns, natural_key, place_of_row, read_table, write_table


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


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b"", "has no columns", id="empty"),
        pytest.param(b'"a\n', "cannot be read as CSV", id="open-quote"),
        pytest.param(b'id\n"a"b\n', "cannot be read as CSV", id="text-behind-a-quote"),
        pytest.param(b"id\n\xff\n", "cannot be read as CSV", id="not-utf-8"),
    ],
)
def test_what_is_no_table_is_one_block(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)

    with pytest.raises(CatscanError, match=what):
        read_table(tmp_path / "a.csv")


class Zeros(io.RawIOBase):
    """A file of zeros without an end, which counts what was read of it."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        buffer[:] = bytes(len(buffer))
        self.taken += len(buffer)
        return len(buffer)


def test_a_line_without_an_end_is_refused_before_it_is_in_memory() -> None:
    zeros = Zeros()

    with pytest.raises(CatscanError, match="cannot be read as CSV") as raised:
        read_table(io.BufferedReader(zeros), name="labels.csv")

    assert raised.value.where == "labels.csv"
    assert raised.value.found == r"a line of more than 16,777,216 characters, beginning " + repr("\0" * 24)
    assert zeros.taken < 1.1 * LONGEST_LINE


class Rows(io.RawIOBase):
    """A million rows, each with an id of so many characters; quoted, the id has a line end after each thousandth."""

    def __init__(self, characters: int, quoted: bool) -> None:
        cell = ("a" * 999 + "\n") * (characters // 1000) if quoted else "a" * characters
        row = f'"{cell}",1\n' if quoted else f"{cell},1\n"
        self.text, self.taken = b"id,label\n" + row.encode(), 0
        self.begin = len("id,label\n")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        at = self.taken if self.taken < len(self.text) else (self.taken - self.begin) % len(self.text[self.begin :])
        at = at if self.taken < len(self.text) else at + self.begin
        part = self.text[at : at + len(buffer)]
        buffer[: len(part)] = part
        self.taken += len(part)
        return len(part)


@pytest.mark.parametrize(
    ("characters", "quoted", "found", "most"),
    [
        (20_000_000, True, "field larger than field limit (131072)", 1 << 20),
        (20_000_000, False, "a line of more than 16,777,216 characters", 1 << 25),
        (1_000_000, False, "field larger than field limit (131072)", 1 << 22),
        (100_000, False, "11 rows hold more than 1,048,576 characters", 1 << 22),
    ],
    ids=["a giant cell", "a giant line", "a million ids of a megabyte", "a million large ids"],
)
def test_a_table_of_giants_is_refused_before_it_is_in_memory(
    monkeypatch: pytest.MonkeyPatch, characters: int, quoted: bool, found: str, most: int
) -> None:
    monkeypatch.setattr(tables, "LARGEST_TABLE", 1 << 20)
    rows = Rows(characters, quoted)
    with pytest.raises(CatscanError, match=r"cannot be read as CSV|is too large") as raised:
        read_table(io.BufferedReader(rows), name="labels.csv")

    assert found in raised.value.found
    assert rows.taken < most


def test_what_cannot_be_read_is_one_block() -> None:
    with pytest.raises(CatscanError, match="A table cannot be read") as raised:
        read_table("/proc/self/mem")

    assert (raised.value.where, raised.value.found) == ("/proc/self/mem", "Input/output error")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""], ids=repr)
def test_lines_of_any_end_are_lines(end: str) -> None:
    text = io.TextIOWrapper(io.BytesIO(f"id,x{end or chr(10)}1,2{end}".encode()), newline="")

    assert read_table(text).to_numpy().tolist() == [["1", "2"]]


@pytest.mark.parametrize(
    ("rows", "more", "line", "found"),
    [
        pytest.param(
            "007,1,\n008,0,\n", "more", 2, "2 columns, and a row of 3 that starts with '007'", id="all-longer"
        ),
        pytest.param(
            "007,1\n\n008,0,\n", "more", 4, "2 columns, and a row of 3 that starts with '008'", id="one-longer"
        ),
        pytest.param("007,1\n008\n", "fewer", 3, "2 columns, and a row of 1 that starts with '008'", id="one-shorter"),
    ],
)
def test_a_row_of_another_length_than_the_header_is_refused_with_its_line(
    tmp_path: Path, rows: str, more: str, line: int, found: str
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,label\n" + rows)

    with pytest.raises(CatscanError, match=f"a row with {more} cells than its header") as refused:
        read_table(path)

    assert (refused.value.where, refused.value.found) == (f"{path}, line {line}", found)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("id,x\n1,a\n2,b\n", [2, 3], id="plain"),
        pytest.param("\nid,x\n\n1,a\n  \n\n2,b\n\n", [4, 7], id="blank-lines"),
        pytest.param('id,x\n1,"two\nlines"\n2,"three\n\nlines"\n3,c\n', [2, 4, 7], id="quoted-line-ends"),
        pytest.param("id,x\r\n\r\n1,a\r\n2,b\r\n", [3, 4], id="windows-line-ends"),
        pytest.param("id\n1\n\n2\n", [2, 4], id="one-column"),
    ],
)
def test_each_row_knows_the_line_in_which_it_begins(tmp_path: Path, text: str, lines: list[int]) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode())

    table = read_table(tmp_path / "a.csv")

    assert list(table.index) == lines
    assert [place_of_row(table, row) for row in range(len(table))] == [f"line {line}" for line in lines]
    assert place_of_row(table["id"], 0) == f"line {lines[0]}"


@given(st.lists(st.tuples(st.text(st.sampled_from('a,"\n '), min_size=1), st.integers(0, 3)), min_size=1))
def test_the_line_of_a_row_is_where_its_text_begins(rows: list[tuple[str, int]]) -> None:
    """Whatever stands in the cells, and however many blank lines stand between the rows."""
    text = io.StringIO()
    writer, begins = csv.writer(text, lineterminator="\n"), []
    writer.writerow(["id", "x"])
    for cell, blank in rows:
        text.write("\n" * blank)
        begins.append(text.getvalue().count("\n") + 1)
        writer.writerow(["1", cell])

    table = read_table(io.StringIO(text.getvalue(), newline=""))

    assert list(table.index) == begins
    assert list(table["x"]) == [cell for cell, _ in rows]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,x,x\n1,2,3\n")

    with pytest.raises(CatscanError, match="two columns of one name"):
        read_table(tmp_path / "a.csv")


def test_written_and_read_again_is_the_same(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["01", "a,b", 'q"q'], "x": ["", " ", "NA"]})
    write_table(tmp_path / "a.csv", table)

    pd.testing.assert_frame_equal(read_table(tmp_path / "a.csv").reset_index(drop=True), table)


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_natural_order_of_numbered_names_is_the_order_of_the_numbers(numbers: list[int]) -> None:
    names = [f"cat.{number}.jpg" for number in numbers]

    assert sorted(names, key=natural_key) == [f"cat.{number}.jpg" for number in sorted(numbers)]


@given(st.lists(st.text(max_size=12)))
@example(["²", "2"])  # a digit, but no number
def test_natural_order_exists_for_any_names(names: list[str]) -> None:
    ordered = sorted(names, key=natural_key)

    assert sorted(ordered, key=natural_key) == ordered


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_a_table_with_other_separators_is_told_so(tmp_path: Path, sign: str) -> None:
    (tmp_path / "a.csv").write_text(f"id{sign}label\n1{sign}cat\n")

    with pytest.raises(CatscanError, match=r"not separated by commas[\s\S]*separated by"):
        read_table(tmp_path / "a.csv", columns=["id", "label"])


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_table_in_another_encoding_is_told_to_be_saved_as_utf_8(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id,label\n1,m\u00fcde\n".encode(encoding))

    with pytest.raises(CatscanError, match="Save it as UTF-8"):
        read_table(tmp_path / "a.csv")


@pytest.mark.parametrize("sign", [";", "\t"], ids=["semicolon", "tab"])
@pytest.mark.parametrize("quote", ["", '"'], ids=["bare", "quoted"])
def test_other_signs_between_the_cells_are_told_when_no_column_is_wanted(sign: str, quote: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{quote}id{quote}{sign}{quote}label{quote}\n1{sign}2\n")

    with pytest.raises(CatscanError, match="commas between the cells"):
        read_table(tmp_path / "a.csv")


class Compared(str):
    """A column name that counts how often it is compared with another."""

    __slots__ = ()
    times = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return str.__eq__(self, other)


def test_the_columns_of_a_table_of_pixels_are_checked_without_comparing_each_with_each() -> None:
    Compared.times = 0
    names = [Compared(f"pixel{number}") for number in range(16_385)]

    check_columns(names, [names[-1], names[0]], where="train.csv")

    assert Compared.times < 10 * len(names)
