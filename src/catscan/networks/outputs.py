"""What stands at a network's end, one row a task: from its logits to its answers, and the loss that training lowers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from catscan.networks.compat import tf

Scale = tuple[float, float]


class Output(ABC):
    """The end of a network.

    Attributes
    ----------
    name
        What the answers are called in an exported graph.
    in_tflearn
        TFLearn's names of the activation and of the loss.
    """

    name: ClassVar[str] = "probabilities"
    in_tflearn: ClassVar[tuple[str, str]]

    @abstractmethod
    def answers(self, logits: Any) -> Any:
        """(n, columns) what the network says."""

    @abstractmethod
    def losses(self, logits: Any, targets: Any) -> Any:
        """(n,) computed from the logits: from probabilities it loses its gradient where it is most wrong."""

    def in_unit(self, loss: float) -> float:
        """A mean loss as the metrics tell it."""
        return loss

    @abstractmethod
    def of_both(self, one: Any, other: Any) -> Any:
        """The logits (n, columns) of the mean of two answers."""


class Softmax(Output):
    """One of several classes."""

    in_tflearn = "softmax", "categorical_crossentropy"

    def answers(self, logits: Any) -> Any:
        """Probabilities that add up to 1."""
        return tf.nn.softmax(logits, name=self.name)

    def losses(self, logits: Any, targets: Any) -> Any:
        """Cross entropy."""
        return tf.nn.softmax_cross_entropy_with_logits_v2(labels=targets, logits=logits)

    def of_both(self, one: Any, other: Any) -> Any:
        """ln p."""
        return _log_of_sum(tf.nn.log_softmax(one), tf.nn.log_softmax(other)) - math.log(2)


class Sigmoid(Output):
    """Any number of classes."""

    in_tflearn = "sigmoid", "binary_crossentropy"

    def answers(self, logits: Any) -> Any:
        """A probability a class."""
        return tf.nn.sigmoid(logits, name=self.name)

    def losses(self, logits: Any, targets: Any) -> Any:
        """Cross entropy, the mean over the classes."""
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits), axis=1)

    def of_both(self, one: Any, other: Any) -> Any:
        """ln p - ln(1 - p)."""
        applies, does_not = (_log_of_sum(tf.log_sigmoid(z * one), tf.log_sigmoid(z * other)) for z in (1.0, -1.0))
        return applies - does_not


class Linear(Output):
    """An amount; the logits are of targets less ``scale[0]``, divided by ``scale[1]``."""

    name = "values"
    in_tflearn = "linear", "mean_square"

    def __init__(self, scale: Scale) -> None:
        self._mean, self._deviation = scale

    def answers(self, logits: Any) -> Any:
        """In the targets' own unit."""
        return tf.add(logits * self._deviation, self._mean, name=self.name)

    def losses(self, logits: Any, targets: Any) -> Any:
        """Squared error of targets of that scale."""
        return tf.reduce_mean(tf.squared_difference(logits, targets), axis=1)

    def in_unit(self, loss: float) -> float:
        """The root of the mean squared error, in the targets' own unit."""
        return math.sqrt(loss) * self._deviation

    def of_both(self, one: Any, other: Any) -> Any:
        """Their mean."""
        return (one + other) / 2


def output_of(task: str, scale: Scale | None = None) -> Output:
    """The end of a network for ``task``; ``scale`` is the mean and the deviation of a regression's targets."""
    if scale is not None:
        return Linear(scale)
    return Sigmoid() if task == "multilabel" else Softmax()


def _log_of_sum(a: Any, b: Any) -> Any:
    """ln(e^a + e^b), also where both are too small for their exponentials."""
    return tf.maximum(a, b) + tf.nn.softplus(-tf.abs(a - b))
