"""Deflated DICOM files, inflated within bounds."""

from __future__ import annotations

import zlib

from catscan.scans.sources import Unreadable

DEFLATED = b"1.2.840.10008.1.2.1.99"
EXPLICIT = b"1.2.840.10008.1.2.1\0\0\0"  # as long as DEFLATED, so that the file meta group keeps its length
MOST = 1 << 28  # bytes; a scan file that inflates to more is a trap


def inflated(data: bytes) -> bytes:
    """The same file in explicit VR little-endian when it is deflated (DICOM PS3.5 A.5), else ``data`` itself.

    Raises
    ------
    Unreadable
        When it cannot be inflated, or becomes larger than any scan.
    """
    start = 144 + int.from_bytes(data[140:144], "little")  # the end of the file meta group, by its length
    place = data.find(DEFLATED, 144, start) if data[132:138] == b"\x02\x00\x00\x00UL" else -1
    if place < 0:
        return data
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(data[start:], MOST)
    except zlib.error as error:
        raise Unreadable(f"cannot be inflated: {error}", damaged=True) from error
    if inflater.unconsumed_tail:
        raise Unreadable(f"inflates to more than {MOST:,} bytes", damaged=True)
    if not inflater.eof:
        raise Unreadable("is cut short: its deflated part has no end", damaged=True)
    return data[:place] + EXPLICIT + data[place + len(DEFLATED) : start] + content
