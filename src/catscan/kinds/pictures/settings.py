"""What a user can choose about pictures: the block `preprocess.picture` of the config."""

from __future__ import annotations

from dataclasses import dataclass

from catscan.common.errors import CatscanError, did_you_mean

CHANNELS = {"rgb": 3, "gray": 1}
FITS = ("stretch", "crop", "pad")
RESIZES = ("area", "fast", "tutorial")


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


@dataclass(frozen=True)
class FileSettings(PictureSettings):
    """The same for files, which say themselves what their values are."""

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
                raise CatscanError(
                    f"`{name}` is for tables of pixels.",
                    where=f"preprocess.picture.{name}",
                    found="data.kind: picture",
                    do="Leave it out, or set `data.kind: csv_pixels`.",
                )
