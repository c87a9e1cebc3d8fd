"""Reads arrays of numbers as pictures or volumes: to grey levels, then resized."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import BadSample
from catscan.kinds.arrays.places import ArrayFiles
from catscan.kinds.arrays.settings import ArraySettings
from catscan.kinds.levels import to_bytes
from catscan.kinds.pictures.resize import area
from catscan.kinds.samples import Reading, Sample
from catscan.raw.files import RawFiles
from catscan.raw.places import MARK

Levels = NDArray[np.uint8]
AXES = {2: "height, width", 3: "depth, height, width"}


class ArrayReader:
    """Reads arrays one after another; safe to share between threads.

    ``Sample.path`` is a file, or "set.npz/train_images#12" for the row 12 of an array, counted from 0.
    """

    def __init__(self, raw: RawFiles, settings: ArraySettings) -> None:
        self._settings = settings
        self._files = ArrayFiles(raw)

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) or (depth, height, width, channels)."""
        return self._settings.shape

    def read(self, sample: Sample) -> Reading:
        """Read one array.

        Raises
        ------
        BadSample
            When it is no array of numbers, is cut off or damaged, or does not fit the settings.
        """
        path, _, row = sample.path.rpartition(MARK)
        if path and row.isdecimal():
            values = self._files.held(sample.archive, path).row(int(row))
        else:
            with self._files.once(sample.archive, sample.path) as stored:
                values = stored.whole()
        settings = self._settings
        levels = grey_levels(with_channels(values, settings), settings.value_range)
        return Reading(np.ascontiguousarray(resized(levels, settings.size)))

    def close(self) -> None:
        """Close what is open."""
        self._files.close()


def with_channels(values: NDArray[Any], settings: ArraySettings) -> NDArray[Any]:
    """The array of a sample with its axis of channels; one that lacks it has one channel.

    Raises
    ------
    BadSample
        When the number of its axes or of its channels is not that of the settings.
    """
    axes = len(settings.size)
    if values.ndim == axes and settings.channels == 1:
        return values[..., None]
    if values.ndim == axes + 1 and values.shape[-1] == settings.channels:
        return values
    raise BadSample(
        f"has the shape {values.shape}, not ({AXES[axes]}) with {settings.channels} channels: "
        "see preprocess.array.size and channels"
    )


def grey_levels(values: NDArray[Any], value_range: tuple[float, ...]) -> Levels:
    """The values as 0 to 255.

    Raises
    ------
    BadSample
        When they are no bytes and no range is given, or are no finite numbers.
    """
    if not value_range:
        if values.dtype != np.uint8:
            raise BadSample(f"holds {values.dtype} values: set preprocess.array.value_range")
        return values
    if not np.isfinite(values).all():
        raise BadSample("holds values that are not finite numbers")
    return to_bytes(values, value_range)


def resized(levels: Levels, size: tuple[int, ...]) -> Levels:
    """A picture or volume of another size: the area average along each axis that shrinks, linear along one that grows.

    Parameters
    ----------
    levels
        (height, width, channels) or (depth, height, width, channels).
    """
    if levels.shape[:-1] == size:
        return levels
    channels = [_resized(levels[..., number : number + 1], size) for number in range(levels.shape[-1])]
    return np.concatenate(channels, axis=-1)


def _resized(levels: Levels, size: tuple[int, ...]) -> Levels:
    """One channel; of a volume first every plane, then along the depth, row by row."""
    if len(size) == 2:
        return area(levels, (size[0], size[1]))
    depth, height, width = size
    planes = np.stack([area(plane, (height, width)) for plane in levels])
    return np.stack([area(planes[:, row], (depth, width)) for row in range(height)], axis=1)
