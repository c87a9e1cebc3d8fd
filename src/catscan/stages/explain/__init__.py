"""Open one network of the best model that learnt from scratch, and show what it does with a few samples.

Where no model learnt from scratch, the best model, with the pretrained networks before it.
In: the models with the evaluation and the index beside them, the predictions of the test samples, the submission, the
shards of both splits, and the raw files, which are read again where a model learnt from features. Out:
`explanation.json`, from which the report's explorer is made: the network's steps in the order of computing with their
weights in float32, its first windows from epoch to epoch, about eight samples (right, wrong and unsure ones of the fold
that was held out, and test samples), of each the heat maps, what was said of it from epoch to epoch, what the other
models say, and the chain from its logits to the number in the submission.
Beside it, undeclared: `explanation/<sample>.nii`, the heat map of each scan in the coordinates of the patient.
"""

from __future__ import annotations

import argparse
import math
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from catscan.common.contracts.explanation import Explanation, Shown
from catscan.common.contracts.metrics import FoldScores, ModelScores
from catscan.common.progress import say
from catscan.common.tables import read_table
from catscan.common.words import number_of
from catscan.networks.device import DEVICES, one_device, visible_gpus
from catscan.networks.evaluated import Evaluated, read_evaluated
from catscan.scores.foreign import add_foreign
from catscan.scores.predictions import Predictions, check_one_each, read_all, read_predictions
from catscan.scores.told import told_by
from catscan.stages.explain.chain import Chain
from catscan.stages.explain.choice import of_held_out, of_test
from catscan.stages.explain.learnt import Learnt
from catscan.stages.explain.opening import Others, look_at, open_network
from catscan.stages.explain.overlays import FOLDER, write_overlays
from catscan.stages.explain.samples import Samples, from_file, shards_read_for, voxels_of


def register(parser: argparse.ArgumentParser) -> None:
    """Add the stage's flags."""
    parser.add_argument("--models", type=Path, required=True, help="the folder of all models of the competition")
    parser.add_argument("--index", type=Path, required=True, help="the index")
    parser.add_argument("--raw", type=Path, required=True, help="the raw folder of the download stage")
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
    summary, left_out = evaluated.summary, evaluated.metrics.left_out
    predictions = read_all(args.predictions, args.names, summary.classes, summary.task, left_out=left_out)
    index = read_table(args.index, columns=["sample_id", "split", "label", "archive", "path"])
    summary.check_index((index["split"] == "train").sum(), args.index)
    check_one_each("--members", args.members, args.foreign)
    add_foreign(predictions, dict(zip(args.members, args.foreign, strict=True)), summary, index)
    folder = opened_first(evaluated)
    shards = shards_read_for(evaluated.described[folder], args.train, args.test)
    samples = Samples(shards, index.set_index("sample_id"), args.raw)
    with one_device(args.device, visible_gpus()) as gpu:
        explained, geometries = explain(
            evaluated,
            folder,
            samples=samples,
            predictions=predictions,
            submission=args.submission,
            gpu=gpu,
        )
    overlays = write_overlays(args.out.with_name(FOLDER), explained.samples, geometries)
    explained.write(args.out)
    say(
        f"opened model {explained.model}, fold {explained.fold}: {number_of(len(explained.layers), 'step')}, "
        f"{number_of(len(explained.samples), 'sample')} ({args.out.stat().st_size / 1e6:.1f} MB)"
    )
    if overlays:
        say(f"wrote {number_of(overlays, 'heat map')} as NIfTI into {args.out.with_name(FOLDER)}")
    for remark in explained.remarks:
        say(remark)


def opened_first(evaluated: Evaluated) -> Path:
    """The folder of the network to open: of one that learnt from the samples themselves, where there is one.

    Of those models the first one of the lowest loss, and of its folds the one whose loss is nearest to the model's.
    """
    loss = evaluated.metrics.loss.name

    def loss_of(scores: ModelScores | FoldScores) -> float:
        value = scores.scores[loss]
        return math.inf if value is None else value

    models = {name: evaluated.metrics.models[name] for name in evaluated.folders}
    from_scratch = [name for name in models if evaluated.described[evaluated.folders[name][0]].is_from_scratch]
    best = min(from_scratch or models, key=lambda name: loss_of(models[name]))
    near = [abs(loss_of(fold) - loss_of(models[best])) for fold in models[best].folds]
    return evaluated.folders[best][int(np.argmin(near))]


def explain(
    evaluated: Evaluated,
    folder: Path,
    *,
    samples: Samples,
    predictions: Predictions,
    submission: Path,
    gpu: bool = False,
) -> tuple[Explanation, dict[str, dict[str, Any]]]:
    """What the network of ``folder`` does with some of the samples, and where each of these lies in a patient.

    Parameters
    ----------
    predictions
        Of the test samples by all networks.
    """
    described, name = evaluated.described[folder], folder.parent.name
    place = evaluated.folders[name].index(folder)
    held_out = read_predictions(folder / "out-of-fold.csv", described.classes, described.task)
    combined = told_by(evaluated.metrics, evaluated.summary)
    chain = Chain(described, combined, predictions, submission, model=name, place=place)
    chosen = [
        *of_held_out(held_out, samples.index["label"], described),
        *of_test(predictions.sample_ids, chain.told, described.task),
    ]
    learnt = Learnt(folder, held_out)
    with closing(open_network(folder, described, gpu=gpu)) as opened:
        looked = look_at(opened, chosen, samples, described)
        layers, remarks = opened.layers()
    fold = evaluated.metrics.models[name].folds[place].fold
    others = Others(evaluated, samples, predictions, gpu=gpu).of(chosen, fold=fold, model=name)
    geometries = {
        one.sample_id: samples.geometry(one.sample_id) if look.geometry is None else look.geometry
        for one, look in zip(chosen, looked, strict=True)
    }
    shown = [
        Shown(
            sample_id=one.sample_id,
            split=one.split,
            label=one.label,
            why=one.why,
            voxels=voxels_of(geometries[one.sample_id]),
            chain=chain.of(one, look.logits, look.mirrored, held_out),
            cells=chain.cells(one),
            by_epoch=learnt.answers(one),
            others=of_it,
            **look.shown(),
        )
        for one, look, of_it in zip(chosen, looked, others, strict=True)
    ]
    explanation = Explanation(
        model=name,
        fold=fold,
        classes=described.classes,
        task=described.task,
        sample_shape=described.sample_shape,
        flips=described.flips,
        scale=described.scale,
        extractors=tuple(source.network for source in described.features),
        picture=from_file(described),
        layers=layers,
        epochs=learnt.epochs,
        windows=learnt.windows(layers),
        heat_layer=opened.heat_layer,
        samples=tuple(shown),
        remarks=remarks,
    )
    return explanation, geometries
