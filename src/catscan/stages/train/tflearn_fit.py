"""The tutorial's literal training, `tflearn.DNN(...).fit(...)`, for comparison.

One thing is mended (`networks/compat.py`): its shuffling, which missed samples. With that and the seed, two runs are
alike. Any error in its data thread still makes it wait for ever.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import Any

import numpy as np

from catscan.common.progress import say
from catscan.networks.compat import quiet, tf, tflearn
from catscan.networks.epochs import Epochs
from catscan.networks.layers import Mode, set_mode
from catscan.networks.predictor import Predictor
from catscan.networks.session import session_config
from catscan.stages.train.engine import Job, Trained
from catscan.stages.train.optimizers import OPTIMIZERS
from catscan.stages.train.validation import Validation

WARNING = (
    "note: engine tflearn-fit cannot be resumed, and passes over schedule, augmentation, smoothing, EMA, class "
    "weights, early stopping and max_minutes"
)


def train_with_fit(job: Job) -> Trained:
    """Train as the tutorial does; the weights are those after the last epoch."""
    say(WARNING)
    data, recipe = job.data, job.recipe
    shape, rows = data.shards.sample_shape, data.train_rows
    predictor = Predictor(job.build, shape, len(data.classes), output=job.output, compute=job.compute)
    graph = tf.Graph()
    with graph.as_default(), quiet(), tempfile.TemporaryDirectory() as logs:
        tf.set_random_seed(job.seed)  # the first weights, the dropout
        np.random.seed(job.seed)  # the order of the samples
        tf.add_to_collection(tf.GraphKeys.GRAPH_CONFIG, session_config(job.compute))
        tflearn.config.init_training_mode()
        set_mode(Mode(training=None))
        net = job.build(tflearn.input_data([None, *shape], name="input"), len(data.classes))
        activation, loss = job.output.in_tflearn
        net = tflearn.activation(net, activation)
        optimizer = OPTIMIZERS[recipe.optimizer](recipe.learning_rate)
        net = tflearn.regression(net, optimizer=optimizer, loss=loss, name="targets")
        model = tflearn.DNN(net, tensorboard_dir=logs)
        teller = _Teller(job, predictor, model, graph)
        for name, array in job.weights.items():
            teller.variables[name].load(array, model.session)
        teller.begin()
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
            model.fit(
                data.shards.take(rows).astype(np.float32),
                job.targets,
                n_epoch=recipe.epochs,
                batch_size=recipe.batch_size,
                snapshot_epoch=False,
                show_metric=True,
                callbacks=teller,
            )
        weights = teller.weights()
        model.session.close()
    predictor.load(weights)
    return Trained(weights, teller.history, teller.epochs, predictor)


class _Teller(tflearn.callbacks.Callback):
    """Predicts the held-out fold after each epoch, in our own session."""

    def __init__(self, job: Job, predictor: Predictor, model: Any, graph: Any) -> None:
        self.job, self.predictor, self.model = job, predictor, model
        self.variables = {variable.op.name: variable for variable in graph.get_collection(tf.GraphKeys.MODEL_VARIABLES)}
        self.history: list[dict[str, float]] = []
        self.epochs: Epochs

    def begin(self) -> None:
        data = self.job.data
        self.epochs = Epochs.begun(self.weights(), held=len(data.held_rows), classes=len(data.classes))

    def weights(self) -> dict[str, Any]:
        return self.model.session.run(self.variables)

    def on_epoch_end(self, training_state: Any) -> None:
        row: dict[str, float] = {"epoch": training_state.epoch, "learning_rate": self.job.recipe.learning_rate}
        row["train_loss"] = self.job.output.in_unit(float(training_state.loss_value))
        if len(self.job.data.held_rows):
            weights, validation = self.weights(), Validation(self.job.data, self.job.problem, self.job.metric)
            self.predictor.load(weights)
            found = validation.predict(self.predictor)
            row |= validation.measure(found)
            self.epochs = self.epochs.after(training_state.epoch, weights, found)
        self.history.append(row)
