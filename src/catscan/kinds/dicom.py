"""What pictures and scans share of DICOM: which decoder reads a file's pixels, and within which bounds.

Parts and sections are those of the DICOM standard.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder, pixel_array
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from catscan.common.errors import BadSample
from catscan.kinds.codestreams import size_problem

# In the order of trust. GDCM is left out: on damaged data it takes the whole process down.
DECODERS = ("pylibjpeg", "pyjpegls", "pydicom", "pillow")
PACKAGES = "'pylibjpeg[all]' pyjpegls"
PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)

DEFLATED = b"1.2.840.10008.1.2.1.99"
EXPLICIT = b"1.2.840.10008.1.2.1\0\0\0"  # as long as DEFLATED, so that the file meta group keeps its length
MOST = 1 << 28  # bytes; a file of pixels that inflates to more is a trap


def decoded(read: Callable[[], Dataset], syntax: str, *, index: int = 0, raw: bool = True) -> NDArray[Any]:
    """The pixels of one frame.

    Parameters
    ----------
    read
        Gives the whole file.
    syntax
        Its Transfer Syntax UID (0002,0010).
    index
        The number of the frame.
    raw
        Whether colours stay as they are stored; else they become red, green, blue.

    Raises
    ------
    BadSample
        When no decoder is installed, or it fails, or the packed pixels are of another size than the header says.
    """
    plugin = decoder_for(UID(syntax))
    try:
        dataset = read()
        problem = size_problem(dataset, syntax, index)
        if problem:
            raise BadSample(f"has {problem}")
        return pixel_array(dataset, index=index, raw=raw, decoding_plugin=plugin)
    except BadSample:
        raise
    except BaseException as error:  # decoders raise nearly anything on broken data; one in Rust "panics"
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        text = " ".join(str(error).split())[:200] or type(error).__name__
        raise BadSample(f"cannot be decoded ({UID(syntax).name}): {text}") from error


def decoder_for(syntax: UID) -> str:
    """The decoder to use, "" where none is needed.

    Raises
    ------
    BadSample
        When none is installed, or none can exist.
    """
    if syntax in PLAIN:
        return ""
    try:
        installed = get_decoder(syntax).available_plugins
    except NotImplementedError as error:
        raise BadSample(f"is stored as {syntax.name!r}, which no decoder reads") from error
    for name in DECODERS:
        if name in installed:
            return name
    raise BadSample(f"needs a decoder for {syntax.name}, which is not installed: pip install {PACKAGES}")


def inflated(data: bytes) -> bytes:
    """The same file in explicit VR little-endian when it is deflated (PS3.5 A.5), else ``data`` itself.

    Raises
    ------
    BadSample
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
        raise BadSample(f"cannot be inflated: {error}") from error
    if inflater.unconsumed_tail:
        raise BadSample(f"inflates to more than {MOST:,} bytes")
    if not inflater.eof:
        raise BadSample("is cut short: its deflated part has no end")
    return data[:place] + EXPLICIT + data[place + len(DEFLATED) : start] + content
