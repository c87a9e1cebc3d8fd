"""What real picture sets contain beside clean colour JPEGs: grey and CMYK pictures, a wrong ending, damaged files."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray

ODD = ("grey", "cmyk", "png", "cut")
"""The odd pictures of a training set: one cat and one dog of each, so that being odd tells nothing."""


def encoded(pixels: NDArray[np.uint8], quality: int, oddity: str = "") -> bytes:
    """The bytes of one file.

    Parameters
    ----------
    pixels
        uint8, (height, width, 3), RGB.
    quality
        JPEG quality, 0 to 100.
    oddity
        "" for a colour JPEG, or one of `ODD`: a JPEG of one channel, a JPEG of four inks, a PNG, a JPEG that ends in
        the middle, as after a broken download.
    """
    if oddity == "cmyk":
        return cmyk_jpeg(pixels, quality)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY if oddity == "grey" else cv2.COLOR_RGB2BGR)
    ending, options = (".png", []) if oddity == "png" else (".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality])
    data = cv2.imencode(ending, bgr, options)[1].tobytes()
    return data[: len(data) // 2] if oddity == "cut" else data


def cmyk_jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """A JPEG with the four inks of a printer, which OpenCV reads but cannot write."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).convert("CMYK").save(file, "JPEG", quality=quality)
    return file.getvalue()
