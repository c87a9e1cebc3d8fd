"""Of a scan's slices the largest of their features alone."""

from heads.slices import of_all, scaled

from catscan.networks.compat import tf


def network(features, classes):
    """Logits (n, classes) of features (n, slices, width)."""
    return of_all([scaled(tf.reduce_max(features, axis=1))], classes)
