"""What a user can choose about arrays: the block `preprocess.array` of the config."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Self

from catscan.common.errors import CatscanError
from catscan.common.keys import between, length


@dataclass(frozen=True)
class ArraySettings:
    """For arrays of numbers, as pictures or as volumes."""

    size: Annotated[tuple[Annotated[int, between(1, 4096)], ...], length(2, 3)] = (64, 64)
    """Height and width in pixels, or depth, height and width in voxels; arrays of another size are resized."""

    channels: Annotated[int, between(1, 64)] = 1
    """The length of an array's last axis; 1 also for arrays that lack this axis."""

    value_range: Annotated[tuple[float, ...], length(0, 2)] = ()
    """[low, high], the values that become black and white, those beyond clipped; empty for uint8 as it is."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) or (depth, height, width, channels)."""
        return (*self.size, self.channels)

    def seen_at(self, side: int) -> Self:
        """The same samples, ``side`` pixels high and wide."""
        return replace(self, size=(*self.size[:-2], side, side))

    def __post_init__(self) -> None:
        if self.value_range and not (len(self.value_range) == 2 and self.value_range[0] < self.value_range[1]):
            raise CatscanError(
                "A range of values is two numbers, the lower one first.",
                where="preprocess.array.value_range",
                found=repr(list(self.value_range)),
            )
