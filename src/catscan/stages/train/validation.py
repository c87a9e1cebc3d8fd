"""How well a network does on the fold that it never saw."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from catscan.networks.predictor import Predictor
from catscan.scores.metrics import METRICS, Problem, metric_named, odds_to_tell, score, with_odds
from catscan.stages.train.data import Data


@dataclass(frozen=True)
class Validation:
    """The measures of one row of the history; ``metric`` (the competition's) decides early stopping."""

    data: Data
    problem: Problem
    metric: str

    def __post_init__(self) -> None:
        """Refuse a metric that is not made for the task before anything is trained."""
        metric_named(self.metric, self.problem.task)

    def measure(self, predictor: Predictor) -> dict[str, float]:
        """Log loss, accuracy and the metric of the held-out fold, without flips; not-a-number where undefined."""
        held = self.data.held_rows
        found = predictor.predict(self.data.shards.take, held, flips=False).astype(np.float64)
        targets = self.data.targets[held].astype(np.float64)
        told = with_odds(found, odds_to_tell(self.metric, targets, self.problem))
        scores = {name: score(name, found, targets, self.problem) for name in ("log_loss", "accuracy")}
        return scores | {self.metric: score(self.metric, told, targets, self.problem)}

    def is_better(self, new: float, old: float | None) -> bool:
        """Whether ``new`` beats ``old`` (None: nothing yet); not-a-number beats nothing."""
        if math.isnan(new):
            return False
        if old is None:
            return True
        return new > old if METRICS[self.metric].larger_is_better else new < old
