"""The optimizers by name, as TFLearn takes them: two of its own, and Muon (Jordan et al. 2024).

The gradient of a convolution's weights, as a matrix of inputs and maps, is large in the few directions that most
samples agree on. Muon's update is the orthogonal matrix next to it, so that what few samples show is learnt as fast.
Its length says nothing any more, nor does that of weights before a batch normalisation: they keep it, and only turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catscan.networks.compat import tf, tflearn

MUON = "muon"
MOMENTUM = 0.9  # Nesterov's, and Muon's
ROUNDS = 5
TINY = 1e-7  # so that an update of zeros, as of a silenced network, is no division by zero
FIRST, THIRD, FIFTH = 3.4445, -4.7750, 2.0315  # of the polynomial that drives singular values towards 1, by Jordan
OTHERS = 0.2  # Muon's rate of what is no convolution, as a share of that of convolutions
BIASES = 1.6  # its rate of biases, batch normalisation's among them


class Muon(tflearn.optimizers.Optimizer):
    """Weights of convolutions turn by the rate, in radians an update; all else learns by Nesterov momentum."""

    def __init__(self, learning_rate: Any, use_locking: bool = False, name: str = "Muon") -> None:
        super().__init__(learning_rate, use_locking, name)

    def build(self, _step_tensor: Any = None) -> None:
        """Make TensorFlow's optimizer, as TFLearn asks for it; it counts no steps."""
        self.built = True
        self.tensor = _Muon(self.learning_rate, self.name)


OPTIMIZERS: dict[str, Callable[[Any], Any]] = {  # of the learning rate
    "adam": tflearn.Adam,
    MUON: Muon,
    "nesterov": lambda rate: tflearn.Nesterov(rate, momentum=MOMENTUM),
}


def is_convolution(variable: Any) -> bool:
    """Whether these are the weights of a convolution: (height, width, inputs, maps), or with a depth before them."""
    return len(variable.shape) >= 4


class _Muon(tf.train.Optimizer):
    def __init__(self, rate: Any, name: str) -> None:
        super().__init__(use_locking=False, name=name)
        self._rate = rate

    def _create_slots(self, variables: list[Any]) -> None:
        for variable in variables:
            self._zeros_slot(variable, "momentum", self._name)

    def _apply_dense(self, gradient: Any, variable: Any) -> Any:
        slot = self.get_slot(variable, "momentum")
        momentum = tf.assign(slot, MOMENTUM * slot + gradient)
        update = gradient + MOMENTUM * momentum  # as Nesterov looks ahead
        if is_convolution(variable):
            return tf.assign(variable, _turned(variable, _orthogonal(update), self._rate)).op
        share = BIASES if variable.op.name.endswith(("/b", "/beta")) else OTHERS
        return tf.assign_sub(variable, self._rate * share * update).op

    _resource_apply_dense = _apply_dense


def _orthogonal(update: Any) -> Any:
    """Near the orthogonal matrix (inputs, maps) next to an update, in the update's shape: singular values about 1.

    Its products may be of bfloat16, as those of the network: the polynomial was made for that, and in float64 they
    took a third of a training's time (docs/accuracy.md).
    """
    maps = update.shape.as_list()[-1]
    matrix = tf.reshape(update, [-1, maps])
    tall = matrix.shape.as_list()[0] > maps
    wide = tf.transpose(matrix) if tall else matrix
    wide /= tf.norm(wide) + TINY
    for _ in range(ROUNDS):
        square = tf.matmul(wide, wide, transpose_b=True)
        wide = FIRST * wide + tf.matmul(THIRD * square + FIFTH * tf.matmul(square, square), wide)
    return tf.reshape(tf.transpose(wide) if tall else wide, update.shape)


def _turned(weights: Any, away_from: Any, angle: Any) -> Any:
    """The weights moved by ``angle`` times their length, and brought back to that length."""
    length = tf.norm(weights)
    moved = weights - angle * length * away_from / (tf.norm(away_from) + TINY)
    return moved * (length / (tf.norm(moved) + TINY))
