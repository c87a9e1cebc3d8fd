"""Of a scan's slices the mean of their features alone; roots and scale as `catscan.networks.heads` has them."""

import math

from catscan.networks.compat import tf, tflearn


def network(features, classes):
    """Logits (n, classes) of features (n, slices, width)."""
    width = features.shape.as_list()[2]
    net = (tf.sqrt(tf.reduce_mean(features, axis=1)) - 0.3) / (0.3 * math.sqrt(width / 1280))
    return tflearn.fully_connected(net, classes, name="output")
