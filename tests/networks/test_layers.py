from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catscan.networks.compat import tf, tflearn
from catscan.networks.layers import (
    MANY_WEIGHTS,
    Mode,
    batch_norm,
    convolution,
    convolution_block,
    dropout,
    fully_connected,
    global_pooling,
    pooling,
    residual_block,
    set_mode,
    taps_in_use,
)
from catscan.networks.session import Compute, cpu_has_bf16, session_config


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

    @pytest.mark.skipif(not cpu_has_bf16(), reason="this CPU has no bf16")
    def test_no_feature_map_is_turned_back_into_float32_in_bf16(self):
        set_mode(Mode(training=True))
        pixels = tf.placeholder(tf.float32, [None, 8, 8, 8, 4])
        net = pooling(convolution_block(pixels, 8, 3, name="first"), 2, 2, name="pool")
        net = tflearn.fully_connected(global_pooling(convolution_block(net, 8, 3, name="second"), name="mean"), 2)
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=tf.ones([2, 2]), logits=net))
        slope = tf.global_norm(tf.gradients(loss, tf.trainable_variables()))
        update = tf.group(slope, *tf.get_collection(tf.GraphKeys.UPDATE_OPS))
        facts = tf.RunMetadata()

        with tf.Session(config=session_config(Compute(threads=2, precision="bf16"))) as session:
            session.run(tf.global_variables_initializer())
            feed = {pixels: np.ones((2, 8, 8, 8, 4), np.float32)}
            session.run(update, feed, options=tf.RunOptions(output_partition_graphs=True), run_metadata=facts)

        names = [node.name for graph in facts.partition_graphs for node in graph.node]
        assert any("CastToBf16" in name for name in names)
        assert not [name for name in names if "CastToFp32" in name and name.startswith(("first", "pool", "second"))]

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

    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    @pytest.mark.parametrize("flat", [False, True], ids=["straight", "reshaped"])
    def test_largest_value_after_a_relu_and_its_gradient_are_those_of_relu_then_pooling(self, shape, flat):
        values = np.random.default_rng(0).normal(-0.5, 1, shape).astype(np.float32)
        incoming = tf.constant(values)
        relu = tf.nn.relu(incoming)
        if flat:
            relu = tf.reshape(tf.nn.relu(tf.reshape(incoming, [-1, shape[-1]])), shape)
        ours = pooling(relu, 2, 2, name="ours")
        theirs = pooling(tf.identity(relu), 2, 2, name="theirs")
        weight = tf.constant(np.random.default_rng(1).normal(size=ours.shape.as_list()).astype(np.float32))

        got, wanted, slope, wanted_slope = run(
            [ours, theirs, *(tf.gradients(pooled * weight, incoming)[0] for pooled in (ours, theirs))]
        )

        assert ours.op.type == "Relu"
        np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(slope, wanted_slope)
        assert tflearn.get_layer_by_name("ours") is ours

    def test_pictures_are_pooled_as_by_tflearn(self):
        incoming = tf.constant(np.random.default_rng(0).normal(size=(2, 7, 9, 3)).astype(np.float32))

        ours = [pooling(incoming, 3, 2, kind=kind, name=kind) for kind in ("max", "average")]
        theirs = [layer(incoming, 3, strides=2) for layer in (tflearn.max_pool_2d, tflearn.avg_pool_2d)]

        for got, wanted in zip(*run([ours, theirs]), strict=True):
            np.testing.assert_array_equal(got, wanted)

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


class TestFullyConnected:
    @pytest.mark.parametrize("inputs", [8, MANY_WEIGHTS // 16], ids=["few weights", "many weights"])
    def test_output_and_gradients_are_those_of_tflearns_layer(self, inputs):
        set_mode(Mode(training=True))
        draw = np.random.default_rng(0)
        incoming = tf.constant(draw.normal(size=(3, inputs)).astype(np.float32))
        weight = tf.constant(draw.normal(size=(3, 16)).astype(np.float32))
        initial = {"weights_init": tf.constant_initializer(draw.normal(0, 0.01, (inputs, 16)).astype(np.float32))}
        net = fully_connected(incoming, 16, name="ours", activation="relu", **initial)
        theirs = tflearn.fully_connected(incoming, 16, name="theirs", activation="relu", **initial)
        outputs = [net, theirs]
        inner = [[output.W, output.b, incoming] for output in outputs]
        slopes = [tf.gradients(output * weight, each) for output, each in zip(outputs, inner, strict=True)]

        (got, wanted), (got_slopes, wanted_slopes) = run([outputs, slopes])

        np.testing.assert_array_equal(got, wanted)
        for slope, wanted_slope in zip(got_slopes, wanted_slopes, strict=True):
            np.testing.assert_allclose(slope, wanted_slope, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 9, 8, 3), (2, 5, 9, 8, 3)], ids=["pictures", "scans"])
