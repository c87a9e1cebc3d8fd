"""What the index reads of the config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from catscan.common.settings import from_dict
from catscan.stages.index.labels import Rules


@dataclass(frozen=True)
class Settings:
    """The keys of the blocks `data` and `index`, and the name and id column of the sample submission."""

    kind: str
    task: str
    train: str
    test: str
    labels: dict[str, Any]
    classes: tuple[str, ...]
    positive: str
    group_column: str
    test_ids: str
    sample: str
    id_column: str
    folds: int
    seed: int
    shards: int
    near_duplicates: bool

    @property
    def rules(self) -> Rules:
        """How the labels are written: the block `labels`."""
        return from_dict(Rules, self.labels)
