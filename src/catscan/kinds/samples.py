"""What a reader of pictures or scans is: the small interface between the index and the arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sample:
    """Where the bytes of one sample are.

    Attributes
    ----------
    sample_id
        Its id in the index and in the submission.
    archive
        The zip that holds it, relative to the raw folder; "" for plain files.
    path
        The member of the archive, or the file relative to the raw folder. For a scan it is the folder (or the one
        file) of its series, without a trailing slash.
    """

    sample_id: str
    archive: str
    path: str


@dataclass(frozen=True)
class Reading:
    """One sample, read.

    Attributes
    ----------
    array
        uint8, (height, width, channels) or (depth, height, width, channels), C-contiguous.
    odd
        Remarks worth a line in the sidecar though the sample is usable ("is a PNG"); empty for most.
    geometry
        What the report needs to know about a scan (spacing, positions, decisions); empty for a picture.
    """

    array: NDArray[np.uint8]
    odd: tuple[str, ...] = ()
    geometry: dict[str, Any] = field(default_factory=dict)


class Reader(Protocol):
    """Reads one sample after another; safe to share between threads."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of every array it gives: (height, width, channels) or (depth, height, width, channels)."""

    def read(self, sample: Sample) -> Reading:
        """Read one sample.

        Raises
        ------
        BadSample
            When it cannot be used, with the reason.
        """

    def close(self) -> None:
        """Close what is open."""
