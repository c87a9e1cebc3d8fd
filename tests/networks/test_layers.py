from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from catscan.networks.compat import tf, tflearn
from catscan.networks.layers import Mode, batch_norm, dropout, pooling, residual_block, set_mode


@pytest.fixture(autouse=True)
def _graph() -> Iterator[None]:
    with tf.Graph().as_default():
        yield


def run(tensors: Any, feed: dict[Any, Any] | None = None) -> Any:
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(tensors, feed)


class TestBatchNorm:
    SHAPES = ((16, 6), (8, 5, 7, 6), (4, 3, 5, 7, 6))

    @pytest.mark.parametrize("shape", SHAPES, ids=["flat", "pictures", "scans"])
    def test_fused_kernel_gives_tflearns_numbers(self, shape):
        values = np.random.default_rng(0).normal(3, 2, shape).astype(np.float32)
        incoming = tf.constant(values)
        set_mode(Mode(training=True))
        ours = batch_norm(incoming, name="ours", decay=0.9)
        theirs = tflearn.batch_normalization(incoming, stddev=0.0, name="theirs")

        got, wanted = run([ours, theirs])

        np.testing.assert_allclose(got, wanted, atol=1e-5)

    @pytest.mark.parametrize("shape", SHAPES, ids=["flat", "pictures", "scans"])
    def test_moving_averages_become_those_of_tflearn(self, shape):
        values = np.random.default_rng(0).normal(3, 2, shape).astype(np.float32)
        incoming = tf.constant(values)
        set_mode(Mode(training=True))
        batch_norm(incoming, name="ours", decay=0.9)
        theirs = tflearn.batch_normalization(incoming, stddev=0.0, name="theirs")
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        names = ["moving_mean", "moving_variance"]
        moving = {variable.op.name: variable for variable in tf.global_variables() if "moving" in variable.op.name}

        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run([theirs, *updates])
            after = session.run(moving)

        for name in names:
            np.testing.assert_allclose(after[f"ours/{name}"], after[f"theirs/{name}"], rtol=1e-5)

    def test_predicting_uses_the_moving_averages(self):
        set_mode(Mode(training=False))
        values = np.random.default_rng(0).normal(3, 2, (8, 5, 7, 6)).astype(np.float32)

        got = run(batch_norm(tf.constant(values), name="norm", epsilon=0.0))

        np.testing.assert_allclose(got, values, atol=1e-5)


class TestPooling:
    SHAPES = ((2, 8, 8, 8, 3), (2, 7, 9, 5, 3), (1, 20, 25, 25, 2), (3, 1, 4, 4, 1))

    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    @pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 2), (5, 5)])
    def test_split_pooling_equals_pooling_in_three_dimensions(self, shape, window, stride):
        incoming = tf.constant(np.random.default_rng(0).normal(size=shape).astype(np.float32))

        split, whole = run(
            [
                pooling(incoming, window, stride, name="split"),
                tflearn.max_pool_3d(incoming, window, strides=stride),
            ]
        )

        np.testing.assert_array_equal(split, whole)

    def test_mean_of_a_window_counts_only_what_is_inside(self):
        incoming = tf.constant(np.random.default_rng(0).normal(size=(2, 7, 9, 5, 3)).astype(np.float32))

        split, whole = run(
            [
                pooling(incoming, 3, 2, kind="average", name="split"),
                tflearn.avg_pool_3d(incoming, 3, strides=2),
            ]
        )

        np.testing.assert_allclose(split, whole, atol=1e-6)

    def test_axis_of_window_one_is_left_alone(self):
        incoming = tf.zeros([1, 5, 8, 8, 1])

        assert pooling(incoming, [1, 2, 2], [1, 2, 2], name="pool").shape.as_list() == [1, 5, 4, 4, 1]


class TestDropout:
    def test_share_that_is_kept_is_the_keep_probability(self):
        step = tf.placeholder(tf.int32, [])
        set_mode(Mode(training=True, seed=1, step=step))
        kept = dropout(tf.ones([100_000]), 0.8, name="drop")

        got = run(kept, {step: 3})

        assert abs(np.mean(got > 0) - 0.8) < 0.008
        assert set(np.unique(got)) == {np.float32(0), np.float32(1.25)}

    def test_same_step_drops_the_same_and_another_step_others(self):
        step = tf.placeholder(tf.int32, [])
        set_mode(Mode(training=True, seed=1, step=step))
        kept = dropout(tf.ones([1000]), 0.8, name="drop")

        first, again, other = run(kept, {step: 3}), run(kept, {step: 3}), run(kept, {step: 4})

        assert (first == again).all()
        assert (first != other).any()

    def test_predicting_drops_nothing(self):
        set_mode(Mode(training=False))

        assert run(dropout(tf.ones([100]), 0.2, name="drop")).min() == 1


@pytest.mark.parametrize("shape", [(2, 9, 8, 3), (2, 5, 9, 8, 3)], ids=["pictures", "scans"])
@pytest.mark.parametrize("stride", [1, 2])
def test_residual_block_takes_odd_sizes_and_widths(shape, stride):
    set_mode(Mode(training=True))

    out = residual_block(tf.zeros(shape), 8, name="block", stride=stride)

    assert run(out).shape == (2, *(-(-size // stride) for size in shape[1:-1]), 8)
