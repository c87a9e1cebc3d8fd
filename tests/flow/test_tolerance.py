"""A shard stands as long as it holds no more bad samples than are tolerated."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from catscan.common.contracts.sidecar import Bad, ReadAs, Sidecar
from catscan.flow.tolerance import exceeded


@dataclass
class Job:
    output: list[str]
    resources: dict[str, object] = field(default_factory=dict)


@pytest.fixture
def shard(tmp_path: Path) -> list[str]:
    """19 good samples and a bad one."""
    place = tmp_path / "train-1-of-1.json"
    good = tuple(map(str, range(19)))
    Sidecar(ids=good, bad=(Bad("b", "cut off"),), odd=(), settings=ReadAs("picture", {}), geometry={}).write(place)
    return [str(place.with_suffix(".npy")), str(place)]


@pytest.mark.parametrize(
    ("tolerated", "too_many"),
    [
        ('{"on_bad": "fail", "tolerated_share": 0.05}', False),
        ('{"on_bad": "fail", "tolerated_share": 0.049}', True),
        ('{"on_bad": "skip", "tolerated_share": 0}', False),
    ],
    ids=["as many", "fewer", "any"],
)
def test_it_stands_by_what_is_tolerated_now(shard: list[str], tolerated: str, too_many: bool) -> None:
    assert exceeded(Job(shard, {"bad_samples": tolerated})) is too_many


def test_what_is_no_shard_or_not_there_is_left_to_the_stages(shard: list[str], tmp_path: Path) -> None:
    none = {"bad_samples": '{"on_bad": "fail", "tolerated_share": 0}'}
    garbled = tmp_path / "garbled.json"
    garbled.write_text("{")

    assert not exceeded(Job(shard))
    assert not exceeded(Job([str(tmp_path / "gone.json")], none))
    assert not exceeded(Job([str(garbled)], none))
