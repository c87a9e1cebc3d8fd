"""The score to expect of a test set, held against test sets whose truth is known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from catscan.scores.blending import blend, weighted
from catscan.scores.calibration import Calibration, expected_prior, probabilities_of
from catscan.scores.expected import as_blended, blend_gains, expected_score, one_network_each
from catscan.scores.metrics import Problem, bootstrap_interval, ends_of, prior_of, score
from catscan.scores.told import CalibratedBlend

Array = NDArray[np.float64]

FOLDS = 3
TASKS = ["binary", "multiclass", "multilabel", "ordinal"]


def drawn(draw: np.random.Generator, task: str, n: int) -> tuple[Array, list[Array]]:
    """The truth of ``n`` samples, and what three networks say that see the same and each add noise of their own."""
    classes = 2 if task == "binary" else 3
    if task == "multilabel":
        targets = (draw.random((n, classes)) < 0.4).astype(float)
        seen = 1.2 * (2 * targets - 1)
    else:
        number = draw.integers(classes, size=n)
        targets = np.eye(classes)[number]
        seen = -0.8 * (np.arange(classes) - number[:, None]) ** 2 if task == "ordinal" else 2.4 * targets
    seen = seen + draw.normal(0, 1, targets.shape)
    return targets, [probabilities_of(seen + draw.normal(0, 1, targets.shape), task) for _ in range(FOLDS)]


@dataclass(frozen=True)
class Competition:
    """Out-of-fold predictions, and a test set of 60 with its truth."""

    problem: Problem
    held_out: Array
    targets: Array
    folds: list[Array]
    truth: Array
    combined: CalibratedBlend

    @classmethod
    def of(cls, seed: int, task: str, n: int = 200) -> Competition:
        draw = np.random.default_rng(seed)
        targets, networks = drawn(draw, task, n)
        held_out = np.array([networks[row % FOLDS][row] for row in range(n)])
        truth, folds = drawn(draw, task, 60)
        shares = tuple(prior_of(targets).tolist())
        calibration = Calibration(1.2, 0.01, expected_prior(shares, n, task))
        return cls(
            Problem(task, 1),
            held_out,
            targets,
            folds,
            truth,
            CalibratedBlend(task, {"resnet": 1.0}, calibration, shares, (1.0,) * targets.shape[1]),
        )

    def expected(self, metric: str, **others: Any) -> tuple[float, tuple[float, float]]:
        given = {"held_out": self.held_out, "targets": self.targets, "by_model": {"resnet": self.folds}}
        return expected_score(metric, self.problem, **given | {"combined": self.combined, "resamples": 30} | others)

    def true(self, metric: str) -> float:
        """The score of the test set."""
        return score(metric, self.combined.tell({"resnet": self.folds}), self.truth, self.problem)

    def spread(self, metric: str) -> float:
        """The width of the 95 % interval of the score of as many out-of-fold predictions."""
        told, draw = self.combined.tell({"resnet": [self.held_out]}), np.random.default_rng(0)
        drawn = draw.integers(len(told), size=(100, len(self.truth)))
        low, high = ends_of([score(metric, told[rows], self.targets[rows], self.problem) for rows in drawn])
        return high - low


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        ("binary", "log_loss"),
        pytest.param("binary", "auc", marks=pytest.mark.slow),
        pytest.param("multiclass", "log_loss", marks=pytest.mark.slow),
        pytest.param("multilabel", "log_loss", marks=pytest.mark.slow),
        ("ordinal", "accuracy"),
    ],
)
def test_the_interval_holds_the_truth_of_test_sets_and_is_not_much_wider_than_their_luck(
    task: str, metric: str
) -> None:
    held, widths, spreads = [], [], []
    for seed in range(25):
        competition = Competition.of(seed, task)
        _, (low, high) = competition.expected(metric)
        held.append(low <= competition.true(metric) <= high)
        widths.append(high - low)
        spreads.append(competition.spread(metric))

    assert np.mean(held) >= 0.9
    assert np.mean(widths) <= 1.5 * np.mean(spreads)


@pytest.mark.parametrize(("task", "metric"), [("binary", "log_loss"), ("multiclass", "accuracy")])
def test_the_expected_score_is_neither_too_good_nor_too_bad(task: str, metric: str) -> None:
    given = [Competition.of(seed, task) for seed in range(100)]
    errors = [one.true(metric) - one.expected(metric, resamples=1)[0] for one in given]
    of_mean = [
        one.true(metric) - score(metric, one.combined.tell({"resnet": [one.held_out]}), one.targets, one.problem)
        for one in given
    ]
    sure = np.std(errors) / math.sqrt(len(errors))

    assert abs(np.mean(errors)) < 3 * sure
    assert abs(np.mean(of_mean)) > 4 * sure  # the out-of-fold score, which was expected before


def test_the_interval_of_the_out_of_fold_mean_is_that_of_another_score() -> None:
    held = []
    for seed in range(25):
        competition = Competition.of(seed, "binary")
        told = competition.combined.tell({"resnet": [competition.held_out]})
        low, high = bootstrap_interval("log_loss", told, competition.targets, competition.problem, resamples=100)
        held.append(low <= competition.true("log_loss") <= high)

    assert np.mean(held) < 0.9  # as version 0.1 had it


class TestGain:
    @pytest.mark.parametrize("task", TASKS)
    def test_it_is_what_the_truth_would_tell(self, task: str) -> None:
        targets, folds = drawn(np.random.default_rng(0), task, 50)
        single = [score("log_loss", fold, targets, Problem(task)) for fold in folds]

        gain = blend_gains(folds, task).mean()

        assert gain == pytest.approx(np.mean(single) - score("log_loss", blend(folds, task), targets, Problem(task)))
        assert gain > 0

    def test_one_fold_gains_nothing(self) -> None:
        _, folds = drawn(np.random.default_rng(0), "multiclass", 50)

        assert blend_gains(folds[:1], "multiclass") == pytest.approx(np.zeros(50), abs=1e-12)


class TestOneNetworkEach:
    @pytest.mark.parametrize("task", TASKS)
    @pytest.mark.parametrize("counts", [(3,), (3, 3), (3, 1), (2, 3)], ids=str)
    def test_their_blend_is_that_of_the_submission(self, task: str, counts: tuple[int, ...]) -> None:
        networks = [drawn(np.random.default_rng(number), task, 50)[1] for number in range(len(counts))]
        by_model = {str(number): networks[number][:count] for number, count in enumerate(counts)}

        weights = {name: (number + 1) / sum(range(len(counts) + 1)) for number, name in enumerate(by_model)}

        given = one_network_each(by_model, weights, task)

        assert len(given) == math.lcm(*counts)
        submitted = weighted({name: blend(folds, task) for name, folds in by_model.items()}, weights, task)
        np.testing.assert_allclose(blend(given, task), submitted, atol=1e-12)

    def test_of_equal_numbers_of_folds_each_fold_is_taken_once(self) -> None:
        _, folds = drawn(np.random.default_rng(0), "binary", 50)

        given = one_network_each({"a": folds, "b": folds[::-1]}, {"a": 0.5, "b": 0.5}, "binary")

        assert [one.tolist() for one in given] == [
            blend(pair, "binary").tolist() for pair in zip(folds, folds[::-1], strict=True)
        ]


class TestAsBlended:
    @pytest.mark.parametrize("task", TASKS)
    def test_the_log_loss_falls_by_the_gain(self, task: str) -> None:
        targets, (held_out, *_) = drawn(np.random.default_rng(1), task, 80)
        before = score("log_loss", held_out, targets, Problem(task))

        blended = as_blended(held_out, targets, np.arange(80), 0.05, task)

        assert score("log_loss", blended, targets, Problem(task)) == pytest.approx(before - 0.05, abs=1e-3)

    def test_without_a_gain_nothing_changes(self) -> None:
        targets, (held_out, *_) = drawn(np.random.default_rng(1), "binary", 80)

        assert as_blended(held_out, targets, np.arange(80), 0.0, "binary") == pytest.approx(held_out)

    def test_a_gain_beyond_all_reason_ends_at_the_means_of_the_classes(self) -> None:
        targets, (held_out, *_) = drawn(np.random.default_rng(1), "binary", 80)

        blended = as_blended(held_out, targets, np.arange(80), 99.0, "binary")

        assert len(np.unique(blended.round(9), axis=0)) == 2


class TestExpectedScore:
    def test_of_one_network_it_is_the_out_of_fold_score(self) -> None:
        one = Competition.of(0, "multiclass")
        told = one.combined.tell({"resnet": [one.held_out]})

        expected, (low, high) = one.expected("log_loss", by_model={"resnet": one.folds[:1]})

        assert expected == pytest.approx(score("log_loss", told, one.targets, one.problem))
        assert low < expected < high

    def test_models_are_blended_before_their_folds(self) -> None:
        one = Competition.of(0, "binary")

        def of(names: str) -> tuple[float, tuple[float, float]]:
            combined = replace(one.combined, weights=dict.fromkeys(names, 1 / len(names)))
            return one.expected("auc", by_model=dict.fromkeys(names, one.folds), combined=combined)

        alone, twice = of("a"), of("ab")

        assert twice[0] == pytest.approx(alone[0])
        assert twice[1] == pytest.approx(alone[1])

    def test_the_larger_the_test_set_the_narrower(self) -> None:
        one = Competition.of(0, "binary")
        many = [np.tile(fold, (10, 1)) for fold in one.folds]

        (_, few_ends), (_, many_ends) = one.expected("log_loss"), one.expected("log_loss", by_model={"resnet": many})

        assert many_ends[1] - many_ends[0] < 0.8 * (few_ends[1] - few_ends[0])

    def test_whole_groups_widen_the_interval(self) -> None:
        one = Competition.of(0, "binary", n=20)
        ten = {"held_out": np.repeat(one.held_out, 10, axis=0), "targets": np.repeat(one.targets, 10, axis=0)}

        _, alone = one.expected("log_loss", **ten)
        _, grouped = one.expected("log_loss", **ten, groups=np.repeat(np.arange(20), 10).tolist())

        assert grouped[1] - grouped[0] > 1.5 * (alone[1] - alone[0])

    def test_the_same_predictions_give_the_same_interval(self) -> None:
        one = Competition.of(0, "ordinal")

        assert one.expected("accuracy") == one.expected("accuracy")

    def test_a_metric_that_the_samples_do_not_define_has_none(self) -> None:
        one = Competition.of(0, "binary")
        negative = np.eye(2)[np.zeros(200, int)]

        expected, ends = one.expected("auc", targets=negative, resamples=2)

        assert np.isnan([expected, *ends]).all()
