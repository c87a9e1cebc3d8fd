"""How well a network does on the fold that it never saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import listed
from catscan.common.words import number_of
from catscan.networks.model import Weights
from catscan.networks.predictor import Predictor
from catscan.scores.answers import ANSWERS
from catscan.scores.metrics import METRICS, Problem, metric_named, odds_to_tell, prior_score, score, with_odds
from catscan.stages.train.data import Data
from catscan.stages.train.interruptions import NotFinite

PROBED = 256  # samples that the final weights are tried on


@dataclass(frozen=True)
class Validation:
    """The measures of one row of the history; ``metric`` (the competition's) decides early stopping."""

    data: Data
    problem: Problem
    metric: str

    def __post_init__(self) -> None:
        """Refuse a metric that is not made for the task before anything is trained."""
        metric_named(self.metric, self.problem.task)

    def predict(self, predictor: Predictor) -> NDArray[np.float64]:
        """(n, classes), the answers for the held-out fold, without flips."""
        return predictor.predict(self.data.shards.take, self.data.held_rows, flips=False).astype(np.float64)

    def measure(self, found: NDArray[np.float64]) -> dict[str, float]:
        """What is always followed of such answers, and the metric; not-a-number where undefined."""
        targets = self.data.targets[self.data.held_rows].astype(np.float64)
        told = with_odds(found, odds_to_tell(self.metric, targets, self.problem))
        followed = ANSWERS[self.problem.task].followed
        scores = {name: score(name, found, targets, self.problem) for name in followed}
        return scores | {self.metric: score(self.metric, told, targets, self.problem)}

    def is_better(self, new: float, old: float | None) -> bool:
        """Whether ``new`` beats ``old`` (None: nothing yet); not-a-number beats nothing."""
        if math.isnan(new):
            return False
        if old is None:
            return True
        return new > old if METRICS[self.metric].larger_is_better else new < old


def remark_on(history: Sequence[dict[str, float]], data: Data, problem: Problem) -> str:
    """A note when no epoch's held-out loss is below that of the constant prior, to the digits told; else "".

    A network whose units were silenced at its start (a ReLU that is 0 for all samples has no gradient) ends like that.
    """
    if not len(data.held_rows):
        return ""
    answers = ANSWERS[problem.task]
    best = min(row[answers.loss] for row in history)
    prior = prior_score(answers.loss, data.targets[data.held_rows].astype(np.float64), problem)
    if round(best, 4) < round(prior, 4):
        return ""
    return (
        f"note: the network never did better than the constant prior (held-out {answers.loss.replace('_', ' ')} "
        f"{best:.4f} at best, {prior:.4f} by the {answers.prior} alone); when it is the same after more epochs, "
        "another of `seeds` gives it another start"
    )


def refuse_diverged(weights: Weights, predictor: Predictor, data: Data) -> None:
    """Refuse final weights that cannot predict: the last update of a training has no loss after it to tell.

    Parameters
    ----------
    predictor
        Holds ``weights``; it is tried on some samples, held-out ones first.

    Raises
    ------
    NotFinite
        When a weight, or a prediction, is infinite or not a number.
    """
    broken = [name for name, array in weights.items() if not np.isfinite(array).all()]
    rows = np.concatenate([data.held_rows, data.train_rows])[:PROBED]
    silent = int((~np.isfinite(predictor.predict(data.shards.take, rows, flips=False)).all(axis=1)).sum())
    if broken or silent:
        raise NotFinite(
            "The training diverged at its end.",
            where=listed(broken) or "the predictions",
            found=f"{number_of(len(broken), 'array')} of weights with values that are not finite numbers, "
            f"{silent:,} of {number_of(len(rows), 'sample')} without a finite prediction",
            do="Lower `learning_rate`.",
        )
