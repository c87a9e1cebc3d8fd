"""One row a kind of data: what it names is there, and behaves as the interface of kinds says."""

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from catscan.flow import schema
from catscan.kinds.registry import KINDS, Kind, kind_named
from catscan.raw.files import RawFiles

SCHEMA = Path(__file__).resolve().parents[2] / "workflow" / "schemas" / "config.schema.yaml"
STAGES = Path(__file__).resolve().parents[2] / "src" / "catscan" / "stages"
COMPETITION = schema.read(SCHEMA)["properties"]["competitions"]["additionalProperties"]["properties"]


def defaults_of(kind: Kind) -> dict[str, Any]:
    """The block of `preprocess` that a kind takes its settings from, where a config says nothing."""
    block: dict[str, Any] = {}
    schema.fill(block, COMPETITION["preprocess"]["properties"][kind.block])
    return block


def test_the_schema_knows_the_kinds_of_the_registry() -> None:
    assert set(COMPETITION["data"]["properties"]["kind"]["enum"]) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_of_a_kinds_block_are_settings_with_a_shape(kind: str) -> None:
    row = kind_named(kind)

    assert len(row.settings_of(defaults_of(row)).shape) in (3, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_closing_a_reader_leaves_the_callers_files_open(kind: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("notes.txt", "here")
    raw = RawFiles(tmp_path)
    raw.read("a.zip", "notes.txt")
    opened = dict(raw._zips)

    kind_named(kind).open_reader(defaults_of(kind_named(kind)), raw).close()

    assert raw._zips == opened
    assert raw.read("a.zip", "notes.txt") == b"here"


@pytest.mark.parametrize("path", sorted(STAGES.rglob("*.py")), ids=lambda path: path.relative_to(STAGES).as_posix())
def test_no_stage_names_a_kind(path: Path) -> None:
    """The folder `... / "arrays"`, where the shards lie, is not the kind."""
    text = path.read_text(encoding="utf-8")

    assert [kind for kind in KINDS if re.search(rf'(?<!/ )"{kind}"', text)] == []
