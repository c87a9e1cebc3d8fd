from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from catscan.scores.blending import blend
from catscan.scores.calibration import Calibration, calibrate, clipped, cross_fitted, expected_prior, fit, learn
from catscan.scores.metrics import Problem, prior_score, score

BINARY = Problem("binary", positive=1)


def overconfident(n_samples: int, sharpness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities whose logits are ``sharpness`` times too large, and the outcomes they speak of."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 1.5, n_samples)
    truth = draw.random(n_samples) < 1 / (1 + np.exp(-logits))
    positive = 1 / (1 + np.exp(-sharpness * logits))
    return np.stack([1 - positive, positive], axis=1), np.stack([~truth, truth], axis=1).astype(float)


class TestBlend:
    def test_is_the_mean_of_the_logits(self) -> None:
        both = blend([np.array([[0.9, 0.1]]), np.array([[0.5, 0.5]])], "binary")

        assert both == pytest.approx(np.array([[0.75, 0.25]]))  # odds 9 and 1, their geometric mean 3

    def test_of_one_is_itself(self) -> None:
        one = np.array([[0.2, 0.3, 0.5]])

        assert blend([one], "multiclass") == pytest.approx(one)

    def test_multilabel_blends_each_class_alone(self) -> None:
        both = blend([np.array([[0.9, 0.9]]), np.array([[0.5, 0.9]])], "multilabel")

        assert both == pytest.approx(np.array([[0.75, 0.9]]))

    def test_certainty_of_one_does_not_make_the_blend_undefined(self) -> None:
        assert np.isfinite(blend([np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])], "binary")).all()


class TestFit:
    @pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.0, 4.0])
    def test_finds_by_how_much_the_logits_are_too_large(self, sharpness: float) -> None:
        probabilities, targets = overconfident(20_000, sharpness)

        assert fit(probabilities, targets, "binary", "log_loss").temperature == pytest.approx(sharpness, rel=0.06)

    def test_of_predictions_that_tell_nothing_is_the_prior(self) -> None:
        draw = np.random.default_rng(0)
        truth = np.arange(400) < 100
        noise = draw.random(400)
        probabilities = np.stack([1 - noise, noise], axis=1)
        targets = np.stack([~truth, truth], axis=1).astype(float)

        calibrated = calibrate(probabilities, fit(probabilities, targets, "binary", "log_loss"), "binary")

        best = prior_score("log_loss", targets, BINARY)
        assert score("log_loss", calibrated, targets, BINARY) == pytest.approx(best, abs=0.002)
        assert calibrated[:, 1].mean() == pytest.approx(0.25, abs=0.01)

    def test_never_makes_the_log_loss_it_is_fitted_on_worse_but_for_the_clip(self) -> None:
        probabilities, targets = overconfident(500, 3.0, seed=4)

        calibrated = calibrate(probabilities, fit(probabilities, targets, "binary", "log_loss"), "binary")

        before, after = (
            score("log_loss", p, targets, BINARY) for p in (clipped(probabilities, 0.002, "binary"), calibrated)
        )
        assert after < before

    @pytest.mark.parametrize(("n_samples", "at_most"), [(4, 0.75), (50, 0.96), (1000, 0.998)])
    def test_of_few_samples_stays_near_the_prior_even_when_all_are_right(self, n_samples: int, at_most: float) -> None:
        targets = np.eye(2)[np.arange(n_samples) % 2]

        calibrated = calibrate(targets, fit(targets, targets, "binary", "log_loss"), "binary")

        assert at_most - 0.04 < calibrated.max() <= at_most

    def test_of_three_samples_of_which_one_is_surely_wrong_is_about_the_prior(self) -> None:
        targets = np.eye(2)[[0, 0, 1]]
        probabilities = np.array([[1.0, 0.0]] * 3)

        calibrated = calibrate(probabilities, fit(probabilities, targets, "binary", "log_loss"), "binary")

        assert calibrated[0, 1] == pytest.approx(0.37, abs=0.05)

    def test_clip_of_a_network_that_is_always_right_stays_above_its_bound(self) -> None:
        targets = np.eye(2)[np.arange(1000) % 2]

        assert fit(targets, targets, "binary", "log_loss").clip == pytest.approx(0.002)

    def test_clip_grows_with_a_few_certain_errors_among_calibrated_predictions(self) -> None:
        truth = np.arange(1000) % 2
        positive = np.where(truth == 1, 0.95, 0.05)
        positive[np.arange(1000) % 20 == 0] = 0.95  # as often wrong as 0.95 says
        positive[:20] = np.where(truth[:20] == 1, 1e-12, 1 - 1e-12)
        probabilities, targets = np.stack([1 - positive, positive], axis=1), np.eye(2)[truth]

        assert fit(probabilities, targets, "binary", "log_loss").clip > 0.01

    @pytest.mark.parametrize("metric", ["auc", "accuracy"])
    def test_does_not_clip_for_a_metric_that_forgives_certainty(self, metric: str) -> None:
        probabilities, targets = overconfident(500, 2.0)

        assert fit(probabilities, targets, "binary", metric).clip == 0.0


