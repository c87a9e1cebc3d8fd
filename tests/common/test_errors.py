"""Errors are for people: one block with what, where, found, do."""

import pytest

from catscan.common.errors import CatscanError, TryAgain, did_you_mean, listed


def test_block_has_a_line_for_each_part_that_is_given() -> None:
    error = CatscanError("It is broken.", where="a.csv", found="nothing", do="Mend it.")

    assert str(error) == "It is broken.\n  where  a.csv\n  found  nothing\n  do     Mend it."


def test_parts_that_are_not_given_have_no_line() -> None:
    assert str(CatscanError("It is broken.", do="Mend it.")) == "It is broken.\n  do     Mend it."


def test_a_part_of_several_lines_stays_aligned() -> None:
    assert str(CatscanError("No.", found="a\nb")) == "No.\n  found  a\n         b"


@pytest.mark.parametrize(("kind", "code"), [(CatscanError, 2), (TryAgain, 75)], ids=["user", "try again"])
def test_exit_code_tells_a_mistake_from_a_busy_device(kind: type[CatscanError], code: int) -> None:
    assert kind("No.").exit_code == code


def test_at_most_five_offenders_are_named() -> None:
    assert listed(list("abcdefg"), more_in="x.json") == "a, b, c, d, e, and 2 more in x.json"


def test_a_near_name_is_suggested_and_otherwise_all_are_listed() -> None:
    assert did_you_mean("trian", ["train", "index"]) == 'Did you mean "train"?'
    assert did_you_mean("zzz", ["train", "index"]) == "Known: index, train."
    assert did_you_mean("zzz", []) == ""
