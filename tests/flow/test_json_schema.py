"""A dataclass with annotated fields becomes a schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest

from catscan.common.keys import DISTINCT, above, at_least, between, from_up_to, length, one_of, optional
from catscan.flow.json_schema import schema_of


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of it.

    With more to say to who reads the code.
    """

    share: Annotated[float, from_up_to(0, 1)] = 0.5
    """How much of it, in a sentence
    of two lines."""


@dataclass(frozen=True, kw_only=True)
class Block(Part):
    """All of it."""

    name: str
    number: Annotated[int, at_least(1)] = 1
    rate: Annotated[float, above(0)] | None = None
    choice: Annotated[str, one_of("left", "right")] | None = None
    sides: tuple[Annotated[int, between(1, 9)], bool] = (1, True)
    names: Annotated[tuple[str, ...], length(1, 2), DISTINCT] = ("a",)
    several: str | tuple[Mapping[str, Any], ...] = "auto"
    table: Mapping[str, str] = field(default_factory=dict)
    part: Part = field(default_factory=Part)


@pytest.mark.parametrize(
    ("key", "schema"),
    [
        ("name", {"type": "string"}),
        ("number", {"type": "integer", "minimum": 1, "default": 1}),
        ("rate", {"type": ["number", "null"], "exclusiveMinimum": 0}),
        ("choice", {"enum": ["left", "right", None]}),
        (
            "sides",
            {
                "type": "array",
                "prefixItems": [{"type": "integer", "minimum": 1, "maximum": 9}, {"type": "boolean"}],
                "items": False,
                "minItems": 2,
                "default": [1, True],
            },
        ),
        (
            "names",
            {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "maxItems": 2,
                "uniqueItems": True,
                "default": ["a"],
            },
        ),
        ("several", {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}], "default": "auto"}),
        ("table", {"type": "object", "additionalProperties": {"type": "string"}, "default": {}}),
        (
            "share",
            {
                "type": "number",
                "minimum": 0,
                "exclusiveMaximum": 1,
                "default": 0.5,
                "description": "How much of it, in a sentence of two lines.",
            },
        ),
    ],
)
def test_an_annotation_becomes_the_schema_of_its_key(key: str, schema: Any) -> None:
    assert schema_of(Block)["properties"][key] == schema


def test_a_block_says_what_it_is_and_what_it_needs() -> None:
    whole = schema_of(Block)

    assert (whole["description"], whole["required"], whole["additionalProperties"]) == ("All of it.", ["name"], False)


def test_a_block_within_a_block_has_its_own_keys_and_nothing_by_default() -> None:
    part = schema_of(Block)["properties"]["part"]

    assert (part["description"], list(part["properties"]), part["default"]) == ("A part of it.", ["share"], {})


def test_optional_keys_keep_bounds_and_sentence_and_lose_the_default() -> None:
    assert schema_of(optional(Part))["properties"]["share"] == {
        "type": ["number", "null"],
        "minimum": 0,
        "exclusiveMaximum": 1,
        "description": "How much of it, in a sentence of two lines.",
    }
