"""One row a kind of data: what it names is there, and behaves as the interface of kinds says."""

from pathlib import Path

import pytest

from catscan.flow import config
from catscan.kinds.registry import KINDS, kind_named

SCHEMA = Path(__file__).resolve().parents[2] / "workflow" / "schemas" / "config.schema.yaml"
STAGES = Path(__file__).resolve().parents[2] / "src" / "catscan" / "stages"
COMPETITION = config.read_schema(SCHEMA)["properties"]["competitions"]["additionalProperties"]["properties"]


def test_the_schema_knows_the_kinds_of_the_registry() -> None:
    assert set(COMPETITION["data"]["properties"]["kind"]["enum"]) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_of_a_kinds_block_are_settings_with_a_shape(kind: str) -> None:
    row = kind_named(kind)
    block: dict = {}
    config.fill(block, COMPETITION["preprocess"]["properties"][row.block])

    assert len(row.settings_of(block).shape) in (3, 4)


@pytest.mark.parametrize("path", sorted(STAGES.rglob("*.py")), ids=lambda path: path.relative_to(STAGES).as_posix())
def test_no_stage_names_a_kind(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert [kind for kind in KINDS if f'"{kind}"' in text] == []
