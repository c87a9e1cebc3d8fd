"""The strong defaults: small residual networks (He et al. 2016) that learn from scratch in minutes on a CPU."""

from __future__ import annotations

from typing import Any

from catscan.networks.compat import tf, tflearn
from catscan.networks.layers import convolution_block, global_pooling, pooling, residual_block


def _centred(pixels: Any) -> Any:
    """Grey levels 0 to 255 to -1 to 1."""
    return pixels / 127.5 - 1.0


def _stages(net: Any, widths: list[int]) -> Any:
    """Per width: convolution, pooling that halves every axis longer than 4, residual block."""
    for number, maps in enumerate(widths, start=1):
        halved = [2 if size > 4 else 1 for size in net.shape.as_list()[1:-1]]
        net = convolution_block(net, maps, 3, name=f"stage_{number}_convolution")
        net = pooling(net, halved, halved, name=f"stage_{number}_pooling")
        net = residual_block(net, maps, name=f"stage_{number}_residual")
    return net


def resnet_2d(pixels: Any, classes: int) -> Any:
    """Pictures; sizes for 64 x 64 colour. From 112 pixels on it has one stage more."""
    shortest = min(pixels.shape.as_list()[1:3])
    widths = [48, 96, 192] if shortest < 112 else [48, 96, 192, 384]
    net = convolution_block(_centred(pixels), 24, 5, stride=2, name="stem")  # (n, 32, 32, 24)
    net = _stages(net, widths)  # (n, 16, 16, 48), (n, 8, 8, 96), (n, 4, 4, 192)
    net = global_pooling(net, kind="average", name="global_average")  # (n, 192)
    return tflearn.fully_connected(net, classes, name="output")  # (n, classes)


def resnet_3d(pixels: Any, classes: int) -> Any:
    """Scans; sizes for 64 x 64 x 64.

    The largest value over all positions is what lets it see one small nodule anywhere in a chest; the mean beside it
    carries what is spread out. Most of the time goes into the first stage, whose maps are the largest: so it has few.
    """
    sizes = pixels.shape.as_list()[1:4]
    widths = [24, 48, 96] if max(sizes) > 40 else [32, 64]
    halved = [2 if size > 24 else 1 for size in sizes]
    net = convolution_block(_centred(pixels), 8, 3, stride=halved, name="stem")  # (n, 32, 32, 32, 8)
    net = _stages(net, widths)  # (n, 16, 16, 16, 24), 8 x 8 x 8 x 48, 4 x 4 x 4 x 96
    largest = global_pooling(net, kind="max", name="global_max")
    mean = global_pooling(net, kind="average", name="global_average")
    net = tf.concat([largest, mean], axis=1)  # (n, 192)
    return tflearn.fully_connected(net, classes, name="output")  # (n, classes)
