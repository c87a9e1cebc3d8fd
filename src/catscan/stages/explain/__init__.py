"""Open one network of the best model that learnt from scratch, and show what it does with a few samples.

In: the models with the evaluation and the index beside them, the predictions of the test samples, the submission, the
shards of both splits. Out: `explanation.json`, from which the report's explorer is made: the network's steps in the
order of computing with their weights in float32, about eight samples (right, wrong and unsure ones of the fold that was
held out, and test samples), the heat maps of each, and the chain from its logits to the number in the submission.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from catscan.common.arrays import Shards
from catscan.common.contracts.explanation import Explanation, FromFile, Shown, Voxels
from catscan.common.contracts.metrics import FoldScores, ModelScores
from catscan.common.contracts.model import Model
from catscan.common.progress import say
from catscan.common.tables import read_table
from catscan.common.words import number_of
from catscan.kinds.registry import kind_named
from catscan.networks.device import DEVICES, one_device, visible_gpus
from catscan.networks.evaluated import Evaluated, read_evaluated
from catscan.scores.foreign import add_foreign
from catscan.scores.predictions import Predictions, check_one_each, read_all, read_predictions
from catscan.scores.told import told_by
from catscan.stages.explain.chain import Chain
from catscan.stages.explain.choice import Chosen, of_held_out, of_test

NONE = Explanation(
    model="",
    fold=0,
    classes=(),
    task="",
    sample_shape=(),
    flips=False,
    scale=None,
    picture=None,
    layers=(),
    heat_layer=None,
    samples=(),
    remarks=("All models learnt from features of pretrained networks.",),
)


def register(parser: argparse.ArgumentParser) -> None:
    """Add the stage's flags."""
    parser.add_argument("--models", type=Path, required=True, help="the folder of all models of the competition")
    parser.add_argument("--index", type=Path, required=True, help="the index")
    parser.add_argument("--train", type=Path, nargs="+", required=True, help="the training split's shards (.npy)")
    parser.add_argument("--test", type=Path, nargs="+", required=True, help="the test split's shards (.npy)")
    parser.add_argument("--predictions", type=Path, nargs="+", required=True, help="the test samples' predictions")
    parser.add_argument("--names", nargs="+", required=True, help="the name of the model of each of those files")
    parser.add_argument("--foreign", type=Path, nargs="*", default=[], help="test CSVs of foreign members")
    parser.add_argument("--members", nargs="*", default=[], help="the name of each of those members")
    parser.add_argument("--submission", type=Path, required=True, help="the submission")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="what to compute on")


def run(args: argparse.Namespace) -> None:
    """Open the network, look at the samples, write the file."""
    evaluated = read_evaluated(args.models, with_foreign=True)
    folder = best_from_scratch(evaluated)
    if folder is None:
        NONE.write(args.out)
        say("nothing to open: all models learnt from features of pretrained networks")
        return
    predictions = read_all(args.predictions, args.names, evaluated.summary.classes, evaluated.summary.task)
    index = read_table(args.index, columns=["sample_id", "split", "label"])
    check_one_each("--members", args.members, args.foreign)
    add_foreign(predictions, dict(zip(args.members, args.foreign, strict=True)), evaluated.summary, index)
    with one_device(args.device, visible_gpus()) as gpu:
        explained = explain(
            evaluated,
            folder,
            labels=index.set_index("sample_id")["label"],
            shards={"train": Shards(args.train), "test": Shards(args.test)},
            predictions=predictions,
            submission=args.submission,
            gpu=gpu,
        )
    explained.write(args.out)
    say(
        f"opened model {explained.model}, fold {explained.fold}: {number_of(len(explained.layers), 'step')}, "
        f"{number_of(len(explained.samples), 'sample')} ({args.out.stat().st_size / 1e6:.1f} MB)"
    )
    for remark in explained.remarks:
        say(remark)


