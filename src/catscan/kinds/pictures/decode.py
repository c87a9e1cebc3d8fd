"""From the bytes of a picture file to its pixels, strictly: a truncated or rotten file is found, never half returned.

JPEG is decoded by libjpeg-turbo (simplejpeg); PNG, after its checksums held, and WebP by OpenCV; DICOM by pydicom's
decoders; the rest by Pillow.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from catscan.common.errors import BadSample
from catscan.kinds.pictures.picture_header import AT_ONCE, Header
from catscan.kinds.pictures.strips import in_strips, to_8_bit_opaque

Pixels = NDArray[np.uint8]
COLOUR_SPACES = {1: "GRAY", 3: "RGB"}


def decode(data: bytes, header: Header, channels: int, *, factor: int = 1) -> Pixels:
    """Decode a picture.

    Parameters
    ----------
    data
        The whole file.
    header
        What `sniff` found in it.
    channels
        1 for gray (the luma of ITU-R BT.601), 3 for colour.
    factor
        The picture comes at 1/1, 1/2, 1/4 or 1/8, as `Header.small_enough` or, for a JPEG, `Header.fast` says.

    Returns
    -------
    ndarray of shape (height, width, 1 or 3), uint8
        Gray, or red, green, blue; a picture that is stored in gray has one channel even when colour is asked for.
        Upright: the EXIF orientation is applied. Transparency is put on white; 16 bits are divided by 257; of an
        animation it is the first frame.

    Raises
    ------
    BadSample
        When the file is cut off or damaged.
    """
    if header.format == "JPEG" and header.channels != 4:
        pixels = _jpeg(data, header, min(channels, header.channels), factor)
    elif header.format == "PNG":
        pixels = _png(data, header, factor)
    elif header.format == "WebP":
        pixels = _opencv(data, header)
    elif header.format == "DICOM":
        from catscan.kinds.pictures.dicom import dicom_pixels

        pixels = dicom_pixels(data)
    else:
        from catscan.kinds.pictures.pillow_files import pillow_pixels

        pixels = pillow_pixels(data, factor)
    return upright(to_gray(pixels) if channels == 1 else pixels, header.orientation)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation (CIPA DC-008, tag 0x0112: 1 is upright, 3 upside down, 6 lies on its left side)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    vertical, horizontal = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return pixels[:: -1 if vertical else 1, :: -1 if horizontal else 1]


def _jpeg(data: bytes, header: Header, channels: int, factor: int) -> Pixels:
    try:
        return simplejpeg.decode_jpeg(
            data,
            colorspace=COLOUR_SPACES[channels],
            min_height=-(-header.height // factor) if factor > 1 else 0,
            min_width=-(-header.width // factor) if factor > 1 else 0,
        )
    except ValueError as error:
        raise BadSample(f"is a damaged JPEG: {str(error).rstrip('.')}") from error


def _png(data: bytes, header: Header, factor: int) -> Pixels:
    """By OpenCV whole, which is faster, where that takes little memory, or the rows are interlaced."""
    a_pixel = header.channels * header.bits // 8 + (1 if header.channels == 1 else 3)  # what it gives, and the array
    if header.height * header.width * a_pixel <= AT_ONCE or header.keeps:
        return _opencv(data, header)
    from catscan.kinds.pictures.png_strips import png_strips

    return in_strips(partial(png_strips, data), (header.height, header.width), factor)


def _opencv(data: bytes, header: Header) -> Pixels:
    plain = header.channels == 3 and header.bits == 8
    try:
        pixels = cv2.imdecode(
            np.frombuffer(data, np.uint8),
            (cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION) if plain else cv2.IMREAD_UNCHANGED,
        )
    except cv2.error as error:
        raise BadSample(f"is a damaged {header.format}: {error.err}") from error
    if pixels is None:
        raise BadSample(f"is a damaged {header.format}")
    stored: Any = pixels.reshape(*pixels.shape[:2], -1)  # OpenCV drops the axis of a single channel
    if header.bits == 16 or stored.shape[2] == 4:
        stored = to_8_bit_opaque(stored)
    return stored if plain or stored.shape[2] == 1 else stored[..., ::-1]


def to_gray(pixels: Pixels) -> Pixels:
    """Red, green, blue to gray, (height, width, 1); gray stays."""
    if pixels.shape[2] == 1:
        return pixels
    gray: Any = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    return gray[..., None]
