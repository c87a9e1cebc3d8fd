"""The metrics of the competitions, with intervals and the constant prior to compare with.

All take `probabilities`, float (n, classes) in [0, 1], and `targets`, (n, classes) of 0 and 1: one 1 a row, any number
of them for multilabel; of a regression both are amounts, (n, 1). A metric that the samples do not define (an AUC where
only one class occurs) is not-a-number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import CatscanError, did_you_mean
from catscan.scores.tasks import OF_CLASSES, ONE_CLASS, REGRESSION

Array = NDArray[np.float64]

SMALLEST = 1e-15  # Kaggle's log loss takes no probability closer to 0 or 1 than this
LARGEST = 1 - SMALLEST


@dataclass(frozen=True)
class Problem:
    """What a metric has to know beside the numbers.

    Attributes
    ----------
    task
        One of `tasks.TASKS`.
    positive
        The column of the positive class.
    weights
        One a class, or empty for all alike.
    positive_weight
        How much more a class that applies counts than one that does not, for the weighted log loss of a multilabel
        task.
    """

    task: str
    positive: int = -1
    weights: tuple[float, ...] = ()
    positive_weight: float = 1.0


def prior_of(targets: Array) -> Array:
    """(classes,) share of each class, for multilabel they need not add up to 1; of amounts, (1,), the mean."""
    return np.asarray(targets, np.float64).mean(axis=0)


@dataclass(frozen=True)
class Metric:
    """One metric: its function, the tasks it is for, which way is better, whether being surely wrong is costly.

    `weighs_classes`: whether it reads the weights of the classes; `constant`: which answer is the best, (columns,) from
    the targets, where nothing is known of a sample.
    """

    of: Callable[[Array, Array, Problem], float]
    tasks: tuple[str, ...]
    larger_is_better: bool = True
    punishes_certainty: bool = False
    weighs_classes: bool = False
    constant: Callable[[Array], Array] = prior_of


def score(name: str, probabilities: Array, targets: Array, problem: Problem) -> float:
    """The metric ``name``.

    Raises
    ------
    CatscanError
        When there is no such metric, or it is not made for the task.
    """
    metric = metric_named(name, problem.task)
    probabilities, targets = np.asarray(probabilities, np.float64), np.asarray(targets, np.float64)
    if probabilities.shape != targets.shape or probabilities.ndim != 2:
        raise AssertionError(f"probabilities {probabilities.shape}, targets {targets.shape}")
    return float(metric.of(probabilities, targets, problem)) if len(targets) else math.nan


def metric_named(name: str, task: str, *, key: str = "metric") -> Metric:
    """The metric ``name``, which must suit ``task``; ``key`` is where the config names it.

    Raises
    ------
    CatscanError
        When it is unknown or made for other tasks.
    """
    if name not in METRICS:
        raise CatscanError(
            f"There is no metric {name!r}.", where=f"config key {key}", do=did_you_mean(name, list(METRICS))
        )
    metric = METRICS[name]
    if task not in metric.tasks:
        fitting = [other for other, one in METRICS.items() if task in one.tasks]
        raise CatscanError(
            f"The metric {name} is not made for a {task} task.",
            where=f"config keys {key} and data.task",
            found=f"{name} is for {', '.join(metric.tasks)}",
            do=f"For {task} there are {', '.join(fitting)}.",
        )
    return metric


def default_metric(task: str) -> str:
    """The metric of a competition of ``task`` that names none."""
    return next(name for name, metric in METRICS.items() if task in metric.tasks)


def decide(probabilities: Array, task: str, *, at_least_one: bool = False) -> Array:
    """The classes that the probabilities speak for.

    Parameters
    ----------
    at_least_one
        Multilabel only: whether a sample that reaches 0.5 nowhere gets its likeliest class.

    Returns
    -------
    ndarray
        (n, classes) of 0 and 1: the likeliest class; for ordinal the class nearest to the expected one, which the
        quadratic kappa wants; for multilabel every class of at least 0.5.
    """
    n_classes = probabilities.shape[1]
    likeliest = np.eye(n_classes)[probabilities.argmax(axis=1)]
    if task == "ordinal":
        expected = probabilities @ np.arange(n_classes) / probabilities.sum(axis=1)
        return np.eye(n_classes)[np.floor(expected + 0.5).astype(int)]
    if task != "multilabel":
        return likeliest
    reached = (probabilities >= 0.5).astype(np.float64)
    if at_least_one:
        none = ~reached.any(axis=1)
        reached[none] = likeliest[none]
    return reached


def targets_of(labels: Sequence[str], classes: Sequence[str], task: str) -> Array:
    """(n, classes) of 0 and 1 from the labels as the index has them: one class, or for multilabel any number.

    Of a regression, (n, 1), the amounts.
    """
    if task == REGRESSION:
        return np.array(labels, np.float64).reshape(-1, 1)
    named = [label.split(" ") if task == "multilabel" else [label] for label in labels]
    return np.array([[name in names for name in classes] for names in named], np.float64).reshape(-1, len(classes))


def prior_score(name: str, targets: Array, problem: Problem) -> float:
    """The metric of the simplest answer of all: the share of each class, at the odds that suit the metric.

    Of amounts it is their mean or median, as suits the metric.
    """
    constant = metric_named(name, problem.task).constant(targets)
    answer = with_odds(constant[None], odds_to_tell(name, targets, problem))
    return score(name, np.tile(answer, (len(targets), 1)), targets, problem)


def odds_to_tell(name: str, targets: Array, problem: Problem) -> Array:
    """(classes,) what the odds of a probability that one believes are best multiplied by before they are told.

    It is 1, but for a metric in which a class that applies counts more than one that does not: then a probability p
    costs least, on average, when told with odds p / (1 - p) times the ratio of the two weights. The weights are means
    over ``targets``, since those of `weighted_log_loss` depend on all classes of a sample; a class of which all samples
    agree takes its plain ratio.
    """
    odds = np.ones(targets.shape[1])
    if name != "weighted_log_loss" or problem.task != "multilabel" or problem.positive_weight == 1:
        return odds
    of_row = 1 / _raw_weights(targets, problem).sum(axis=1)  # a cell counts by its own weight over that of its row
    for number, applies in enumerate(targets.T == 1):
        both = 0 < applies.sum() < len(applies)
        odds[number] = problem.positive_weight * (of_row[applies].mean() / of_row[~applies].mean() if both else 1)
    return odds


def with_odds(probabilities: Array, odds: Array) -> Array:
    """Probabilities (n, classes) with the odds of each class multiplied; the same array where nothing changes."""
    if (odds == 1).all():
        return probabilities
    return probabilities * odds / (1 - probabilities + probabilities * odds)


def bootstrap_interval(
    name: str,
    probabilities: Array,
    targets: Array,
    problem: Problem,
    *,
    groups: Sequence[Hashable] = (),
    resamples: int = 500,
    seed: int = 1,
    level: float = 0.95,
) -> tuple[float, float]:
    """The interval of a metric by the percentile bootstrap (Efron and Tibshirani 1993, chapter 13).

    Parameters
    ----------
    groups
        (n,) what a sample belongs to (a patient); whole groups are drawn. Empty draws samples.
    level
        The share of the resamples inside the interval.

    Returns
    -------
    tuple of float
        Lower and upper end; not-a-number when fewer than half of the resamples define the metric.
    """
    draw, units = np.random.default_rng(seed), Units(len(targets), groups)
    scores = []
    for _ in range(resamples):
        rows = units.rows(draw.integers(units.n, size=units.n))
        scores.append(score(name, probabilities[rows], targets[rows], problem))
    return ends_of(scores, level)


def ends_of(scores: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The interval that holds the share ``level`` of the scores of resamples, not-a-number when half are undefined."""
    defined = np.array([one for one in scores if not math.isnan(one)])
    if len(defined) * 2 < len(scores):
        return math.nan, math.nan
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


