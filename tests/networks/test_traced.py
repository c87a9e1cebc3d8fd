"""Any network is told layer by layer, as TensorFlow computes it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from catscan.common.layer_table import Reach, laid_out, layers_of, table
from catscan.networks.compat import tf, tflearn
from catscan.networks.layers import Mode, set_mode
from catscan.networks.registry import FAMILIES, FINE_TUNED, find
from catscan.networks.traced import traced

SLOW = {
    "efficientnet-lite1",
    "efficientnet-lite2",
}  # layer by layer as -lite0, which stands for them in the default run
SHAPES = {"features": (3, 1280), "pictures": (48, 64, 3), "scans": (8, 20, 24, 1)}
NAMED = [
    pytest.param(name, SHAPES[samples], marks=[pytest.mark.slow] if name in SLOW else [])
    for samples, networks in FAMILIES.values()
    for name in networks
]
LIST = [
    {"convolution": {"feature_maps": 8, "window": 3, "batch_norm": True}},
    {"pooling": {"window": 3, "stride": 2}},
    {"convolution": {"feature_maps": 4, "window": 5, "stride": 2}},
    {"global_pooling": {"kind": "average"}},
    {"fully_connected": {"units": 10, "keep_probability": 0.8}},
]


def weights_of(build: Any, shape: tuple[int, ...]) -> int:
    with tf.Graph().as_default():
        set_mode(Mode(training=False))
        build(tf.placeholder(tf.float32, [None, *shape]), 2)
        return sum(math.prod(variable.shape.as_list()) for variable in tf.global_variables())


def test_a_list_of_layers_is_told_with_windows_sizes_weights_and_operations() -> None:
    rows = table(traced(find(LIST, (20, 21, 1), 2).build(), (20, 21, 1), 2))

    assert laid_out(rows).splitlines() == [
        "layer                     window  stride  out          sees     weights  FLOPs",
        "input                                     20 x 21 x 1           0        0",
        "convolution + batch norm  3 x 3   1 x 1   20 x 21 x 8  3 x 3    104      67.2 k",
        "max pooling + ReLU        3 x 3   2 x 2   10 x 11 x 8  5 x 5    0        8.8 k",
        "convolution + ReLU        5 x 5   2 x 2   5 x 6 x 4    13 x 13  804      48.2 k",
        "average over each map                     4            all      0        120",
        "fully connected + ReLU                    10           all      50       100",
        "fully connected                           2            all      22       42",
        "                                                                980      125 k",
    ]


@pytest.mark.parametrize(("name", "shape"), NAMED)
def test_all_of_a_named_network_is_known_and_all_its_weights_are_counted(name: str, shape: tuple[int, ...]) -> None:
    build = find(name, shape, 2).build()
    steps = traced(build, shape, 2)

    unknown = {step.how for step in steps if step.kind == "other"}
    assert unknown <= ({"DepthwiseConv2dNative"} if name in FINE_TUNED else set())
    assert sum(step.weights for step in steps) == weights_of(build, shape)


def test_a_scans_pooling_in_two_steps_is_one_of_three_axes() -> None:
    steps = traced(find("tutorial-3d", (20, 50, 50, 1), 2).build(), (20, 50, 50, 1), 2)
    pooling = next(step for step in steps if step.kind == "pooling")

    assert (pooling.window, pooling.stride, pooling.shape) == ((2, 2, 2), (2, 2, 2), (10, 25, 25, 32))
    assert pooling.reach == (Reach(start=-1, size=4, jump=2),) * 3


def test_a_shortcut_sees_what_the_wider_way_sees() -> None:
    steps = traced(find("resnet-2d", (64, 64, 3), 2).build(), (64, 64, 3), 2)
    first = next(step for step in steps if step.kind == "add")

    assert {steps[number].reach[0].size for number in first.inputs} == {11, 27}
    assert first.reach[0].size == 27


def of_a_user(pixels: Any, classes: int) -> Any:
    """TFLearn's own layers, with its switches between training and not, and some that catscan does not know."""
    net = tflearn.conv_2d(pixels, 8, 3, activation="relu")
    net = tflearn.max_pool_2d(net, 3, strides=2)
    net = tflearn.local_response_normalization(tflearn.batch_normalization(net))
    net = tflearn.conv_2d(net, 8, 3, strides=2, padding="valid", activation="leaky_relu")
    net = tf.transpose(tflearn.residual_block(tflearn.avg_pool_2d(net, 2), 1, 16), [0, 2, 1, 3])
    net = tf.reshape(net, [tf.shape(net)[0], -1])
    net = tflearn.dropout(tf.py_function(lambda x: x, [net], tf.float32), 0.5)
    net.set_shape([None, 256])
    return tflearn.fully_connected(net, classes)


def test_what_is_not_known_of_a_users_network_is_named_and_the_rest_is_told() -> None:
    steps = traced(of_a_user, (32, 32, 3), 2)
    layers = [" + ".join(step.title for step in layer) for layer in layers_of(steps)]

    assert layers[:4] == ["input", "convolution + ReLU", "max pooling + scale + scale", "LRN (TensorFlow's)"]
    assert {"Transpose (TensorFlow's)", "average pooling + scale + scale + ReLU", "fully connected"} <= set(layers)
    assert sum(step.weights for step in steps) == weights_of(of_a_user, (32, 32, 3))
    assert len(table(steps)) == len(layers) + 2