def best_from_scratch(evaluated: Evaluated) -> Path | None:
    """The folder of the network to open; None where none learnt from the samples themselves.

    Of the models of the lowest loss the first, and of its folds the one whose loss is nearest to the model's.
    """
    loss = evaluated.metrics.loss.name

    def loss_of(scores: ModelScores | FoldScores) -> float:
        value = scores.scores[loss]
        return math.inf if value is None else value

    models = {
        name: scores
        for name, scores in evaluated.metrics.trained.items()
        if not evaluated.described[evaluated.folders[name][0]].features
    }
    if not models:
        return None
    best = min(models, key=lambda name: loss_of(models[name]))
    near = [abs(loss_of(fold) - loss_of(models[best])) for fold in models[best].folds]
    return evaluated.folders[best][int(np.argmin(near))]


def explain(
    evaluated: Evaluated,
    folder: Path,
    *,
    labels: pd.Series,
    shards: dict[str, Shards],
    predictions: Predictions,
    submission: Path,
    gpu: bool = False,
) -> Explanation:
    """What the network of ``folder`` does with some of the samples.

    Parameters
    ----------
    labels
        By sample id.
    shards
        Those of each split.
    predictions
        Of the test samples by all networks.
    """
    from catscan.stages.explain.opened import Opened

    described, name = evaluated.described[folder], folder.parent.name
    scores = evaluated.metrics.models[name]
    place = evaluated.folders[name].index(folder)
    held_out = read_predictions(folder / "out-of-fold.csv", described.classes, described.task)
    combined = told_by(evaluated.metrics, evaluated.summary)
    chain = Chain(described, combined, predictions, submission, model=name, place=place)
    chosen = [*of_held_out(held_out, labels, described), *of_test(predictions.sample_ids, chain.told, described.task)]
    opened = Opened(folder, described, gpu=gpu)
    try:
        pixels = _pixels(chosen, shards)
        looked = opened.look_at(pixels)
        layers, remarks = opened.layers()
    finally:
        opened.close()
    geometry = {name: told for some in shards.values() for one in some.sidecars for name, told in one.geometry.items()}
    shown = [
        Shown(
            sample_id=one.sample_id,
            split=one.split,
            label=one.label,
            why=one.why,
            voxels=_voxels(geometry.get(one.sample_id)),
            chain=chain.of(one, look.logits, look.mirrored, held_out),
            cells=chain.cells(one),
            **look.shown(),
        )
        for one, look in zip(chosen, looked, strict=True)
    ]
    return Explanation(
        model=name,
        fold=scores.folds[place].fold,
        classes=described.classes,
        task=described.task,
        sample_shape=described.sample_shape,
        flips=described.flips,
        scale=described.scale,
        picture=_from_file(described),
        layers=layers,
        heat_layer=opened.heat_layer,
        samples=tuple(shown),
        remarks=remarks,
    )


def _from_file(described: Model) -> FromFile | None:
    """How the network reads picture files; None of one that reads others, or features."""
    if described.kind != "picture" or described.features:
        return None
    settings: Any = kind_named(described.kind).settings_of(described.reader)
    return FromFile(settings.size, settings.fit, settings.resize)


def _voxels(geometry: dict[str, Any] | None) -> Voxels | None:
    """What a scan's geometry says of its voxels; None of a picture, and of a volume that says nothing."""
    if not geometry:
        return None
    ranges = tuple((float(low), float(high)) for low, high in geometry["intensity_ranges"])
    z, y, x = map(float, geometry["spacing_mm"])
    return Voxels((z, y, x), ranges, "HU" if geometry["modality"] == "CT" else "")


def _pixels(chosen: Sequence[Chosen], shards: dict[str, Shards]) -> np.ndarray:
    """(n, *sample_shape) uint8 of the chosen samples."""
    rows = {split: {name: row for row, name in enumerate(some.sample_ids)} for split, some in shards.items()}
    taken = [shards[one.split].take(np.array([rows[one.split][one.sample_id]])) for one in chosen]
    return np.concatenate(taken)
