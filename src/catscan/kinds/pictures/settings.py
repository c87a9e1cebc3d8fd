"""What a user can choose about pictures: the block `preprocess.picture` of the config."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Self

from catscan.common.errors import CatscanError
from catscan.common.keys import DISTINCT, between, length, one_of
from catscan.kinds.pictures.picture_header import MOST_MEGAPIXELS

CHANNELS = {"rgb": 3, "gray": 1}

Side = Annotated[int, between(1, 4096)]


@dataclass(frozen=True)
class PictureSettings:
    """For pictures (and rows of pixel values)."""

    size: tuple[Side, Side] = (64, 64)
    """Height and width in pixels."""

    channels: Annotated[str, one_of(*CHANNELS)] = "rgb"
    """Three colour channels, or one of luminance."""

    fit: Annotated[str, one_of("stretch", "crop", "pad")] = "stretch"
    """How a picture of another shape fits: stretched (the tutorial's way), cropped in the middle, or padded with
    black."""

    resize: Annotated[str, one_of("area", "fast", "tutorial")] = "area"
    """`area` averages exactly when shrinking; `fast` lets the JPEG decoder shrink first, nearly as good; `tutorial`
    samples as the tutorial does (aliased)."""

    bands: Annotated[tuple[str, ...], DISTINCT] = ()
    """For csv_pixels from JSON: the fields of a record that hold lists of pixels; they are the channels, and the key
    `channels` does not count."""

    value_range: Annotated[tuple[float, ...], length(0, 2)] = ()
    """For csv_pixels: [low, high], the values that become black and white, those beyond clipped; empty for whole
    numbers from 0 to 255."""

    most_megapixels: Annotated[int, between(1, 1000)] = MOST_MEGAPIXELS
    """How many million pixels a picture file may have; a larger one is a bad sample. One that takes more than 112 MB to
    decode (a JPEG of more than 37 megapixels) comes at 1/2, 1/4 or 1/8, though not below twice `size`. Where that is
    not enough, or not possible (WebP, interlaced PNG, progressive JPEG), one picture at a time takes more."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return (*self.size, len(self.bands) or CHANNELS[self.channels])

    def seen_at(self, side: int) -> Self:
        """The same pictures, ``side`` pixels high and wide."""
        return replace(self, size=(side, side))

    def __post_init__(self) -> None:
        if self.value_range and not (len(self.value_range) == 2 and self.value_range[0] < self.value_range[1]):
            raise CatscanError(
                "A range of values is two numbers, the lower one first.",
                where="preprocess.picture.value_range",
                found=repr(list(self.value_range)),
            )


@dataclass(frozen=True)
class FileSettings(PictureSettings):
    """The same for files, which say what their values are."""

    def __post_init__(self) -> None:
        """Refuse what is for tables.

        Raises
        ------
        CatscanError
            When a key of tables of pixels is given.
        """
        super().__post_init__()
        for name in ("bands", "value_range"):
            if getattr(self, name):
                raise _of_another_kind(name, "tables of pixels", own="picture", other="csv_pixels")


@dataclass(frozen=True)
class TableSettings(PictureSettings):
    """The same for tables of pixels."""

    def __post_init__(self) -> None:
        """Refuse what is for files.

        Raises
        ------
        CatscanError
            When a key of picture files is given.
        """
        super().__post_init__()
        if self.most_megapixels != MOST_MEGAPIXELS:
            raise _of_another_kind("most_megapixels", "picture files", own="csv_pixels", other="picture")


def _of_another_kind(name: str, what: str, *, own: str, other: str) -> CatscanError:
    return CatscanError(
        f"`{name}` is for {what}.",
        where=f"preprocess.picture.{name}",
        found=f"data.kind: {own}",
        do=f"Leave it out, or set `data.kind: {other}`.",
    )
