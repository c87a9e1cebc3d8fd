"""The lean engine: our own loop over TFLearn's training operation, one `session.run` an update.

Every sample is seen exactly once an epoch, in an order that is a function of (seed, epoch); everything random in the
graph is a function of (seed, step). So a training that goes on from a checkpoint gives the bytes of one that was never
stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import TryAgain, listed
from catscan.common.progress import note, say
from catscan.common.words import duration, number_of
from catscan.networks.epochs import Epochs
from catscan.networks.model import Weights
from catscan.networks.outputs import Output, output_of
from catscan.networks.predictor import Predictor
from catscan.networks.registry import Build, Recipe
from catscan.networks.session import Compute
from catscan.scores.answers import ANSWERS
from catscan.scores.metrics import Problem
from catscan.stages.train.checkpoints import Checkpoints
from catscan.stages.train.data import Data, class_weights, smoothed, standardised
from catscan.stages.train.events import Events
from catscan.stages.train.graph import RESIDENT_BYTES, TrainGraph, build_training
from catscan.stages.train.interruptions import NotFinite, stop_requests, told_when_memory_ends
from catscan.stages.train.schedule import learning_rate
from catscan.stages.train.validation import Validation

SECONDS_BETWEEN_CHECKPOINTS = 20.0
BEST, KEPT = "best/", "epochs/"  # in a checkpoint, before the names of what is no variable


@dataclass(frozen=True)
class Job:
    """One training: what to build, how to train it, on what.

    `weights` are those to begin with, by variable name; of the others the beginnings are random.
    """

    build: Build
    recipe: Recipe
    data: Data
    problem: Problem
    seed: int
    metric: str
    class_weights: str
    early_stopping: int
    max_minutes: float
    compute: Compute
    weights: Weights = field(default_factory=dict)

    @property
    def output(self) -> Output:
        """What the network ends with."""
        return output_of(self.problem.task, self.data.scale)

    @property
    def targets(self) -> NDArray[np.float32]:
        """(train rows, classes) what the network learns, amounts standardised."""
        targets = self.data.targets[self.data.train_rows]
        return targets if self.data.scale is None else standardised(targets, self.data.scale)


@dataclass
class LoopState:
    """Where the loop stands; a checkpoint's manifest holds these fields."""

    step: int = 0
    epochs: int = 0  # planned
    loss_sum: float = 0.0  # of this epoch, so far
    seconds: float = 0.0  # spent before this process
    best: float | None = None
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """What a training ends with: the weights to predict with, one row an epoch, what is kept of some, a predictor."""

    weights: Weights
    history: list[dict[str, float]]
    epochs: Epochs
    predictor: Predictor


def train(
    job: Job,
    checkpoints: Checkpoints,
    events_folder: Path,
    *,
    seconds_between_checkpoints: float = SECONDS_BETWEEN_CHECKPOINTS,
) -> Trained:
    """Train, from the newest checkpoint where there is one.

    Raises
    ------
    TryAgain
        When SIGTERM or Ctrl-C asked to stop: a checkpoint is saved, and the same command continues from there.
    NotFinite
        With the ids of the samples whose loss is infinite or not a number.
    OutOfMemory
        With the batch size to try.
    CatscanError
        When a checkpoint of other settings is there.
    """
    checkpoint, remark = checkpoints.newest()
    if remark:
        say(remark)
    events = Events(events_folder, until=checkpoint.manifest["step"] if checkpoint else None)
    with told_when_memory_ends(job.recipe.batch_size), stop_requests() as stopped, closing(events):
        loop = _Loop(job, checkpoints, events, seconds_between_checkpoints, stopped)
        if checkpoint is not None:
            loop.resume(checkpoint.arrays, checkpoint.manifest)
        return loop.run()


