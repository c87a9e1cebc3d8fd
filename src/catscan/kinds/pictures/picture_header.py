"""The header of one picture, and the bounds on its size.

Sizes are checked before any pixel is decoded, so that a decompression bomb or a lying header is refused before memory
is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

from catscan.common.errors import BadSample

LARGEST_DECODED = 112_000_000  # bytes that decoding takes at its peak: 37 Mpx of a usual JPEG
PILLOW_OPAQUE, PILLOW_TRANSPARENT = 8, 20  # bytes a pixel: Pillow's copies on the way, and the array


@dataclass(frozen=True)
class Header:
    """The header of one picture.

    Attributes
    ----------
    format
        "JPEG", "PNG", "GIF", "BMP", "WebP", "TIFF" or "DICOM".
    height, width
        Pixels, before the EXIF orientation is applied; 0 where the decoder has to find out (TIFF).
    channels
        1 gray or a GIF's palette, 3 colour, 4 with transparency or CMYK (or not known before decoding).
    orientation
        EXIF orientation 1..8 (CIPA DC-008, tag 0x0112); 1 where there is none.
    bits
        Of one value; of a palette's entries. A DICOM's are brought to 8 by its window.
    notes
        What else is worth mentioning.
    """

    format: str
    height: int
    width: int
    channels: int
    orientation: int = 1
    bits: int = 8
    notes: tuple[str, ...] = ()


def check_size(height: int, width: int, bytes_per_pixel: int) -> None:
    """Refuse a picture without pixels, or one whose decoding would take too much memory."""
    if height <= 0 or width <= 0:
        raise BadSample(f"has no pixels: {width} x {height}")
    if height * width * bytes_per_pixel > LARGEST_DECODED:
        raise BadSample(
            f"is too large: decoding {width} x {height} pixels takes {height * width * bytes_per_pixel / 1e6:,.0f} MB, "
            f"more than {LARGEST_DECODED / 1e6:,.0f} MB"
        )
