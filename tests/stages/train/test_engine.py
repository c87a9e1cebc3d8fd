from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catscan.common.errors import CatscanError, TryAgain
from catscan.networks.registry import RESNET_2D, Augment, Recipe, find
from catscan.networks.session import Compute, cpu_has_bf16
from catscan.scores.metrics import Problem, score
from catscan.stages.train import engine, interruptions
from catscan.stages.train.checkpoints import Checkpoints
from catscan.stages.train.data import open_data

RECIPE = Recipe(
    epochs=3,
    batch_size=6,
    optimizer="nesterov",
    learning_rate=0.02,
    schedule="one_cycle",
    weight_decay=5e-4,
    label_smoothing=0.05,
    ema=0.9,
    augment=Augment(flip=True, shift=0.1, scale=0.1, rotation=5, brightness=0.05),
)
NETWORK = [
    {"convolution": {"feature_maps": 8, "window": 3, "batch_norm": True}},
    {"pooling": {"window": 2}},
    {"fully_connected": {"units": 16, "keep_probability": 0.8}},
]
PRECISIONS = [
    "fp32",
    pytest.param("bf16", marks=pytest.mark.skipif(not cpu_has_bf16(), reason="this CPU has no bf16")),
]


def job_of(competition: Any, *, network: Any = NETWORK, **changes: Any) -> engine.Job:
    data = open_data(competition.index, competition.summary, competition.arrays, fold=0, task="binary")
    recipe = replace(RECIPE, **{key: changes.pop(key) for key in list(changes) if hasattr(RECIPE, key)})
    values: dict[str, Any] = {
        "build": find(network, data.shards.sample_shape, 2).build(),
        "recipe": recipe,
        "data": data,
        "problem": Problem("binary", positive=1),
        "seed": 1,
        "metric": "log_loss",
        "class_weights": "none",
        "early_stopping": 0,
        "max_minutes": 0,
        "compute": Compute(threads=2),
    }
    return engine.Job(**{**values, **changes})


def trained(job: engine.Job, folder: Path, **options: Any) -> engine.Trained:
    checkpoints = Checkpoints(folder / "checkpoint", {"settings": {}})
    return engine.train(job, checkpoints, folder / "events", **options)


def digest(weights: dict[str, np.ndarray]) -> str:
    joined = b"".join(name.encode() + weights[name].tobytes() for name in sorted(weights))
    return hashlib.sha256(joined).hexdigest()


@dataclass(frozen=True)
class Whole:
    """What a training that nothing disturbed has left."""

    job: engine.Job
    folder: Path
    digest: str
    history: list[dict[str, float]]
    epochs: str  # a digest, too


@pytest.fixture(scope="module")
def whole(lasting_competition: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Whole]:
    """``whole(precision, optimizer)``: the training of `job_of` that nothing disturbs, each done once."""

    @cache
    def of(precision: str = "fp32", optimizer: str = "nesterov") -> Whole:
        folder = tmp_path_factory.mktemp("whole")
        job = job_of(lasting_competition, compute=Compute(threads=2, precision=precision), optimizer=optimizer)
        result = trained(job, folder)
        result.predictor.close()
        return Whole(job, folder, digest(result.weights), result.history, digest(result.epochs.arrays()))

    return of


def event_file(folder: Path) -> Path:
    (path,) = (folder / "events").iterdir()
    return path


def record_batches(monkeypatch: pytest.MonkeyPatch, *, stop_at: int = -1) -> list[np.ndarray]:
    """The rows of each update; after update number ``stop_at`` the process gets SIGTERM."""
    batches: list[np.ndarray] = []
    update = engine._Loop._update

    def recording(self: Any, batch: np.ndarray) -> float:
        batches.append(batch)
        if len(batches) == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return update(self, batch)

    monkeypatch.setattr(engine._Loop, "_update", recording)
    return batches


