"""Muon: weights of convolutions turn, alike in all directions; the rest learns by Nesterov momentum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from catscan.networks.compat import tf
from catscan.stages.train.optimizers import OPTIMIZERS, is_convolution

RATE = 0.1
DRAW = np.random.RandomState(1)


def updated(weights: Any, gradient: Any, *, name: str, updates: int = 1) -> Any:
    """The weights after some updates by Muon, each with the same gradient."""
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.get_variable(name, initializer=tf.constant(weights, tf.float32))
        muon = OPTIMIZERS["muon"](RATE).get_tensor()
        update = muon.apply_gradients([(tf.constant(gradient, tf.float32), variable)])
        session.run(tf.global_variables_initializer())
        for _ in range(updates):
            session.run(update)
        return session.run(variable)


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (1, 1, 4, 8), (3, 3, 3, 2, 8)], ids=["tall", "wide", "of a scan"])
def test_the_weights_of_a_convolution_turn_by_the_rate_and_keep_their_length(shape: tuple[int, ...]) -> None:
    weights, gradient = DRAW.normal(size=(2, *shape))

    new = updated(weights, gradient, name="W")

    cosine = (weights * new).sum() / np.linalg.norm(weights) / np.linalg.norm(new)
    assert np.linalg.norm(new) == pytest.approx(np.linalg.norm(weights), rel=1e-5)
    assert np.arccos(cosine) == pytest.approx(RATE, rel=0.1)


def test_they_move_as_far_where_the_gradient_is_small_as_where_it_is_large() -> None:
    left, right = (np.linalg.qr(DRAW.normal(size=(size, 8)))[0] for size in (36, 8))
    gradient = (left * [100.0, 100.0, 30.0, 30.0, 10.0, 10.0, 3.0, 3.0]) @ right.T
    weights = DRAW.normal(size=(36, 8))
    weights -= left @ (left.T @ weights)  # nothing along the gradient, so that the length has nothing to take back

    new = updated(weights.reshape(3, 3, 4, 8), gradient.reshape(3, 3, 4, 8), name="W").reshape(36, 8)

    along = -np.diag(left.T @ new @ right)
    assert along.min() > 0.5 * along.max() > 0


def test_an_update_without_gradient_changes_nothing() -> None:
    weights = DRAW.normal(size=(3, 3, 4, 8))

    assert updated(weights, np.zeros_like(weights), name="W") == pytest.approx(weights, rel=1e-5)


@pytest.mark.parametrize(("name", "share"), [("beta", 1.6), ("b", 1.6), ("gamma", 0.2)])
def test_the_rest_learns_by_nesterov_momentum_and_biases_faster(name: str, share: float) -> None:
    first = updated([1.0], [0.5], name=f"layer/{name}")
    second = updated([1.0], [0.5], name=f"layer/{name}", updates=2)

    assert first == pytest.approx(1 - RATE * share * 0.5 * 1.9)
    assert second == pytest.approx(first - RATE * share * 0.5 * (1 + 0.9 * 1.9))


def test_a_convolution_is_known_by_its_axes() -> None:
    with tf.Graph().as_default():
        shapes = [(8,), (16, 8), (3, 3, 4, 8), (3, 3, 3, 4, 8)]
        found = [is_convolution(tf.placeholder(tf.float32, shape)) for shape in shapes]

    assert found == [False, False, True, True]
