"""The tutorial's own networks, as it wrote them: TFLearn's default weights, grey levels 0 to 255 fed as they are."""

from __future__ import annotations

from typing import Any

from catscan.networks.compat import tflearn
from catscan.networks.layers import convolution, dropout, fully_connected, pooling


def tutorial_2d(pixels: Any, classes: int) -> Any:
    """Five times convolution and pooling, then 1024 fully connected.

    The sizes are those of the tutorial's picture, 50 x 50 grey: its fourth and fifth layer see a single pixel.
    """
    net = pixels  # (n, 50, 50, 1)
    for number, maps in enumerate([32, 64, 128, 64, 32], start=1):
        net = convolution(net, maps, 5, activation="relu", name=f"convolution_{number}")
        net = pooling(net, 5, 5, name=f"pooling_{number}")  # (n, 10, 10, 32), 2 x 2 x 64, 1 x 1 from there
    net = fully_connected(net, 1024, activation="relu", name="fully_connected_1")  # (n, 1024)
    net = dropout(net, 0.8, name="dropout_1")
    return tflearn.fully_connected(net, classes, name="output")  # (n, classes)


def tutorial_3d(pixels: Any, classes: int) -> Any:
    """Two times convolution and pooling in three dimensions, then 1024 fully connected; for 20 slices of 50 x 50."""
    net = pixels  # (n, 20, 50, 50, 1)
    for number, maps in enumerate([32, 64], start=1):
        net = convolution(net, maps, 3, activation="relu", name=f"convolution_{number}")
        net = pooling(net, 2, 2, name=f"pooling_{number}")  # (n, 10, 25, 25, 32), (n, 5, 13, 13, 64)
    net = fully_connected(net, 1024, activation="relu", name="fully_connected_1")  # (n, 1024)
    net = dropout(net, 0.8, name="dropout_1")
    return tflearn.fully_connected(net, classes, name="output")  # (n, classes)
