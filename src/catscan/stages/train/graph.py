"""The training graph: TFLearn's layers, `regression` and `TrainOp`; one `session.run` is one update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.networks.compat import quiet, tf, tflearn
from catscan.networks.layers import Mode, set_mode
from catscan.networks.outputs import Output
from catscan.networks.registry import Build, Recipe, dtype_of
from catscan.networks.session import Compute, open_session
from catscan.stages.train.augmentation import augmented
from catscan.stages.train.optimizers import MUON, OPTIMIZERS, is_convolution

RESIDENT_BYTES = 2 << 30  # larger sets of samples stay on disk and are fed batch by batch
CLIP_NORM = 5.0  # TFLearn's own clipping of the gradient, for Adam
# Networks with batch normalisation need no clipping, but the norm is always asked for: it needs all gradients, so that
# no weight moves while the gradient of another still reads it. A power of two, so that it scales by exactly 1.
NO_CLIP_NORM = 2.0**40

State = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class TrainGraph:
    """A graph with its session, ready to run updates.

    Attributes
    ----------
    rows, images, step, rate
        Placeholders: int32 (n,) rows of the training samples; the samples, or None when they are resident; int32
        and float32 scalars.
    update
        Operation of one update, batch normalisation and moving averages included.
    losses
        (n,) float32: each sample's loss before the update.
    pixels
        float32 samples as the network sees them.
    """

    session: Any
    rows: Any
    images: Any
    step: Any
    rate: Any
    update: Any
    losses: Any
    pixels: Any
    saved: dict[str, Any]
    averaged: dict[str, str]
    assignments: dict[str, tuple[Any, Any]]

    def state(self) -> State:
        """All that one update hands on to the next: weights, optimizer, averages."""
        return self.session.run(self.saved)

    def restore(self, state: State) -> None:
        """Set everything that `state` gave."""
        for name, (value, assign) in self.assignments.items():
            self.session.run(assign, {value: state[name]})

    def weights(self) -> State:
        """The network's weights to predict with, by variable name: the moving averages, where there are any."""
        return self.session.run({name: self.saved[source] for name, source in self.averaged.items()})

    def first_weights(self) -> State:
        """The network's own weights, in the order of its layers: before the first update no average is there."""
        return self.session.run({name: self.saved[name] for name in self.averaged})


def build_training(
    build: Build,
    recipe: Recipe,
    images: NDArray[Any] | None,
    targets: NDArray[np.float32],
    sample_weights: NDArray[np.float32],
    *,
    sample_shape: tuple[int, ...],
    output: Output,
    seed: int,
    compute: Compute,
    weights: State | None = None,
) -> TrainGraph:
    """Build the graph, open its session and draw the first weights from ``seed``.

    Parameters
    ----------
    images
        (n, *sample_shape), to be kept in the device's memory; None when each batch is fed.
    targets
        (n, classes) float32, smoothed or standardised.
    sample_weights
        (n,) float32 of mean 1.
    weights
        Those to begin with, by variable name; the others' beginnings are random, as all are by default.
    """
    graph = tf.Graph()
    with graph.as_default(), quiet():
        tf.set_random_seed(seed)
        rows = tf.placeholder(tf.int32, [None], name="rows")
        step = tf.placeholder(tf.int32, [], name="step")
        rate = tf.placeholder(tf.float32, [], name="learning_rate")
        set_mode(Mode(training=True, seed=seed, step=step))
        resident = _Resident()
        of_type = dtype_of(sample_shape)
        fed = tf.placeholder(of_type, [None, *sample_shape], name="images") if images is None else None
        samples = fed if images is None else tf.gather(resident.hold("images", images), rows)
        wanted = tf.gather(resident.hold("targets", targets), rows)
        weight = tf.gather(resident.hold("sample_weights", sample_weights), rows)
        pixels = augmented(samples, recipe.augment, seed=seed, step=step)
        network = build(tflearn.input_data(placeholder=pixels, name="input"), targets.shape[1])
        losses = output.losses(network, wanted) * weight
        train_op = _train_op(network, losses, wanted, recipe, rate)
        with tf.control_dependencies([train_op, *tf.get_collection(tf.GraphKeys.UPDATE_OPS)]):
            update, averaged = _moving_averages(recipe.ema, step)
        saved = {variable.op.name: variable for variable in tf.global_variables()}
        assignments = {name: _assignment(variable) for name, variable in saved.items()}
        initial = tf.global_variables_initializer()
    session = open_session(compute, graph)
    with quiet():
        session.run(initial)
        for name, array in (weights or {}).items():
            value, assign = assignments[name]
            session.run(assign, {value: array})
        resident.fill(session)
    return TrainGraph(session, rows, fed, step, rate, update, losses, pixels, saved, averaged, assignments)


class _Resident:
    """Arrays that stay in the device's memory; they are local variables, so that no checkpoint holds them."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Any, Any, NDArray[Any]]] = []

    def hold(self, name: str, array: NDArray[Any]) -> Any:
        """A variable for ``array``, to be filled once there is a session (a constant may not pass 2 GB)."""
        value = tf.placeholder(array.dtype, array.shape)
        variable = tf.get_variable(
            f"resident/{name}",
            initializer=value,
            trainable=False,
            use_resource=True,
            collections=[tf.GraphKeys.LOCAL_VARIABLES],
        )
        self._waiting.append((variable, value, array))
        return variable

    def fill(self, session: Any) -> None:
        for variable, value, array in self._waiting:
            session.run(variable.initializer, {value: array})
        self._waiting.clear()


def _train_op(network: Any, losses: Any, targets: Any, recipe: Recipe, rate: Any) -> Any:
    """TFLearn's training operation for these losses."""
    for variable in tf.trainable_variables():
        turns = recipe.optimizer == MUON and is_convolution(variable)  # and keeps its length
        if recipe.weight_decay and len(variable.shape) > 1 and not turns:  # not the biases, scales and shifts
            penalty = tflearn.regularizers.L2(variable, recipe.weight_decay)
            tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, penalty)
    tflearn.regression(
        network,
        placeholder=targets,
        optimizer=OPTIMIZERS[recipe.optimizer](rate),
        loss=lambda _network, _targets: tf.reduce_mean(losses),
        metric=None,
    )
    (train_op,) = tf.get_collection(tf.GraphKeys.TRAIN_OPS)
    train_op.scope_name = ""
    train_op.initialize_training_ops(0, None, 0, CLIP_NORM if recipe.optimizer == "adam" else NO_CLIP_NORM)
    return train_op.train


def _moving_averages(decay: float, step: Any) -> tuple[Any, dict[str, str]]:
    """The operation that moves the averages on, and per network variable the name of the one to predict with.

    The decay starts at 0, so that the first weights are soon forgotten: min(decay, t / (9 + t)) after t updates.
    """
    model = tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)
    if not decay:
        return tf.no_op("update"), {variable.op.name: variable.op.name for variable in model}
    done = tf.cast(step, tf.float32)
    forget = 1 - tf.minimum(decay, done / (9 + done))
    updates, names = [], {}
    for variable in model:
        name = f"moving_average/{variable.op.name}"
        average = tf.get_variable(name, variable.shape, initializer=tf.zeros_initializer(), trainable=False)
        updates.append(tf.assign_sub(average, (average - variable.read_value()) * forget))
        names[variable.op.name] = name
    return tf.group(*updates), names


def _assignment(variable: Any) -> tuple[Any, Any]:
    value = tf.placeholder(variable.dtype.base_dtype, variable.shape)
    return value, tf.assign(variable, value).op
