"""Shards: uint8 arrays on disk, one row a sample, read by memory map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.sidecar import Sidecar
from catscan.common.errors import CatscanError
from catscan.common.files import whole


def write_array(path: Path | str, array: NDArray[Any]) -> None:
    """Write one ``.npy`` file, C-contiguous, whole or not at all."""
    with whole(path) as partial, partial.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)


@dataclass(frozen=True)
class Shard:
    """One array file and its sidecar.

    Attributes
    ----------
    array
        uint8 memory map, (n, height, width, channels) or (n, depth, height, width, channels); n may be 0.
    sidecar
        What is known of its samples; its ``ids`` are those of the rows.
    """

    array: NDArray[np.uint8]
    sidecar: Sidecar


def read_shard(path: Path | str) -> Shard:
    """Open one shard by memory map.

    Raises
    ------
    CatscanError
        When the array is missing, damaged, not uint8, or does not fit its sidecar.
    """
    path = Path(path)
    sidecar = Sidecar.read(path.with_suffix(".json"))
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CatscanError(
            "A shard cannot be read.", where=str(path), found=str(error), do="Delete it and run again."
        ) from error
    if array.dtype != np.uint8 or len(array) != len(sidecar.ids):
        raise CatscanError(
            "A shard does not fit its sidecar.",
            where=str(path),
            found=f"{len(array)} rows of {array.dtype}, {len(sidecar.ids)} ids",
            do="Delete both and run again.",
        )
    return Shard(array=array, sidecar=sidecar)


class Shards:
    """Several shards as one array, by memory map.

    ``shards.take(rows)`` gathers rows (any order) into a new uint8 array; `sample_ids` names the rows in order.
    """

    def __init__(self, paths: Sequence[Path | str]) -> None:
        self._shards = [read_shard(path) for path in paths]
        self.sample_ids: list[str] = [name for shard in self._shards for name in shard.sidecar.ids]
        self._starts = np.cumsum([0, *(len(shard.array) for shard in self._shards)])
        shapes = {shard.array.shape[1:] for shard in self._shards}
        if len(shapes) != 1:
            raise CatscanError("The shards have different sizes.", where=", ".join(map(str, paths)), found=str(shapes))
        self.sample_shape: tuple[int, ...] = shapes.pop()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Gather ``rows`` (integers in [0, len), in any order) into a new array (len(rows), *sample_shape)."""
        rows = np.asarray(rows)
        taken = np.empty((len(rows), *self.sample_shape), np.uint8)
        owners = np.searchsorted(self._starts, rows, side="right") - 1
        for number, shard in enumerate(self._shards):
            mine = owners == number
            taken[mine] = shard.array[rows[mine] - self._starts[number]]
        return taken
