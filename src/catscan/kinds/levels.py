"""Values of any type as grey levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_bytes(values: NDArray[Any], value_range: Sequence[float]) -> NDArray[np.uint8]:
    """Map (low, high) to 0 and 255, clipped, rounded."""
    low, high = value_range
    # In float64, since a float16 could hold neither a wide range nor the steps in it.
    return np.rint((np.clip(values.astype(np.float64), low, high) - low) * (255 / (high - low))).astype(np.uint8)
