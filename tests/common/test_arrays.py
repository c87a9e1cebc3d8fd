"""Shards: what is written is what is read, and what does not fit is refused."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import write_features, write_shard

from catscan.common.arrays import (
    FeatureShards,
    Shards,
    new_array,
    open_samples,
    read_arrays,
    read_shard,
    write_arrays,
)
from catscan.common.contracts.features import FeaturesSource
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


def one_byte_other(path: Path, bits: int) -> Iterator[None]:
    """The file with one byte after another changed."""
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :])
        yield


def test_an_array_of_which_a_byte_is_another_is_read_or_one_block(tmp_path: Path) -> None:
    path = shard(tmp_path, "1.npy", [1])
    for _ in one_byte_other(path, 0x55):
        with suppress(CatscanError):
            read_shard(path)


@pytest.mark.parametrize("bits", [0x01, 0x55])
def test_weights_of_which_a_byte_is_another_are_read_or_one_block(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "weights.npz"
    write_arrays(path, {"stem/W": np.ones((2, 3), np.float32)})
    for _ in one_byte_other(path, bits):
        with suppress(CatscanError):
            read_arrays(path, do="Train again.")


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


LITE0, LITE1 = (FeaturesSource(f"efficientnet-lite{number}", f"{number}" * 64, "fp32") for number in (0, 1))


def features(path: Path, values: list[int], source: FeaturesSource = LITE0, slices: int = 2) -> Path:
    """A shard of features of width 3, each row full of one value; those of the second network are 100 more."""
    more = 100 * (source.network == LITE1.network)
    array = np.zeros((len(values), slices, 3), np.float32) + np.array(values, np.float32)[:, None, None] + more
    write_features(path, array, [f"s{value}" for value in values], source=source)
    return path


def test_features_of_several_networks_stand_side_by_side_in_the_order_of_their_shards(tmp_path: Path) -> None:
    first = [features(tmp_path / "0a.npy", [1, 2]), features(tmp_path / "0b.npy", [3])]
    second = [features(tmp_path / "1a.npy", [1], LITE1), features(tmp_path / "1b.npy", [2, 3], LITE1)]
    samples = FeatureShards([*second, *first])
    turned = FeatureShards([*first, *second])

    assert (len(samples), samples.sample_ids) == (3, ["s1", "s2", "s3"])
    assert (samples.sample_shape, samples.dtype) == ((2, 6), np.float32)
    assert (samples.sources, turned.sources) == ((LITE1, LITE0), (LITE0, LITE1))
    assert samples.take(np.array([2, 0]))[:, 1].tolist() == [[103] * 3 + [3] * 3, [101] * 3 + [1] * 3]
    assert turned.take(np.array([2, 0]))[:, 1].tolist() == [[3] * 3 + [103] * 3, [1] * 3 + [101] * 3]


@pytest.mark.parametrize(
    ("values", "slices"),
    [([1, 2, 4], 2), ([2, 1, 3], 2), ([1, 2], 2), ([1, 2, 3], 5)],
    ids=["another id", "another order", "fewer", "other slices"],
)
def test_features_of_two_networks_are_of_the_same_samples(tmp_path: Path, values: list[int], slices: int) -> None:
    paths = [features(tmp_path / "0.npy", [1, 2, 3]), features(tmp_path / "1.npy", values, LITE1, slices)]

    with pytest.raises(CatscanError, match="features of two networks are not of the same samples") as refusal:
        FeatureShards(paths)
    assert refusal.value.where == str(paths[1])
    assert refusal.value.found == f"{len(values)} samples, not the 3 of {paths[0]}"


@pytest.mark.parametrize(
    "other",
    [replace(LITE0, weights_sha256="f" * 64), replace(LITE0, precision="bf16")],
    ids=["weights", "precision"],
)
def test_shards_of_features_that_were_made_in_different_ways_are_refused(tmp_path: Path, other: FeaturesSource) -> None:
    paths = [features(tmp_path / "a.npy", [1]), features(tmp_path / "b.npy", [2], other)]

    with pytest.raises(CatscanError, match="made in different ways") as refusal:
        FeatureShards(paths)
    assert refusal.value.where == "efficientnet-lite0"
    assert str(other) in refusal.value.found


def test_samples_are_opened_as_what_their_sidecars_say(tmp_path: Path) -> None:
    of_grey_levels = open_samples([shard(tmp_path, "1.npy", [1])])
    of_features = open_samples([features(tmp_path / "2.npy", [1, 2])])

    assert (of_grey_levels.dtype, of_grey_levels.sample_shape, of_grey_levels.sources) == (np.uint8, (2, 3, 1), ())
    assert (of_features.dtype, of_features.sample_shape, of_features.sources) == (np.float32, (2, 3), (LITE0,))


@pytest.mark.parametrize("features_first", [True, False])
def test_shards_of_features_and_of_grey_levels_are_not_mixed(tmp_path: Path, features_first: bool) -> None:
    paths = [features(tmp_path / "2.npy", [1]), shard(tmp_path, "1.npy", [1])]

    with pytest.raises(CatscanError, match=r"not as the .* stage writes it"):
        open_samples(paths if features_first else paths[::-1])


def test_features_of_another_type_are_refused(tmp_path: Path) -> None:
    path = features(tmp_path / "1.npy", [1])
    np.save(path, np.zeros((1, 2, 3), np.float64))

    with pytest.raises(CatscanError, match=r"does not fit its sidecar[\s\S]*1 rows of float64, 1 ids"):
        open_samples([path])


@pytest.mark.parametrize("shape", [(0, 4), (3, 4)], ids=["empty", "some rows"])
def test_a_new_array_is_there_in_full_size_and_is_what_is_written_to_it(tmp_path: Path, shape: tuple[int, int]) -> None:
    array = new_array(tmp_path / "a.npy", shape, np.float32)
    size = (tmp_path / "a.npy").stat().st_size
    array[...] = 7
    array.flush()

    assert size == 128 + 4 * array.size
    assert np.load(tmp_path / "a.npy").tolist() == np.full(shape, 7.0).tolist()
