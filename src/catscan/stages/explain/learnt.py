"""How the opened network came to be: what its training kept from epoch to epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from catscan.common.contracts.explanation import Block, Layer
from catscan.networks.epochs import Epochs
from catscan.networks.model import read_weights
from catscan.stages.explain.choice import Chosen


class Learnt:
    """The epochs of a training that are kept.

    Parameters
    ----------
    held_out
        (n, classes), the out-of-fold predictions of the same network.
    """

    def __init__(self, folder: Path, held_out: pd.DataFrame) -> None:
        self._folder, self._kept = folder, Epochs.read(folder)
        told = held_out.index[: self._kept.answers.shape[1]]
        self._row = {str(name): row for row, name in enumerate(told)}
        self.epochs = tuple(self._kept.numbers.tolist())

    def windows(self, layers: Sequence[Layer]) -> Block | None:
        """The first convolution's from epoch to epoch; None where another layer's are kept, or none."""
        first = next((layer for layer in layers if layer.kind == "convolution"), None)
        if first is None or first.closed or not self._kept.name:
            return None
        kept = read_weights(self._folder)[self._kept.name]
        return Block.of(self._kept.windows) if np.array_equal(first.arrays["window"].array(), kept) else None

    def answers(self, one: Chosen) -> Block | None:
        """(epochs, classes), what the network said of a sample; None where that is not kept."""
        row = self._row.get(one.sample_id) if one.split == "train" else None
        return None if row is None or not self.epochs else Block.of(self._kept.answers[:, row])
