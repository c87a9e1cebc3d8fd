"""Documents: what is written is what is read, and a file that does not fit is one block that says where and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catscan.common.documents import Document
from catscan.common.errors import CatscanError


@dataclass(frozen=True)
class Part:
    name: str
    size: tuple[int, float]


@dataclass(frozen=True)
class Everything(Document):
    VERSION: ClassVar[int] = 3
    STAGE: ClassVar[str] = "example"

    text: str
    whole: int
    number: float
    flag: bool
    part: Part
    maybe: Part | None
    parts: tuple[Part, ...]
    by_name: dict[str, tuple[float | None, ...]]
    free: Any

    def __post_init__(self) -> None:
        if self.text == "unfit":
            raise ValueError("the text does not fit the rest")


EXAMPLE = Everything(
    text="ä",
    whole=1,
    number=0.5,
    flag=True,
    part=Part("a", (1, 2.5)),
    maybe=None,
    parts=(Part("b", (3, 4.5)),),
    by_name={"x": (0.25, None)},
    free={"any": [1, "thing"]},
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | st.integers() | FLOATS | st.text()
FREE = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
PARTS = st.builds(Part, name=st.text(), size=st.tuples(st.integers(), FLOATS))
DOCUMENTS = st.builds(
    Everything,
    text=st.text().filter(lambda text: text != "unfit"),
    whole=st.integers(),
    number=FLOATS,
    flag=st.booleans(),
    part=PARTS,
    maybe=st.none() | PARTS,
    parts=st.lists(PARTS).map(tuple),
    by_name=st.dictionaries(st.text(), st.lists(st.none() | FLOATS).map(tuple)),
    free=FREE,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


@given(DOCUMENTS)
def test_what_is_written_is_what_is_read(folder: Path, document: Everything) -> None:
    document.write(folder / "a.json")

    assert Everything.read(folder / "a.json") == document


def test_the_file_holds_the_fields_by_name_and_the_version(tmp_path: Path) -> None:
    EXAMPLE.write(tmp_path / "a.json")

    values = json.loads((tmp_path / "a.json").read_text())
    assert values["version"] == 3
    assert values["part"] == {"name": "a", "size": [1, 2.5]}
    assert len(values) == 1 + 9


def test_a_whole_number_is_a_number_too(tmp_path: Path) -> None:
    assert edited(tmp_path, number=2).number == 2


def edited(folder: Path, without: str = "", **values: Any) -> Everything:
    """What is read when a person edits the example's file."""
    EXAMPLE.write(folder / "a.json")
    held = json.loads((folder / "a.json").read_text()) | values
    held.pop(without, None)
    (folder / "a.json").write_text(json.dumps(held))
    return Everything.read(folder / "a.json")


@pytest.mark.parametrize(
    ("values", "key", "found"),
    [
        ({"without": "whole"}, "whole", "the key is missing"),
        ({"txet": "a"}, "txet", "an unknown key"),
        ({"part": {"name": "a"}}, "part.size", "the key is missing"),
        ({"part": {"name": "a", "size": [1, 2], "x": 0}}, "part.x", "an unknown key"),
        ({"parts": [{"name": 1, "size": [1, 2]}]}, "parts[0].name", "1, not a text"),
        ({"part": {"name": "a", "size": [1]}}, "part.size", "1 values, not 2"),
        ({"by_name": {"x": [0.5, "0.5"]}}, "by_name.x[1]", '"0.5", not a number'),
        ({"by_name": [["x", []]]}, "by_name", '[["x", []]], not an object'),
        ({"parts": {"name": "a"}}, "parts", '{"name": "a"}, not a list'),
        ({"maybe": "none"}, "maybe", '"none", not an object'),
        ({"text": None}, "text", "null, not a text"),
        ({"whole": 1.0}, "whole", "1.0, not a whole number"),
        ({"whole": True}, "whole", "true, not a whole number"),
        ({"number": False}, "number", "false, not a number"),
        ({"number": float("inf")}, "number", "Infinity, not a number"),
        ({"flag": 1}, "flag", "1, not true or false"),
        ({"text": ["x" * 99]}, "text", '["' + "x" * 58 + "…, not a text"),
    ],
)
def test_an_edited_file_is_one_block_that_names_the_key(
    tmp_path: Path, values: dict[str, Any], key: str, found: str
) -> None:
    with pytest.raises(CatscanError) as caught:
        edited(tmp_path, **values)

    told = caught.value
    assert told.what == "A file is not as the example stage writes it."
    assert told.where == f"{tmp_path / 'a.json'}, key {key}"
    assert told.found == found
    assert told.do.endswith("Undo what was edited, or delete the file and run again: the example stage writes it.")


def test_the_nearest_key_is_told_for_an_unknown_one(tmp_path: Path) -> None:
    with pytest.raises(CatscanError) as caught:
        edited(tmp_path, numbr=1)

    assert caught.value.do.startswith('Did you mean "number"? Undo')


def test_fields_that_do_not_fit_each_other_are_one_block(tmp_path: Path) -> None:
    with pytest.raises(CatscanError, match=r"as the example stage writes it[\s\S]*the text does not fit the rest"):
        edited(tmp_path, text="unfit")


@pytest.mark.parametrize("version", [2, 4, None, "3", True], ids=str)
def test_another_version_is_told_with_both(tmp_path: Path, version: Any) -> None:
    with pytest.raises(CatscanError) as caught:
        edited(tmp_path, version=version)

    assert str(caught.value) == (
        "A file was written by another version of catscan.\n"
        f"  where  {tmp_path / 'a.json'}\n"
        f"  found  version {json.dumps(version)} of its format, not 3\n"
        "  do     Delete the file and run again: the example stage writes it."
    )


def test_a_file_of_before_versions_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(CatscanError, match="version null of its format, not 3"):
        edited(tmp_path, without="version")


@pytest.mark.parametrize("text", ["[]", "3", '"text"', "null"])
def test_json_that_is_no_object_is_one_block(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)

    with pytest.raises(CatscanError) as caught:
        Everything.read(tmp_path / "a.json")

    assert caught.value.where == str(tmp_path / "a.json")
    assert caught.value.found == f"{text}, not an object"


@pytest.mark.parametrize(("text", "what"), [("{", "it is not JSON"), (None, "A file is missing")])
def test_no_json_and_no_file_are_one_block(tmp_path: Path, text: str | None, what: str) -> None:
    if text is not None:
        (tmp_path / "a.json").write_text(text)

    with pytest.raises(CatscanError, match=what):
        Everything.read(tmp_path / "a.json")
