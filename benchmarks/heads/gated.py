"""As `attention`, but a hidden layer of tanh, gated by a sigmoid, tells how much a slice counts (Ilse et al. 2018)."""

from heads.slices import attended

from catscan.networks.compat import tflearn


def network(features, classes):
    """Logits (n, classes) of features (n, slices, width)."""

    def weigh(roots):
        hidden = tflearn.fully_connected(roots, 32, activation="tanh", weights_init="xavier", name="hidden")
        gate = tflearn.fully_connected(roots, 32, activation="sigmoid", weights_init="xavier", name="gate")
        return tflearn.fully_connected(hidden * gate, 1, weights_init="zeros", name="attention")

    return attended(features, weigh, classes)