class _Loop:
    def __init__(
        self, job: Job, checkpoints: Checkpoints, events: Events, every: float, stopped: Callable[[], bool]
    ) -> None:
        self.job, self.checkpoints, self.events, self.every, self.stopped = job, checkpoints, events, every, stopped
        data, recipe = job.data, job.recipe
        self.validation = Validation(data, job.problem, job.metric)
        self.rows = data.train_rows
        self.steps_an_epoch = math.ceil(len(self.rows) / recipe.batch_size)
        a_sample = math.prod(data.shards.sample_shape) * data.shards.dtype.itemsize
        self.resident = len(self.rows) * a_sample <= RESIDENT_BYTES
        self.graph: TrainGraph = build_training(
            job.build,
            recipe,
            data.shards.take(self.rows) if self.resident else None,
            smoothed(job.targets, recipe.label_smoothing, multilabel=job.problem.task == "multilabel"),
            class_weights(job.targets, job.class_weights),
            sample_shape=data.shards.sample_shape,
            output=job.output,
            seed=job.seed,
            compute=job.compute,
            weights=job.weights,
        )
        self.predictor = Predictor(
            job.build, data.shards.sample_shape, len(data.classes), output=job.output, compute=job.compute
        )
        self.state = LoopState(epochs=recipe.epochs)
        self.best_weights: Weights = {}
        self.epochs = Epochs.begun(self.graph.first_weights(), held=len(data.held_rows), classes=len(data.classes))
        self.began = self.saved_at = time.monotonic()

    def resume(self, arrays: dict[str, NDArray[Any]], manifest: dict[str, Any]) -> None:
        self.graph.restore({name: array for name, array in arrays.items() if not name.startswith((BEST, KEPT))})
        self.best_weights = _named(arrays, BEST)
        self.epochs = Epochs.of(_named(arrays, KEPT))
        self.state = LoopState(**manifest["progress"])
        say(f"going on after step {self.state.step:,}, in epoch {self.state.step // self.steps_an_epoch + 1}")

    def run(self) -> Trained:
        while self.state.step < self.state.epochs * self.steps_an_epoch:
            self._epoch()
            if self._has_stopped_improving():
                say(f"no better {self.validation.metric} for {self.job.early_stopping} epochs: done")
                break
        weights = self.best_weights or self.graph.weights()
        self.predictor.load(weights)
        self.graph.session.close()
        return Trained(weights, self.state.history, self.epochs, self.predictor)

    def _epoch(self) -> None:
        """The rest of the epoch that `state.step` lies in, and its validation."""
        epoch, first = divmod(self.state.step, self.steps_an_epoch)
        order = np.random.RandomState([self.job.seed, epoch]).permutation(len(self.rows))
        batches = np.array_split(order, self.steps_an_epoch)  # as equal as can be: no small batch at the end
        began, seen = time.monotonic(), 0
        rate = 0.0
        for batch in batches[first:]:
            # Saved before an update, never between an epoch's last one and its validation: nothing is done half then.
            if self.stopped():
                self._stop()
            if time.monotonic() - self.saved_at >= self.every:
                self._save()
            rate = self._update(batch)
            seen += len(batch)
            note(self.state.step, self.state.epochs * self.steps_an_epoch, "steps")
        trained_at = time.monotonic()
        self._finish_epoch(epoch, rate, seen / max(trained_at - began, 1e-9))

    def _update(self, batch: NDArray[np.int64]) -> float:
        state, graph, recipe = self.state, self.graph, self.job.recipe
        rate = learning_rate(
            recipe.schedule, recipe.learning_rate, step=state.step, steps=state.epochs * self.steps_an_epoch
        )
        feed = {graph.rows: batch, graph.step: state.step, graph.rate: rate}
        if graph.images is not None:
            feed[graph.images] = self.job.data.shards.take(self.rows[batch])
        if self.events.wants_pictures:
            self.events.pictures(graph.session.run(graph.pixels, feed), step=state.step)
        losses, _ = graph.session.run([graph.losses, graph.update], feed)
        total = float(losses.sum(dtype=np.float64))
        if not math.isfinite(total):
            self._refuse(losses, batch)
        state.step += 1
        state.loss_sum += total
        return rate

    def _refuse(self, losses: NDArray[np.float32], batch: NDArray[np.int64]) -> None:
        ids = [self.job.data.sample_ids[self.rows[row]] for row in batch[~np.isfinite(losses)]]
        raise NotFinite(
            "The loss is not a finite number any more.",
            where=f"step {self.state.step:,}, epoch {self.state.step // self.steps_an_epoch + 1}, {listed(ids)}",
            found=f"{len(ids)} of the batch's {len(batch)} samples have an infinite or undefined loss",
            do="Lower `learning_rate`; when it is always the same samples, look at them.",
        )

    def _finish_epoch(self, epoch: int, rate: float, samples_a_second: float) -> None:
        state = self.state
        row: dict[str, float] = {"epoch": epoch + 1, "learning_rate": rate}
        row["train_loss"] = self.job.output.in_unit(state.loss_sum / len(self.rows))
        state.loss_sum = 0.0
        if len(self.job.data.held_rows):
            weights = self.graph.weights()
            self.predictor.load(weights)
            found = self.validation.predict(self.predictor)
            row |= self.validation.measure(found)
            self._remember_best(row, weights)
            self.epochs = self.epochs.after(epoch + 1, weights, found)
        state.history.append(row)
        self._replan(epoch)
        self.events.epoch(row, step=state.step)
        self._tell(row, samples_a_second)

    def _remember_best(self, row: dict[str, float], weights: Weights) -> None:
        value = row[self.validation.metric]
        if self.job.early_stopping and self.validation.is_better(value, self.state.best):
            self.state.best, self.state.best_epoch = value, int(row["epoch"])
            self.best_weights = {name: array.copy() for name, array in weights.items()}

    def _has_stopped_improving(self) -> bool:
        patience, state = self.job.early_stopping, self.state
        return bool(patience and state.best is not None and len(state.history) - state.best_epoch >= patience)

    def _elapsed(self) -> float:
        return self.state.seconds + time.monotonic() - self.began

    def _replan(self, epoch: int) -> None:
        """After the first epoch: plan as many as fit into `max_minutes`, so that the schedule still runs to its end."""
        limit = self.job.max_minutes * 60
        if not limit:
            return
        fitting = max(1, int(limit / self._elapsed() * (epoch + 1)))
        if epoch == 0 and fitting < self.state.epochs:
            planned = number_of(fitting, "epoch")
            say(f"{self.job.max_minutes:g} minutes leave time for {planned}, not {self.state.epochs}")
            self.state.epochs = fitting
        elif fitting <= epoch + 1:
            self.state.epochs = epoch + 1

    def _tell(self, row: dict[str, float], samples_a_second: float) -> None:
        done = len(self.state.history)
        left = (self.state.epochs - done) * self._elapsed() / done
        followed = [name for name in ANSWERS[self.job.problem.task].followed if name in row]
        held = "".join(f"{name.replace('_', ' ')} {row[name]:.4f}, " for name in followed)
        held = f"held out: {held}" if held else ""
        say(
            f"epoch {done} of {self.state.epochs}: loss {row['train_loss']:.4f}, {held}"
            f"rate {row['learning_rate']:.2g}, {samples_a_second:,.0f} samples a second, {duration(left)} left"
        )

    def _save(self) -> None:
        arrays = dict(self.graph.state())
        arrays.update({BEST + name: array for name, array in self.best_weights.items()})
        arrays.update({KEPT + name: array for name, array in self.epochs.arrays().items()})
        progress = {**vars(self.state), "seconds": self._elapsed()}
        self.checkpoints.save(self.state.step, arrays, {"progress": progress})
        self.saved_at = time.monotonic()

    def _stop(self) -> None:
        self._save()
        raise TryAgain(
            "Training was asked to stop; it is saved.",
            where=str(self.checkpoints.folder),
            found=f"step {self.state.step:,} of {self.state.epochs * self.steps_an_epoch:,}",
            do="Run the same command to continue from there.",
        )


def _named(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Those whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
