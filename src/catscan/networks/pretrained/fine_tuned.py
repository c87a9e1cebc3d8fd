"""A pretrained network with one layer on top, all of it to be trained on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catscan.networks.compat import tf, tflearn
from catscan.networks.pretrained.efficientnet import features_of, maps_of
from catscan.networks.pretrained.registry import PRETRAINED

THREE_OF = {1: [0, 0, 0], 2: [0, 1, 0]}  # of one or two channels; of more, the first three
RGB = 3


def fine_tuned(name: str) -> Callable[[Any, int], Any]:
    """The builder of a network that begins as the pretrained network ``name``, for pictures of any size.

    Batch normalisation is folded into the convolutions, which is to say frozen: batches are small.
    """

    def build(pixels: Any, classes: int) -> Any:
        channels = pixels.shape.as_list()[-1]
        three = pixels if channels == RGB else tf.gather(pixels, THREE_OF.get(channels, [0, 1, 2]), axis=-1)
        return tflearn.fully_connected(features_of(maps_of(three, PRETRAINED[name])), classes, name="output")

    return build
