"""A network's answers by its weights, in batches, with bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.model import Model
from catscan.common.errors import CatscanError
from catscan.networks.compat import tf
from catscan.networks.layers import Mode, set_mode
from catscan.networks.model import Weights, network_of, read_weights
from catscan.networks.outputs import Output, output_of
from catscan.networks.registry import Build, dtype_of, of_features
from catscan.networks.session import Compute, open_session

BATCH = 256
POSITIONS_A_BATCH = 1 << 21  # pixels or voxels at once: 256 pictures of 64 x 64, 8 scans of 64 x 64 x 64


class Predictor:
    """The graph without training: samples in, answers out. Float32 throughout, on any device.

    Attributes
    ----------
    graph, session
        TensorFlow's; every layer is in the graph under its name (`tflearn.get_layer_by_name`).
    pixels
        Placeholder (n, *sample_shape): uint8, float32 for features.
    logits, answers
        (n, classes) float32; the answers are what the ``output`` makes of the logits: probabilities, or amounts.
    """

    def __init__(
        self, build: Build, sample_shape: Sequence[int], classes: int, *, output: Output, compute: Compute
    ) -> None:
        self.graph = tf.Graph()
        self._positions = math.prod(sample_shape[:-1])
        self._has_mirror_image = not of_features(sample_shape)  # features are of both images already
        with self.graph.as_default():
            set_mode(Mode(training=False))
            self.pixels = tf.placeholder(dtype_of(sample_shape), [None, *sample_shape], name="pixels")
            self.logits = tf.identity(build(tf.cast(self.pixels, tf.float32), classes), name="logits")
            self.answers = output.answers(self.logits)
            self._variables = {variable.op.name: variable for variable in tf.global_variables()}
            self._load = {name: _assignment(variable) for name, variable in self._variables.items()}
        self.session = open_session(Compute(threads=compute.threads, gpu=compute.gpu), self.graph)

    def load(self, weights: Weights) -> None:
        """Set all weights.

        Raises
        ------
        CatscanError
            When one is missing or has another shape: the weights are of another network.
        """
        for name, variable in self._variables.items():
            if name not in weights or tuple(weights[name].shape) != tuple(variable.shape.as_list()):
                raise CatscanError(
                    "The weights do not fit the network.",
                    where=name,
                    found=f"{weights[name].shape}, not {tuple(variable.shape.as_list())}"
                    if name in weights
                    else "nothing",
                    do="Train again: the network has changed.",
                )
        for name, (value, assign) in self._load.items():
            self.session.run(assign, {value: weights[name]})

    def predict(
        self,
        take: Callable[[NDArray[np.integer[Any]]], NDArray[Any]],
        rows: NDArray[np.integer[Any]],
        *,
        flips: bool,
    ) -> NDArray[np.float32]:
        """Answers (len(rows), classes) float32.

        Parameters
        ----------
        take
            Gives the samples of some rows; called once a batch, so that no more than one is in memory.
        rows
            Which samples, in the order of the result.
        flips
            Average with the answers for the samples mirrored left to right; features stand for both already.
        """
        batch = max(1, min(BATCH, POSITIONS_A_BATCH // self._positions))
        parts = [np.empty((0, self.answers.shape[1]), np.float32)]
        for start in range(0, len(rows), batch):
            pixels = take(rows[start : start + batch])
            found = self.session.run(self.answers, {self.pixels: pixels})
            if flips and self._has_mirror_image:
                mirrored = self.session.run(self.answers, {self.pixels: pixels[..., ::-1, :]})
                found = (found + mirrored) / 2
            parts.append(found)
        return np.concatenate(parts)

    def close(self) -> None:
        """Free the session."""
        self.session.close()


def open_predictor(folder: Path | str, model: Model, *, gpu: bool = False) -> Predictor:
    """The predictor of a trained model, its weights loaded; with the threads that it was trained with.

    Raises
    ------
    CatscanError
        When the weights are missing, damaged or of another network.
    """
    predictor = Predictor(
        network_of(model).build(),
        model.sample_shape,
        len(model.classes),
        output=output_of(model.task, model.scale),
        compute=Compute(threads=model.threads, gpu=gpu),
    )
    predictor.load(read_weights(folder))
    return predictor


def _assignment(variable: Any) -> tuple[Any, Any]:
    value = tf.placeholder(variable.dtype.base_dtype, variable.shape)
    return value, tf.assign(variable, value).op
