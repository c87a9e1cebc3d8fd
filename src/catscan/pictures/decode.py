"""From the bytes of a picture file to its pixels, strictly: a truncated or rotten file is found, never half returned.

JPEG is decoded by libjpeg-turbo (simplejpeg), PNG by OpenCV after its checksums held, all the rest by Pillow.
"""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from catscan.errors import BadSample
from catscan.pictures.headers import Header, check_size

Pixels = NDArray[np.uint8]
COLOUR_SPACES = {1: "GRAY", 3: "RGB"}
ROWS_AT_ONCE = 1 << 20  # pixels of a strip in which alpha and 16 bits are worked off, so that memory stays small


def decode(data: bytes, header: Header, channels: int, *, least: tuple[int, int] | None = None) -> Pixels:
    """Decode a picture.

    Parameters
    ----------
    data
        The whole file.
    header
        What `sniff` found in it.
    channels
        1 for gray (the luma of ITU-R BT.601), 3 for red, green, blue.
    least
        (height, width) in pixels as stored: a JPEG may come at 1/2, 1/4 or 1/8, but not below this size; None for the
        full size.

    Returns
    -------
    ndarray of shape (height, width, channels), uint8
        Upright: the EXIF orientation is applied. Alpha is composited on white; 16 bits are divided by 257; of an
        animation it is the first frame.

    Raises
    ------
    BadSample
        When the file is cut off or damaged.
    """
    if header.format == "JPEG" and header.channels != 4:
        pixels = _jpeg(data, header, channels, least)
    elif header.format == "PNG":
        pixels = _png(data, channels)
    else:
        pixels = _pillow(data, channels)
    return upright(pixels, header.orientation)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation (CIPA DC-008, tag 0x0112: 1 is upright, 3 upside down, 6 lies on its left side)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    vertical, horizontal = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return pixels[:: -1 if vertical else 1, :: -1 if horizontal else 1]


def _jpeg(data: bytes, header: Header, channels: int, least: tuple[int, int] | None) -> Pixels:
    factor = 1 if least is None else reduction(header, least)
    try:
        return simplejpeg.decode_jpeg(
            data,
            colorspace=COLOUR_SPACES[channels],
            min_height=-(-header.height // factor) if factor > 1 else 0,
            min_width=-(-header.width // factor) if factor > 1 else 0,
        )
    except ValueError as error:
        raise BadSample(f"is a damaged JPEG: {str(error).rstrip('.')}") from error


def reduction(header: Header, least: tuple[int, int]) -> int:
    """The largest k of 8, 4, 2, 1 for which 1/k of the picture is not below ``least`` (height, width).

    Only these: the other scales of libjpeg-turbo have no fast inverse transform and come out worse.
    """
    for factor in (8, 4, 2):
        if -(-header.height // factor) >= least[0] and -(-header.width // factor) >= least[1]:
            return factor
    return 1


def _png(data: bytes, channels: int) -> Pixels:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise BadSample(f"is a damaged PNG: {error.err}") from error
    if pixels is None:
        raise BadSample("is a damaged PNG")
    return to_channels(_red_first(pixels), channels)


def _red_first(stored: NDArray[Any]) -> Pixels:
    """From OpenCV's order and depth, (height, width[, channels]), to gray or red, green, blue of 8 bits."""
    pixels = stored if stored.ndim == 3 else stored[..., None]
    if pixels.dtype == np.uint16 or pixels.shape[2] == 4:
        pixels = _to_8_bit_opaque(pixels)
    return pixels[..., ::-1] if pixels.shape[2] == 3 else pixels


def _to_8_bit_opaque(pixels: NDArray[Any]) -> Pixels:
    """Divide 16 bits by 257 and composite alpha on white, strip by strip, rounded."""
    height, width, stored = pixels.shape
    opaque = np.empty((height, width, 3 if stored == 4 else stored), np.uint8)
    rows = max(1, ROWS_AT_ONCE // width)
    top = 65535 if pixels.dtype == np.uint16 else 255
    for start in range(0, height, rows):
        strip: NDArray[Any] = pixels[start : start + rows].astype(np.float32)
        if stored == 4:
            alpha = strip[..., 3:] / top
            strip = strip[..., :3] * alpha + top * (1 - alpha)
        opaque[start : start + rows] = np.rint(strip * (255 / top))
    return opaque


def to_channels(pixels: Pixels, channels: int) -> Pixels:
    """Gray to three equal channels, or red, green, blue to gray; (height, width, channels)."""
    if pixels.shape[2] == channels:
        return pixels
    converted: Any = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB if channels == 3 else cv2.COLOR_RGB2GRAY)
    return converted.reshape(*pixels.shape[:2], channels)


def _pillow(data: bytes, channels: int) -> Pixels:
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data)) as file:
            check_size(file.height, file.width, 4)
            if file.mode in ("I", "F") or file.mode.startswith("I;16"):
                return to_channels(_deep(np.asarray(file)), channels)
            # The orientation of a JPEG stands in its header, and the caller undoes it.
            picture: Image.Image = file if file.format == "JPEG" else ImageOps.exif_transpose(file)
            if picture.has_transparency_data:
                white = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(white, picture.convert("RGBA"))
            pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
            return pixels.reshape(picture.height, picture.width, channels)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise BadSample(f"is damaged: {str(error).split(' <')[0]}") from error


def _deep(stored: NDArray[np.generic]) -> Pixels:
    """Gray of 16 bits, (height, width), to uint8, (height, width, 1)."""
    if stored.dtype.kind not in "iu" or stored.min() < 0 or stored.max() > 65535:
        raise BadSample(f"holds {stored.dtype} values; 8 or 16 bits a value are read")
    return _to_8_bit_opaque(stored.astype(np.uint16)[..., None])