def test_every_sample_is_seen_exactly_once_an_epoch(competition, tmp_path, monkeypatch):
    batches = record_batches(monkeypatch)

    trained(job_of(competition), tmp_path)

    assert [len(batch) for batch in batches] == [5] * 12  # 20 samples in batches of at most 6, as equal as can be
    for epoch in range(3):
        assert sorted(np.concatenate(batches[epoch * 4 : epoch * 4 + 4])) == list(range(20))
    assert not np.array_equal(np.concatenate(batches[:4]), np.concatenate(batches[4:8]))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_same_seed_gives_the_same_bytes_and_another_seed_others(competition, tmp_path, whole, precision):
    compute = Compute(threads=2, precision=precision)
    again, other = (trained(job_of(competition, seed=seed, compute=compute), tmp_path / str(seed)) for seed in (1, 2))

    first = whole(precision)
    assert digest(again.weights) == first.digest
    assert again.history == first.history
    assert digest(other.weights) != first.digest


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    "stop",
    [
        ("nesterov", 1),
        pytest.param(("nesterov", 4), marks=pytest.mark.slow),
        pytest.param(("nesterov", 6), marks=pytest.mark.slow),
        ("adam", 6),
        pytest.param(("muon", 6), marks=pytest.mark.slow),
    ],
    ids=["first step", "last step of an epoch", "amid an epoch", "adam", "muon"],
)
def test_resumed_training_gives_the_bytes_of_one_never_stopped(tmp_path, whole, monkeypatch, precision, stop):
    optimizer, stop_at = stop
    wanted = whole(precision, optimizer)
    with monkeypatch.context() as patch, pytest.raises(TryAgain, match="asked to stop; it is saved"):
        record_batches(patch, stop_at=stop_at)
        trained(wanted.job, tmp_path / "stopped")

    resumed = trained(wanted.job, tmp_path / "stopped")

    assert digest(resumed.weights) == wanted.digest
    assert resumed.history == wanted.history
    assert digest(resumed.epochs.arrays()) == wanted.epochs
    assert event_file(tmp_path / "stopped").read_bytes() == event_file(wanted.folder).read_bytes()


def test_training_killed_while_it_validates_loses_neither_the_epoch_nor_a_byte(tmp_path, whole, monkeypatch):
    job = whole().job
    measure, calls = engine.Validation.measure, []

    def dying(self: Any, predictor: Any) -> dict[str, float]:
        calls.append(predictor)
        if len(calls) == 2:
            raise InterruptedError
        return measure(self, predictor)

    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(engine.Validation, "measure", dying)
        trained(job, tmp_path / "killed", seconds_between_checkpoints=0)

    resumed = trained(job, tmp_path / "killed")

    assert digest(resumed.weights) == whole().digest
    assert resumed.history == whole().history


