"""Train one network on all folds but one, and predict the one held out.

In: `index.csv`, `index.json`, the train split's shards of arrays, or of the features that the model learns from.
Out, in the folder of the model and fold: `weights.npz` and `model.json` (`catscan.networks.model`), `history.csv` (one
row an epoch: learning rate, losses, metrics of the held-out fold), `out-of-fold.csv` (`sample_id`, one probability
column a class, in index order, made as `catscan predict` makes those of the test samples), `epochs.npz` (what was known
after some of the epochs, for the report: `catscan.networks.epochs`).
Beside them, undeclared: `checkpoint/` while it runs, `events/` for TensorBoard.
Settings: the model's block of the config, with `task`, `metric`, `precision`, `threads` and `flips` (`settings.py`
beside this).
"""

from __future__ import annotations

import argparse
import math
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from catscan.common.contracts.model import Model
from catscan.common.files import alone_in
from catscan.common.fingerprint import code_of, versions_of
from catscan.common.layer_table import laid_out, table
from catscan.common.progress import say
from catscan.common.settings import parse
from catscan.common.tables import write_table
from catscan.common.words import number_of
from catscan.networks.device import DEVICES, one_device, visible_gpus
from catscan.networks.model import Weights, write_model
from catscan.networks.pretrained.weights import pretrained_weights
from catscan.networks.registry import Build, Recipe, describe, digest_of_file, find, of_features
from catscan.networks.session import Compute, device_name
from catscan.scores.metrics import Problem
from catscan.scores.predictions import FLOATS, write_predictions
from catscan.stages.train.checkpoints import Checkpoints
from catscan.stages.train.data import Data, open_data, read_as, remarks
from catscan.stages.train.precision import Shapes, settled
from catscan.stages.train.settings import Settings, resolve

if TYPE_CHECKING:
    from catscan.stages.train import engine

__all__ = ["Settings", "register", "run"]

CHECKPOINTS, EVENTS = "checkpoint", "events"


def register(parser: argparse.ArgumentParser) -> None:
    """Add the stage's arguments."""
    parser.add_argument("--settings", required=True, help="the stage's settings, as JSON")
    parser.add_argument("--index", type=Path, required=True, help="index.csv")
    parser.add_argument("--summary", type=Path, required=True, help="index.json")
    parser.add_argument(
        "--arrays",
        type=Path,
        nargs="+",
        required=True,
        help="the train split's shards (.npy), of arrays or of features",
    )
    parser.add_argument("--fold", type=int, required=True, help="the fold that is held out")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="what to compute on")


def run(args: argparse.Namespace) -> None:
    """Train one model on one split and write its folder."""
    settings = parse(Settings, args.settings)
    with alone_in(args.out):
        _run(args, settings)


def _run(args: argparse.Namespace, settings: Settings) -> None:
    from catscan.stages.train.validation import refuse_diverged, remark_on

    data = open_data(args.index, args.summary, args.arrays, fold=args.fold, task=settings.task)
    network = find(settings.network, data.shards.sample_shape, len(data.classes))
    recipe = resolve(settings, network.recipe_for(len(data.train_rows)))
    for line in remarks(data, args.fold):
        say(line)
    with one_device(args.device, visible_gpus()) as gpu:
        build = network.build()
        compute, checkpoints = _begin(args.out, settings, data=data, build=build, recipe=recipe, gpu=gpu)
        _tell(settings.network, build, data, recipe, compute)
        weights = pretrained_weights(network.starts_from) if network.starts_from else {}
        job = _job(settings, data=data, build=build, recipe=recipe, weights=weights, compute=compute)
        trained = _train(settings.engine, job, checkpoints)
        refuse_diverged(trained.weights, trained.predictor, data)
        # Balanced, a network that has learnt much may still be worse than the prior by the plain log loss.
        if settings.class_weights == "none" and (remark := remark_on(trained.history, data, job.problem)):
            say(remark)
        found = trained.predictor.predict(data.shards.take, data.held_rows, flips=settings.flips)
    model = Model(
        network=settings.network,
        network_sha256=digest_of_file(settings.network),
        sample_shape=data.shards.sample_shape,
        classes=tuple(data.classes),
        task=settings.task,
        threads=settings.threads,
        flips=settings.flips,
        scale=data.scale,
        starts_from=network.starts_from,
        training={
            "recipe": asdict(recipe),
            "seed": settings.seed,
            "precision": compute.precision,
            "samples": len(data.train_rows),
            "fold": args.fold,
            "epochs_done": len(trained.history),
            "versions": versions_of("stages.train"),
        },
        **read_as(data.shards),
    )
    write_table(args.out / "history.csv", _history_table(trained.history), float_format=FLOATS)
    held_ids = [data.sample_ids[row] for row in data.held_rows]
    write_predictions(args.out / "out-of-fold.csv", held_ids, found, data.classes)
    trained.epochs.write(args.out)
    write_model(args.out, model, trained.weights)
    shutil.rmtree(args.out / CHECKPOINTS, ignore_errors=True)  # done: nothing to go on from


