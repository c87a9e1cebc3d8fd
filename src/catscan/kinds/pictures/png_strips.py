"""The rows of a large PNG, some at a time (PNG specification, third edition).

OpenCV decodes a PNG only whole. So its unpacked rows are cut into small PNGs, and these are decoded: since a row is
filtered by the row above it, each begins with the last row of the one before, unfiltered. Filters go by bytes, not by
pixels, so that palettes and bits need no care there: what has the same bytes a pixel serves.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import BadSample
from catscan.kinds.pictures.formats import PNG_CHANNELS
from catscan.kinds.pictures.strips import to_8_bit_opaque

Pixels = NDArray[np.uint8]
Bytes = NDArray[np.uint8]

ALIKE = {1: (8, 0), 2: (16, 0), 3: (8, 2), 4: (8, 6), 6: (16, 2), 8: (16, 6)}  # bytes a pixel: bits, colour type


@dataclass(frozen=True)
class _Layout:
    """How the rows are stored: pixels a row, bits a value, colour type, PLTE's colours, what tRNS holds."""

    width: int
    bits: int
    colour: int
    palette: bytes
    transparent: bytes

    @property
    def row_bytes(self) -> int:
        return (self.width * PNG_CHANNELS[self.colour] * self.bits + 7) // 8

    @property
    def pixel_bytes(self) -> int:
        """By which the filters look to the left."""
        return max(1, PNG_CHANNELS[self.colour] * self.bits // 8)


def png_strips(data: bytes, rows: Sequence[int]) -> Iterator[Pixels]:
    """The strips of a PNG that is not interlaced and whose checksums hold.

    Yields
    ------
    ndarray of shape (rows, width, 1 or 3), uint8
        Gray, or red, green, blue; on white, 16 bits divided by 257.

    Raises
    ------
    BadSample
        When it is damaged or cut off.
    """
    chunks = {name: body for name, body in _chunks(data) if name != b"IDAT"}
    width, _, bits, colour = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    layout = _Layout(width, bits, colour, bytes(chunks.get(b"PLTE", b"")), bytes(chunks.get(b"tRNS", b"")))
    above = bytes(layout.row_bytes)
    for filtered in _unpacked(data, [count * (1 + layout.row_bytes) for count in rows]):
        lines = _unfiltered(filtered, above, layout)
        above = lines[-1].tobytes()
        yield _pixels(lines, layout)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    view, at, name = memoryview(data), 8, b""
    while name != b"IEND":
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        yield name, view[at + 8 : at + 8 + size]
        at += 12 + size


def _unpacked(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """The unpacked bytes, so many at a time."""
    inflater = zlib.decompressobj()
    packed = (body for name, body in _chunks(data) if name == b"IDAT")
    rest: bytes | memoryview = b""
    try:
        for size in sizes:
            found = bytearray()
            while len(found) < size:
                rest = rest or next(packed, b"")
                if not rest:
                    raise BadSample("is a damaged PNG: it ends before its last row")
                found += inflater.decompress(rest, size - len(found))
                rest = inflater.unconsumed_tail
            yield bytes(found)
    except zlib.error as error:
        raise BadSample(f"is a damaged PNG: {error}") from error


def _unfiltered(filtered: bytes, above: bytes, layout: _Layout) -> Bytes:
    """(rows, row_bytes): the bytes of the rows themselves."""
    bits, colour = ALIKE[layout.pixel_bytes]
    rows = len(filtered) // (1 + layout.row_bytes)
    header = struct.pack(">IIBBBBB", layout.row_bytes // layout.pixel_bytes, rows + 1, bits, colour, 0, 0, 0)
    packed = zlib.compress(b"\0" + above + filtered, 0)
    small = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")
    try:
        found: Any = cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise BadSample(f"is a damaged PNG: {error.err}") from error
    if found is None:
        raise BadSample("is a damaged PNG")
    if found.ndim == 3:  # OpenCV gives blue first
        found = cv2.cvtColor(found, cv2.COLOR_BGR2RGB if found.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
    stored = np.ascontiguousarray(found, ">u2" if bits == 16 else np.uint8)
    return stored.view(np.uint8).reshape(rows + 1, layout.row_bytes)[1:]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _pixels(lines: Bytes, layout: _Layout) -> Pixels:
    values = _values(lines, layout)
    if layout.colour == 3:
        return _of_palette(values[..., 0], layout)
    most = (1 << layout.bits) - 1
    if layout.colour == 2 and len(layout.transparent) == 6:  # the one colour that is; of gray, OpenCV knows none either
        key = np.frombuffer(layout.transparent, ">u2")
        alpha = np.where((values == key).all(axis=2), 0, most).astype(values.dtype)
        values = np.concatenate([values, alpha[..., None]], axis=2)
    if values.shape[2] == 2:
        values = values[..., [0, 0, 0, 1]]
    if layout.bits < 8:
        values = values * np.uint8(255 // most)
    return to_8_bit_opaque(values) if layout.bits == 16 or values.shape[2] == 4 else values


def _values(lines: Bytes, layout: _Layout) -> NDArray[Any]:
    """(rows, width, channels), uint8 or uint16, in the file's own number of bits."""
    if layout.bits == 16:
        values: NDArray[Any] = lines.view(">u2").astype(np.uint16)
    elif layout.bits == 8:
        values = lines
    else:
        shifts = np.arange(8 - layout.bits, -1, -layout.bits).astype(np.uint8)
        values = ((lines[..., None] >> shifts) & ((1 << layout.bits) - 1)).reshape(len(lines), -1)
        values = values[:, : layout.width]
    return values.reshape(len(lines), layout.width, -1)


def _of_palette(numbers: NDArray[np.uint8], layout: _Layout) -> Pixels:
    colours = np.zeros((256, 4), np.uint8)
    colours[:, 3] = 255
    given = np.frombuffer(layout.palette, np.uint8)[: 3 * 256]
    colours[: len(given) // 3, :3] = given[: len(given) // 3 * 3].reshape(-1, 3)
    alpha = np.frombuffer(layout.transparent, np.uint8)[:256]
    colours[: len(alpha), 3] = alpha
    return to_8_bit_opaque(colours[None])[0][numbers]
