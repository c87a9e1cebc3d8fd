"""What the heads share: roots of features as `catscan.networks.heads` has them, and a layer on means of slices."""

import math

from catscan.networks.compat import tf, tflearn


def scaled(features):
    """Roots of features, about 0 and of about the same spread."""
    return (tf.sqrt(features) - 0.3) / 0.3


def attended(features, weigh, classes):
    """Logits (n, classes) of the mean, the largest, and a mean of features (n, slices, width) weighed by ``weigh``.

    It makes one number a slice, (n * slices, 1), of their roots, (n * slices, width).
    """
    slices, width = features.shape.as_list()[1:]
    roots = scaled(features)
    share = tf.nn.softmax(tf.reshape(weigh(tf.reshape(roots, [-1, width])), [-1, slices]), axis=1)  # (n, slices)
    # The roots are summed: the slope of the root of a sum that is 0 has no end.
    seen = tf.reduce_sum(roots * share[:, :, None], axis=1)  # (n, width)
    mean, largest = scaled(tf.reduce_mean(features, axis=1)), scaled(tf.reduce_max(features, axis=1))
    return of_all([mean, largest, seen], classes)


def of_all(parts, classes):
    """A layer on several descriptions of a scan, (n, width) each; the more there are, the smaller each is taken."""
    width = sum(part.shape.as_list()[1] for part in parts)
    return tflearn.fully_connected(tf.concat(parts, axis=1) / math.sqrt(width / 1280), classes, name="output")
