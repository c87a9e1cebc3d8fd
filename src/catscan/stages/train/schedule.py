"""The learning rate as a pure function of how far the training is."""

from __future__ import annotations

import math

WARM_UP = 0.2  # share of the run in which `one_cycle` rises
START = 0.1  # share of the highest rate at which it starts


def learning_rate(schedule: str, highest: float, *, step: int, steps: int) -> float:
    """The rate of update number ``step`` (from 0) out of ``steps``.

    >>> [round(learning_rate("one_cycle", 1.0, step=s, steps=10), 3) for s in (0, 1, 2, 6, 9)]
    [0.1, 0.55, 1.0, 0.5, 0.038]
    """
    if schedule == "constant":
        return highest
    done = min(step / steps, 1.0)
    if schedule == "cosine":
        return highest * 0.5 * (1 + math.cos(math.pi * done))
    if done < WARM_UP:
        return highest * (START + (1 - START) * done / WARM_UP)
    return highest * 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))
