"""A large picture strip by strip: what is done to its pixels, so that only its result is ever whole in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.kinds.pictures.resize import area

Pixels = NDArray[np.uint8]
PIXELS_AT_ONCE = 1 << 18  # of a strip


def in_strips(strips: Callable[[Sequence[int]], Iterator[Pixels]], shape: tuple[int, int], factor: int) -> Pixels:
    """Put a picture together from its strips, at 1/``factor``: the area average along each axis.

    Parameters
    ----------
    strips
        Given how many rows each shall have, yields (rows, width, channels), uint8, from the top.
    shape
        (height, width) of the picture.
    factor
        At 1 it comes as it is.

    Returns
    -------
    ndarray of shape (ceil(height / factor), ceil(width / factor), channels), uint8
    """
    height, width = (-(-side // factor) for side in shape)
    step = max(1, PIXELS_AT_ONCE // (shape[1] * factor))
    ends = [*range(0, height, step), height]
    rows = [(below * shape[0]) // height - (above * shape[0]) // height for above, below in pairwise(ends)]
    picture: Pixels | None = None
    for start, strip in zip(ends, strips(rows), strict=False):
        part = area(strip, (min(step, height - start), width))
        if picture is None:
            picture = np.empty((height, width, part.shape[2]), np.uint8)
        picture[start : start + len(part)] = part
    assert picture is not None, "a picture has a row at least"
    return picture


def to_8_bit_opaque(stored: NDArray[Any]) -> Pixels:
    """Divide 16 bits by 257 and put transparency on white, strip by strip, rounded; (height, width, 1 or 3)."""
    height, width, channels = stored.shape
    opaque: Pixels = np.empty((height, width, min(channels, 3)), np.uint8)
    rows = max(1, PIXELS_AT_ONCE // width)
    top = 65535 if stored.dtype == np.uint16 else 255
    for start in range(0, height, rows):
        strip: NDArray[Any] = stored[start : start + rows].astype(np.float32)
        if channels == 4:
            alpha = strip[..., 3:] / np.float32(top)
            strip = strip[..., :3] * alpha + top * (1 - alpha)
        opaque[start : start + rows] = np.rint(strip * np.float32(255 / top))
    return opaque
