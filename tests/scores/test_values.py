"""Amounts: their metrics, their blend, their bounds, and the score to expect of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catscan.common.errors import CatscanError
from catscan.scores import blending, values
from catscan.scores.expected import expected_score
from catscan.scores.metrics import Problem, default_metric, metric_named, prior_score, score, targets_of
from catscan.scores.told import BoundedBlend

PROBLEM = Problem("regression")
TARGETS = np.array([[1.0], [2.0], [3.0], [10.0]])


def column(*amounts: float) -> np.ndarray:
    return np.array(amounts)[:, None]


class TestMetrics:
    def test_rmse_is_the_root_of_the_mean_squared_error(self) -> None:
        assert score("rmse", column(1, 2, 3, 6), TARGETS, PROBLEM) == 2.0

    def test_mae_is_the_mean_absolute_error(self) -> None:
        assert score("mae", column(1, 2, 3, 6), TARGETS, PROBLEM) == 1.0

    def test_the_prior_of_rmse_is_the_mean(self) -> None:
        assert prior_score("rmse", TARGETS, PROBLEM) == pytest.approx(np.sqrt((9 + 4 + 1 + 36) / 4))

    def test_the_prior_of_mae_is_the_median(self) -> None:
        assert prior_score("mae", TARGETS, PROBLEM) == pytest.approx((1.5 + 0.5 + 0.5 + 7.5) / 4)

    def test_a_metric_of_classes_is_refused(self) -> None:
        with pytest.raises(CatscanError, match=r"log_loss is not made for a regression task[\s\S]*there are rmse, mae"):
            metric_named("log_loss", "regression")

    def test_a_regression_is_scored_by_rmse_and_classes_by_log_loss(self) -> None:
        assert [default_metric(task) for task in ("regression", "binary")] == ["rmse", "log_loss"]

    def test_labels_become_a_column(self) -> None:
        assert targets_of(["63", "0.5"], ["age"], "regression").tolist() == [[63.0], [0.5]]


class TestBlend:
    def test_the_plain_blend_is_the_mean(self) -> None:
        assert blending.blend([column(1, 2), column(3, 8)], "regression").tolist() == [[2.0], [5.0]]

    def test_models_count_by_their_weights(self) -> None:
        found = blending.weighted({"a": column(0, 4), "b": column(4, 0)}, {"a": 0.75, "b": 0.25}, "regression")

        assert found.tolist() == [[1.0], [3.0]]

    @pytest.mark.parametrize("unit", [0.001, 1.0, 5000.0], ids=["small", "one", "large"])
    def test_a_better_model_counts_more_whatever_the_unit(self, unit: float) -> None:
        draw = np.random.default_rng(1)
        targets = draw.normal(0, 1, (400, 1)) * unit
        models = {name: targets + draw.normal(0, noise, (400, 1)) * unit for name, noise in (("a", 0.5), ("b", 1.0))}
        weights = blending.learn(models, targets, np.arange(400) % 4, "regression")

        # Independent errors count by the inverse of their squares: 4 to 1.
        assert weights["a"] == pytest.approx(0.8, abs=0.05)
        assert sum(weights.values()) == pytest.approx(1)

    def test_the_gain_of_a_model_is_told_in_the_unit_of_rmse(self) -> None:
        draw = np.random.default_rng(2)
        targets = draw.normal(0, 1, (300, 1))
        models = {name: targets + draw.normal(0, 1, (300, 1)) for name in "ab"}
        folds = np.arange(300) % 3
        gain, (low, high) = blending.gains(models, targets, folds, "regression", resamples=100)["a"]
        both = score("rmse", blending.cross_fitted(models, targets, folds, "regression"), targets, PROBLEM)

        assert gain == pytest.approx(score("rmse", models["b"], targets, PROBLEM) - both)
        assert low < gain < high


class TestBounds:
    def test_amounts_beyond_the_training_samples_are_cut_where_that_pays(self) -> None:
        targets = column(*np.tile([0.0, 10.0], 20))
        beyond = targets + np.where(targets > 5, 3, -3)

        assert values.learn(beyond, targets, np.arange(40) // 2 % 4, "rmse") == (0.0, 10.0)

    def test_amounts_within_stay_as_they_are(self) -> None:
        targets = column(*range(40))
        told = values.cross_fitted(targets * 0.5 + 10, targets, np.arange(40) % 4, "mae")

        assert values.learn(targets * 0.5 + 10, targets, np.arange(40) % 4, "mae") is None
        assert told.tolist() == (targets * 0.5 + 10).tolist()

    def test_each_fold_keeps_to_the_bounds_of_the_others(self) -> None:
        targets, folds = column(0, 10, 0, 10, -9, 20), np.array([0, 0, 1, 1, 2, 2])
        given = targets + column(-1, 1, -1, 1, -30, 30)

        assert values.cross_fitted(given, targets, folds, "rmse")[4:].tolist() == [[0.0], [10.0]]


class TestTold:
    def test_folds_then_models_are_averaged_and_bounded(self) -> None:
        told = BoundedBlend("regression", {"a": 0.5, "b": 0.5}, 7.0, (0.0, 5.0))
        by_model = {"a": [column(2, 8), column(4, 8)], "b": [column(5, 8)]}

        assert told.tell(by_model).tolist() == [[4.0], [5.0]]
        assert {name: ends.tolist() for name, ends in told.spread(by_model).items()} == {
            "lowest": [2.0, 5.0],
            "highest": [5.0, 5.0],
        }
        assert told.tell_unseen().tolist() == [7.0]

    def test_what_folds_gain_by_their_mean_is_their_variance(self) -> None:
        folds, truth = [column(1, 5), column(3, 5)], column(9, 4)
        alone = np.mean([(one - truth) ** 2 for one in folds], axis=0)
        together = (np.mean(folds, axis=0) - truth) ** 2

        assert values.blend_gains(folds, "regression") == pytest.approx((alone - together)[:, 0])

    @given(st.floats(0, 0.99))
    def test_held_out_values_as_good_as_a_blend_have_gained_just_that(self, share: float) -> None:
        rows, told = np.arange(4), TARGETS + column(1, -2, 0.5, 3)
        before = values.losses_of(told, TARGETS).mean()
        better = values.as_blended(told, TARGETS, rows, share * before, "regression")

        assert values.losses_of(better, TARGETS).mean() == pytest.approx((1 - share) * before)

    def test_the_expected_score_is_that_of_test_sets(self) -> None:
        """Of ten competitions whose networks err alike and each in its own way, nine intervals hold the truth."""
        held = 0
        for seed in range(10):
            draw = np.random.default_rng(seed)
            truth, seen = draw.normal(0, 1, (500, 1)), draw.normal(0, 0.5, (500, 1))
            folds = [truth + seen + draw.normal(0, 0.5, (500, 1)) for _ in range(3)]
            known, test = slice(0, 300), slice(300, 500)
            single = np.array([folds[row % 3][row] for row in range(300)])
            told = BoundedBlend("regression", {"main": 1.0}, 0.0, None)
            expected, (low, high) = expected_score(
                "rmse",
                PROBLEM,
                held_out=single,
                targets=truth[known],
                by_model={"main": [fold[test] for fold in folds]},
                combined=told,
                resamples=40,
            )
            true = score("rmse", told.tell({"main": [fold[test] for fold in folds]}), truth[test], PROBLEM)
            held += low <= true <= high
            assert expected == pytest.approx(np.sqrt(0.25 + 0.25 / 3), rel=0.15)

        assert held >= 9
