"""The network that answers for a sample and its mirror image together, as `Predictor.predict` does with flips."""

from __future__ import annotations

import math
from typing import Any

from catscan.networks.compat import tf
from catscan.networks.registry import Build


def mirrored(build: Build, *, multilabel: bool) -> Build:
    """``build``, but the probabilities of its logits are the mean over each sample and its mirror image.

    Both go through one network in one batch, so that its weights are written once.
    """

    def both(pixels: Any, classes: int) -> Any:
        pairs = tf.concat([pixels, tf.reverse(pixels, [-2])], axis=0)  # the axis of the width, in pictures and scans
        logits = tf.reshape(build(pairs, classes), [2, -1, classes])
        return _logits_of_mean(logits[0], logits[1], multilabel=multilabel)

    return both


def _logits_of_mean(one: Any, other: Any, *, multilabel: bool) -> Any:
    """The logits (n, classes) of the mean of two probabilities: ln p, for multilabel ln p - ln(1 - p)."""
    if multilabel:
        applies, does_not = (_log_of_sum(tf.log_sigmoid(z * one), tf.log_sigmoid(z * other)) for z in (1.0, -1.0))
        return applies - does_not
    return _log_of_sum(tf.nn.log_softmax(one), tf.nn.log_softmax(other)) - math.log(2)


def _log_of_sum(a: Any, b: Any) -> Any:
    """ln(e^a + e^b), also where both are too small for their exponentials."""
    return tf.maximum(a, b) + tf.nn.softplus(-tf.abs(a - b))
