"""As `attention`, but a hidden layer of tanh, gated by a sigmoid, tells how much a slice counts (Ilse et al. 2018)."""

import math

from catscan.networks.compat import tf, tflearn


def network(features, classes):
    """Logits (n, classes) of features (n, slices, width)."""
    slices, width = features.shape.as_list()[1:]
    roots = scaled(features)
    flat = tf.reshape(roots, [-1, width])
    hidden = tflearn.fully_connected(flat, 32, activation="tanh", weights_init="xavier", name="hidden")
    gate = tflearn.fully_connected(flat, 32, activation="sigmoid", weights_init="xavier", name="gate")
    told = tflearn.fully_connected(hidden * gate, 1, weights_init="zeros", name="attention")
    share = tf.nn.softmax(tf.reshape(told, [-1, slices]), axis=1)  # (n, slices)
    seen = tf.reduce_sum(roots * share[:, :, None], axis=1)  # (n, width)
    mean, largest = scaled(tf.reduce_mean(features, axis=1)), scaled(tf.reduce_max(features, axis=1))
    net = tf.concat([mean, largest, seen], axis=1) / math.sqrt(3 * width / 1280)
    return tflearn.fully_connected(net, classes, name="output")


def scaled(features):
    """Roots of features, as `catscan.networks.heads` has them."""
    return (tf.sqrt(features) - 0.3) / 0.3
