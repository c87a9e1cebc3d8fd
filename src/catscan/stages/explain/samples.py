"""The samples that are shown: as the shards hold them, and read again at the size of a pretrained network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.common.arrays import Shards
from catscan.common.contracts.explanation import FromFile, Voxels
from catscan.common.contracts.model import Model
from catscan.kinds.registry import kind_named
from catscan.kinds.samples import Reading, Sample
from catscan.raw.files import RawFiles
from catscan.raw.packed import unpacked
from catscan.stages.explain.choice import Chosen


@dataclass(frozen=True)
class Samples:
    """All samples of a competition.

    Attributes
    ----------
    shards
        Those of each split.
    index
        By sample id, in which archive and where each lies in ``raw``, and its label.
    raw
        The raw files.
    """

    shards: Mapping[str, Shards]
    index: pd.DataFrame
    raw: Path

    def pixels(self, chosen: Sequence[Chosen]) -> NDArray[np.uint8]:
        """(n, *shape) uint8 of the shards."""
        rows = {split: {name: row for row, name in enumerate(some.sample_ids)} for split, some in self.shards.items()}
        taken = [self.shards[one.split].take(np.array([rows[one.split][one.sample_id]])) for one in chosen]
        return np.concatenate(taken)

    def readings(self, chosen: Sequence[Chosen], described: Model, side: int) -> list[Reading]:
        """Read again, over the field that pretrained networks get, so high and wide."""
        kind = kind_named(described.kind)
        block = kind.block_seen_at(described.reader, side)
        with closing(RawFiles(unpacked(self.raw))) as raw, closing(kind.open_reader(block, raw)) as reader:
            return [reader.read(self._place(one.sample_id)) for one in chosen]

    def seen_at(self, chosen: Sequence[Chosen], described: Model, side: int) -> NDArray[np.uint8]:
        """(n, *shape) uint8 as a pretrained network of this side gets them."""
        return np.stack([one.array for one in self.readings(chosen, described, side)])

    def geometry(self, sample_id: str) -> dict[str, Any]:
        """What is known of where a scan lies; empty of a picture, and of a volume that says nothing."""
        sidecars = (sidecar for some in self.shards.values() for sidecar in some.sidecars)
        return next((dict(one.geometry[sample_id]) for one in sidecars if sample_id in one.geometry), {})

    @property
    def show_all(self) -> bool:
        """Whether the shards show the same field as at any other size, so that what is found there lies here too."""
        read_as = self.shards["test"].sidecars[0].settings
        settings: Any = kind_named(read_as.kind).settings_of(read_as.reader)
        *_, height, width, _ = settings.shape
        fit = getattr(settings, "fit", "stretch")
        return getattr(settings, "mode", "cube") == "cube" and (height == width or fit == "stretch")

    def are_read_for(self, described: Model) -> bool:
        """Whether these are what a model has learnt from, so that what it sees in a place lies there."""
        return bool(described.features) or _reader_of(self.shards) == described.reader

    def _place(self, sample_id: str) -> Sample:
        row = self.index.loc[sample_id]
        return Sample(sample_id, str(row["archive"]), str(row["path"]))


def shards_read_for(described: Model, train: Sequence[Path], test: Sequence[Path]) -> dict[str, Shards]:
    """The shards of each split that a model has learnt from; of one that learnt from features, those of the config.

    A sweep may read the samples in several ways, each in a folder of its own; that of the config is the first.
    """
    folders = dict.fromkeys(path.parent for path in train)
    splits = {"train": train, "test": test}
    every = [
        {split: Shards([path for path in paths if path.parent == folder]) for split, paths in splits.items()}
        for folder in folders
    ]
    alike = (one for one in every if _reader_of(one) == described.reader and not described.features)
    return next(alike, every[0])


def _reader_of(shards: Mapping[str, Shards]) -> dict[str, Any]:
    return shards["test"].sidecars[0].settings.reader


def from_file(described: Model) -> FromFile | None:
    """How a network reads picture files; None of one that reads others, or features."""
    if not kind_named(described.kind).picture_files or described.features:
        return None
    settings: Any = kind_named(described.kind).settings_of(described.reader)
    return FromFile(settings.size, settings.fit, settings.resize)


def voxels_of(geometry: Mapping[str, Any]) -> Voxels | None:
    """What a scan's voxels stand for; None where nothing is known of them."""
    if not geometry:
        return None
    ranges = tuple((float(low), float(high)) for low, high in geometry["intensity_ranges"])
    z, y, x = map(float, geometry["spacing_mm"])
    return Voxels((z, y, x), ranges, "HU" if geometry["modality"] == "CT" else "")
