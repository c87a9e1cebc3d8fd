from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from catscan.common.errors import CatscanError
from catscan.stages.train.data import class_weights, open_data, remarks, scale_of, smoothed, standardised


def opened(competition, fold=0, *, task="binary"):
    return open_data(competition.index, competition.summary, competition.arrays, fold=fold, task=task)


def test_held_fold_and_the_rest_are_apart_and_together_complete(competition):
    data = opened(competition, fold=1)

    assert not set(data.train_rows) & set(data.held_rows)
    assert sorted([*data.train_rows, *data.held_rows]) == list(range(40))
    assert [data.sample_ids[row] for row in data.held_rows[:4]] == ["002", "003", "006", "007"]


def test_targets_stand_in_the_order_of_the_classes(competition):
    assert opened(competition).targets[:2].tolist() == [[1, 0], [0, 1]]


def test_samples_that_could_not_be_read_are_counted_and_not_trained_on(make_competition):
    data = opened(make_competition(bad=3))

    assert (data.n_bad, len(data.sample_ids)) == (3, 37)
    assert "3 could not be read" in remarks(data, 0)[0]


def test_classes_that_are_missing_in_training_are_told(make_competition):
    data = opened(make_competition(n=4, labels=["up", "up", "down", "up"], folds=2), fold=1)

    assert remarks(data, 1)[1] == "note: no sample to learn down from; its probability will mean nothing"


def test_empty_held_out_fold_is_told(competition):
    assert "held-out fold is empty" in remarks(opened(competition, fold=7), 7)[-1]


def test_single_fold_leaves_nothing_to_learn_from(make_competition):
    with pytest.raises(CatscanError, match="No sample is left to learn from"):
        opened(make_competition(folds=1))


def test_label_that_is_no_class_is_refused(make_competition):
    with pytest.raises(CatscanError, match="label 'sideways' is not one of the classes"):
        opened(make_competition(n=4, labels=["up", "down", "sideways", "up"]))


def test_shard_of_another_index_is_refused(competition):
    table = competition.index.read_text().replace("\n005,", "\nx05,")
    competition.index.write_text(table)

    with pytest.raises(CatscanError, match="that the index does not") as refusal:
        opened(competition)

    assert refusal.value.found == "005"


def test_several_labels_are_joined_by_a_blank(make_competition):
    data = opened(make_competition(n=4, labels=["up down", "", "up", "down"]), task="multilabel")

    assert data.targets.tolist() == [[1, 1], [0, 0], [0, 1], [1, 0]]


def test_digest_moves_with_labels_and_split_only(make_competition):
    first = opened(make_competition(n=8)).digest

    assert opened(make_competition(n=8)).digest == first
    assert opened(make_competition(n=8), fold=1).digest != first
    assert opened(make_competition(n=8, labels=["up", "down"] * 4)).digest != first


def test_balanced_weights_give_every_class_the_same_sum():
    targets = np.eye(2, dtype=np.float32)[[0, 0, 0, 1]]

    weights = class_weights(targets, "balanced")

    np.testing.assert_allclose(weights @ targets, [2, 2])
    np.testing.assert_allclose(class_weights(targets, "none"), 1)


def test_smoothed_targets_keep_their_sum_and_share():
    targets = np.eye(4, dtype=np.float32)[[2]]

    np.testing.assert_allclose(smoothed(targets, 0.1, multilabel=False), [[0.025, 0.025, 0.925, 0.025]])
    np.testing.assert_allclose(smoothed(targets, 0.1, multilabel=True), [[0.05, 0.05, 0.95, 0.05]])


class TestAmounts:
    """The targets of a regression."""

    @pytest.fixture
    def ages(self, make_competition):
        return make_competition(n=8, labels=[str(10 * n) for n in range(8)], classes=("age",))

    def test_they_are_kept_as_they_are_and_scaled_by_those_to_learn_from(self, ages):
        data = opened(ages, task="regression")

        assert data.targets[:, 0].tolist() == [0, 10, 20, 30, 40, 50, 60, 70]
        assert data.train_rows.tolist() == [2, 3, 6, 7]
        assert data.scale == pytest.approx((45, np.sqrt(425)))

    def test_the_log_tells_their_mean_and_deviation(self, ages):
        assert remarks(opened(ages, task="regression"), 0) == [
            "4 samples to learn from (age of 45 ± 20.62), 4 in the held-out fold 0"
        ]

    def test_classes_have_no_scale(self, competition):
        assert opened(competition).scale is None

    @given(arrays(np.float32, st.tuples(st.integers(2, 30), st.just(1)), elements=st.floats(-1e4, 1e4, width=32)))
    def test_standardised_targets_have_mean_0_and_deviation_1_and_come_back(self, targets):
        mean, deviation = scale_of(targets)
        scaled = standardised(targets, (mean, deviation)).astype(np.float64)

        np.testing.assert_allclose(scaled * deviation + mean, targets, atol=1e-2)  # of amounts up to 10,000
        if np.ptp(targets) > 1:
            assert scaled.mean() == pytest.approx(0, abs=1e-3)
            assert scaled.std() == pytest.approx(1, abs=1e-3)

    def test_targets_that_are_all_alike_are_only_shifted(self):
        targets = np.full((3, 1), 7, np.float32)

        assert scale_of(targets) == (7.0, 1.0)
        assert standardised(targets, (7.0, 1.0)).tolist() == [[0], [0], [0]]
