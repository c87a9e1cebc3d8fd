"""What Snakemake is asked again and again while it plans, it finds once; and anew where it may have changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from snakemake import common, rules
from snakemake.jobs import Job
from snakemake.output_index import OutputIndex

from catscan.flow import asked_once


class Rule:
    """One that makes ``made``, and counts how often it is asked."""

    def __init__(self, made: str) -> None:
        self.made, self.asked = made, 0

    def products(self) -> list[Any]:
        return [SimpleNamespace(constant_prefix=lambda: self.made[:1], constant_suffix=lambda: "")]

    def is_producer(self, file: str) -> bool:
        self.asked += 1
        return file == self.made


def test_who_makes_a_file_is_found_once_by_each_index() -> None:
    asked_once.use()
    arrays, weights = Rule("arrays"), Rule("weights")
    old = OutputIndex([arrays])  # type: ignore[list-item]
    for _ in range(3):
        assert old.match_producers("arrays") == {arrays}
        assert old.match_producers("weights") == set()
    assert arrays.asked == 1

    assert OutputIndex([arrays, weights]).match_producers("weights") == {weights}  # type: ignore[list-item]


def test_each_function_has_its_own_parameters() -> None:
    asked_once.use()
    for _ in range(2):
        assert [*common.get_function_params(asked_once.use)] == []
        assert [*rules.get_function_params(common.get_function_params)] == ["function"]


def test_another_attempt_has_another_command() -> None:
    asked_once.use()
    job = SimpleNamespace(resources={"mem_mb": 100}, rule=SimpleNamespace(shellcmd="train"), told=0)

    def format_wildcards(words: str) -> str:
        job.told += 1
        return f"{words} {job.resources['mem_mb']}"

    job.format_wildcards = format_wildcards
    first = [Job.shellcmd.fget(job) for _ in range(3)]  # type: ignore[attr-defined]
    job.resources = {"mem_mb": 200}

    assert (first, job.told) == (["train 100"] * 3, 1)
    assert Job.shellcmd.fget(job) == "train 200"  # type: ignore[attr-defined]