class Units:
    """What a resample draws from: the samples, or whole groups where there are any.

    Parameters
    ----------
    groups
        (n_samples,) what each belongs to; empty for none.
    """

    def __init__(self, n_samples: int, groups: Sequence[Hashable] = ()) -> None:
        members: dict[Hashable, list[int]] = {}
        for row, group in enumerate(groups):
            members.setdefault(group, []).append(row)
        alone = len(members) in (0, n_samples)
        self._members = [] if alone else [np.array(rows) for rows in members.values()]
        self.n = n_samples if alone else len(members)

    def rows(self, units: NDArray[np.integer]) -> NDArray[np.integer]:
        """The rows of ``units``, numbers below `n`."""
        return np.concatenate([self._members[unit] for unit in units]) if self._members else units


def _log_loss(probabilities: Array, targets: Array, problem: Problem) -> float:
    """Mean negative natural logarithm of the true class's probability; multilabel: the mean over all cells."""
    return _weighted_log_loss(probabilities, targets, Problem(problem.task, problem.positive))


def _weighted_log_loss(probabilities: Array, targets: Array, problem: Problem) -> float:
    """Log loss in which a cell (multilabel) or a sample counts by the weight of its class.

    Multilabel, as in RSNA's cervical spine competition (there 7 and 1, positives double): the mean over the samples of

        sum_j w_j l_j / sum_j w_j,   w_j = weight_j * (positive_weight if y_j else 1),
                                     l_j = -(y_j log p_j + (1 - y_j) log(1 - p_j)).
    """
    p = np.clip(probabilities, SMALLEST, LARGEST)
    if problem.task == "multilabel":
        cells = -(targets * np.log(p) + (1 - targets) * np.log1p(-p))
        weights = _raw_weights(targets, problem)
        return float(((cells * weights).sum(axis=1) / weights.sum(axis=1)).mean())
    p = p / p.sum(axis=1, keepdims=True)
    of_sample = targets @ _weights(problem, targets.shape[1])
    return float(-(of_sample * np.log((p * targets).sum(axis=1))).sum() / of_sample.sum())


def _auc(probabilities: Array, targets: Array, problem: Problem) -> float:
    return _column_aucs(probabilities, targets)[problem.positive]


