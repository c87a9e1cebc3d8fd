"""A stage's settings come as one canonical string."""

from dataclasses import dataclass

import pytest

from catscan.common.errors import CatscanError
from catscan.common.settings import canonical, parse


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
