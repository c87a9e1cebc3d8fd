"""A single-image DICOM file as a picture: a mammogram, an X-ray, a photograph, one slice.

Its header is checked before a decoder takes memory for its pixels.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut

from catscan.common.errors import BadSample
from catscan.kinds.dicom import decoded, inflated
from catscan.kinds.pictures.grey_levels import grey_levels, has_no_window
from catscan.kinds.pictures.picture_header import Header, check_size

Pixels = NDArray[np.uint8]

TAKES = 3  # bytes a value; decoding takes up to 9, but mammograms, of up to 28 million, shall be read side by side
ROWS_AT_ONCE = 128
GRAY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
NEEDED = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
NO_WINDOW = "has no window: its own lowest to highest values are shown"


def dicom_header(data: bytes, most: int) -> Header:
    """What a DICOM file says of its picture, which may have ``most`` megapixels.

    Raises
    ------
    BadSample
        When its header is damaged, it holds no picture or several, one of a kind that is not read, or one too large.
    """
    try:
        return _checked(_read(data, pixels=False), most)
    except BadSample:
        raise
    except Exception as error:  # pydicom converts elements when they are asked for, and raises nearly anything then
        raise BadSample(f"is a damaged DICOM: {error or type(error).__name__}") from error


def dicom_pixels(data: bytes) -> Pixels:
    """The picture of a DICOM file that `dicom_header` has passed.

    Returns
    -------
    ndarray of shape (height, width, 1 or 3), uint8
        Gray, or red, green, blue. Gray is shown through the file's VOI LUT, else its first window, else from the lowest
        to the highest of its own values (8 bits as they are); MONOCHROME1 is inverted, and padding is black.

    Raises
    ------
    BadSample
        When the pixels are cut off or damaged.
    """
    dataset = _read(data, pixels=True)
    if "PixelData" not in dataset:
        raise BadSample("holds no pixels")
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if dataset.PhotometricInterpretation in GRAY:
        return _gray(decoded(lambda: dataset, syntax), dataset)
    return _colour(decoded(lambda: dataset, syntax, raw=False), dataset)


def _read(data: bytes, *, pixels: bool) -> Dataset:
    try:
        return pydicom.dcmread(BytesIO(inflated(data)), stop_before_pixels=not pixels)
    except BadSample:
        raise
    except Exception as error:  # a broken file makes pydicom raise nearly anything
        raise BadSample(f"is a damaged DICOM: {error or type(error).__name__}") from error


def _checked(dataset: Dataset, most: int) -> Header:
    kind = str(dataset.get("PhotometricInterpretation", ""))
    if not kind or any(dataset.get(name) is None for name in NEEDED):
        what = dataset.get("SOPClassUID")
        raise BadSample(f"is a DICOM without a picture ({what.name if what else 'of no known kind'})")
    if "TransferSyntaxUID" not in dataset.file_meta:
        raise BadSample("is a damaged DICOM: it does not say how its pixels are stored")
    if kind not in (*GRAY, *COLOUR, "PALETTE COLOR"):
        raise BadSample(f"is a DICOM picture of a rare kind ({kind})")
    return _sized(dataset, kind, most)


def _sized(dataset: Dataset, kind: str, most: int) -> Header:
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        raise BadSample(f"is a DICOM of {frames:,} frames, a scan or a film, not one picture")
    height, width, samples = int(dataset.Rows), int(dataset.Columns), int(dataset.get("SamplesPerPixel") or 1)
    allocated, stored, high = int(dataset.BitsAllocated), int(dataset.BitsStored), int(dataset.HighBit)
    if allocated not in (8, 16) or not stored <= high + 1 <= allocated or stored < 1:
        raise BadSample(f"is a DICOM of {stored} bits a value in {allocated}; up to 16, in 8 or 16, are read")
    if samples != (3 if kind in COLOUR else 1):
        raise BadSample(f"is a damaged DICOM: {samples} samples a pixel of {kind}")
    check_size(height, width, most)
    takes = TAKES * samples
    notes = (NO_WINDOW,) if kind in GRAY and has_no_window(dataset) else ()
    return Header("DICOM", height, width, 1 if kind in GRAY else 3, takes, keeps=takes, notes=notes)


def _gray(values: NDArray[Any], dataset: Dataset) -> Pixels:
    if values.shape != (dataset.Rows, dataset.Columns) or values.dtype.kind not in "iu":
        raise BadSample(f"is a damaged DICOM: it decodes to {values.dtype} of shape {values.shape}")
    patterns = values.astype(np.dtype(f"u{dataset.BitsAllocated // 8}"), copy=False)
    try:
        levels = grey_levels(patterns, dataset)
    except Exception as error:  # tables and windows that contradict themselves fail in many ways
        raise BadSample(f"is a DICOM whose window or table makes no sense: {error}") from error
    return _looked_up(levels, patterns)[..., None]


def _colour(values: NDArray[Any], dataset: Dataset) -> Pixels:
    """Red, green, blue; more than 8 bits are brought to 8."""
    bits = int(dataset.BitsStored)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        try:
            values = apply_color_lut(values, dataset)
        except Exception as error:  # damaged tables fail in many ways
            raise BadSample(f"is a DICOM whose palette makes no sense: {error}") from error
        bits = 8 * values.dtype.itemsize
    if values.shape != (dataset.Rows, dataset.Columns, 3) or values.dtype.kind != "u":
        raise BadSample(f"is a damaged DICOM: it decodes to {values.dtype} of shape {values.shape}")
    levels = np.rint(np.clip(np.arange(1 << 8 * values.dtype.itemsize) / ((1 << bits) - 1), 0, 1) * 255)
    return _looked_up(levels.astype(np.uint8), values)


def _looked_up(levels: Pixels, values: NDArray[Any]) -> Pixels:
    """``levels[values]``, some rows at a time: NumPy makes 8 bytes of each index, which would be most of the memory."""
    found: Pixels = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), ROWS_AT_ONCE):
        found[start : start + ROWS_AT_ONCE] = levels[values[start : start + ROWS_AT_ONCE]]
    return found
