"""Attention over a scan's slices beside their mean and their largest features; it begins as another mean."""

from heads.slices import attended

from catscan.networks.compat import tflearn


def network(features, classes):
    """Logits (n, classes) of features (n, slices, width)."""

    def weigh(roots):
        return tflearn.fully_connected(roots, 1, weights_init="zeros", name="attention")

    return attended(features, weigh, classes)
