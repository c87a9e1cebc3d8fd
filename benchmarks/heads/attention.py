"""Attention over a scan's slices beside their mean and their largest features; it begins as another mean."""

import math

from catscan.networks.compat import tf, tflearn


def network(features, classes):
    """Logits (n, classes) of features (n, slices, width)."""
    slices, width = features.shape.as_list()[1:]
    roots = scaled(features)
    told = tflearn.fully_connected(tf.reshape(roots, [-1, width]), 1, weights_init="zeros", name="attention")
    share = tf.nn.softmax(tf.reshape(told, [-1, slices]), axis=1)  # (n, slices)
    # The roots are summed: the slope of the root of a sum that is 0 has no end.
    seen = tf.reduce_sum(roots * share[:, :, None], axis=1)  # (n, width)
    mean, largest = scaled(tf.reduce_mean(features, axis=1)), scaled(tf.reduce_max(features, axis=1))
    net = tf.concat([mean, largest, seen], axis=1) / math.sqrt(3 * width / 1280)
    return tflearn.fully_connected(net, classes, name="output")


def scaled(features):
    """Roots of features, as `catscan.networks.heads` has them."""
    return (tf.sqrt(features) - 0.3) / 0.3