def _begin(
    out: Path, settings: Settings, *, data: Data, build: Build, recipe: Recipe, gpu: bool
) -> tuple[Compute, Checkpoints]:
    """How to compute, and the checkpoints of just this training."""
    identity = {
        "settings": asdict(settings),
        "data": data.digest,
        "code": code_of("stages.train") + digest_of_file(settings.network),
        "package versions": versions_of("stages.train"),
    }
    steps = math.ceil(len(data.train_rows) / recipe.batch_size)
    shapes = Shapes(
        build,
        data.shards.sample_shape,
        len(data.classes),
        batch=math.ceil(len(data.train_rows) / steps),  # the engine's batches are as equal as can be
        tflearns_own=settings.engine == "tflearn-fit",
    )
    of_any_precision = Checkpoints(out / CHECKPOINTS, identity)
    precision = settled(settings.precision, shapes, of_any_precision, threads=settings.threads, gpu=gpu)
    compute = Compute(settings.threads, precision, gpu)
    return compute, Checkpoints(out / CHECKPOINTS, {**identity, "precision": precision})


def _tell(network: Any, build: Build, data: Data, recipe: Recipe, compute: Compute) -> None:
    """What is about to be trained, layer by layer, and on what."""
    from catscan.networks.traced import traced

    sample_shape = data.shards.sample_shape
    say(laid_out(table(traced(build, sample_shape, len(data.classes)))))
    size, what = " x ".join(map(str, sample_shape)), "features" if of_features(sample_shape) else "samples"
    say(
        f"{describe(network, sample_shape)} on {what} of {size}: {number_of(recipe.epochs, 'epoch')}, "
        f"batches of {recipe.batch_size}, {recipe.optimizer}, rate {recipe.learning_rate:g} {recipe.schedule}"
    )
    say(f"{device_name(gpu=compute.gpu)}, {compute.precision}, {number_of(compute.threads, 'thread')}")


def _job(
    settings: Settings, *, data: Data, build: Build, recipe: Recipe, weights: Weights, compute: Compute
) -> engine.Job:
    """What the engine is to train, and how."""
    from catscan.stages.train import engine

    return engine.Job(
        build=build,
        recipe=recipe,
        weights=weights,
        data=data,
        problem=Problem(
            task=settings.task,
            positive=data.positive,
            weights=settings.metric_weights,
            positive_weight=settings.metric_positive_weight,
        ),
        seed=settings.seed,
        metric=settings.metric,
        class_weights=settings.class_weights,
        early_stopping=settings.early_stopping,
        max_minutes=settings.max_minutes,
        compute=compute,
    )


def _train(name: str, job: engine.Job, checkpoints: Checkpoints) -> engine.Trained:
    """Run the engine of that name."""
    from catscan.stages.train import engine

    if name == "tflearn-fit":
        from catscan.stages.train.tflearn_fit import train_with_fit

        return train_with_fit(job)
    return engine.train(job, checkpoints, checkpoints.folder.parent / EVENTS)


def _history_table(history: list[dict[str, float]]) -> pd.DataFrame:
    table = pd.DataFrame(history)
    return table.astype({"epoch": int})
