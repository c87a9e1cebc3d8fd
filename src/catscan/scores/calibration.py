"""From a network's probabilities to those that one would bet on: temperature, clip.

Arrays are float (n, classes) in [0, 1]; rows add up to 1 unless the task is multilabel. The logits here are those that
the probabilities imply: their logarithms, for multilabel the log odds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catscan.scores.metrics import metric_named, prior_of

Array = NDArray[np.float64]

TINY = 1e-12  # probabilities of exactly 0 and 1 have no logit
TEMPERATURES = (0.25, 1024.0)
CLIPS = (0.002, 0.05)  # Even a network that is always right on thousands may be wrong on the next one.
STEPS = ("temperature", "clip")  # in the order in which they are fitted
FEWEST_TO_JUDGE = 30  # samples; the loss of fewer cannot tell whether a step pays, and caution does less harm
UNTOLD = 5.0  # The fit sees as many samples more, of which the network knows nothing but the prior.


@dataclass(frozen=True)
class Calibration:
    """What `calibrate` needs.

    Attributes
    ----------
    temperature
        Above 1 the probabilities move towards the prior, below 1 away from it.
    clip
        The smallest probability that a class may get (all other classes together, when there are more than two); 0
        leaves them as they are.
    prior
        (classes,) the probabilities of a sample about which nothing is known: `expected_prior`.
    """

    temperature: float
    clip: float
    prior: tuple[float, ...]


def calibrate(probabilities: Array, calibration: Calibration, task: str) -> Array:
    """Divide what the logits say beyond the prior by the temperature, then clip.

    With equal shares of the classes this is temperature scaling (Guo et al. 2017, On Calibration of Modern Neural
    Networks); with others, predictions that tell nothing end at the prior and not at equal probabilities.
    """
    prior = logits_of(np.array([calibration.prior]), task)
    logits = prior + (logits_of(probabilities, task) - prior) / calibration.temperature
    return clipped(probabilities_of(logits, task), calibration.clip, task)


def clipped(probabilities: Array, clip: float, task: str) -> Array:
    """Keep each probability ``clip`` away from 0 and 1; with many classes the others share the ``clip``."""
    if task == "multilabel":
        return np.clip(probabilities, clip, 1 - clip)
    kept = np.clip(probabilities, clip / (probabilities.shape[1] - 1), 1 - clip)
    return kept / kept.sum(axis=1, keepdims=True)


def expected_prior(shares: Sequence[float], n_samples: int, task: str) -> tuple[float, ...]:
    """The share of each class to expect, from its share among ``n_samples``: as if each class had been seen once more.

    >>> expected_prior([1.0, 0.0], 2, "binary")
    (0.75, 0.25)
    """
    more = 2 if task == "multilabel" else len(shares)
    return tuple((share * n_samples + 1) / (n_samples + more) for share in shares)


def fit(probabilities: Array, targets: Array, task: str, metric: str, steps: Sequence[str] = STEPS) -> Calibration:
    """Learn temperature and clip from predictions for samples that the network was not trained on.

    Both minimise the log loss, one after the other: the temperature between 0.25 and 1024, the clip between 0.002 and
    0.05. Five samples more are counted whose answers are as the prior says: three samples that a network gets right
    leave it near the prior, and thousands do not notice. A metric that does not punish certainty gets no clip, which
    would only make ties.

    Parameters
    ----------
    steps
        Which of `STEPS` to take. Without the clip, probabilities stay 1 / 2n away from 0 and 1 where certainty is
        punished: of n samples none can tell a smaller share.
    """
    prior = expected_prior(prior_of(targets).tolist(), len(targets), task)
    answers = (targets * len(targets) + np.array(prior) * UNTOLD) / (len(targets) + UNTOLD)
    temperature = _fit_temperature(probabilities, answers, task, prior) if "temperature" in steps else 1.0
    if not metric_named(metric, task).punishes_certainty:
        return Calibration(temperature, 0.0, prior)
    if "clip" not in steps:
        return Calibration(temperature, min(CLIPS[0], 0.5 / len(targets)), prior)
    spread = calibrate(probabilities, Calibration(temperature, 0.0, prior), task)
    candidates = np.geomspace(*CLIPS, 33)
    losses = [_loss(clipped(spread, clip, task), answers, task) for clip in candidates]
    return Calibration(temperature, float(candidates[int(np.argmin(losses))]), prior)


def learn(probabilities: Array, targets: Array, parts: NDArray[np.integer], task: str, metric: str) -> Calibration:
    """`fit`, but each step only where it lowers the log loss of samples that it did not see.

    Parameters
    ----------
    parts
        (n,) what is left out together when a step is tried: the fold that held each sample out. Where there is only
        one, its halves are.
    """
    return fit(probabilities, targets, task, metric, _steps_that_pay(probabilities, targets, parts, task, metric))


def _steps_that_pay(
    probabilities: Array, targets: Array, parts: NDArray[np.integer], task: str, metric: str
) -> tuple[str, ...]:
    if len(targets) < FEWEST_TO_JUDGE:
        return STEPS

    def unseen(steps: tuple[str, ...]) -> float:
        def fitted(seen: NDArray[np.bool_]) -> Calibration:
            return fit(probabilities[seen], targets[seen], task, metric, steps)

        return _loss(_left_out(probabilities, parted(parts, targets), fitted, task), targets, task)

    taken: tuple[str, ...] = ()
    lowest = unseen(taken)
    for step in STEPS:
        loss = unseen((*taken, step))
        if loss < lowest:
            taken, lowest = (*taken, step), loss
    return taken


def _fit_temperature(probabilities: Array, answers: Array, task: str, prior: tuple[float, ...]) -> float:
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        calibration = Calibration(float(np.exp(log_temperature)), 0.0, prior)
        return _loss(calibrate(probabilities, calibration, task), answers, task)

    found = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def _loss(probabilities: Array, answers: Array, task: str) -> float:
    return float(losses_of(probabilities, answers, task).mean())


def losses_of(probabilities: Array, answers: Array, task: str) -> Array:
    """(n,) log loss of each sample, for multilabel the sum over the classes; an answer may lie between 0 and 1."""
    p = np.clip(probabilities, TINY, 1 - TINY)
    losses = -answers * np.log(p)
    if task == "multilabel":
        losses = losses - (1 - answers) * np.log1p(-p)
    return np.asarray(losses.sum(axis=1))


def cross_fitted(probabilities: Array, targets: Array, folds: NDArray[np.integer], task: str, metric: str) -> Array:
    """Out-of-fold predictions, each calibrated by what the other folds teach, so that a score of them is honest.

    Only which of the two steps are taken is known from all folds, as `learn` takes them.

    Parameters
    ----------
    folds
        (n,) the fold that held each sample out; where there is only one, its halves calibrate each other.
    """
    steps = _steps_that_pay(probabilities, targets, folds, task, metric)

    def learnt(seen: NDArray[np.bool_]) -> Calibration:
        return fit(probabilities[seen], targets[seen], task, metric, steps)

    return _left_out(probabilities, parted(folds, targets), learnt, task)


def _left_out(
    probabilities: Array, parts: NDArray[np.integer], fitted: Callable[[NDArray[np.bool_]], Calibration], task: str
) -> Array:
    """Each part calibrated by what ``fitted`` makes of the others, which it gets as (n,) bool."""
    calibrated = np.empty(probabilities.shape)
    for part in np.unique(parts):
        left_out = parts == part
        calibrated[left_out] = calibrate(probabilities[left_out], fitted(~left_out), task)
    return calibrated


def parted(folds: NDArray[np.integer], targets: Array) -> NDArray[np.integer]:
    """The folds; of a single one every second sample of each class, so that both halves hold all classes."""
    if len(np.unique(folds)) > 1:
        return folds
    halves = np.empty(len(targets), np.int64)
    true_class = targets.argmax(axis=1)
    for label in np.unique(true_class):
        members = np.flatnonzero(true_class == label)
        halves[members] = np.arange(len(members)) % 2
    return halves


def logits_of(probabilities: Array, task: str) -> Array:
    """(n, classes) logarithms of the probabilities; for multilabel the log odds."""
    p = np.clip(np.asarray(probabilities, np.float64), TINY, 1 - TINY)
    return np.log(p) - np.log1p(-p) if task == "multilabel" else np.log(p)


def probabilities_of(logits: Array, task: str) -> Array:
    """(n, classes) what `logits_of` came from."""
    from scipy.special import expit, softmax

    return expit(logits) if task == "multilabel" else softmax(logits, axis=1)
