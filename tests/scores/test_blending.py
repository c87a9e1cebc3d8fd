"""Weights of the models: what they are for, and that noise gives none."""

import numpy as np
import pytest
from numpy.typing import NDArray

from catscan.scores import blending
from catscan.scores.blending import blend
from catscan.scores.calibration import losses_of, probabilities_of

Array = NDArray[np.float64]
TASKS = ("binary", "multiclass", "multilabel")


def drawn(seed: int, task: str, noise: dict[str, float], n: int = 600) -> tuple[dict[str, Array], Array, Array]:
    """Models whose logits are the truth and a noise of their own; targets; folds."""
    draw, classes = np.random.default_rng(seed), 2 if task == "binary" else 3
    if task == "multilabel":
        targets = draw.integers(0, 2, (n, classes)).astype(float)
    else:
        targets = np.eye(classes)[draw.integers(0, classes, n)]
    models = {
        name: probabilities_of(2 * targets - 1 + draw.normal(0, deviation, targets.shape), task)
        for name, deviation in noise.items()
    }
    return models, targets, np.arange(n) % 3


@pytest.mark.parametrize("task", TASKS)
def test_equal_weights_are_the_plain_blend(task: str) -> None:
    models, _, _ = drawn(1, task, {"a": 1.0, "b": 2.0})

    found = blending.weighted(models, blending.equal(list(models)), task)
    np.testing.assert_allclose(found, blend(list(models.values()), task), atol=1e-12)


@pytest.mark.parametrize("task", TASKS)
def test_a_model_that_knows_less_counts_less(task: str) -> None:
    models, targets, folds = drawn(2, task, {"good": 1.0, "bad": 3.0})
    weights = blending.learn(models, targets, folds, task)

    assert weights["good"] > 0.75
    assert sum(weights.values()) == pytest.approx(1)
    assert min(weights.values()) >= 0
    learnt = losses_of(blending.cross_fitted(models, targets, folds, task), targets, task).mean()
    assert learnt < losses_of(blend(list(models.values()), task), targets, task).mean()


def test_models_that_know_the_same_get_no_weight_from_noise() -> None:
    for seed in range(5):
        models, targets, folds = drawn(seed, "binary", {"a": 1.5, "b": 1.5, "c": 1.5}, n=60)
        weights = blending.learn(models, targets, folds, "binary")

        assert weights == pytest.approx(blending.equal(["a", "b", "c"]), abs=0.25)


def test_weights_that_do_not_pay_on_other_folds_are_not_taken() -> None:
    models, targets, folds = drawn(3, "binary", {"a": 1.0, "b": 1.0}, n=90)
    swapped = {  # in each fold another model is the better one
        name: np.where(((folds + number) % 2 == 0)[:, None], models["a"], 0.5) for number, name in enumerate("ab")
    }

    assert blending.learn(swapped, targets, folds % 2, "binary") == {"a": 0.5, "b": 0.5}


def test_of_few_samples_or_one_model_nothing_is_learnt() -> None:
    models, targets, folds = drawn(4, "binary", {"a": 0.5, "b": 4.0}, n=29)

    assert blending.learn(models, targets, folds, "binary") == {"a": 0.5, "b": 0.5}
    assert blending.learn({"a": models["a"]}, targets, folds, "binary") == {"a": 1.0}
    assert blending.gains({"a": models["a"]}, targets, folds, "binary") == {}


def test_the_order_of_the_models_changes_no_bit() -> None:
    models, targets, folds = drawn(5, "multiclass", {"a": 1.0, "b": 1.5, "c": 2.0})
    backwards = dict(reversed(models.items()))
    both = [blending.learn(one, targets, folds, "multiclass") for one in (models, backwards)]
    blended = [blending.cross_fitted(one, targets, folds, "multiclass").tolist() for one in (models, backwards)]

    assert both[0] == both[1]
    assert blended[0] == blended[1]


def test_the_gain_of_a_useful_model_is_surely_above_0_and_that_of_noise_is_not() -> None:
    models, targets, folds = drawn(6, "binary", {"good": 1.5, "also good": 1.5})
    models["noise"] = np.random.default_rng(0).dirichlet([5, 5], len(targets))
    gains = blending.gains(models, targets, folds, "binary", resamples=200)

    assert gains["good"][1][0] > 0
    assert gains["also good"][1][0] > 0
    assert gains["noise"][1][0] <= 0.002
    assert all(low <= value <= high for value, (low, high) in gains.values())


def points_of(noise: dict[str, float]) -> tuple[tuple[str, ...], ...]:
    return tuple((name,) for name in noise)


def test_of_a_sweep_the_best_are_blended_and_the_others_weigh_nothing() -> None:
    noise = {"bad": 4.0, "good": 1.0, "better": 0.9, "worse": 5.0}
    models, targets, folds = drawn(7, "binary", noise)
    choice = blending.Choice(2, points_of(noise))
    weights = blending.learn(models, targets, folds, "binary", choice)
    two = {name: models[name] for name in ("good", "better")}

    assert weights == {"bad": 0.0, "worse": 0.0} | blending.learn(two, targets, folds, "binary")
    assert set(blending.gains(models, targets, folds, "binary", choice=choice, resamples=10)) == set(two)


def test_a_model_that_is_no_point_is_always_blended() -> None:
    noise = {"a": 1.0, "b": 1.1, "own": 5.0}
    models, targets, _ = drawn(8, "binary", noise)

    assert blending.Choice(1, (("a",), ("b",))).of(models, targets, "binary") == ["a", "own"]


def test_the_seeds_of_a_point_are_chosen_together_by_their_blend() -> None:
    noise = {"a-1": 1.0, "b-1": 1.5, "b-2": 1.5}  # two that know less, and more together
    models, targets, _ = drawn(9, "binary", noise)

    assert blending.Choice(1, (("a-1",), ("b-1", "b-2"))).of(models, targets, "binary") == ["b-1", "b-2"]


def test_each_fold_is_told_by_what_was_best_on_the_others() -> None:
    _, targets, folds = drawn(10, "binary", {"a": 1.0, "b": 1.0}, n=600)
    lucky = {  # each knows the fold that it is lucky in, and nothing of the others
        f"lucky in {fold}": np.where((folds == fold)[:, None], targets * 0.98 + 0.01, 0.5) for fold in range(3)
    }
    choice = blending.Choice(1, points_of(dict.fromkeys(lucky, 0.0)))
    told = blending.cross_fitted(lucky, targets, folds, "binary", choice)

    assert np.allclose(told, 0.5)  # that it was lucky in a fold helps none there
