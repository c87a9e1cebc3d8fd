"""Reads one picture after another from the raw files, ready for a shard."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

import numpy as np

from catscan.common.errors import CatscanError, did_you_mean
from catscan.kinds.pictures.decode import decode
from catscan.kinds.pictures.headers import Header, sniff
from catscan.kinds.pictures.resize import fitted
from catscan.kinds.samples import Reading, Sample
from catscan.raw.files import RawFiles

CHANNELS = {"rgb": 3, "gray": 1}
FITS = ("stretch", "crop", "pad")
RESIZES = ("area", "fast", "tutorial")
EXTENSIONS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "WebP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "DICOM": (".dcm", ".dicom", ".dic", ".ima"),
}


@dataclass(frozen=True)
class PictureSettings:
    """How pictures become arrays.

    Attributes
    ----------
    size
        (height, width) in pixels.
    channels
        "rgb" or "gray".
    fit
        "stretch", "crop" or "pad"; see `catscan.kinds.pictures.resize.fitted`.
    resize
        "area" averages all pixels of the full picture; "fast" decodes a JPEG at 1/2, 1/4 or 1/8 where that leaves at
        least twice the size; "tutorial" interpolates linearly, as the tutorial's `cv2.resize` does.
    bands
        Of a JSON table: its fields that hold pixels, one a channel, in place of ``channels``.
    value_range
        Of a table: the values that become 0 and 255; empty for values in 0..255.
    """

    size: tuple[int, int]
    channels: str
    fit: str
    resize: str
    bands: tuple[str, ...] = ()
    value_range: tuple[float, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return (*self.size, len(self.bands) or CHANNELS[self.channels])

    def __post_init__(self) -> None:
        for name, known in (("channels", tuple(CHANNELS)), ("fit", FITS), ("resize", RESIZES)):
            value = getattr(self, name)
            if value not in known:
                raise CatscanError(
                    f"Unknown `{name}`.",
                    where=f"preprocess.picture.{name}",
                    found=repr(value),
                    do=did_you_mean(str(value), list(known)),
                )
        if len(self.size) != 2 or min(self.size) < 1:
            raise CatscanError(
                "A picture's size is two whole numbers above 0: height, width.",
                where="preprocess.picture.size",
                found=repr(list(self.size)),
            )
        if self.value_range and not (len(self.value_range) == 2 and self.value_range[0] < self.value_range[1]):
            raise CatscanError(
                "A range of values is two numbers, the lower one first.",
                where="preprocess.picture.value_range",
                found=repr(list(self.value_range)),
            )


class PictureReader:
    """Reads pictures of any common format as uint8 arrays of one shape; safe to share between threads."""

    def __init__(self, raw: RawFiles, settings: PictureSettings) -> None:
        self._raw = raw
        self._settings = settings
        self._channels = CHANNELS[settings.channels]

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels)."""
        return self._settings.shape

    def read(self, sample: Sample) -> Reading:
        """Read one picture.

        Raises
        ------
        BadSample
            When the file is missing, is no picture, is cut off or damaged, or is too large.
        """
        return self.read_bytes(self._raw.read(sample.archive, sample.path), name=sample.path)

    def read_bytes(self, data: bytes, *, name: str = "") -> Reading:
        """Read one picture from the bytes of its file; ``name`` is only compared with what the bytes are."""
        header = sniff(data)
        settings = self._settings
        pixels = decode(data, header, self._channels, least=self._least(header))
        array = fitted(pixels, settings.size, fit=settings.fit, resize=settings.resize)
        if array.shape[2] != self._channels:  # stored in gray, wanted in colour
            array = np.repeat(array, self._channels, axis=2)
        return Reading(np.ascontiguousarray(array), odd=remarks(header, name))

    def _least(self, header: Header) -> tuple[int, int] | None:
        if self._settings.resize != "fast":
            return None
        height, width = (2 * side for side in self._settings.size)
        return (width, height) if header.orientation >= 5 else (height, width)

    def close(self) -> None:
        """Nothing is open: the raw files belong to the caller."""


def remarks(header: Header, name: str) -> tuple[str, ...]:
    """What is worth telling about a readable picture; empty for most."""
    found = [*header.notes]
    extension = posixpath.splitext(name)[1].lower()
    is_uid = extension[1:].isdigit()  # 1.2.840.113.7 has no extension, but ends its number so
    if extension and not is_uid and extension not in EXTENSIONS[header.format]:
        found.append(f"is a {header.format} named {extension}")
    if header.orientation != 1:
        found.append(f"is turned upright by its EXIF orientation {header.orientation}")
    if header.format == "JPEG" and header.channels == 4:
        found.append("is a CMYK picture")
    if header.format in ("PNG", "WebP") and header.channels == 4:
        found.append("is transparent in places or could be: put on white")
    if header.bits == 16:
        found.append("has 16 bits a value: divided by 257")
    return tuple(found)
