"""EfficientNet-Lite (Tan and Le 2019; Liu 2020): the network of the pretrained weights, of TFLearn's layers.

Batch normalisation is folded into the convolutions (`weights.py`): as the network is used here, it is one factor and
one shift a feature map.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from catscan.networks.compat import tf, tflearn
from catscan.networks.layers import convolution, global_pooling, track
from catscan.networks.pretrained.registry import FEATURES, Pretrained

STEM_MAPS = 32
# Of each group of blocks: how many, window, stride of the first, how many times the maps inside, maps that come out.
GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclass(frozen=True)
class Block:
    """One block: a convolution of window 1 that widens, one map by map, one of window 1 that narrows."""

    window: int
    stride: int
    widening: int
    maps: int


def blocks(network: Pretrained) -> Iterator[Block]:
    """The blocks of a network, in order."""
    for number, (count, window, stride, widening, maps) in enumerate(GROUPS):
        is_end = number in (0, len(GROUPS) - 1)
        for repeat in range(count if is_end else math.ceil(count * network.depth)):
            yield Block(window, stride if repeat == 0 else 1, widening, _widened(maps, network.width))


def _widened(maps: int, width: float) -> int:
    """``maps`` times ``width`` as a multiple of 8, not below nine tenths of it.

    >>> _widened(24, 1.1), _widened(320, 1.1), _widened(16, 1.0)
    (24, 352, 16)
    """
    wanted = maps * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * wanted else rounded + 8


def maps_of(pixels: Any, network: Pretrained) -> Any:
    """The last feature maps of pictures.

    Parameters
    ----------
    pixels
        float32 (n, side, side, 3), red, green, blue, 0 to 255.

    Returns
    -------
    tensor
        float32 (n, height, width, 1280), each at least 0 and at most 6; a 32nd of the pictures high and wide.
    """
    net = _convolved((pixels - 127.0) / 128.0, STEM_MAPS, 3, stride=2, name="stem")
    for number, block in enumerate(blocks(network)):
        net = _block(net, block, name=f"block_{number}")
    return _convolved(net, FEATURES, 1, name="head")


def features_of(maps: Any) -> Any:
    """What the network says of pictures, before it names one of ImageNet's kinds: (n, 1280), the mean of each map."""
    return global_pooling(maps, name="global_average")


def _block(incoming: Any, block: Block, *, name: str) -> Any:
    maps = incoming.shape.as_list()[-1]
    net = incoming
    if block.widening > 1:
        net = _convolved(net, maps * block.widening, 1, name=f"{name}_widening")
    net = tflearn.layers.conv.grouped_conv_2d(
        net, 1, block.window, block.stride, activation="relu6", bias=True, name=f"{name}_map_by_map"
    )
    net = _convolved(net, block.maps, 1, activation="linear", name=f"{name}_narrowing")
    if block.stride == 1 and maps == block.maps:
        net = track(tf.add(net, incoming), name)
    return net


def _convolved(incoming: Any, maps: int, window: int, *, name: str, stride: int = 1, activation: str = "relu6") -> Any:
    return convolution(incoming, maps, window, stride=stride, activation=activation, name=name)
