"""Shards: arrays on disk, one row a sample, read by memory map: uint8 of grey levels, float32 of features."""

from __future__ import annotations

import os
import tokenize
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.features import FeaturesSidecar, FeaturesSource
from catscan.common.contracts.sidecar import Sidecar
from catscan.common.errors import CatscanError
from catscan.common.files import read_json, whole

# What NumPy and zipfile raise of a file that is damaged, or lacks an array. RuntimeError: a byte of it says that it is
# encrypted, or packed in a way of the future.
DAMAGED = (
    *(OSError, ValueError, KeyError, AttributeError, EOFError, RuntimeError),
    *(tokenize.TokenError, zipfile.BadZipFile),
)


def write_array(path: Path | str, array: NDArray[Any]) -> None:
    """Write one ``.npy`` file, C-contiguous, whole or not at all."""
    with whole(path) as partial, partial.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)


def new_array(path: Path, shape: tuple[int, ...], dtype: Any = np.uint8) -> np.memmap[Any, Any]:
    """A new array on disk, by memory map, with its space reserved.

    Without that, a full disk would end the process by a signal at the first write, with no word to the user.
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


class Samples(Protocol):
    """What a network learns from or predicts: rows of one shape and type."""

    sample_ids: list[str]
    """One a row."""
    sample_shape: tuple[int, ...]
    """(height, width, channels) or (depth, height, width, channels) of grey levels; (slices, width) of features."""
    dtype: np.dtype[Any]
    """uint8 or float32."""
    sidecars: Sequence[Sidecar]
    """Those of the shards; of features, those of the first network's."""
    sources: tuple[FeaturesSource, ...]
    """Of features, what made them, in the order of the columns; empty for grey levels."""

    def __len__(self) -> int: ...

    def take(self, rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Gather ``rows`` (integers in [0, len), in any order) into a new array (len(rows), *sample_shape)."""


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an `.npz`, whole or not at all; equal arrays give equal bytes."""
    with whole(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name in sorted(arrays):
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(arrays[name]), allow_pickle=False)


def read_arrays(path: Path, *, do: str) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz` by name; no pickle is ever loaded.

    Raises
    ------
    CatscanError
        When it is damaged; ``do`` says what to do then.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except DAMAGED as error:
        raise CatscanError("The weights are damaged.", where=str(path), found=str(error), do=do) from error


@dataclass(frozen=True)
class Shard:
    """One array file and its sidecar.

    Attributes
    ----------
    array
        Memory map, (n, *sample_shape); n may be 0.
    sidecar
        What is known of its samples; its ``ids`` are those of the rows.
    """

    array: NDArray[Any]
    sidecar: Sidecar


def read_shard(path: Path | str, sidecar_class: type[Sidecar] = Sidecar, dtype: Any = np.uint8) -> Shard:
    """Open one shard by memory map.

    Raises
    ------
    CatscanError
        When the array is missing, damaged, of another type, or does not fit its sidecar.
    """
    path = Path(path)
    sidecar = sidecar_class.read(path.with_suffix(".json"))
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGED as error:
        raise CatscanError(
            "A shard cannot be read.", where=str(path), found=str(error), do="Delete it and run again."
        ) from error
    if array.dtype != dtype or len(array) != len(sidecar.ids):
        raise CatscanError(
            "A shard does not fit its sidecar.",
            where=str(path),
            found=f"{len(array)} rows of {array.dtype}, {len(sidecar.ids)} ids",
            do="Delete both and run again.",
        )
    return Shard(array=array, sidecar=sidecar)


class Shards:
    """Several shards as one array, by memory map; see `Samples`."""

    def __init__(
        self, paths: Sequence[Path | str], sidecar_class: type[Sidecar] = Sidecar, dtype: Any = np.uint8
    ) -> None:
        self._shards = [read_shard(path, sidecar_class, dtype) for path in paths]
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.sidecars: Sequence[Sidecar] = [shard.sidecar for shard in self._shards]
        self.sources: tuple[FeaturesSource, ...] = ()
        self.sample_ids: list[str] = [name for sidecar in self.sidecars for name in sidecar.ids]
        self._starts = np.cumsum([0, *(len(shard.array) for shard in self._shards)])
        shapes = {shard.array.shape[1:] for shard in self._shards}
        if len(shapes) != 1:
            raise CatscanError("The shards have different sizes.", where=", ".join(map(str, paths)), found=str(shapes))
        self.sample_shape: tuple[int, ...] = shapes.pop()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Gather ``rows`` (integers in [0, len), in any order) into a new array (len(rows), *sample_shape)."""
        rows = np.asarray(rows)
        taken = np.empty((len(rows), *self.sample_shape), self.dtype)
        owners = np.searchsorted(self._starts, rows, side="right") - 1
        for number, shard in enumerate(self._shards):
            mine = owners == number
            taken[mine] = shard.array[rows[mine] - self._starts[number]]
        return taken


class FeatureShards:
    """The features that several pretrained networks found, side by side; see `Samples`."""

    def __init__(self, paths: Sequence[Path | str]) -> None:
        by_network: dict[str, list[Path]] = {}
        for path in map(Path, paths):
            by_network.setdefault(FeaturesSidecar.read(path.with_suffix(".json")).source.network, []).append(path)
        self._sets = [Shards(some, FeaturesSidecar, np.float32) for some in by_network.values()]
        first, *others = self._sets
        self.dtype: np.dtype[Any] = first.dtype
        self.sidecars = first.sidecars
        self.sample_ids: list[str] = first.sample_ids
        slices, _ = first.sample_shape
        for one, name in zip(others, list(by_network)[1:], strict=True):
            if one.sample_ids != first.sample_ids or one.sample_shape[0] != slices:
                raise CatscanError(
                    "The features of two networks are not of the same samples.",
                    where=str(by_network[name][0]),
                    found=f"{len(one)} samples, not the {len(first)} of {by_network[next(iter(by_network))][0]}",
                    do="Delete both and run again.",
                )
        self.sample_shape: tuple[int, ...] = (slices, sum(one.sample_shape[1] for one in self._sets))
        self.sources = tuple(_source(one) for one in self._sets)

    def __len__(self) -> int:
        return len(self._sets[0])

    def take(self, rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Gather ``rows`` (integers in [0, len), in any order) into a new array (len(rows), *sample_shape)."""
        return np.concatenate([one.take(rows) for one in self._sets], axis=-1)


def _source(shards: Shards) -> FeaturesSource:
    """What all shards of one network's features say of where they come from."""
    sources = [sidecar.source for sidecar in shards.sidecars if isinstance(sidecar, FeaturesSidecar)]
    unlike = [source for source in sources if source != sources[0]]
    if unlike:
        raise CatscanError(
            "The shards hold features that were made in different ways.",
            where=sources[0].network,
            found=f"{sources[0]} and {unlike[0]}",
            do="Delete them and run again.",
        )
    return sources[0]


def open_samples(paths: Sequence[Path | str]) -> Samples:
    """The samples of several shards, of features or of grey levels, as the first one's sidecar tells.

    Raises
    ------
    CatscanError
        When they cannot be read or do not go together.
    """
    told = read_json(Path(paths[0]).with_suffix(".json"))
    return FeatureShards(paths) if isinstance(told, dict) and "source" in told else Shards(paths)
