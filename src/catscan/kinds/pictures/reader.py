"""Reads one picture after another from the raw files, ready for a shard."""

from __future__ import annotations

import posixpath
import threading
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from catscan.kinds.pictures.decode import decode
from catscan.kinds.pictures.formats import START, format_of, sniff
from catscan.kinds.pictures.picture_header import AT_ONCE, Header
from catscan.kinds.pictures.resize import fitted
from catscan.kinds.pictures.settings import CHANNELS, PictureSettings
from catscan.kinds.samples import Reading, Sample
from catscan.raw.files import RawFiles

LARGE_FILE = 1 << 22  # bytes; of a larger one, the first are looked at before the rest is read
EXTENSIONS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "WebP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "DICOM": (".dcm", ".dicom", ".dic", ".ima"),
}


_alone = threading.RLock()  # held while one picture takes more memory than many may at once


def thumbnails(raw: RawFiles) -> PictureReader:
    """The reader of the thumbnails by which near-duplicates are known, (64, 64, 1).

    A JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves at least 128 pixels a side, which halves the time. Pictures
    beyond the usual bound on their size are not compared, whatever the config allows.
    """
    return PictureReader(raw, PictureSettings(size=(64, 64), channels="gray", fit="stretch", resize="fast"))


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
            When the file is missing, is not a picture, is cut off or damaged, or is too large.
        """
        size = self._raw.size(sample.archive, sample.path)
        if size > LARGE_FILE:
            format_of(self._raw.start(sample.archive, sample.path, START))
        with alone_beyond(AT_ONCE, size):
            return self.read_bytes(self._raw.read(sample.archive, sample.path), name=sample.path)

    def read_bytes(self, data: bytes, *, name: str = "") -> Reading:
        """Read one picture from the bytes of its file; ``name`` is only compared with what the bytes are."""
        settings = self._settings
        header = sniff(data, settings.most_megapixels)
        factor = self._factor(header)
        with alone_beyond(AT_ONCE, header.bytes_at(factor)):
            pixels = decode(data, header, self._channels, factor=factor)
        array = fitted(pixels, settings.size, fit=settings.fit, resize=settings.resize)
        if array.shape[2] != self._channels:  # stored in gray, wanted in colour
            array = np.repeat(array, self._channels, axis=2)
        return Reading(np.ascontiguousarray(array), odd=remarks(header, name))

    def _factor(self, header: Header) -> int:
        """By how much the decoder shrinks the picture, which leaves at least twice the size that is wanted."""
        height, width = (2 * side for side in self._settings.size)
        least = (width, height) if header.orientation >= 5 else (height, width)
        is_fast = self._settings.resize == "fast" and header.format == "JPEG" and header.channels != 4
        return header.fast(least) if is_fast else header.small_enough(least)

    def close(self) -> None:
        """Nothing is open: the raw files belong to the caller."""


def alone_beyond(most: int, size: int) -> AbstractContextManager[object]:
    """What to enter before so many bytes are taken: beyond ``most``, one thread at a time gets in."""
    return _alone if size > most else nullcontext()


def remarks(header: Header, name: str) -> tuple[str, ...]:
    """What is worth mentioning about a readable picture; empty for most."""
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
    return tuple(found)
