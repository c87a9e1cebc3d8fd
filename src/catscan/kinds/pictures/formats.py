"""What a picture file says of itself, read from its first bytes, before any pixel is decoded.

The format is taken from the bytes, never from the file's name.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from catscan.common.errors import BadSample
from catscan.kinds.pictures.picture_header import (
    AT_ONCE,
    MOST_MEGAPIXELS,
    PILLOW_KEEPS,
    PILLOW_TAKES,
    Header,
    check_size,
)
from catscan.kinds.pictures.progressive import bytes_of_first_scans, least_bytes

DEFLATE_MOST = 1032  # bytes that one byte of deflate can stand for at most (zlib's technical notes)
# Pixels that one byte of a picture can stand for: GIF's codes of 12 bits for up to 4,096, BMP's runs of 255 in two.
DENSEST = {"GIF": 2731, "BMP": 128}
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # PNG specification, IHDR, colour type
PROGRESSIVE = 0xC2  # the marker of such a frame
START = 256  # bytes that tell the format, and whether there is one
MARKS = (  # where they stand, and whose they are
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (0, b"BM", "BMP"),
    (8, b"WEBPVP8", "WebP"),
    (128, b"DICM", "DICOM"),  # before TIFF: a DICOM may begin as one, to be both
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
)
TEXTS = (b"<!doctype", b"<html", b"<?xml", b"<svg", b"<head", b"{", b"version https://git-lfs")


def format_of(data: bytes) -> str:
    """The format of a picture file, as `Header` calls it.

    Parameters
    ----------
    data
        Its first `START` bytes, or more.

    Raises
    ------
    BadSample
        When the file is empty or is not a picture.
    """
    if not data:
        raise BadSample("is empty (0 bytes)")
    for at, mark, name in MARKS:
        if data[at : at + len(mark)] == mark:
            return name
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(TEXTS) or (start.isascii() and b"\0" not in start):
        raise BadSample(f"is text, not a picture, beginning {data[:24]!r}")
    raise BadSample(f"is not a picture of a known format, beginning {data[:8].hex(' ')}")


def sniff(data: bytes, most: int = MOST_MEGAPIXELS) -> Header:
    """Read the header of a picture file.

    Parameters
    ----------
    data
        The whole file.
    most
        Megapixels that it may have.

    Raises
    ------
    BadSample
        When the file is empty, is not a picture, is cut off, or is too large.
    """
    return _HEADERS[format_of(data)](data, most)


def _gif(data: bytes, most: int) -> Header:
    return _plain("GIF", data, "<HH", 6, most, channels=1)


def _bmp(data: bytes, most: int) -> Header:
    return _plain("BMP", data, "<ii", 18, most, channels=4)


def _dicom(data: bytes, most: int) -> Header:
    from catscan.kinds.pictures.dicom import dicom_header  # pydicom is half a second, of no use to other pictures

    return dicom_header(data, most)


def _tiff(data: bytes, most: int) -> Header:
    from catscan.kinds.pictures.pillow_files import tiff_size

    height, width = tiff_size(data)
    check_size(height, width, most)
    return Header("TIFF", height, width, 4, PILLOW_TAKES, PILLOW_KEEPS)


def _plain(kind: str, data: bytes, layout: str, at: int, most: int, *, channels: int) -> Header:
    if len(data) < at + struct.calcsize(layout):
        raise BadSample(f"is cut off in the header of a {kind}")
    width, height = struct.unpack_from(layout, data, at)
    height = abs(height)
    check_size(height, width, most)
    header = Header(kind, height, width, channels, PILLOW_TAKES, PILLOW_KEEPS)
    if header.bytes_at(1) > AT_ONCE and len(data) * DENSEST[kind] < height * width:  # small frames may be all there is
        raise _too_few(f"{len(data):,} bytes", height, width)
    return header


def _too_few(what: str, height: int, width: int) -> BadSample:
    """The refusal of a file whose bytes are fewer than its pixels need, however well they are packed."""
    return BadSample(f"is cut off: {what} cannot hold the {width} x {height} pixels that it promises")


def _webp(data: bytes, most: int) -> Header:
    """Read the first chunk (RFC 9649, 2.5 to 2.7: lossy, lossless or extended), and the orientation if there is one."""
    if len(data) < max(30, 8 + int.from_bytes(data[4:8], "little")):
        raise BadSample("is cut off: a WebP shorter than its header says")
    kind, transparent, orientation = data[12:16], False, 1
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        transparent, orientation = bool(data[20] & 0x10), _webp_orientation(data)
    elif kind == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        width, height, transparent = 1 + packed % 16384, 1 + packed // 16384 % 16384, bool(packed >> 28 & 1)
    else:
        width, height = (side % 16384 for side in struct.unpack_from("<HH", data, 26))
    check_size(height, width, most)
    takes = 11 if transparent else 7  # bytes: OpenCV's canvas, what it gives, the array
    return Header("WebP", height, width, 4 if transparent else 3, takes, keeps=takes, orientation=orientation)


def _webp_orientation(data: bytes) -> int:
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"EXIF":
            return exif_orientation(data[at + 8 : at + 8 + size].removeprefix(b"Exif\0\0"))
        at += 8 + size + size % 2
    return 1


def _jpeg(data: bytes, most: int) -> Header:
    """Walk the segments (ITU-T T.81, annex B) up to the start of the frame."""
    at, orientation = 2, 1
    while at + 9 < len(data):
        if data[at] != 0xFF:
            raise BadSample(f"is damaged: a JPEG without a segment at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in (0xC0, 0xC1, PROGRESSIVE):
            return _jpeg_frame(data, at, orientation, most)
        if 0xC3 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            raise BadSample(f"is a JPEG of a rare kind (frame {marker:02x}: lossless, hierarchical or arithmetic)")
        if marker in (0xD9, 0xDA) or size < 2:
            break
        if marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            orientation = exif_orientation(data[at + 10 : at + 2 + size])
        at += 2 + size
    raise BadSample("is cut off in the header of a JPEG")


def _jpeg_frame(data: bytes, at: int, orientation: int, most: int) -> Header:
    bits = data[at + 4]
    height, width = struct.unpack_from(">HH", data, at + 5)
    channels = data[at + 9]
    if bits != 8:
        raise BadSample(f"is a JPEG of {bits} bits a value; 8 are read")
    if channels not in (1, 3, 4):
        raise BadSample(f"is a JPEG of {channels} components; 1, 3 or 4 are read")
    check_size(height, width, most)
    # Every 8 x 8 block takes a bit at the very least; the 16 is for the coarsest sampling that a JPEG can have.
    if 16 * 8 * len(data) < (height // 8) * (width // 8):
        raise _too_few(f"{len(data):,} bytes", height, width)
    keeps = 0
    if data[at + 1] == PROGRESSIVE:  # its coefficients, of 16 bits, are all in memory, at whatever size it is decoded
        keeps = 2 * channels
        components = data[at + 10 : at + 10 + 3 * channels]
        held = bytes_of_first_scans(data, at + 2 + int.from_bytes(data[at + 2 : at + 4], "big"))
        if held < least_bytes(height, width, [divmod(factors, 16) for factors in components[1::3]]):
            raise _too_few(f"{held:,} bytes in its first scans", height, width)
    takes = keeps + (PILLOW_TAKES if channels == 4 else channels)
    return Header("JPEG", height, width, channels, takes, keeps, orientation)


def exif_orientation(tiff: bytes) -> int:
    """The orientation 1..8 in an EXIF block (a TIFF structure); 1 where there is none or it makes no sense."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 14:
        return 1
    start = struct.unpack_from(order + "I", tiff, 4)[0]
    if start + 2 > len(tiff):
        return 1
    count = struct.unpack_from(order + "H", tiff, start)[0]
    for at in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind = struct.unpack_from(order + "HH", tiff, at)
        if tag == 0x0112 and kind == 3:
            value = struct.unpack_from(order + "H", tiff, at + 8)[0]
            return value if 1 <= value <= 8 else 1
    return 1


