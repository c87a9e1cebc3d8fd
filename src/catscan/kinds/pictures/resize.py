"""Bringing a picture to the size of the shard: exact area averaging when it shrinks, linear when it grows."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catscan.kinds.kernels.area import area_average

Pixels = NDArray[np.uint8]


def fitted(pixels: Pixels, size: tuple[int, int], *, fit: str, resize: str) -> Pixels:
    """Bring a picture to ``size``.

    Parameters
    ----------
    pixels
        (height, width, channels), uint8.
    size
        (height, width) of the result.
    fit
        "stretch" ignores the aspect ratio, as the tutorial does; "crop" keeps the largest middle part that has the
        right aspect ratio; "pad" keeps all and fills up with black.
    resize
        "area" or "fast": the area average along an axis that shrinks, linear along one that grows;
        "tutorial": linear along both, which aliases, as the tutorial does.

    Returns
    -------
    ndarray of shape (*size, channels), uint8
    """
    scale = linear if resize == "tutorial" else area
    if fit == "crop":
        return scale(middle(pixels, size), size)
    if fit == "pad":
        return padded(scale(pixels, inner_size(pixels.shape[:2], size)), size)
    return scale(pixels, size)


def middle(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The largest middle part of the picture with the aspect ratio of ``size`` (height, width), to the pixel."""
    height, width = inner_size(size, pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def inner_size(shape: tuple[int, ...], size: tuple[int, ...]) -> tuple[int, int]:
    """The largest (height, width) of the aspect ratio of ``shape`` that fits into ``size``, at least one pixel."""
    if shape[0] * size[1] > shape[1] * size[0]:
        return size[0], max(1, (2 * shape[1] * size[0] + shape[0]) // (2 * shape[0]))
    return max(1, (2 * shape[0] * size[1] + shape[1]) // (2 * shape[1])), size[1]


def padded(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Put a picture into the middle of a black one of ``size`` (height, width)."""
    canvas = np.zeros((*size, pixels.shape[2]), np.uint8)
    top, left = (size[0] - pixels.shape[0]) // 2, (size[1] - pixels.shape[1]) // 2
    canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return canvas


def linear(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Linear interpolation between the four nearest pixels, whatever the scale; (*size, channels)."""
    scaled: Any = cv2.resize(np.ascontiguousarray(pixels), size[::-1], interpolation=cv2.INTER_LINEAR)
    return scaled.reshape(*size, pixels.shape[2])  # OpenCV drops the axis of one channel


def area(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The area average along each axis that shrinks, then linear along each that grows; (*size, channels)."""
    shrunk = min(size[0], pixels.shape[0]), min(size[1], pixels.shape[1])
    if shrunk != pixels.shape[:2]:
        pixels = area_average(pixels, shrunk)
    return pixels if shrunk == size else linear(pixels, size)
