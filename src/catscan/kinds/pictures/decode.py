"""From the bytes of a picture file to its pixels, strictly: a truncated or rotten file is found, never half returned.

JPEG is decoded by libjpeg-turbo (simplejpeg); PNG, after its checksums held, and WebP by OpenCV; DICOM by pydicom's
decoders; the rest by Pillow.
"""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from catscan.common.errors import BadSample
from catscan.kinds.pictures.picture_header import PILLOW_OPAQUE, PILLOW_TRANSPARENT, Header, check_size

Pixels = NDArray[np.uint8]
COLOUR_SPACES = {1: "GRAY", 3: "RGB"}
PIXELS_AT_ONCE = 1 << 18  # of a strip in which transparency and 16 bits are worked off, so that memory stays small


def decode(data: bytes, header: Header, channels: int, *, least: tuple[int, int] | None = None) -> Pixels:
    """Decode a picture.

    Parameters
    ----------
    data
        The whole file.
    header
        What `sniff` found in it.
    channels
        1 for gray (the luma of ITU-R BT.601), 3 for colour.
    least
        (height, width) in pixels as stored: a JPEG may come at 1/2, 1/4 or 1/8, but not below this size; None for the
        full size.

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
        pixels = _jpeg(data, header, min(channels, header.channels), least)
    elif header.format in ("PNG", "WebP"):
        pixels = _opencv(data, header)
    elif header.format == "DICOM":
        from catscan.kinds.pictures.dicom import dicom_pixels

        pixels = dicom_pixels(data)
    else:
        pixels = _pillow(data)
    return upright(to_gray(pixels) if channels == 1 else pixels, header.orientation)


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
        stored = _to_8_bit_opaque(stored)
    return stored if plain or stored.shape[2] == 1 else stored[..., ::-1]


def _to_8_bit_opaque(stored: NDArray[Any]) -> Pixels:
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


def to_gray(pixels: Pixels) -> Pixels:
    """Red, green, blue to gray, (height, width, 1); gray stays."""
    if pixels.shape[2] == 1:
        return pixels
    gray: Any = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    return gray[..., None]


def _pillow(data: bytes) -> Pixels:
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data)) as file:
            transparent = file.has_transparency_data
            check_size(file.height, file.width, PILLOW_TRANSPARENT if transparent else PILLOW_OPAQUE)
            if file.mode in ("I", "F") or file.mode.startswith("I;16"):
                return _deep(np.asarray(file))
            # The orientation of a JPEG stands in its header, and the caller undoes it.
            picture: Image.Image = file if file.format == "JPEG" else ImageOps.exif_transpose(file)
            if transparent:
                white = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(white, picture.convert("RGBA"))
            pixels = np.asarray(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))
            return pixels.reshape(picture.height, picture.width, -1)
    except Image.DecompressionBombError as error:
        raise BadSample(f"is too large: {error}") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise BadSample(f"is damaged: {str(error).split(' <')[0]}") from error


def _deep(stored: NDArray[np.generic]) -> Pixels:
    """Gray of 16 bits, (height, width), to uint8, (height, width, 1)."""
    if stored.dtype.kind not in "iu" or stored.min() < 0 or stored.max() > 65535:
        raise BadSample(f"holds {stored.dtype} values beyond 16 bits")
    return _to_8_bit_opaque(stored.astype(np.uint16)[..., None])
