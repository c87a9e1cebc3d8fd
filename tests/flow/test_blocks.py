"""One definition a key: the schema and the README are made from the blocks, and the blocks agree with the code."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from catscan.common.keys import keys_of, unwrapped
from catscan.common.settings import from_dict
from catscan.flow import blocks, config_readme
from catscan.flow.checks import NEEDED
from catscan.flow.json_schema import sentences
from catscan.flow.schema import SCHEMA
from catscan.flow.stage_strings import SOURCE_KEYS, SOURCES
from catscan.kinds.registry import KINDS
from catscan.kinds.scans.settings import MODES
from catscan.kinds.scans.windows import HU_WINDOWS
from catscan.networks.registry import FINE_TUNED, PICTURES, SCANS, Recipe
from catscan.scores.metrics import METRICS
from catscan.scores.tasks import TASKS
from catscan.stages.download import sample
from catscan.stages.download.settings import Source
from catscan.stages.train.settings import Model

WHOLE = blocks.schema()
COMPETITION = WHOLE["properties"]["competitions"]["additionalProperties"]["properties"]


def words(block: type, key: str) -> dict[str, Any]:
    """The bounds of a key."""
    return unwrapped(keys_of(block)[key])[1]


def test_every_key_has_a_description_and_a_default_or_says_that_it_is_needed() -> None:
    def walk(schema: dict[str, Any], path: str) -> list[str]:
        lacking = []
        for key, inner in schema.get("properties", {}).items():
            nullable = "null" in str(inner.get("type")) or None in inner.get("enum", [])
            needed = key in schema.get("required", []) or nullable or "default" in inner
            if "description" not in inner or not needed:
                lacking.append(f"{path}{key}")
            lacking += walk(inner, f"{path}{key}.")
        extra = schema.get("additionalProperties")
        return lacking + (walk(extra, f"{path}NAME.") if isinstance(extra, dict) else [])

    assert [key for key in walk(WHOLE, "") if key != "competitions.NAME.models"] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [(SCHEMA, config_readme.schema_text), (config_readme.README, config_readme.text)],
    ids=["schema", "README"],
)
def test_the_schema_and_the_readme_are_what_the_blocks_say(path: Path, text: Callable[[], str]) -> None:
    stands, said = path.read_text().splitlines(), text().splitlines()
    told = "Run `python -m catscan.flow.config_readme`."

    assert list(difflib.unified_diff(stands, said, path.name, "the blocks", n=0, lineterm="")) == [], told


class TestTheBlocksAgreeWithTheCode:
    """What is said of a key and done elsewhere is held equal here."""

    def test_every_kind_of_source_has_its_keys_its_code_and_what_it_needs(self) -> None:
        kinds = set(words(Source, "kind")["enum"])

        assert set(SOURCE_KEYS) == set(SOURCES) == set(NEEDED) == kinds
        assert {key for keys in SOURCE_KEYS.values() for key in keys} == set(keys_of(Source))

    def test_what_can_be_generated_is_what_can_be_chosen(self) -> None:
        assert words(Source, "sample")["enum"] == ["", *sample.KINDS]
        assert words(Source, "train") == {"minimum": sample.FEWEST_TRAIN}
        assert words(Source, "test") == {"minimum": sample.FEWEST_TEST}

    def test_the_networks_are_named_in_their_sentence(self) -> None:
        sentence = sentences(Model)["network"]

        assert [name for name in [*PICTURES, *SCANS, *FINE_TUNED] if name not in sentence] == []

    def test_modes_and_windows_of_scans_are_named_in_their_sentences(self) -> None:
        scan = COMPETITION["preprocess"]["properties"]["scan"]["properties"]
        sizes = [f"{mode} {', '.join(map(str, size))}" for mode, size in MODES.items()]

        assert [size for size in sizes if size not in scan["size"]["description"]] == []
        assert [name for name in HU_WINDOWS if name not in scan["hu_windows"]["description"]] == []

    def test_the_choices_of_a_table_are_its_rows(self) -> None:
        assert COMPETITION["metric"]["enum"] == list(METRICS)
        assert COMPETITION["data"]["properties"]["kind"]["enum"] == list(KINDS)
        assert COMPETITION["data"]["properties"]["task"]["enum"] == list(TASKS)

    def test_tasks_are_those_that_some_metric_is_made_for(self) -> None:
        assert {task for metric in METRICS.values() for task in metric.tasks} == set(TASKS)

    @pytest.mark.parametrize("network", {**PICTURES, **SCANS})
    def test_the_recipe_of_a_network_keeps_to_the_bounds_of_the_config(self, network: str) -> None:
        recipe = {**PICTURES, **SCANS}[network].recipe

        assert from_dict(Recipe, asdict(recipe)) == recipe

    @pytest.mark.parametrize("block", sorted({kind.block for kind in KINDS.values()}))
    def test_kinds_that_share_a_block_have_the_same_keys(self, block: str) -> None:
        keys = [list(keys_of(kind.settings_class)) for kind in KINDS.values() if kind.block == block]

        assert all(one == list(COMPETITION["preprocess"]["properties"][block]["properties"]) for one in keys)
