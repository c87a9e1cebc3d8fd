"""The same bytes at every call: which convolutions a network has, and what finds one that is not repeatable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from catscan.networks import repeatability
from catscan.networks.compat import tf, tflearn
from catscan.networks.registry import PICTURES
from catscan.networks.repeatability import (
    CALLS,
    LARGE,
    SMALL,
    Convolution,
    convolutions,
    convolutions_of_named_networks,
    is_repeatable,
    precisions_here,
)
from catscan.networks.session import Compute

PLAIN = (("strides", (1, 1, 1, 1)), ("padding", b"SAME"), ("explicit_paddings", ()), ("dilations", (1, 1, 1, 1)))
SHAPE = Convolution("Conv2D", (4, 2, 2, 3), (3, 3, 3, 5), PLAIN)


def sizes_of(found: list[Convolution]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return [(shape.incoming, shape.weights) for shape in found]


class TestConvolutions:
    def test_those_of_the_tutorials_network_are_found_with_the_taps_that_meet_a_pixel(self) -> None:
        found = convolutions(PICTURES["tutorial-2d"].build(), (50, 50, 1), 2, 64)

        assert sizes_of(found) == [
            ((64, 50, 50, 1), (5, 5, 1, 32)),
            ((64, 10, 10, 32), (5, 5, 32, 64)),
            ((64, 2, 2, 64), (3, 3, 64, 128)),
            ((64, 1, 1, 128), (1, 1, 128, 64)),
            ((64, 1, 1, 64), (1, 1, 64, 32)),
        ]
        assert [shape.is_at_risk for shape in found] == [False, False, True, True, True]

    def test_those_that_dnn_fit_trains_have_all_their_taps(self) -> None:
        found = convolutions(PICTURES["tutorial-2d"].build(), (50, 50, 1), 2, 64, tflearns_own=True)

        assert sizes_of(found)[3:] == [((64, 1, 1, 128), (5, 5, 128, 64)), ((64, 1, 1, 64), (5, 5, 64, 32))]

    def test_those_of_a_users_own_layers_are_found_too(self) -> None:
        def network(pixels: Any, classes: int) -> Any:
            net = tflearn.conv_2d(pixels, 8, 5, padding="valid")  # (n, 1, 1, 8)
            return tflearn.fully_connected(tflearn.conv_2d(net, 4, 5), classes)

        found = convolutions(network, (5, 5, 1), 2, 10)

        assert sizes_of(found) == [((10, 5, 5, 1), (5, 5, 1, 8)), ((10, 1, 1, 8), (5, 5, 8, 4))]
        assert [dict(shape.attributes)["padding"] for shape in found] == [b"VALID", b"SAME"]

    def test_each_is_found_once(self) -> None:
        found = convolutions(PICTURES["resnet-2d"].build(), (8, 8, 1), 2, 32)

        assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("pixels", "window", "expected"),
    [((1, 1), (1, 1), True), ((2, 2), (3, 3), True), ((2, 9), (3, 3), True), ((4, 4), (3, 3), False)],
)
def test_a_window_as_large_as_its_map_is_at_risk(
    pixels: tuple[int, ...], window: tuple[int, ...], expected: bool
) -> None:
    assert Convolution("Conv2D", (1, *pixels, 3), (*window, 3, 5), PLAIN).is_at_risk is expected


def test_a_convolution_is_told_by_its_window_and_maps() -> None:
    shape = Convolution("Conv2D", (64, 1, 1, 128), (5, 5, 128, 64), PLAIN)

    assert str(shape) == "a window of 5 x 5 on maps of 1 x 1 (128 to 64 maps, 64 samples)"


def _unwritten(like: Any) -> Any:
    """Memory that nobody wrote, in the shape and kind of a tensor."""
    return tf.raw_ops.Empty(shape=like.shape.as_list(), dtype=like.dtype, init=False)


def _values_of_unwritten_memory(shape: Convolution, incoming: Any, weights: Any) -> Any:
    grown = repeatability._convolved(shape, incoming, weights)
    return grown + _unwritten(grown)


def _gradient_of_unwritten_memory(shape: Convolution, incoming: Any, weights: Any) -> Any:
    """The defect that was seen: values right, and the gradient of the weights partly not written."""

    @tf.custom_gradient
    def convolved(incoming: Any, weights: Any) -> tuple[Any, Callable[..., Any]]:
        grown = repeatability._convolved(shape, incoming, weights)
        return grown, lambda slope: (tf.gradients(grown, incoming, slope)[0], _unwritten(weights))

    return convolved(incoming, weights)


class TestIsRepeatable:
    @pytest.mark.parametrize("precision", ["fp32", "bf16"])
    @pytest.mark.parametrize("convolved", [_values_of_unwritten_memory, _gradient_of_unwritten_memory])
    def test_memory_that_nobody_wrote_is_seen(self, precision: str, convolved: Callable[..., Any]) -> None:
        assert not is_repeatable(SHAPE, Compute(2, precision), convolved=convolved)

    @pytest.mark.parametrize("precision", ["fp32", "bf16"])
    @pytest.mark.parametrize(
        "shape",
        [
            SHAPE,
            Convolution(
                "Conv3D",
                (2, 1, 2, 2, 3),
                (1, 3, 3, 3, 4),
                (("strides", (1, 1, 2, 2, 1)), ("padding", b"SAME"), ("dilations", (1, 1, 1, 1, 1))),
            ),
        ],
        ids=["picture", "scan"],
    )
    def test_a_convolution_that_is_right_passes(self, precision: str, shape: Convolution) -> None:
        assert is_repeatable(shape, Compute(2, precision), calls=6)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("size", [*SMALL, *LARGE], ids=lambda size: "x".join(map(str, size)))
def test_every_convolution_that_auto_takes_untried_gives_the_same_bytes_at_each_of_50_calls(
    precision: str, size: tuple[int, ...]
) -> None:
    """All of them in fp32. In bf16 those at risk are tried before each training, and some processors fail at some."""
    if precision not in precisions_here():
        pytest.skip("this CPU has no bf16")

    found = convolutions_of_named_networks([size])
    untried = [shape for shape in found if precision == "fp32" or not shape.is_at_risk]

    assert CALLS == 50
    assert [str(shape) for shape in untried if not is_repeatable(shape, Compute(2, precision))] == []