def _png(data: bytes, most: int) -> Header:
    """Check every chunk's length and checksum (PNG specification, 5.3): a damaged PNG is found before it is decoded."""
    if len(data) < 33:
        raise BadSample("is cut off in the header of a PNG")
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    channels = PNG_CHANNELS.get(colour)
    if data[12:16] != b"IHDR" or channels is None:
        raise BadSample("is damaged: a PNG without a header")
    view, at, packed, orientation, transparent = memoryview(data), 8, 0, 1, colour in (4, 6)
    while data[at + 4 : at + 8] != b"IEND":
        size = int.from_bytes(data[at : at + 4], "big")
        end = at + 8 + size
        if end + 4 > len(data):
            raise BadSample("is cut off: a PNG without its end")
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise BadSample(f"is damaged: a PNG whose chunk at byte {at} fails its checksum")
        name = data[at + 4 : at + 8]
        packed += size if name == b"IDAT" else 0
        orientation = exif_orientation(data[at + 8 : end]) if name == b"eXIf" else orientation
        transparent = transparent or name == b"tRNS"
        at = end + 4
    check_size(height, width, most)
    if packed * DEFLATE_MOST < height * ((width * channels * depth + 7) // 8):
        raise _too_few(f"{packed:,} packed bytes", height, width)
    stored = 4 if transparent else 3 if colour == 3 else channels
    takes, keeps = 1 if stored == 1 else 3, 0  # since rows in their order can be read in strips
    if interlaced:
        takes = keeps = takes + stored * (2 if depth == 16 else 1)
    return Header("PNG", height, width, stored, takes, keeps, orientation, bits=max(depth, 8))


_HEADERS: dict[str, Callable[[bytes, int], Header]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "BMP": _bmp,
    "WebP": _webp,
    "DICOM": _dicom,
    "TIFF": _tiff,
}
