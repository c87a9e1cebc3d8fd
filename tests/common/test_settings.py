"""A stage's settings come as one canonical string."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest

from catscan.common.errors import CatscanError
from catscan.common.keys import above, at_least, between, from_up_to, length, one_of, optional
from catscan.common.settings import canonical, from_dict, parse


@dataclass(frozen=True)
class Settings:
    size: tuple[int, int]
    channels: str = "rgb"


def test_equal_settings_give_equal_strings_in_any_order() -> None:
    assert canonical({"b": [1, 2], "a": 0.1}) == canonical({"a": 0.1, "b": [1, 2]}) == '{"a":0.1,"b":[1,2]}'


def test_lists_become_tuples_and_the_rerun_keys_are_passed_over() -> None:
    assert parse(Settings, '{"size":[3,4],"code":"x","versions":{}}') == Settings(size=(3, 4))


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(CatscanError, match=r"no key 'chanels'[\s\S]*\"channels\"\?"):
        parse(Settings, '{"size":[3,4],"chanels":"gray"}')


@pytest.mark.parametrize("text", ["{}", "{"], ids=["incomplete", "no JSON"])
def test_settings_that_cannot_be_used_are_one_block(text: str) -> None:
    with pytest.raises(CatscanError):
        parse(Settings, text)


@dataclass(frozen=True)
class Part:
    name: str = ""
    share: Annotated[float, from_up_to(0, 1)] = 0.5


@dataclass(frozen=True)
class Block:
    count: Annotated[int, at_least(1)] = 1
    rate: Annotated[float, above(0)] = 0.1
    sides: tuple[Annotated[int, between(1, 9)], ...] = ()
    pair: tuple[float, float] = (0, 1)
    names: Annotated[tuple[Annotated[str, one_of("one", "two")], ...], length(1, 2)] = ("one",)
    choice: Annotated[str, one_of("left", "right")] | None = None
    layers: str | tuple[Any, ...] = "auto"
    part: Part = field(default_factory=Part)


class TestValues:
    @pytest.mark.parametrize(
        ("values", "what", "where"),
        [
            ({"count": 0}, "`count` must be a whole number of at least 1.", "block.count"),
            ({"count": 1.5}, "`count` must be a whole number of at least 1.", "block.count"),
            ({"count": True}, "`count` must be a whole number of at least 1.", "block.count"),
            ({"rate": 0}, "`rate` must be a number above 0.", "block.rate"),
            ({"rate": "much"}, "`rate` must be a number above 0.", "block.rate"),
            ({"sides": [1, 10]}, "`sides` must be a whole number from 1 to 9.", "block.sides"),
            ({"pair": [1]}, "`pair` must be a list of 2 values.", "block.pair"),
            ({"names": []}, "`names` must be a list of 1 to 2 values.", "block.names"),
            ({"names": ["one", "too"]}, "Unknown `names`.", "block.names"),
            ({"choice": "up"}, "Unknown `choice`.", "block.choice"),
            ({"part": {"share": 1}}, "`share` must be a number of at least 0 and below 1.", "block.part.share"),
            ({"part": {"nam": ""}}, "`block.part` has no key 'nam'.", ""),
        ],
        ids=lambda value: str(value)[:30],
    )
    def test_one_that_does_not_fit_is_refused_with_its_key(self, values: Any, what: str, where: str) -> None:
        with pytest.raises(CatscanError) as refused:
            from_dict(Block, values, where="block")

        assert (refused.value.what, refused.value.where) == (what, where)

    @pytest.mark.parametrize(
        "values",
        [{"choice": None}, {"choice": "left"}, {"layers": "auto"}, {"layers": (1, 2)}, {"count": 2}, {"rate": 1}],
    )
    def test_one_that_fits_is_taken_as_it_is(self, values: Any) -> None:
        assert {key: getattr(from_dict(Block, values), key) for key in values} == values

    def test_a_block_within_a_block_is_made_too(self) -> None:
        assert from_dict(Block, {"part": {"name": "a"}}).part == Part("a")


class TestOptional:
    def test_what_is_left_out_is_none_at_every_depth(self) -> None:
        made = from_dict(optional(Block), {"part": {"name": "a"}})

        assert (made.count, made.sides, made.part.name, made.part.share) == (None, None, "a", None)

    def test_what_is_given_keeps_to_the_same_bounds(self) -> None:
        with pytest.raises(CatscanError, match="`count` must be a whole number of at least 1"):
            from_dict(optional(Block), {"count": 0})
