"""Random values that cannot tell the classes apart.

In a set of some hundred samples, chance alone makes a value such as the slice count differ between the classes (an
AUC of 0.58 is common), and a network would find that before it finds the shape. So the two classes are given the very
same values, each class in an order of its own: every value of every column is shared by one negative and one positive
sample, and no two samples are twins in all of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Generator = np.random.Generator


def generator(seed: int, *key: int) -> Generator:
    """The generator of one purpose; ``key`` names the purpose, so that no stream depends on how much another drew."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def labels(rng: Generator, n: int) -> NDArray[np.int64]:
    """Half zeros, half ones (one zero more when ``n`` is odd), shuffled; shape (n,)."""
    return rng.permutation(np.arange(n) % 2)


def drawn_labels(rng: Generator, label: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """The class that is really drawn: ``label``, but wrong for a ``share`` of the samples, equally in each class."""
    drawn = label.copy()
    n_wrong = round(share * len(label) / 2)
    for value in (0, 1):
        wrong = rng.permutation(np.flatnonzero(label == value))[:n_wrong]
        drawn[wrong] = 1 - value
    return drawn


def shared_quantiles(rng: Generator, label: NDArray[np.int64], columns: int) -> NDArray[np.float64]:
    """Quantiles in [0, 1), of shape (len(label), columns), the same ones in both classes.

    Each column is spread evenly: one value in each of as many equal parts of [0, 1) as a class has samples.
    """
    pairs = (len(label) + 1) // 2
    quantiles = np.empty((len(label), columns))
    for column in range(columns):
        values = (np.arange(pairs) + rng.random(pairs)) / pairs
        for value in (0, 1):
            rows = np.flatnonzero(label == value)
            quantiles[rows, column] = rng.permutation(values)[: len(rows)]
    return quantiles