def test_stopped_training_leaves_the_signals_as_they_were(competition, tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    record_batches(monkeypatch, stop_at=2)

    with pytest.raises(TryAgain) as stop:
        trained(job_of(competition), tmp_path)

    assert stop.value.exit_code == 75
    assert signal.getsignal(signal.SIGTERM) == before


def test_samples_too_many_for_the_memory_are_fed_with_the_same_result(competition, tmp_path, whole, monkeypatch):
    resident = whole()
    monkeypatch.setattr(engine, "RESIDENT_BYTES", 0)

    fed = trained(job_of(competition), tmp_path / "fed")

    assert digest(fed.weights) == resident.digest


def test_checkpoints_in_between_change_nothing(competition, tmp_path, whole):
    often = trained(job_of(competition), tmp_path / "often", seconds_between_checkpoints=0)

    assert digest(often.weights) == whole().digest


def test_network_learns_what_there_is_to_learn(make_competition, tmp_path):
    job = job_of(make_competition(n=120), epochs=8, learning_rate=0.05)

    last = trained(job, tmp_path).history[-1]

    assert last["accuracy"] > 0.9
    assert last["log_loss"] < 0.4


def test_history_has_one_row_an_epoch(competition, tmp_path):
    history = trained(job_of(competition, metric="auc"), tmp_path).history

    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert list(history[0]) == ["epoch", "learning_rate", "train_loss", "log_loss", "accuracy", "auc"]


def test_metric_of_another_task_is_refused_before_anything_is_trained(competition, tmp_path):
    with pytest.raises(CatscanError, match="not made for a multiclass task"):
        trained(job_of(competition, metric="auc", problem=Problem("multiclass")), tmp_path)


def test_early_stopping_takes_the_best_weights(competition, tmp_path):
    job = job_of(competition, epochs=30, early_stopping=2, learning_rate=0.5, schedule="constant", ema=0.0)

    result = trained(job, tmp_path)

    losses = [row["log_loss"] for row in result.history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 3 or len(losses) == 30
    validation = engine.Validation(job.data, job.problem, "log_loss")
    assert validation.measure(validation.predict(result.predictor))["log_loss"] == losses[best]


def test_weights_of_the_metric_count_in_the_held_out_fold(competition, tmp_path):
    problem = Problem("binary", positive=1, weights=(1.0, 7.0))
    job = job_of(competition, epochs=2, metric="weighted_log_loss", problem=problem)

    result = trained(job, tmp_path)

    found = result.predictor.predict(job.data.shards.take, job.data.held_rows, flips=False).astype(float)
    expected = score("weighted_log_loss", found, job.data.targets[job.data.held_rows].astype(float), problem)
    assert result.history[-1]["weighted_log_loss"] == expected
    assert result.history[-1]["weighted_log_loss"] != result.history[-1]["log_loss"]


def test_time_limit_plans_fewer_epochs(competition, tmp_path, capsys):
    result = trained(job_of(competition, epochs=100_000, max_minutes=0.02), tmp_path)

    assert len(result.history) < 100_000
    assert "leave time for" in capsys.readouterr().err
    assert result.history[-1]["learning_rate"] < 0.02


BLACK_IS_NOT_FINITE = """
import tensorflow.compat.v1 as tf
import tflearn

def network(pixels, classes):
    net = tflearn.fully_connected(pixels / 255, classes, name="output")
    return net + tf.log(tf.reduce_max(pixels, axis=[1, 2, 3]))[:, None]
"""


def test_sample_whose_loss_is_not_finite_stops_the_training_and_is_named(competition, tmp_path):
    path = competition.arrays[1]
    arrays = np.load(path)
    arrays[3] = 0  # sample 023, in training
    np.save(path, arrays)
    (tmp_path / "mine.py").write_text(BLACK_IS_NOT_FINITE)
    job = job_of(competition, network=str(tmp_path / "mine.py"), augment=Augment(), batch_size=20)

    with pytest.raises(interruptions.NotFinite, match="not a finite number") as refusal:
        trained(job, tmp_path)

    assert refusal.value.where == "step 0, epoch 1, 023"
    assert refusal.value.exit_code not in {interruptions.OutOfMemory.exit_code, TryAgain.exit_code, 1, 2}


def test_end_of_the_memory_is_told_with_a_batch_size_to_try():
    from catscan.networks.compat import tf

    with pytest.raises(interruptions.OutOfMemory) as refusal, interruptions.told_when_memory_ends(64):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[64,9]\nhint")

    assert refusal.value.found == "64: OOM when allocating tensor with shape[64,9]"
    assert refusal.value.do.startswith("Set `batch_size: 32`")


def test_weights_of_the_training_graph_are_all_that_the_predictor_needs(competition, tmp_path):
    result = trained(job_of(competition), tmp_path)

    result.predictor.load(result.weights)  # refuses weights of which one is missing
    for name in result.weights:
        with pytest.raises(CatscanError):
            result.predictor.load({key: value for key, value in result.weights.items() if key != name})


def test_the_first_layer_and_the_held_out_answers_are_kept_from_epoch_to_epoch(competition, tmp_path):
    job = job_of(competition)
    result = trained(job, tmp_path)
    kept, held = result.epochs, job.data.held_rows

    assert (kept.numbers.tolist(), kept.name) == ([1, 2, 3], "convolution_1/W")
    assert kept.windows.shape == (4, 3, 3, 1, 8)
    assert (np.diff(kept.windows, axis=0) != 0).any(axis=(1, 2, 3, 4)).all()
    np.testing.assert_array_equal(kept.windows[-1], result.weights["convolution_1/W"])
    losses = [score("log_loss", found, job.data.targets[held], job.problem) for found in kept.answers]
    np.testing.assert_allclose(losses, [row["log_loss"] for row in result.history], rtol=1e-5)


def test_event_files_hold_the_numbers_and_pictures_of_a_batch(whole):
    from catscan.networks.compat import tf

    events = tf.train.summary_iterator(str(event_file(whole().folder)))
    tags = [value.tag for event in events for value in event.summary.value]

    assert tags.count("learning_rate") == tags.count("log_loss") == 3
    assert "as_the_network_sees_it/0" in tags


@pytest.mark.parametrize("channels", [2, pytest.param(3, marks=pytest.mark.slow)], ids=["two-bands", "colour"])
def test_default_recipe_trains_pictures_of_any_channels(make_competition, tmp_path, channels):
    job = job_of(make_competition(n=12, shape=(24, 20, channels)), network="resnet-2d")

    assert np.isfinite(trained(replace(job, recipe=replace(RESNET_2D, epochs=1)), tmp_path).history[0]["log_loss"])