@pytest.mark.parametrize("stride", [1, 2])
def test_residual_block_takes_odd_sizes_and_widths(shape, stride):
    set_mode(Mode(training=True))

    out = residual_block(tf.zeros(shape), 8, name="block", stride=stride)

    assert run(out).shape == (2, *(-(-size // stride) for size in shape[1:-1]), 8)


class TestConvolution:
    """A window that reaches beyond its map is computed with the taps that meet pixels, and nothing else changes."""

    CASES = (
        ((1, 1), 5, 1),
        ((2, 2), 5, 1),
        ((1, 3), (5, 7), 1),
        ((3, 4), 8, 2),
        ((5, 2), (3, 6), (2, 1)),
        ((2, 1, 3), 5, 1),
        ((1, 2, 2), (3, 5, 4), (1, 2, 1)),
    )

    @pytest.mark.parametrize(("size", "window", "stride"), CASES)
    def test_values_gradients_and_names_are_those_of_tflearns_layer(self, size, window, stride):
        values = np.random.default_rng(0).normal(size=(4, *size, 3)).astype(np.float32)
        incoming = tf.constant(values)
        set_mode(Mode(training=True))
        theirs = (tflearn.conv_2d if len(size) == 2 else tflearn.conv_3d)(
            incoming, 6, window, strides=stride, activation="relu", name="theirs"
        )
        ours = convolution(incoming, 6, window, stride=stride, activation="relu", name="ours")
        copied = [tf.assign(ours.W, theirs.W), tf.assign(ours.b, theirs.b)]
        slopes = [tf.gradients(tf.reduce_sum(net * net), [net.W, net.b, incoming]) for net in (ours, theirs)]

        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(copied)
            (got, got_slopes), (wanted, wanted_slopes) = session.run([[ours, slopes[0]], [theirs, slopes[1]]])

        np.testing.assert_allclose(got, wanted, atol=1e-5)
        for ours_slope, their_slope in zip(got_slopes, wanted_slopes, strict=True):
            np.testing.assert_allclose(ours_slope, their_slope, atol=1e-4)
        assert tflearn.get_layer_variables_by_name("ours") == [ours.W, ours.b]
        assert [variable.op.name for variable in tf.trainable_variables()] == [
            f"{name}/{variable}" for name in ("theirs", "ours") for variable in ("W", "b")
        ]
        assert tflearn.get_layer_by_name("ours") is ours

    @given(pixels=st.integers(1, 9), window=st.integers(1, 12), stride=st.integers(1, 4))
    def test_taps_in_use_are_those_that_meet_a_pixel(self, pixels, window, stride):
        positions = -(-pixels // stride)
        padded = max((positions - 1) * stride + window - pixels, 0) // 2
        meet = {
            tap
            for position in range(positions)
            for tap in range(window)
            if 0 <= position * stride + tap - padded < pixels
        }

        taps = range(window)[taps_in_use(pixels, window, stride)]

        if window >= stride:
            assert set(taps) == meet

    @pytest.mark.parametrize(("maps_in", "maps_out"), [(64, 128), (128, 64), (64, 32)])
    def test_bf16_gradients_of_the_tutorials_last_layers_are_the_same_bytes_every_time(self, maps_in, maps_out):
        """Where memory that nobody wrote is read, the bytes change between calls; garbage shows it at once."""
        random = np.random.default_rng(0)
        set_mode(Mode(training=True))
        incoming = tf.constant(random.normal(size=(64, 1, 1, maps_in)), tf.bfloat16)
        with tf.variable_scope("", custom_getter=_in_bf16):
            grown = convolution(incoming, maps_out, 5, bias=False, name="grown")
        slopes = tf.gradients(tf.reduce_sum(tf.cast(grown, tf.float32)), [grown.W, incoming])
        wanted = [tf.cast(tensor, tf.float32) for tensor in (grown, *slopes)]
        garbage = tf.random.normal([random.integers(50, 400_000)]) * np.nan

        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            seen = set()
            for _ in range(50):
                session.run(garbage)
                seen.add(b"".join(array.tobytes() for array in session.run(wanted)))

        assert len(seen) == 1


def _in_bf16(getter: Any, name: str, **keywords: Any) -> Any:
    return tf.cast(getter(name, **keywords), tf.bfloat16)
