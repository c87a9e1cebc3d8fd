"""The score to expect of a test set: what the out-of-fold predictions say, less what only they suffer from.

Two things part the score of a test set from that of the out-of-fold predictions. Each of those is the word of one
network (of each model), while a test sample gets the blend of all folds, which is better; and a test set has few
samples, and so a luck of its own.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catscan.scores import values
from catscan.scores.blending import Weights, weighted
from catscan.scores.calibration import TINY, logits_of, probabilities_of
from catscan.scores.metrics import Problem, Units, ends_of, score
from catscan.scores.tasks import OF_CLASSES, REGRESSION
from catscan.scores.told import Told

Array = NDArray[np.float64]
Rows = NDArray[np.integer]

TEST_SETS = 4  # drawn from each resample of the out-of-fold predictions
# The bootstrap knows the luck of the draw, and not what else sets a test set apart from samples held out: 0.95 held 15
# of the 20 series of docs/interval.md.
LEVEL = 0.99
NEWTON_STEPS = 4


def expected_score(
    metric: str,
    problem: Problem,
    *,
    held_out: Array,
    targets: Array,
    by_model: Mapping[str, Sequence[Array]],
    combined: Told,
    groups: Sequence[Hashable] = (),
    resamples: int = 500,
    seed: int = 1,
) -> tuple[float, tuple[float, float]]:
    """The score to expect of a test set, and the interval that is to hold it in 95 of 100 cases.

    The bootstrap of the out-of-fold predictions says how well they know the score, and test sets drawn from each of
    its resamples what luck adds. What the blend gains is learnt anew from each resample. The ends are taken farther
    out than 95 % of these draws (`LEVEL`).

    Parameters
    ----------
    held_out, targets
        (n, classes) the out-of-fold predictions of all models, blended, not calibrated; and the truth.
    by_model
        By the name of the model, each fold's predictions for the test set, (test samples, classes).
    combined
        How the submission is made of them.
    groups
        (n,) what is drawn as a whole (`metrics.Units`).

    Returns
    -------
    tuple
        The score, and the lower and upper end; not-a-number where the samples do not define the metric.
    """
    task, (gains_of, blended) = problem.task, GAINS[problem.task]
    folds = [combined.inner(one) for one in one_network_each(by_model, combined.weights, task)]
    gains, single = gains_of(folds, task), combined.inner(held_out)

    def told(rows: Rows, gain: float) -> Array:
        return combined.outer(blended(single, targets, rows, gain, task))

    draw, units = np.random.default_rng(seed), Units(len(targets), groups)
    n_new = max(1, round(len(gains) * units.n / len(targets)))  # units that hold a test set's samples on average
    scores = []
    for _ in range(resamples):
        drawn = draw.integers(units.n, size=units.n)
        given = told(units.rows(drawn), gains[draw.integers(len(gains), size=len(gains))].mean())
        for _ in range(TEST_SETS):
            rows = units.rows(drawn[draw.integers(units.n, size=n_new)])
            scores.append(score(metric, given[rows], targets[rows], problem))
    best = told(np.arange(len(targets)), gains.mean())
    return score(metric, best, targets, problem), ends_of(scores, LEVEL)


def one_network_each(by_model: Mapping[str, Sequence[Array]], weights: Weights, task: str) -> list[Array]:
    """What the blend of one network of each model says, (test samples, classes), as it is for samples held out.

    Models of unequal numbers of folds are gone round until every network has been taken as often as the others of its
    model, so that the blend of all that is given is that of the submission.
    """
    rounds = math.lcm(*(len(folds) for folds in by_model.values()))
    return [
        weighted({name: folds[k % len(folds)] for name, folds in by_model.items()}, weights, task)
        for k in range(rounds)
    ]


def blend_gains(folds: Sequence[Array], task: str) -> Array:
    """(n,) by how much the log loss of the folds' blend is below the mean of theirs; no truth is needed for it.

    The logits of the blend are the mean of theirs, so that for every class the logarithms of its probabilities are
    the mean of theirs too, but for the sum that makes the probabilities add up to 1: its logarithm is the gain.
    """
    given = [np.clip(fold, TINY, 1 - TINY) for fold in folds]
    applies = np.mean([np.log(fold) for fold in given], axis=0)
    if task == "multilabel":
        not_so = np.mean([np.log1p(-fold) for fold in given], axis=0)
        return -np.logaddexp(applies, not_so).mean(axis=1)
    return -np.logaddexp.reduce(applies, axis=1)


def as_blended(probabilities: Array, targets: Array, rows: Rows, gain: float, task: str) -> Array:
    """Out-of-fold predictions (n, classes) as good as a blend would be: the log loss of ``rows`` is lower by ``gain``.

    What one network adds to a logit by chance is mostly gone from a blend. So the logits move towards the mean of
    those of their true class, all by the same share, until the log loss is as it should be. The mean logit of the true
    class stays, as it does in a blend.
    """
    logits = logits_of(probabilities, task)
    centre = _class_means(logits, targets, rows, task)
    around = logits - centre
    share, wanted = 1.0, None
    for _ in range(NEWTON_STEPS if gain > 0 else 0):  # the loss is convex in the share: each step ends above the goal
        moved = probabilities_of(centre[rows] + share * around[rows], task)
        loss = score("log_loss", moved, targets[rows], Problem(task))
        wanted = loss - gain if wanted is None else wanted
        slope = ((moved - targets[rows]) * around[rows]).sum() / (moved.size if task == "multilabel" else len(moved))
        share = max(0.0, share - (loss - wanted) / slope) if slope > 0 else share
    return probabilities_of(centre + share * around, task)


def _class_means(logits: Array, targets: Array, rows: Rows, task: str) -> Array:
    """(n, classes) of each sample the mean logits of its class in ``rows``; for multilabel of its answer, by class."""
    of_rows, seen = logits[rows], targets[rows]
    if task != "multilabel":
        return targets @ (seen.T @ of_rows / seen.sum(axis=0).clip(1)[:, None])
    means = [(answer * of_rows).sum(axis=0) / answer.sum(axis=0).clip(1) for answer in (seen, 1 - seen)]
    return np.where(targets == 1, *means)


# Of a task: by how much each sample gains from the blend of its folds, and predictions that have gained as much.
GAINS = dict.fromkeys(OF_CLASSES, (blend_gains, as_blended)) | {REGRESSION: (values.blend_gains, values.as_blended)}