def in_task(task: str, n_samples: int, sharpness: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of four classes whose logits are ``sharpness`` times too large, and the outcomes they speak of."""
    if task == "binary":
        return overconfident(n_samples, sharpness, seed)
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 1.5, (n_samples, 4))
    if task == "multilabel":
        return 1 / (1 + np.exp(-sharpness * logits)), (draw.random((n_samples, 4)) < 1 / (1 + np.exp(-logits))) * 1.0
    odds = [np.exp(by * (logits - logits.max(axis=1, keepdims=True))) for by in (1.0, sharpness)]
    real, told = (one / one.sum(axis=1, keepdims=True) for one in odds)
    return told, np.eye(4)[[draw.choice(4, p=row) for row in real]]


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
class TestLearn:
    @pytest.mark.parametrize("seed", range(8))
    @pytest.mark.parametrize("n_samples", [40, 120, 1500])
    def test_keeps_a_step_only_where_it_lowers_the_loss_of_samples_it_did_not_see(self, task, n_samples, seed) -> None:
        probabilities, targets = in_task(task, n_samples, 1.0, seed)
        folds = np.arange(n_samples) % 3
        problem = Problem(task, positive=1)
        kept = learn(probabilities, targets, folds, task, "log_loss")
        choices = [(), ("temperature",), ("clip",), ("temperature", "clip")]
        steps = next(taken for taken in choices if fit(probabilities, targets, task, "log_loss", taken) == kept)
        unseen = np.empty(probabilities.shape)
        for fold in range(3):
            others = folds != fold
            fitted = fit(probabilities[others], targets[others], task, "log_loss", steps)
            unseen[~others] = calibrate(probabilities[~others], fitted, task)

        kept_off = clipped(probabilities, min(0.002, 0.5 / (n_samples * 2 // 3)), task)
        before, after = (score("log_loss", p, targets, problem) for p in (kept_off, unseen))

        assert after < before if steps else after == pytest.approx(before, abs=1e-4)

    def test_calibrated_predictions_stay_as_they_are(self, task) -> None:
        changed = 0
        for seed in range(10):
            probabilities, targets = in_task(task, 200, 1.0, seed)
            changed += learn(probabilities, targets, np.arange(200) % 5, task, "log_loss").temperature != 1.0

        assert changed <= 4

    @pytest.mark.parametrize("sharpness", [0.5, 3.0])
    def test_predictions_that_are_too_sure_or_too_shy_are_mended(self, task, sharpness) -> None:
        probabilities, targets = in_task(task, 2000, sharpness, 3)

        kept = learn(probabilities, targets, np.arange(2000) % 5, task, "log_loss")

        assert kept.temperature == pytest.approx(sharpness, rel=0.15)

    def test_few_samples_are_always_moved_towards_the_prior(self, task) -> None:
        _, targets = in_task(task, 12, 1.0, 0)

        assert learn(targets, targets, np.arange(12) % 3, task, "log_loss").temperature > 1


def test_sure_predictions_that_need_no_calibration_stay_within_what_n_samples_can_tell() -> None:
    targets = np.eye(2)[np.arange(1000) % 2]
    kept = learn(targets, targets, np.arange(1000) % 5, "binary", "log_loss")

    assert (kept.temperature, kept.clip) == (1.0, pytest.approx(0.0005))


class TestCalibrate:
    def test_temperature_of_1_without_clip_changes_nothing(self) -> None:
        probabilities = np.array([[0.2, 0.3, 0.5], [0.01, 0.01, 0.98]])

        same = calibrate(probabilities, Calibration(1.0, 0.0, (0.2, 0.5, 0.3)), "multiclass")

        assert same == pytest.approx(probabilities)

    def test_a_large_temperature_ends_at_the_prior(self) -> None:
        spread = calibrate(np.array([[0.99, 0.01]]), Calibration(1e6, 0.0, (0.741, 0.259)), "binary")

        assert spread == pytest.approx(np.array([[0.741, 0.259]]), abs=1e-4)

    @pytest.mark.parametrize(
        ("shares", "n_samples", "task", "expected"),
        [
            ((1.0, 0.0), 2, "binary", (3 / 4, 1 / 4)),
            ((0.5, 0.5, 0.0), 1000, "multiclass", (501 / 1003, 501 / 1003, 1 / 1003)),
            ((0.0, 0.5), 4, "multilabel", (1 / 6, 3 / 6)),
        ],
    )
    def test_class_that_train_lacks_is_not_taken_to_be_impossible(
        self, shares: tuple[float, ...], n_samples: int, task: str, expected: tuple[float, ...]
    ) -> None:
        assert expected_prior(shares, n_samples, task) == pytest.approx(expected)

    def test_clip_keeps_binary_probabilities_inside(self) -> None:
        assert clipped(np.array([[0.999, 0.001]]), 0.02, "binary") == pytest.approx(np.array([[0.98, 0.02]]))

    def test_clip_is_shared_by_the_other_classes(self) -> None:
        kept = clipped(np.eye(120)[[3]], 0.05, "multiclass")

        assert kept[0, 3] == pytest.approx(0.95)
        assert kept[0, 0] == pytest.approx(0.05 / 119)

    @given(
        arrays(np.float64, (5, 3), elements=st.floats(1e-6, 1)),
        st.floats(0.25, 64),
        st.floats(0, 0.05),
    )
    def test_rows_stay_probabilities_that_add_up(self, raw: np.ndarray, temperature: float, clip: float) -> None:
        probabilities = raw / raw.sum(axis=1, keepdims=True)

        calibrated = calibrate(probabilities, Calibration(temperature, clip, (0.2, 0.3, 0.5)), "multiclass")

        assert ((calibrated >= 0) & (calibrated <= 1)).all()
        assert calibrated.sum(axis=1) == pytest.approx(np.ones(5))


class TestCrossFitted:
    @pytest.mark.parametrize("seed", range(8))
    @pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
    def test_is_never_worse_than_no_calibration_but_for_what_n_samples_can_tell(self, task, seed) -> None:
        probabilities, targets = in_task(task, 80, 1.0, seed)
        problem = Problem(task, positive=1)

        calibrated = cross_fitted(probabilities, targets, np.arange(80) % 3, task, "log_loss")

        kept_off = clipped(probabilities, 0.002, task)
        before, after = (score("log_loss", p, targets, problem) for p in (kept_off, calibrated))
        assert after <= before + 1e-12

    def test_is_close_to_a_fresh_test_set(self) -> None:
        probabilities, targets = overconfident(3000, 3.0, seed=1)
        folds = np.arange(3000) % 5
        fresh_p, fresh_t = overconfident(20_000, 3.0, seed=2)

        honest = score("log_loss", cross_fitted(probabilities, targets, folds, "binary", "log_loss"), targets, BINARY)
        fresh = calibrate(fresh_p, fit(probabilities, targets, "binary", "log_loss"), "binary")

        assert honest == pytest.approx(score("log_loss", fresh, fresh_t, BINARY), abs=0.02)

    def test_a_fold_is_not_calibrated_by_its_own_labels(self) -> None:
        probabilities, targets = overconfident(400, 2.0)
        folds = np.arange(400) % 4
        turned = targets.copy()
        turned[folds == 2] = 1 - turned[folds == 2]

        first, second = (cross_fitted(probabilities, t, folds, "binary", "log_loss") for t in (targets, turned))

        assert np.array_equal(first[folds == 2], second[folds == 2])
        assert not np.array_equal(first[folds == 1], second[folds == 1])

    def test_three_samples_in_three_folds_work(self) -> None:
        probabilities, targets = overconfident(3, 1.0)

        assert np.isfinite(cross_fitted(probabilities, targets, np.arange(3), "binary", "log_loss")).all()
