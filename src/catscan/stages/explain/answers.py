"""What a network says by its logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.model import Model
from catscan.scores.answers import ANSWERS


def answers_of(described: Model, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, classes) of its logits (n, classes): probabilities, or amounts in the targets' own unit."""
    if described.scale is None:
        return ANSWERS[described.task].from_scale(logits)
    return logits * described.scale[1] + described.scale[0]
