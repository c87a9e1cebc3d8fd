"""What the code stream of a packed frame says of its size, before a decoder takes memory for it.

A decoder believes the code stream, not the DICOM header around it: four changed bytes cost it 9 GB or hours.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

SIZ = b"\xff\x4f\xff\x51"  # how a JPEG 2000 code stream starts: its marker, then that of its size (ISO 15444-1 A.5.1)
# JPEG's markers of a frame's size (ISO 10918-1 B.1.1.3, ISO 14495-1 C.1.1); C4, C8 and CC mean other things.
FRAMES = {*range(0xC0, 0xD0), 0xDE, 0xF7} - {0xC4, 0xC8, 0xCC}
WITHOUT_LENGTH = {0x01, *range(0xD0, 0xDA)}

Size = tuple[int, int, int]  # rows, columns, samples


def size_problem(dataset: Dataset, syntax: str, index: int) -> str:
    """Why a frame must not be decoded: its code stream has no size, or not that of the header; "" when it may be.

    Parameters
    ----------
    dataset
        The whole file.
    syntax
        Its Transfer Syntax UID (0002,0010); only those of JPEG, JPEG-LS and JPEG 2000 are looked at.
    index
        The number of the frame.
    """
    if syntax in JPEG2000TransferSyntaxes:
        sizes_of = _sizes_of_jpeg_2000
    elif syntax in JPEGTransferSyntaxes or syntax in JPEGLSTransferSyntaxes:
        sizes_of = _sizes_of_jpeg
    else:
        return ""
    frame = get_frame(
        dataset.PixelData,
        index,
        number_of_frames=int(dataset.get("NumberOfFrames") or 1),
        extended_offsets=_extended_offsets(dataset),
    )
    declared = (int(dataset.Rows), int(dataset.Columns), int(dataset.SamplesPerPixel))
    found = list(sizes_of(frame))
    wrong = [size for size in found if size != declared]
    if wrong or not found:
        return f"packed pixels of {wrong[0] if wrong else 'unknown size'}, not {declared} (rows, columns, samples)"
    return ""


def _extended_offsets(dataset: Dataset) -> tuple[bytes, bytes] | None:
    if "ExtendedOffsetTable" not in dataset:
        return None
    return dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths


def _sizes_of_jpeg_2000(frame: bytes) -> Iterator[Size]:
    """Every size in the frame: a code stream in a JP2 file does not come first, and others may come before it."""
    start = frame.find(SIZ)
    while start >= 0 and start + 42 <= len(frame):
        width, height, left, top = struct.unpack_from(">4I", frame, start + 8)
        yield height - top, width - left, int.from_bytes(frame[start + 40 : start + 42], "big")
        start = frame.find(SIZ, start + 1)


def _sizes_of_jpeg(frame: bytes) -> Iterator[Size]:
    """The size of the first frame; none when a marker is missing before it."""
    position = 0
    while frame[position : position + 1] == b"\xff" and position + 10 <= len(frame):
        marker = frame[position + 1]
        if marker in FRAMES:
            yield struct.unpack_from(">HHB", frame, position + 5)
            return
        if marker == 0xFF:  # a byte to fill up
            position += 1
        elif marker in WITHOUT_LENGTH:
            position += 2
        else:
            position += 2 + int.from_bytes(frame[position + 2 : position + 4], "big")