def _weighted_auc(probabilities: Array, targets: Array, problem: Problem) -> float:
    """Weighted mean of the columns' AUC; columns in which only one answer occurs do not count."""
    aucs, weights = _column_aucs(probabilities, targets), _weights(problem, targets.shape[1])
    defined = ~np.isnan(aucs)
    total = weights[defined].sum()
    return float((aucs[defined] * weights[defined]).sum() / total) if total > 0 else math.nan


def _mean_column_auc(probabilities: Array, targets: Array, problem: Problem) -> float:
    return _weighted_auc(probabilities, targets, Problem(problem.task, problem.positive))


def _column_aucs(probabilities: Array, targets: Array) -> Array:
    columns = zip(probabilities.T, targets.T, strict=True)
    return np.array([area_under_curve(p, y) if 0 < y.sum() < len(y) else math.nan for p, y in columns])


def area_under_curve(scores: Array, truth: Array) -> float:
    """AUC by the ranks of the scores (Mann and Whitney 1947), ties counted half.

    It is `sklearn.metrics.roc_auc_score` in a hundredth of its time on hundreds of samples, which is what an interval
    of many columns needs.

    Parameters
    ----------
    scores
        (n,) any finite numbers.
    truth
        (n,) of 0 and 1, both there.
    """
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    n_positive = truth.sum()
    above = ranks[truth == 1].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * (len(truth) - n_positive)))


def _accuracy(probabilities: Array, targets: Array, problem: Problem) -> float:
    """Share of the samples whose classes are all right."""
    return float((_decided(probabilities, targets, problem) == targets).all(axis=1).mean())


def _micro_f1(probabilities: Array, targets: Array, problem: Problem) -> float:
    """F1 over all cells: twice those rightly said to apply, over those said to and those that do."""
    answers = _decided(probabilities, targets, problem)
    return float(2 * (answers * targets).sum() / max(1.0, answers.sum() + targets.sum()))


def _quadratic_kappa(probabilities: Array, targets: Array, problem: Problem) -> float:
    """Cohen's weighted kappa (1968) by the squared distance: 1 - its mean over that of answers in any other order."""
    truth, answer = targets.argmax(axis=1), _decided(probabilities, targets, problem).argmax(axis=1)
    if (truth == answer).all():
        return 1.0  # also where a single class occurs, which leaves 0 / 0
    by_chance = truth.var() + answer.var() + (truth.mean() - answer.mean()) ** 2
    return float(1 - ((truth - answer) ** 2).mean() / by_chance)


def _pf1(probabilities: Array, targets: Array, problem: Problem) -> float:
    """Probabilistic F1 of the positive class (Yacouby and Axman 2020), as in RSNA's breast cancer competition."""
    p, y = probabilities[:, problem.positive], targets[:, problem.positive]
    if y.sum() == 0:
        return math.nan
    found = (p * y).sum()
    precision, recall = found / p.sum() if p.sum() > 0 else 0.0, found / y.sum()
    return float(2 * precision * recall / (precision + recall)) if found > 0 else 0.0


def _rmse(values: Array, targets: Array, _problem: Problem) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(((values - targets) ** 2).mean()))


def _mae(values: Array, targets: Array, _problem: Problem) -> float:
    """Mean absolute error."""
    return float(np.abs(values - targets).mean())


def _decided(probabilities: Array, targets: Array, problem: Problem) -> Array:
    return decide(probabilities, problem.task, at_least_one=bool(targets.any(axis=1).all()))


def _raw_weights(targets: Array, problem: Problem) -> Array:
    """(n, classes) weights of the cells of a multilabel task."""
    return _weights(problem, targets.shape[1]) * np.where(targets == 1, problem.positive_weight, 1.0)


def _weights(problem: Problem, n_classes: int) -> Array:
    weights = np.array(problem.weights or (1.0,) * n_classes, np.float64)
    if len(weights) != n_classes or (weights < 0).any() or not weights.sum() > 0:
        raise CatscanError(
            "The weights of the metric do not fit the classes.",
            where="config key metric_weights",
            found=f"{list(problem.weights)} for {n_classes} classes",
            do="Give one number a class, none below 0, in the order of the classes.",
        )
    return weights


METRICS = {
    "log_loss": Metric(_log_loss, OF_CLASSES, larger_is_better=False, punishes_certainty=True),
    "weighted_log_loss": Metric(
        _weighted_log_loss, OF_CLASSES, larger_is_better=False, punishes_certainty=True, weighs_classes=True
    ),
    "auc": Metric(_auc, ("binary",)),
    "mean_column_auc": Metric(_mean_column_auc, OF_CLASSES),
    "weighted_auc": Metric(_weighted_auc, OF_CLASSES, weighs_classes=True),
    "accuracy": Metric(_accuracy, OF_CLASSES),
    "micro_f1": Metric(_micro_f1, OF_CLASSES),
    "quadratic_kappa": Metric(_quadratic_kappa, ONE_CLASS),
    "pf1": Metric(_pf1, ("binary",)),
    "rmse": Metric(_rmse, (REGRESSION,), larger_is_better=False),
    "mae": Metric(_mae, (REGRESSION,), larger_is_better=False, constant=lambda targets: np.median(targets, axis=0)),
}
