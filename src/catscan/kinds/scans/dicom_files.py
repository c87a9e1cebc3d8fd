"""Reads the headers of a file: by the strict walker where it can, by pydicom everywhere else.

Both hand over the raw bytes of the same elements, and one function (`slice_header.from_elements`) makes the `Header` of
them, so the two can only differ in what they find.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from catscan.common.errors import BadSample
from catscan.kinds.dicom import inflated
from catscan.kinds.scans.slice_header import DECODED, NO_PIXELS, Header, count_of_frames, from_elements
from catscan.kinds.scans.sources import ScanFiles
from catscan.kinds.scans.walker import EXPLICIT, IMPLICIT, PIXELS, WANTED, Elements, walk
from catscan.raw.files import RawFile

HEAD = 8192  # bytes; the header of a plain slice fits, its pixels follow
LARGEST = 1 << 30  # bytes of one file that is read whole; 2,000 slices of 512 x 512 in one
MEDIUM = "1.2.840.10008.1.3.10"


def read_headers(files: ScanFiles, file: RawFile, *, modality: str = "CT") -> list[Header]:
    """The slices of one file: one, or as many as a multi-frame file has.

    Parameters
    ----------
    files, file
        Where its bytes are.
    modality
        Which slices are wanted: CT, MR or any of the two.

    Raises
    ------
    BadSample
        When it is not such a slice, or a damaged one.
    """
    head = files.head(file, HEAD)
    found = walk(head)
    if found is not None:
        return [from_elements(found, file, modality=modality)]
    if not _is_dicom(head):  # before all of it is read, however large it is
        raise BadSample("is not a DICOM file", stray=True)
    if file.size > LARGEST:
        raise BadSample(f"is too large: {file.size:,} bytes, more than {LARGEST:,}")
    return read_with_pydicom(file, head if len(head) == file.size else files.whole(file), modality=modality)


def read_with_pydicom(file: RawFile, data: bytes, *, modality: str = "CT") -> list[Header]:
    """The same as `read_headers`, for any DICOM file, from all its bytes."""
    if not _is_dicom(data):
        raise BadSample("is not a DICOM file", stray=True)
    try:
        elements, dataset = _find_with_pydicom(data)
    except BadSample:
        raise
    except Exception as error:  # a broken file makes pydicom raise nearly anything
        raise BadSample(f"has a damaged header: {error or type(error).__name__}") from error
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        header = from_elements(elements, file, modality=modality)
        if header.frames > 1:
            raise BadSample(f"has {header.frames} frames and does not say where they lie")
        return [header]
    frames = _frames(elements, dataset)
    headers = (from_elements(frame, file, modality=modality) for frame in frames)
    return [replace(header, frame=number) for number, header in enumerate(headers)]


def _is_dicom(data: bytes) -> bool:
    if data[128:132] == b"DICM":
        return True
    # Without preamble: the first element must be one of the groups (0002,00xx) or (0008,00xx).
    return len(data) > 256 and data[:4] in _FIRST_TAGS


_FIRST_TAGS = {struct.pack("<HH", group, element) for group in (2, 8) for element in (0, 1, 5, 8, 16, 22, 24)}


def _find_with_pydicom(data: bytes) -> tuple[Elements, Dataset]:
    content = inflated(data)
    stream = BytesIO(content)
    dataset = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
    little = bool(dataset.original_encoding[1])
    implicit = bool(dataset.original_encoding[0])
    default = UID(IMPLICIT) if implicit else UID(EXPLICIT)
    if str(dataset.file_meta.get("MediaStorageSOPClassUID", "")) == MEDIUM:
        raise BadSample("is the index of a medium (DICOMDIR)", stray=True)
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", default))
    values: dict[int, bytes] = {}
    for tag in WANTED:
        if tag in dataset:
            values[tag] = _raw(dataset.get_item(tag))
    last = max((_end(dataset.get_item(tag)) for tag in dataset.keys()), default=0)  # noqa: SIM118 -- no dict
    if last > len(content):
        raise BadSample("is cut short inside its header")
    offset, length = _pixels(content, stream.tell(), little=little, implicit=implicit)
    if content is not data or syntax not in (IMPLICIT, EXPLICIT) or not little or length == 0xFFFFFFFF:
        offset = min(offset, DECODED)  # not stored as plain values in this file: a decoder must find them
    return Elements(values, syntax, little, offset, length), dataset


def _pixels(data: bytes, position: int, *, little: bool, implicit: bool) -> tuple[int, int]:
    """Where the Pixel Data (7FE0,0010) start and how long they claim to be; `NO_PIXELS` when there are none."""
    order = "<" if little else ">"
    if data[position : position + 4] != struct.pack(f"{order}HH", PIXELS >> 16, PIXELS & 0xFFFF):
        return NO_PIXELS, 0
    skip = 8 if implicit else 12
    if position + skip > len(data):
        raise BadSample("is cut short before its pixels")
    return position + skip, struct.unpack_from(f"{order}I", data, position + skip - 4)[0]


def _raw(element: Any) -> bytes:
    """The bytes of an element that pydicom has not converted yet."""
    value = element.value
    if value is None:
        return b""
    if not isinstance(value, bytes):
        raise BadSample(f"has an odd element {element.tag}")
    return value


def _end(element: Any) -> int:
    length = getattr(element, "length", 0)
    return element.value_tell + length if getattr(element, "is_raw", False) and length != 0xFFFFFFFF else 0


def _frames(elements: Elements, dataset: Dataset) -> list[Elements]:
    """The elements of every frame of a multi-frame file."""
    count = count_of_frames(elements.values.get(0x00280008, b""))
    try:
        placed = len(dataset.PerFrameFunctionalGroupsSequence)
        if placed == count:
            return [_of_frame(elements, dataset, number) for number in range(count)]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise BadSample(f"has a damaged list of frames: {error}") from error
    raise BadSample(f"has {count} frames and says of {placed} where they lie")


def _of_frame(elements: Elements, dataset: Dataset, number: int) -> Elements:
    """The elements of one frame: its functional groups before the shared ones before the file's (PS3.3 C.7.6.16)."""
    values = dict(elements.values)
    groups = [*dataset.get("SharedFunctionalGroupsSequence", []), dataset.PerFrameFunctionalGroupsSequence[number]]
    for group in groups:
        for macro in group:
            if macro.VR == "SQ" and len(macro.value) == 1:
                values.update(_texts(macro.value[0]))
    return replace(elements, values=values)


def _texts(macro: Dataset) -> dict[int, bytes]:
    found = {}
    for element in macro:
        if int(element.tag) in WANTED and element.VR in ("DS", "CS", "SH", "IS", "LO"):
            many = element.value if element.VM > 1 else [element.value]
            found[int(element.tag)] = "\\".join(str(value) for value in many if value is not None).encode()
    return found
