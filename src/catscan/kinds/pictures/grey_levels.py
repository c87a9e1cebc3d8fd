"""From the stored values of a gray DICOM picture to the grey levels that its file wants shown.

There are at most 65,536 different ones, so the way (stored bits, modality LUT, VOI LUT or window, photometric
interpretation) is worked out once for each. Parts and sections are those of the DICOM standard.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels import apply_modality_lut

Values = NDArray[np.float64]


def grey_levels(patterns: NDArray[Any], dataset: Dataset) -> NDArray[np.uint8]:
    """The grey level of each pattern of the allocated bits.

    Parameters
    ----------
    patterns
        (rows, columns), uint8 or uint16: the picture as stored.
    dataset
        Its file.

    Returns
    -------
    ndarray of shape (256,) or (65536,), uint8
        By the VOI LUT, else the first window, else from the lowest to the highest value of this picture (8 bits that
        nothing rescales: as they are). MONOCHROME1 is inverted; padding is black.

    Raises
    ------
    Exception
        Nearly any, when windows or tables make no sense.
    """
    stored = _stored_values(dataset)
    padded = _padding(stored, dataset)
    modality = np.asarray(apply_modality_lut(stored, dataset), np.float64)
    shown = _through_window(modality, dataset)
    if shown is None and _is_8_bit(dataset):
        shown = (stored - stored.min()) / max(1, stored.max() - stored.min())
    if shown is None:
        there = ~padded & _occurring(patterns)
        low, high = (modality[there].min(), modality[there].max()) if there.any() else (0.0, 0.0)
        shown = (modality - low) / (high - low or 1)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown
    shown[padded] = 0
    return np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)


def _occurring(patterns: NDArray[Any]) -> NDArray[np.bool_]:
    """Which patterns occur at all; row by row, since NumPy makes 8 bytes of each index."""
    there = np.zeros(1 << 8 * patterns.dtype.itemsize, bool)
    for row in patterns:
        there[row] = True
    return there


def _stored_values(dataset: Dataset) -> NDArray[np.int64]:
    """What each pattern of the allocated bits stands for: the bits between Bits Stored and High Bit (PS3.5 8.1.1)."""
    bits = int(dataset.BitsStored)
    patterns = np.arange(1 << int(dataset.BitsAllocated), dtype=np.int64)
    stored = (patterns >> (int(dataset.HighBit) + 1 - bits)) & ((1 << bits) - 1)
    return stored - ((stored >> (bits - 1)) << bits) if dataset.PixelRepresentation == 1 else stored


def _padding(stored: NDArray[np.int64], dataset: Dataset) -> NDArray[np.bool_]:
    """Which stored values mark that there is no pixel (PS3.3 C.7.5.1.1.2)."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(len(stored), bool)
    first, last = sorted(_signed(int(end), dataset) for end in (value, dataset.get("PixelPaddingRangeLimit", value)))
    return (stored >= first) & (stored <= last)


def _signed(value: int, dataset: Dataset) -> int:
    """Two bytes as Pixel Representation says, whatever the element itself claims to be."""
    return value - (1 << 16) if dataset.PixelRepresentation == 1 and value >= 1 << 15 else value


def has_no_window(dataset: Dataset) -> bool:
    """Whether a gray picture does not say how to show it, by a VOI LUT, a window, or 8 bits that are grey levels."""
    return not dataset.get("VOILUTSequence") and _first_window(dataset) is None and not _is_8_bit(dataset)


def _is_8_bit(dataset: Dataset) -> bool:
    """Whether the stored values are grey levels as they are."""
    rescaled = (float(dataset.get("RescaleSlope") or 1), float(dataset.get("RescaleIntercept") or 0)) != (1, 0)
    return int(dataset.BitsStored) <= 8 and not rescaled and "ModalityLUTSequence" not in dataset


def _first_window(dataset: Dataset) -> tuple[float, float] | None:
    """Centre and width of the first window, when there is one."""
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    return None if centre is None or width is None else (centre, width)


def _first(value: Any) -> float | None:
    if isinstance(value, MultiValue):
        value = next(iter(value), None)
    return None if value in (None, "") else float(value)


def _through_window(modality: Values, dataset: Dataset) -> Values | None:
    """Shown brightness, 0 to 1 before clipping, by the VOI LUT (PS3.3 C.11.2.1.1) or the window (C.11.2.1.2)."""
    if dataset.get("VOILUTSequence"):
        return _looked_up(modality, dataset)
    window = _first_window(dataset)
    if window is None:
        return None
    centre, width = window
    kind = str(dataset.get("VOILUTFunction") or "LINEAR")
    if kind == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if width < 0 or (width == 0 and kind != "LINEAR"):
        raise ValueError(f"a window {window[1]:g} wide")
    if kind == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (modality - centre) / width, -500, 500)))
    if kind not in ("LINEAR", "LINEAR_EXACT"):
        raise ValueError(f"the unknown VOI LUT function {kind}")
    return (modality - centre) / width + 0.5 if width else (modality > centre).astype(np.float64)


def _looked_up(modality: Values, dataset: Dataset) -> Values:
    item = dataset.VOILUTSequence[0]
    count, first, bits = (int(value) for value in item.LUTDescriptor)
    data = item.LUTData
    if isinstance(data, bytes):
        little = dataset.original_encoding[1]
        data = np.frombuffer(data, "u1" if len(data) == count else "<u2" if little else ">u2")
    table = np.asarray(data, np.float64)[: count or 1 << 16]
    place = np.clip(np.rint(modality) - _signed(first, dataset), 0, len(table) - 1).astype(np.intp)
    return np.asarray(table[place] / ((1 << bits) - 1))
