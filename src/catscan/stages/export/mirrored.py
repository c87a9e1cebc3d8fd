"""The network that answers for a sample and its mirror image together, as `Predictor.predict` does with flips."""

from __future__ import annotations

from typing import Any

from catscan.networks.compat import tf
from catscan.networks.outputs import Output
from catscan.networks.registry import Build


def mirrored(build: Build, output: Output) -> Build:
    """``build``, but the answers of its logits are the mean over each sample and its mirror image.

    Both go through one network in one batch, so that its weights are written once.
    """

    def both(pixels: Any, classes: int) -> Any:
        pairs = tf.concat([pixels, tf.reverse(pixels, [-2])], axis=0)  # the axis of the width, in pictures and scans
        logits = tf.reshape(build(pairs, classes), [2, -1, classes])
        return output.of_both(logits[0], logits[1])

    return both
