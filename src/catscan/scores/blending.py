"""How much each model counts in the blend: weights of their answers, learnt from the out-of-fold predictions.

Arrays and the scale that answers are averaged on are as in `answers`: logits of probabilities, amounts as they are. The
weights are at least 0 and add up to 1; how sure the blend may be is the temperature's business.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catscan.scores.answers import ANSWERS
from catscan.scores.calibration import FEWEST_TO_JUDGE, parted
from catscan.scores.metrics import Units, ends_of

Array = NDArray[np.float64]
Weights = dict[str, float]

# Before a sample is seen, a weight is thought to be within 0.5 of an equal share: as a normal distribution of that
# deviation says, so that few samples cannot move it far, and thousands can.
DEVIATION = 0.5


@dataclass(frozen=True)
class Choice:
    """Which models are blended: of the points of a sweep the best, and all models that are of none.

    Attributes
    ----------
    best
        How many points.
    points
        The models of each, which differ in their seeds.
    """

    best: int = 0
    points: tuple[tuple[str, ...], ...] = ()

    def of(self, models: Mapping[str, Array], targets: Array, task: str) -> list[str]:
        """The names of those of ``models`` that are blended, in their order, judged by these samples."""
        loss_of = {}
        for number, point in enumerate(self.points):
            seeds = [models[name] for name in point if name in models]
            if seeds:
                loss_of[number] = ANSWERS[task].losses(blend(seeds, task), targets).mean()
        worse = sorted(loss_of, key=loss_of.__getitem__)[self.best :]
        left_out = {name for number in worse for name in self.points[number]}
        return [name for name in models if name not in left_out]


ALL = Choice()


def equal(models: Sequence[str]) -> Weights:
    """The same weight for each model."""
    return {name: 1 / len(models) for name in models}


def blend(predictions: Sequence[Array], task: str) -> Array:
    """The mean of several predictions for the same samples, all counted alike."""
    answers = ANSWERS[task]
    return answers.from_scale(np.mean([answers.to_scale(one) for one in predictions], axis=0))


def weighted(models: Mapping[str, Array], weights: Weights, task: str) -> Array:
    """(n, columns) the blend of models: their weighted mean."""
    answers = ANSWERS[task]
    # Sums depend on their order.
    mean = sum(weights[name] * answers.to_scale(models[name]) for name in sorted(models))
    return answers.from_scale(np.asarray(mean))


def fit(models: Mapping[str, Array], targets: Array, task: str) -> Weights:
    """The weights of the lowest loss, held to equal ones by `DEVIATION`."""
    from scipy.optimize import minimize

    names, answers = sorted(models), ANSWERS[task]
    given = np.stack([answers.to_scale(models[name]) for name in names])
    start = np.full(len(names), 1 / len(names))

    def losses(weights: Array) -> Array:
        return answers.losses(answers.from_scale(np.tensordot(weights, given, axes=1)), targets)

    unit = answers.unit(losses(start))

    def cost(weights: Array) -> float:
        prior = ((weights - start) ** 2).sum() / (2 * DEVIATION**2)
        return float(losses(weights).mean() / unit + prior / len(targets))

    found = minimize(
        cost,
        start,
        method="SLSQP",
        bounds=[(0, 1)] * len(names),
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"ftol": 1e-8},
    )
    weights = np.clip(found.x, 0, None).round(4)
    return dict(zip(names, (weights / weights.sum()).tolist(), strict=True))


def learn(
    models: Mapping[str, Array], targets: Array, folds: NDArray[np.integer], task: str, choice: Choice = ALL
) -> Weights:
    """`fit`, but only where it lowers the loss of samples that it did not see; equal weights elsewhere.

    Of the models that are chosen; the others weigh 0.
    """
    chosen = _taken(models, choice.of(models, targets, task))
    weights = fit(chosen, targets, task) if _pays(models, targets, folds, task, choice) else equal(list(chosen))
    return {name: weights.get(name, 0.0) for name in models}


def cross_fitted(
    models: Mapping[str, Array], targets: Array, folds: NDArray[np.integer], task: str, choice: Choice = ALL
) -> Array:
    """(n, columns) the blend, each fold by the models and the weights that the others teach.

    So a score of it is honest. Only whether weights are learnt at all is known from all folds, as in `learn`.
    """
    if _pays(models, targets, folds, task, choice):
        return _left_out(models, targets, folds, task, choice=choice, weigh=fit)
    return _even(models, targets, folds, task, choice)


def gains(
    models: Mapping[str, Array],
    targets: Array,
    folds: NDArray[np.integer],
    task: str,
    *,
    choice: Choice = ALL,
    groups: Sequence[Hashable] = (),
    resamples: int = 500,
    seed: int = 1,
) -> dict[str, tuple[float, tuple[float, float]]]:
    """By how much each model lowers the loss of the blend, and the 95 % interval of that; none for a single model.

    None either for those that are not chosen. The blend without it is learnt anew; both losses are of the same samples,
    so that their luck cancels out.
    """
    if len(models) < 2:
        return {}
    answers = ANSWERS[task]
    with_all = answers.losses(cross_fitted(models, targets, folds, task, choice), targets)
    draw, units = np.random.default_rng(seed), Units(len(targets), groups)
    drawn = [units.rows(draw.integers(units.n, size=units.n)) for _ in range(resamples)]
    found = {}
    for name in choice.of(models, targets, task):
        others = {other: given for other, given in models.items() if other != name}
        without = answers.losses(cross_fitted(others, targets, folds, task, choice), targets)
        ends = ends_of([answers.lowered(without[rows], with_all[rows]) for rows in drawn])
        found[name] = answers.lowered(without, with_all), ends
    return found


def _pays(models: Mapping[str, Array], targets: Array, folds: NDArray[np.integer], task: str, choice: Choice) -> bool:
    if len(choice.of(models, targets, task)) < 2 or len(targets) < FEWEST_TO_JUDGE:
        return False
    learnt = _left_out(models, targets, folds, task, choice=choice, weigh=fit)
    even = _even(models, targets, folds, task, choice)
    losses = ANSWERS[task].losses
    return bool(losses(learnt, targets).mean() < losses(even, targets).mean())


def _even(models: Mapping[str, Array], targets: Array, folds: NDArray[np.integer], task: str, choice: Choice) -> Array:
    """The blend by equal weights, of each fold of the models that are best on the others."""
    if not choice.points:
        return weighted(models, equal(list(models)), task)
    weigh = lambda chosen, _targets, _task: equal(list(chosen))  # noqa: E731
    return _left_out(models, targets, folds, task, choice=choice, weigh=weigh)


def _left_out(
    models: Mapping[str, Array],
    targets: Array,
    folds: NDArray[np.integer],
    task: str,
    *,
    choice: Choice,
    weigh: Callable[[Mapping[str, Array], Array, str], Weights],
) -> Array:
    parts, blended = parted(folds, targets), np.empty(targets.shape)
    for part in np.unique(parts):
        rows = parts == part
        seen = {name: given[~rows] for name, given in models.items()}
        chosen = _taken(seen, choice.of(seen, targets[~rows], task))
        weights = weigh(chosen, targets[~rows], task)
        blended[rows] = weighted({name: models[name][rows] for name in chosen}, weights, task)
    return blended


def _taken(models: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
    return {name: models[name] for name in names}
