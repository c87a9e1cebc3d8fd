"""A picture drawn by formulas, the same wherever it is drawn, for what a pretrained network says of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def drawn(side: int) -> NDArray[np.uint8]:
    """Slopes of grey in all three channels, a red disc, a blue box and stripes, (side, side, 3)."""
    y, x = np.mgrid[0:side, 0:side] / side
    picture = np.stack([255 * x, 255 * y, 255 * (1 - x)], axis=-1)
    picture[(x - 0.35) ** 2 + (y - 0.45) ** 2 < 0.06] = (230, 60, 40)
    picture[(abs(x - 0.7) < 0.15) & (abs(y - 0.65) < 0.2)] = (20, 40, 90)
    picture[(np.floor(x * 32) % 2 == 0) & (y > 0.9)] = 255
    return picture.astype(np.uint8)
