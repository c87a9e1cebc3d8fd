"""One array of a `.npy` file or of a member of a `.npz`: its header is checked before its values are touched."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import BadSample
from catscan.kinds.arrays.spans import Span

MAGIC = b"\x93NUMPY"
LENGTH_BYTES = {1: 2, 2: 4}  # of the header's length, by the format's major version
LONGEST_HEADER = 10_000  # bytes; as NumPy has it: a longer one could exhaust Python's parser
MOST_AXES = 5  # samples, depth, height, width, channels
LARGEST = 1 << 30  # bytes of what is read at once: a sample, or the labels
NUMBERS = "biuf"  # kinds of types: truth, whole numbers with and without a sign, floating point


@dataclass(frozen=True)
class StoredArray:
    """An array where it lies.

    Attributes
    ----------
    span
        The file's bytes.
    offset
        Where the values begin.
    """

    span: Span
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool
    offset: int

    def row(self, number: int) -> NDArray[Any]:
        """The values of one row along the first axis, read alone.

        Raises
        ------
        BadSample
            When there is no such row, it is too large, or the bytes are damaged.
        """
        if not self.shape or number >= self.shape[0]:
            raise BadSample(f"has the shape {self.shape}, no row {number}")
        count = math.prod(self.shape[1:]) * self.dtype.itemsize
        _refuse_large(count)
        data = self.span.read(self.offset + number * count, count)
        return np.frombuffer(data, self.dtype).reshape(self.shape[1:])

    def whole(self) -> NDArray[Any]:
        """All values; raises as `row` does."""
        _refuse_large(self.span.size)
        data = self.span.read(0, self.span.size)
        values = np.frombuffer(data, self.dtype, offset=self.offset)
        return values.reshape(self.shape, order="F" if self.is_fortran else "C")


def _refuse_large(count: int) -> None:
    if count > LARGEST:
        raise BadSample(f"is too large: {count:,} bytes, more than {LARGEST:,}")


def stored_array(span: Span) -> StoredArray:
    """Read the header of an array.

    Raises
    ------
    BadSample
        When it is no array of numbers in NumPy's format, or its shape does not fit the bytes that are there.

    References
    ----------
    NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".
    """
    text, offset = _header_text(span)
    header = _header_of(text)
    if not isinstance(header["descr"], str):
        raise BadSample("is an array of records, not of numbers")
    dtype = _type_of(header["descr"])
    shape, is_fortran = header["shape"], header["fortran_order"]
    if not isinstance(shape, tuple) or not all(type(count) is int and count >= 0 for count in shape):
        raise BadSample(f"has a shape that is none: {str(shape)[:80]}")
    if len(shape) > MOST_AXES:
        raise BadSample(f"has {len(shape)} axes, more than {MOST_AXES}")
    if 0 in shape:
        raise BadSample(f"is empty: its shape is {shape}")
    needed, there = math.prod(shape) * dtype.itemsize, span.size - offset
    if needed != there:
        raise BadSample(f"is cut off or damaged: its shape {shape} takes {needed:,} bytes, and {there:,} are there")
    return StoredArray(span, shape, dtype, bool(is_fortran), offset)


def _header_text(span: Span) -> tuple[str, int]:
    """The header, and where the values begin."""
    start = span.read(0, min(span.size, len(MAGIC) + 6))
    if not start.startswith(MAGIC):
        raise BadSample("is no array in NumPy's format")
    width = LENGTH_BYTES.get(start[6]) if len(start) > 6 else None
    if width is None:
        raise BadSample("is of a version of NumPy's format that holds no plain numbers")
    begin = len(MAGIC) + 2 + width
    length = int.from_bytes(start[begin - width : begin], "little")
    if length > LONGEST_HEADER:
        raise BadSample(f"has a header of {length:,} bytes, more than {LONGEST_HEADER:,}")
    if begin + length > span.size:
        raise BadSample("is cut off in its header")
    return span.read(begin, length).decode("latin-1"), begin + length


def _header_of(text: str) -> dict[str, Any]:
    try:
        header = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.keys() != {"descr", "fortran_order", "shape"}:
        raise BadSample("has a header that is none of NumPy's")
    return header


def _type_of(text: str) -> np.dtype[Any]:
    try:
        dtype = np.dtype(text)
    except (TypeError, ValueError, SyntaxError) as error:
        raise BadSample(f"is of an unknown type {text[:40]!r}") from error
    if dtype.hasobject:
        raise BadSample("holds Python objects, which are never loaded (they could run code)")
    if dtype.kind not in NUMBERS:
        raise BadSample(f"holds values of the type {dtype}, which are no numbers")
    return dtype
