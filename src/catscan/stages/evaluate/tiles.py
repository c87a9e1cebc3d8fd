"""Samples as small pictures for the report's galleries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.galleries import Picture, Tile

Array = NDArray[np.uint8]
ArrayOf = Callable[[int], Array]  # a held-out sample by its position

CLASSES_SHOWN = 12
PER_CLASS, SCANS_PER_CLASS = 8, 3
MOST_WRONG, SCANS_MOST_WRONG = 16, 6
SLICES_SHOWN = 5
SHEET = 64  # slices


def tile(sample: Array, sample_id: str, told: str) -> Tile:
    """A sample (height, width, channels) or (depth, height, width, channels) with its texts."""
    scan = sample.ndim == 4
    return Tile(sample_id, told, Picture.of(strip(sample)), Picture.of(sheet(sample[..., 0])) if scan else None)


def spread(members: Sequence[int] | NDArray[np.integer], *, scans: bool) -> NDArray[np.integer]:
    """As many of ``members`` as a row shows, evenly from the first to the last."""
    most = SCANS_PER_CLASS if scans else PER_CLASS
    places = np.linspace(0, len(members) - 1, most if len(members) else 0).astype(int)
    return np.asarray(members, int)[np.unique(places)]


def strip(sample: Array) -> Array:
    """One sample as one picture (height, width) or (height, width, 3).

    A scan (depth, height, width, channels) becomes a row of slices from one end to the other, of its first channel.
    """
    if sample.ndim == 4:
        depth = len(sample)
        chosen = np.linspace(depth * 0.15, depth * 0.85, SLICES_SHOWN).round().astype(int).clip(0, depth - 1)
        return np.concatenate([sample[z, :, :, 0] for z in chosen], axis=1)
    return sample if sample.shape[2] == 3 else sample[:, :, 0]


def sheet(levels: Array) -> Array:
    """All slices (depth, height, width) side by side, eight a line, so that nothing falls between those shown.

    Of more than 64 slices each two, three and so on are one, their maximum.
    """
    together = -(-len(levels) // SHEET)
    slabs = [levels[first : first + together].max(axis=0) for first in range(0, len(levels), together)]
    columns = min(8, len(slabs))
    empty = [np.zeros_like(slabs[0])] * (-len(slabs) % columns)
    filled = [*slabs, *empty]
    return np.concatenate(
        [np.concatenate(filled[first : first + columns], axis=1) for first in range(0, len(filled), columns)]
    )
