"""The header of one picture, the bounds on its size, and what memory it takes to decode.

Sizes are checked before any pixel is decoded, so that a decompression bomb or a lying header is refused before memory
is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

from catscan.common.errors import BadSample

MOST_MEGAPIXELS = 400  # unless the config says otherwise
AT_ONCE = 112_000_000  # bytes of one picture that decoding may take while others are decoded: 37 Mpx of a usual JPEG
FACTORS = (1, 2, 4, 8)  # the other scales of libjpeg-turbo have no fast inverse transform and come out worse
PILLOW_KEEPS, PILLOW_TAKES = 4, 8  # bytes a pixel: Pillow's own copy, and that with the array which is made of it


@dataclass(frozen=True)
class Header:
    """The header of one picture.

    Attributes
    ----------
    format
        "JPEG", "PNG", "GIF", "BMP", "WebP", "TIFF" or "DICOM".
    height, width
        Pixels, before the EXIF orientation is applied.
    channels
        1 gray or a GIF's palette, 3 colour, 4 with transparency or CMYK (or not known before decoding).
    takes
        Bytes a pixel that decoding takes at its peak.
    keeps
        Those of them that it takes even when it gives the picture at a fraction of its size; all, where the decoder
        knows no fractions.
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
    takes: int
    keeps: int = 0
    orientation: int = 1
    bits: int = 8
    notes: tuple[str, ...] = ()

    def bytes_at(self, factor: int) -> int:
        """The memory that decoding takes at 1/``factor`` of the size."""
        pixels = self.height * self.width
        return pixels * self.keeps + pixels * (self.takes - self.keeps) // factor**2

    def fast(self, least: tuple[int, int]) -> int:
        """The largest k of 8, 4, 2, 1 for which 1/k of the picture is not below ``least`` (height, width)."""
        return self._allowed(least)[-1]

    def small_enough(self, least: tuple[int, int]) -> int:
        """The smallest k of 1, 2, 4, 8 at which decoding takes little memory, but none for which `fast` is smaller."""
        if self.takes == self.keeps:
            return 1
        allowed = self._allowed(least)
        return next((factor for factor in allowed if self.bytes_at(factor) <= AT_ONCE), allowed[-1])

    def _allowed(self, least: tuple[int, int]) -> list[int]:
        def fits(factor: int) -> bool:
            return -(-self.height // factor) >= least[0] and -(-self.width // factor) >= least[1]

        return [factor for factor in FACTORS if factor == 1 or fits(factor)]


def check_size(height: int, width: int, most: int) -> None:
    """Refuse a picture without pixels, or one of more than ``most`` megapixels."""
    if height <= 0 or width <= 0:
        raise BadSample(f"has no pixels: {width} x {height}")
    if height * width > most * 1_000_000:
        raise BadSample(
            f"is too large: {width} x {height} pixels, more than {most:,} million "
            "(`preprocess.picture.most_megapixels`)"
        )
