"""A strict walk over the header of a plain DICOM file: explicit or implicit VR, little-endian, uncompressed.

Whatever is not exactly as the standard writes it (DICOM PS3.5 section 7, PS3.10 section 7) makes the walk give up, and
pydicom reads the file instead. It gives up often rather than guess once: tests hold the two equal on every file at hand
and under random damage.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
PIXELS = 0x7FE00010

WANTED = frozenset(
    [
        *(0x00080008, 0x00080016, 0x00080018, 0x00080060, 0x00180050, 0x00180081, 0x00181210, 0x0020000E, 0x00200012),
        *(0x00200032, 0x00200037, 0x00200100, 0x00201041, 0x00280002, 0x00280004, 0x00280008, 0x00280010),
        *(0x00280011, 0x00280030, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00280120, 0x00280121),
        *(0x00281052, 0x00281053),
    ]
)
_SHORT = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())

_ELEMENT = Struct("<HH2sH")
_IMPLICIT_ELEMENT = Struct("<HHI")
_LENGTH = Struct("<I")


@dataclass(frozen=True, slots=True)
class Elements:
    """The raw bytes of the elements that matter, and where the pixels are.

    Attributes
    ----------
    values
        Tag (group << 16 | element) to bytes, for the tags of `WANTED` that the file has.
    pixel_offset
        Where uncompressed little-endian pixels start, or -1.
    pixel_bytes
        How many bytes of them the file claims (and, where known, has), or -1.
    """

    values: dict[int, bytes]
    transfer_syntax: str
    little: bool
    pixel_offset: int
    pixel_bytes: int


def walk(data: bytes) -> Elements | None:
    """Find the wanted elements in the first bytes of a file, or None when the file is not plain enough."""
    if data[128:132] != b"DICM":
        return None
    start, syntax = _meta(data)
    if syntax == EXPLICIT:
        return _explicit(data, start)
    if syntax == IMPLICIT:
        return _implicit(data, start)
    return None


def _meta(data: bytes) -> tuple[int, str]:
    """Where the data set starts and its transfer syntax, "" for any but a plain file meta group (0002,eeee)."""
    if data[132:140] != b"\x02\x00\x00\x00UL\x04\x00" or len(data) < 144:
        return 0, ""
    end = 144 + _LENGTH.unpack_from(data, 140)[0]
    if end + 8 > len(data):
        return 0, ""
    position, last, syntax = 144, 0, ""
    while position < end:
        group, element, vr, length = _ELEMENT.unpack_from(data, position)
        position += 8
        if vr in _LONG and position + 4 <= end:
            if length:
                return 0, ""
            length = _LENGTH.unpack_from(data, position)[0]
            position += 4
        elif vr not in _SHORT:
            return 0, ""
        if group != 2 or element <= last or length % 2 or position + length > end:
            return 0, ""
        if element == 0x10:
            syntax = data[position : position + length].rstrip(b"\0").decode("ascii", "replace")
        last, position = element, position + length
    return (position, syntax) if position == end else (0, "")


def _explicit(data: bytes, position: int) -> Elements | None:
    values: dict[int, bytes] = {}
    last, end = 0x0002FFFF, len(data) - 12
    while position <= end:
        group, element, vr, length = _ELEMENT.unpack_from(data, position)
        tag = group << 16 | element
        position += 8
        if vr in _LONG:
            if length:
                return None
            length = _LENGTH.unpack_from(data, position)[0]
            position += 4
        elif vr not in _SHORT:
            return None
        if tag >= PIXELS:
            return _found(values, EXPLICIT, position, length) if tag == PIXELS and vr in (b"OW", b"OB") else None
        if tag <= last or length & 1:
            return None
        if tag in WANTED:
            values[tag] = data[position : position + length]
        last, position = tag, position + length
    return None


def _implicit(data: bytes, position: int) -> Elements | None:
    if data[position + 4 : position + 6].isalpha():  # looks like a VR: pydicom decides which syntax is meant
        return None
    values: dict[int, bytes] = {}
    last, end = 0x0002FFFF, len(data) - 8
    while position <= end:
        group, element, length = _IMPLICIT_ELEMENT.unpack_from(data, position)
        tag = group << 16 | element
        position += 8
        if tag >= PIXELS:
            return _found(values, IMPLICIT, position, length) if tag == PIXELS else None
        if tag <= last or length & 1:
            return None
        if tag in WANTED:
            values[tag] = data[position : position + length]
        last, position = tag, position + length
    return None


def _found(values: dict[int, bytes], syntax: str, offset: int, length: int) -> Elements | None:
    # An undefined length or a multi-frame file is pydicom's; both are rare, and odd in a plain file.
    if length == 0xFFFFFFFF or 0x00280008 in values:
        return None
    return Elements(values, syntax, True, offset, length)
