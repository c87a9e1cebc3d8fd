"""The formats that Pillow reads: TIFF, BMP, GIF, and JPEG in four colours."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catscan.common.errors import BadSample
from catscan.kinds.pictures.strips import in_strips, to_8_bit_opaque

Pixels = NDArray[np.uint8]

Image.MAX_IMAGE_PIXELS = None  # sizes are checked in the header, by the bound of the config


def tiff_size(data: bytes) -> tuple[int, int]:
    """(height, width) of a TIFF; raises as `pillow_pixels`."""
    with _opened(data) as file:
        return file.height, file.width


def pillow_pixels(data: bytes, factor: int) -> Pixels:
    """The pixels of a file, whose size was checked, at 1/``factor``.

    Returns
    -------
    ndarray of shape (height, width, 1 or 3), uint8
        Gray, or red, green, blue; a TIFF is upright.

    Raises
    ------
    BadSample
        When the file is damaged.
    """
    with _opened(data) as file:
        if file.format == "JPEG" and factor > 1:
            file.draft(None, (file.width // factor, file.height // factor))
            factor = 1
        file.load()
        return in_strips(partial(_strips, file), (file.height, file.width), factor)


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(data)) as file:
            yield file
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise BadSample(f"is damaged: {str(error).split(' <')[0]}") from error


def _strips(file: Image.Image, rows: Sequence[int]) -> Iterator[Pixels]:
    start = 0
    for count in rows:
        strip = file.crop((0, start, file.width, start + count))
        start += count
        if strip.mode in ("I", "F") or strip.mode.startswith("I;16"):
            yield _deep(np.asarray(strip))
            continue
        if file.has_transparency_data:
            strip = Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip.convert("RGBA"))
        pixels = np.asarray(strip.convert("L" if strip.mode in ("1", "L") else "RGB"))
        yield pixels.reshape(strip.height, strip.width, -1)


def _deep(stored: NDArray[np.generic]) -> Pixels:
    """Gray of 16 bits, (height, width), to uint8, (height, width, 1)."""
    if stored.dtype.kind not in "iu" or stored.min() < 0 or stored.max() > 65535:
        raise BadSample(f"holds {stored.dtype} values beyond 16 bits")
    return to_8_bit_opaque(stored.astype(np.uint16)[..., None])
