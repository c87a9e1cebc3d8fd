"""`evaluation/galleries.json`: samples as small pictures, for the report's galleries."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from catscan.common.documents import Document

LOSSLESS = 96  # pixels; the shorter side up to which a picture keeps every level
LARGEST = 320  # pixels
QUALITY = 85


@dataclass(frozen=True)
class Picture:
    """A small picture: its address as a `data:` URL, its sides in pixels."""

    address: str
    width: int
    height: int

    @classmethod
    def of(cls, levels: NDArray[Any]) -> Self:
        """(height, width) or (height, width, 3), RGB: PNG where it is small, else WebP, no larger than is of use."""
        import cv2

        height, width = levels.shape[:2]
        shown = levels[..., ::-1] if levels.ndim == 3 else levels
        kind, options = "png", [cv2.IMWRITE_PNG_COMPRESSION, 9]
        if min(height, width) > LOSSLESS:
            kind, options = "webp", [cv2.IMWRITE_WEBP_QUALITY, QUALITY]
            ratio = min(1.0, LARGEST / min(height, width))
            height, width = round(height * ratio), round(width * ratio)
            shown = cv2.resize(shown, (width, height), interpolation=cv2.INTER_AREA)
        _, encoded = cv2.imencode(f".{kind}", np.ascontiguousarray(shown), options)
        return cls(f"data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode()}", width, height)


@dataclass(frozen=True)
class Tile:
    """A sample in a gallery.

    Attributes
    ----------
    sample_id
        Whole, however long.
    told
        What stands below its id: its label, what the networks say of it.
    picture
        As the network gets it; of a scan five slices from one end to the other.
    slices
        Of a scan all slices on one sheet, each adjacent few as their maximum where they are many; None of a picture.
    """

    sample_id: str
    told: str
    picture: Picture
    slices: Picture | None


@dataclass(frozen=True)
class Row:
    """Some of the samples of one kind: its name, the number of all of them, those shown."""

    name: str
    n: int
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Galleries(Document):
    """What the report shows of the samples.

    Attributes
    ----------
    samples
        A row a class, of the first classes; of a regression one row, ascending.
    most_wrong
        Those that the networks are most wrong about, the worst first.
    """

    VERSION: ClassVar[int] = 1
    STAGE: ClassVar[str] = "evaluate"

    samples: tuple[Row, ...]
    most_wrong: tuple[Tile, ...]
