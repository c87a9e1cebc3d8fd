"""Whether training and test samples can be told apart, and which test samples are most unlike those of training."""

from __future__ import annotations

from typing import Any

import numpy as np

from catscan.common.arrays import Shards
from catscan.common.contracts.galleries import Picture, Tile
from catscan.scores.drift import Drift, drift, looks

MOST = 1000  # samples of each split, evenly over all
AT_ONCE = 100
SHOWN = 8


def drift_between(train: Shards, test: Shards) -> Drift | None:
    """By the samples as the networks get them; None where there are too few."""
    return drift(
        *(
            np.concatenate([looks(some) for some in _some(split)]) if len(split) else np.empty((0, 1))
            for split in (train, test)
        )
    )


def chosen(n: int) -> np.ndarray:
    """The rows of a split that are looked at."""
    return np.unique(np.linspace(0, n - 1, min(n, MOST)).astype(int))


def _some(split: Shards) -> list[np.ndarray]:
    rows = chosen(len(split))
    return [split.take(rows[first : first + AT_ONCE]) for first in range(0, len(rows), AT_ONCE)]


def drift_told(found: Drift | None, test: Shards) -> dict[str, Any]:
    """A line on it, and the test samples that look the least like training; empty where nothing is known."""
    if found is None:
        return {"line": "Too few samples to say whether training and test samples can be told apart.", "tiles": []}
    low, high = found.interval
    apart = "cannot" if low <= 0.5 else "can hardly" if found.auc < 0.6 else "can"
    name, of_train, of_test = found.differences
    line = (
        f"Training and test samples {apart} be told apart by coarse looks: AUC {found.auc:.3f} (95 %: {low:.3f} to "
        f"{high:.3f}; 0.5 or less is not at all)."
    )
    if apart != "cannot":
        line += f" What differs most is the {name}: {of_train:.1f} and {of_test:.1f} grey levels."
    rows = chosen(len(test))[np.argsort(-found.likeness, kind="stable")[:SHOWN]]
    tiles = [
        Tile(test.sample_ids[row], "test", Picture.of(_flat(sample)), None)
        for row, sample in zip(rows, test.take(rows), strict=True)
    ]
    return {"line": line, "tiles": tiles}


def _flat(sample: np.ndarray) -> np.ndarray:
    """A picture; of a scan its middle slice."""
    flat = sample[len(sample) // 2] if sample.ndim == 4 else sample
    return flat if flat.shape[2] == 3 else flat[:, :, 0]
