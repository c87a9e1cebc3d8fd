"""Shards: what is written is what is read, and what does not fit is refused."""

from pathlib import Path

import numpy as np
import pytest
from factories import write_shard

from catscan.common.arrays import Shards, read_shard
from catscan.common.errors import CatscanError


def shard(folder: Path, name: str, values: list[int]) -> Path:
    array = (
        np.stack([np.full((2, 3, 1), value, np.uint8) for value in values])
        if values
        else np.empty((0, 2, 3, 1), np.uint8)
    )
    write_shard(folder / name, array, [f"s{value}" for value in values])
    return folder / name


def test_rows_of_several_shards_are_gathered_in_the_order_asked_for(tmp_path: Path) -> None:
    shards = Shards([shard(tmp_path, "1.npy", [1, 2]), shard(tmp_path, "2.npy", []), shard(tmp_path, "3.npy", [3])])

    assert len(shards) == 3
    assert shards.sample_ids == ["s1", "s2", "s3"]
    assert shards.take(np.array([2, 0, 2]))[:, 0, 0, 0].tolist() == [3, 1, 3]


def test_a_truncated_array_is_one_block(tmp_path: Path) -> None:
    path = shard(tmp_path, "1.npy", [1, 2])
    path.write_bytes(path.read_bytes()[:-5])

    with pytest.raises(CatscanError, match="A shard cannot be read"):
        read_shard(path)


def test_a_pickled_array_is_never_loaded(tmp_path: Path) -> None:
    path = shard(tmp_path, "1.npy", [1])
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)

    with pytest.raises(CatscanError, match="A shard cannot be read"):
        read_shard(path)


def test_an_array_that_does_not_fit_its_sidecar_is_one_block(tmp_path: Path) -> None:
    path = shard(tmp_path, "1.npy", [1, 2])
    np.save(path, np.zeros((3, 2, 3, 1), np.uint8))

    with pytest.raises(CatscanError, match=r"does not fit its sidecar[\s\S]*3 rows of uint8, 2 ids"):
        read_shard(path)


def test_shards_of_different_sizes_are_refused(tmp_path: Path) -> None:
    first = shard(tmp_path, "1.npy", [1])
    write_shard(tmp_path / "2.npy", np.zeros((1, 4, 4, 1), np.uint8), ["a"])

    with pytest.raises(CatscanError, match="different sizes"):
        Shards([first, tmp_path / "2.npy"])
