from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import assume, given
from hypothesis import strategies as st

from catscan.common.errors import CatscanError
from catscan.scores.metrics import (
    METRICS,
    Problem,
    area_under_curve,
    bootstrap_interval,
    decide,
    metric_named,
    odds_to_tell,
    prior_score,
    score,
    with_odds,
)

BINARY = Problem("binary", positive=1)
SPINE = Problem("multilabel", weights=(7, 1), positive_weight=2)


def two_columns(positive: list[float]) -> np.ndarray:
    p = np.array(positive)
    return np.stack([1 - p, p], axis=1)


def drawn(task: str, n_samples: int = 60, n_classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random probabilities and targets of a task."""
    draw = np.random.default_rng(seed)
    probabilities = draw.random((n_samples, n_classes))
    if task == "multilabel":
        return probabilities, (draw.random((n_samples, n_classes)) < 0.4).astype(float)
    return probabilities / probabilities.sum(axis=1, keepdims=True), np.eye(n_classes)[
        draw.integers(n_classes, size=n_samples)
    ]


class TestLogLoss:
    def test_constant_half_scores_ln_2(self) -> None:
        assert score("log_loss", two_columns([0.5] * 4), two_columns([0, 1, 1, 0]), BINARY) == pytest.approx(
            math.log(2)
        )

    def test_constant_share_of_data_science_bowl_scores_0_572(self) -> None:
        truth = two_columns([1] * 362 + [0] * 1035)  # its 1,397 labelled patients

        assert prior_score("log_loss", truth, BINARY) == pytest.approx(0.572, abs=0.001)

    def test_one_certain_error_costs_what_kaggle_takes(self) -> None:
        assert score("log_loss", two_columns([1.0]), two_columns([0]), BINARY) == pytest.approx(34.5388, abs=1e-3)

    def test_equals_sklearn_for_many_classes(self) -> None:
        probabilities, targets = drawn("multiclass")

        ours = score("log_loss", probabilities, targets, Problem("multiclass"))

        assert ours == pytest.approx(sklearn.metrics.log_loss(targets.argmax(axis=1), probabilities))

    def test_multilabel_is_the_mean_of_its_columns(self) -> None:
        probabilities, targets = drawn("multilabel")
        columns = [sklearn.metrics.log_loss(y, p) for y, p in zip(targets.T, probabilities.T, strict=True)]

        assert score("log_loss", probabilities, targets, Problem("multilabel")) == pytest.approx(np.mean(columns))

    def test_weights_count_the_classes(self) -> None:
        probabilities, targets = drawn("multilabel", n_classes=2)
        first, second = (sklearn.metrics.log_loss(targets[:, c], probabilities[:, c]) for c in (0, 1))

        ours = score("weighted_log_loss", probabilities, targets, Problem("multilabel", weights=(7, 1)))

        assert ours == pytest.approx((7 * first + second) / 8)

    def test_positives_that_count_double_follow_the_formula_of_rsna_2022(self) -> None:
        targets, probabilities = np.array([[1.0, 0], [0, 1]]), np.array([[0.8, 0.3], [0.4, 0.9]])
        first = -(14 * math.log(0.8) + 1 * math.log(0.7)) / 15
        second = -(7 * math.log(0.6) + 2 * math.log(0.9)) / 9

        ours = score("weighted_log_loss", probabilities, targets, SPINE)

        assert ours == pytest.approx((first + second) / 2)

    def test_weights_of_one_of_many_equal_sklearn_sample_weights(self) -> None:
        probabilities, targets = drawn("multiclass")
        weights = (1.0, 2.0, 0.5, 3.0)
        of_sample = np.array(weights)[targets.argmax(axis=1)]

        ours = score("weighted_log_loss", probabilities, targets, Problem("multiclass", weights=weights))

        theirs = sklearn.metrics.log_loss(targets.argmax(axis=1), probabilities, sample_weight=of_sample)
        assert ours == pytest.approx(theirs)

    def test_weights_for_other_classes_are_refused(self) -> None:
        probabilities, targets = drawn("multilabel")

        with pytest.raises(CatscanError, match="weights of the metric") as refused:
            score("weighted_log_loss", probabilities, targets, Problem("multilabel", weights=(1, 2)))

        assert "[1, 2] for 4 classes" in str(refused.value)


class TestOddsToTell:
    def test_are_1_for_other_metrics(self) -> None:
        _, targets = drawn("multilabel", n_classes=2)

        assert odds_to_tell("log_loss", targets, SPINE).tolist() == [1, 1]
        assert odds_to_tell("weighted_log_loss", targets, Problem("multilabel", weights=(7, 1))).tolist() == [1, 1]

    def test_are_the_ratio_of_the_mean_weights(self) -> None:
        # Rows weigh 14 + 2, 14 + 1, 7 + 1: a 1 of the first class counts 14/16 or 14/15, its 0 counts 7/8.
        targets = np.array([[1.0, 1], [1, 0], [0, 0]])

        first, second = odds_to_tell("weighted_log_loss", targets, SPINE)

        assert first == pytest.approx((14 / 16 + 14 / 15) / 2 / (7 / 8))
        assert second == pytest.approx((2 / 16) / ((1 / 15 + 1 / 8) / 2))

    def test_of_a_class_without_both_answers_are_the_plain_ratio(self) -> None:
        assert odds_to_tell("weighted_log_loss", np.array([[1.0, 0], [0, 0]]), SPINE)[1] == 2

    def test_make_the_prior_the_best_constant(self) -> None:
        _, targets = drawn("multilabel", n_samples=400, n_classes=2)
        best = prior_score("weighted_log_loss", targets, SPINE)

        for share in np.arange(0.02, 1, 0.02):
            for column in (0, 1):
                constant = with_odds(targets.mean(axis=0)[None], odds_to_tell("weighted_log_loss", targets, SPINE))
                constant[0, column] = share
                assert score("weighted_log_loss", np.tile(constant, (400, 1)), targets, SPINE) >= best

    def test_leave_certainty_as_it_is(self) -> None:
        assert with_odds(np.array([[0.0, 1.0, 0.5]]), np.array([2.0, 2.0, 2.0])).tolist() == [[0, 1, 2 / 3]]


class TestAuc:
    def test_counts_ties_half(self) -> None:
        assert score("auc", two_columns([0.1, 0.4, 0.4, 0.8]), two_columns([0, 0, 1, 1]), BINARY) == 0.875

    @given(st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9]), st.booleans()), min_size=2, max_size=30))
    def test_equals_sklearn_with_any_ties(self, pairs: list[tuple[float, bool]]) -> None:
        scores, truth = np.array([p for p, _ in pairs]), np.array([float(y) for _, y in pairs])
        assume(0 < truth.sum() < len(truth))

        assert area_under_curve(scores, truth) == pytest.approx(sklearn.metrics.roc_auc_score(truth, scores))

    def test_follows_the_positive_class(self) -> None:
        probabilities, targets = two_columns([0.1, 0.4, 0.8]), two_columns([0, 0, 1])

        assert score("auc", probabilities, targets, Problem("binary", positive=0)) == 1.0

    def test_is_not_defined_with_one_class(self) -> None:
        assert math.isnan(score("auc", two_columns([0.1, 0.9]), two_columns([1, 1]), BINARY))

    def test_mean_leaves_out_columns_with_one_answer(self) -> None:
        targets = np.array([[1, 0, 1], [0, 1, 1], [1, 0, 1]], float)
        probabilities = np.array([[0.9, 0.2, 0.3], [0.1, 0.1, 0.4], [0.8, 0.3, 0.5]])

        assert score("mean_column_auc", probabilities, targets, Problem("multilabel")) == 0.5  # 1.0 and 0.0

    def test_weighted_counts_the_last_column_as_all_others_together(self) -> None:
        probabilities, targets = drawn("multilabel", n_classes=3)
        aucs = [sklearn.metrics.roc_auc_score(targets[:, c], probabilities[:, c]) for c in range(3)]

        ours = score("weighted_auc", probabilities, targets, Problem("multilabel", weights=(1, 1, 2)))

        assert ours == pytest.approx((np.mean(aucs[:2]) + aucs[2]) / 2)


class TestDecisions:
    def test_accuracy_is_the_share_of_right_answers(self) -> None:
        assert score("accuracy", two_columns([0.9, 0.2, 0.6]), two_columns([1, 0, 0]), BINARY) == pytest.approx(2 / 3)

    def test_micro_f1_equals_sklearn(self) -> None:
        probabilities, targets = drawn("multilabel")
        decided = (probabilities >= 0.5).astype(int)

        ours = score("micro_f1", probabilities, targets, Problem("multilabel"))

        assert ours == pytest.approx(sklearn.metrics.f1_score(targets, decided, average="micro"))

    def test_quadratic_kappa_equals_sklearn_on_rounded_expectations(self) -> None:
        probabilities, targets = drawn("ordinal", n_classes=5)
        expected = np.floor(probabilities @ np.arange(5) + 0.5).astype(int)

        ours = score("quadratic_kappa", probabilities, targets, Problem("ordinal"))

        theirs = sklearn.metrics.cohen_kappa_score(targets.argmax(axis=1), expected, weights="quadratic")
        assert ours == pytest.approx(theirs)

    def test_quadratic_kappa_of_all_right_is_1_even_with_one_class(self) -> None:
        targets = np.eye(3)[[1, 1]]

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert score("quadratic_kappa", targets, targets, Problem("ordinal")) == 1.0

    def test_ordinal_takes_the_class_nearest_to_the_expected_one(self) -> None:
        assert decide(np.array([[0.45, 0.1, 0.45]]), "ordinal").tolist() == [[0, 1, 0]]

    def test_multilabel_without_any_class_stays_empty_unless_one_is_due(self) -> None:
        unsure = np.array([[0.2, 0.4], [0.6, 0.7]])

        assert decide(unsure, "multilabel").tolist() == [[0, 0], [1, 1]]
        assert decide(unsure, "multilabel", at_least_one=True).tolist() == [[0, 1], [1, 1]]


def test_probabilistic_f1_follows_its_formula() -> None:
    # found 0.8 of 2 positives with 0.8 + 0.3 spent: precision 0.727, recall 0.4
    value = score("pf1", two_columns([0.8, 0.0, 0.3]), two_columns([1, 1, 0]), BINARY)

    assert value == pytest.approx(2 * (0.8 / 1.1) * 0.4 / (0.8 / 1.1 + 0.4))


def test_probabilistic_f1_of_no_probability_at_all_is_0() -> None:
    assert score("pf1", two_columns([0.0, 0.0]), two_columns([1, 0]), BINARY) == 0.0


class TestNames:
    def test_unknown_metric_is_refused_with_the_nearest(self) -> None:
        with pytest.raises(CatscanError, match="no metric 'logloss'") as refused:
            metric_named("logloss", "binary")

        assert 'Did you mean "log_loss"?' in str(refused.value)

    def test_metric_of_another_task_is_refused_with_those_that_fit(self) -> None:
        with pytest.raises(CatscanError, match="auc is not made for a multilabel task") as refused:
            metric_named("auc", "multilabel")

        assert "mean_column_auc" in refused.value.do

    @pytest.mark.parametrize("name", METRICS)
    def test_every_metric_prefers_the_truth_to_its_opposite(self, name: str) -> None:
        task = METRICS[name].tasks[-1]
        targets = np.eye(2)[[0, 1, 1, 0, 1]] if task != "multilabel" else np.array([[0, 1], [1, 0], [1, 1], [0, 0.0]])
        right, wrong = (score(name, p, targets, Problem(task, positive=1)) for p in (targets, 1 - targets))

        assert right > wrong if METRICS[name].larger_is_better else right < wrong

    @pytest.mark.parametrize("name", METRICS)
    def test_no_sample_is_not_defined(self, name: str) -> None:
        none = np.zeros((0, 2))

        assert math.isnan(score(name, none, none, Problem(METRICS[name].tasks[0], positive=1)))


class TestBootstrap:
    def test_interval_holds_the_score(self) -> None:
        probabilities, targets = drawn("multiclass", n_samples=200)
        problem = Problem("multiclass")

        low, high = bootstrap_interval("log_loss", probabilities, targets, problem)

        assert low < score("log_loss", probabilities, targets, problem) < high

    def test_interval_covers_the_truth_about_as_often_as_it_says(self) -> None:
        draw = np.random.default_rng(5)
        covered = 0
        for _ in range(100):
            right = draw.random(80) < 0.7  # an accuracy of 0.7
            low, high = bootstrap_interval(
                "accuracy", two_columns([0.9] * 80), two_columns(right.tolist()), BINARY, resamples=200
            )
            covered += low <= 0.7 <= high

        assert 88 <= covered <= 100  # 95 expected, three standard deviations

    def test_same_seed_gives_the_same_interval(self) -> None:
        probabilities, targets = drawn("binary", n_classes=2)

        first, second = (bootstrap_interval("auc", probabilities, targets, BINARY, seed=3) for _ in range(2))

        assert first == second

    def test_interval_of_a_weighted_metric_holds_its_score(self) -> None:
        probabilities, targets = drawn("multilabel", n_samples=200, n_classes=2)

        low, high = bootstrap_interval("weighted_log_loss", probabilities, targets, SPINE)

        assert low < score("weighted_log_loss", probabilities, targets, SPINE) < high

    def test_whole_groups_widen_the_interval(self) -> None:
        right = np.repeat(np.random.default_rng(0).random(20) < 0.5, 10)  # the ten samples of a patient agree
        probabilities, targets = two_columns([0.9] * 200), two_columns(right.tolist())
        groups = np.repeat(np.arange(20), 10).tolist()

        alone = bootstrap_interval("accuracy", probabilities, targets, BINARY)
        grouped = bootstrap_interval("accuracy", probabilities, targets, BINARY, groups=groups)

        assert grouped[1] - grouped[0] > 2 * (alone[1] - alone[0])

    def test_undefined_metric_has_no_interval(self) -> None:
        low, high = bootstrap_interval("auc", two_columns([0.1, 0.2]), two_columns([1, 1]), BINARY, resamples=10)

        assert math.isnan(low)
        assert math.isnan(high)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.randoms())
def test_log_loss_is_finite_for_any_probabilities(positive: list[float], random) -> None:
    truth = [random.randint(0, 1) for _ in positive]

    assert 0 <= score("log_loss", two_columns(positive), two_columns(truth), BINARY) < 35
