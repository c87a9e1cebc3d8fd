"""Predict the class probabilities of the test samples, or of pictures and series given by name.

In: a network's folder and the test split's shards. Out: a CSV of `sample_id` and one probability column a class, in
index order. Settings: none; the network's `model.json` says how it predicts.
Without shards: pictures, or folders of series, as arguments; their probabilities are printed, or written as such a CSV,
and what is odd about them (several series in one folder, missing slices) is told on the error stream.
With the folder of all models of a competition its networks are blended and calibrated as the submission is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.arrays import Shards
from catscan.common.contracts.model import Model
from catscan.common.errors import OFFENDERS_SHOWN, BadSample, CatscanError, listed
from catscan.common.files import spelt_out
from catscan.common.progress import say
from catscan.common.words import number_of
from catscan.kinds.registry import Kind, kind_named
from catscan.kinds.samples import Sample
from catscan.networks.device import DEVICES, one_device, visible_gpus
from catscan.networks.evaluated import holds_models, read_evaluated
from catscan.networks.model import read_model
from catscan.raw.files import RawFiles
from catscan.raw.walk import is_ordinary
from catscan.scores.predictions import Floats, as_read, table_of, write_predictions
from catscan.scores.told import CalibratedBlend

Take = Callable[[NDArray[np.integer[Any]]], NDArray[np.uint8]]


def register(parser: argparse.ArgumentParser) -> None:
    """Add the stage's arguments."""
    parser.add_argument("samples", type=Path, nargs="*", help="pictures, or folders of series, to predict and print")
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        help="results/COMPETITION/models: all its networks, blended and calibrated as in the submission; "
        "or models/NAME/fold-K: one network alone, uncalibrated",
    )
    parser.add_argument("--arrays", type=Path, nargs="*", default=[], help="the test split's shards (.npy)")
    parser.add_argument(
        "--out",
        type=Path,
        help="the CSV to write: sample_id (for named samples, the name), and one probability column a class; "
        "without it, named samples are printed",
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="what to compute on")


def run(args: argparse.Namespace) -> None:
    """Predict shards into a CSV, or samples onto the screen."""
    if bool(args.samples) == bool(args.arrays):
        raise CatscanError(
            "Name either the samples to predict or the shards.",
            found=f"{len(args.samples)} samples, {len(args.arrays)} shards",
            do="`catscan predict --model FOLDER picture.jpg`, or `--arrays ... --out predictions.csv`.",
        )
    if args.arrays and args.out is None:
        raise CatscanError("`--out` is missing: the CSV to write.", do="`--out predictions.csv`")
    networks = read_networks(args.model)
    if args.arrays:
        sample_ids, take = of_shards(networks.model, Shards(args.arrays), where=str(args.model))
    else:
        sample_ids, take = of_files(networks.model, args.samples)
    with one_device(args.device, visible_gpus()) as gpu:
        found = networks.answers(take, len(sample_ids), gpu=gpu)
    if args.samples and networks.combined is None:
        say(f"{args.model} is one network, uncalibrated; results/COMPETITION/models answers as the submission does")
    if args.out:
        write_predictions(args.out, sample_ids, found, networks.model.classes)
    else:
        table = table_of(sample_ids, found, networks.model.classes)
        sys.stdout.write(table.to_string(index=False, float_format="{:.4f}".format) + "\n")


@dataclass(frozen=True)
class Networks:
    """The networks that answer.

    Attributes
    ----------
    model
        How they read samples, and the classes.
    folders
        By the name of the model, the folder of each of its folds.
    combined
        How one answer is made of all of theirs; None for one network, whose answer stays as it is.
    """

    model: Model
    folders: dict[str, list[Path]]
    combined: CalibratedBlend | None = None

    def answers(self, take: Take, n: int, *, gpu: bool) -> Floats:
        """(n, classes), the probabilities of the samples 0 to n - 1 that ``take`` gives."""
        by_model = {
            name: [predicted(folder, take, n, gpu=gpu) for folder in folders] for name, folders in self.folders.items()
        }
        if self.combined is None:
            ((only,),) = by_model.values()
            return only
        return self.combined.tell({name: [as_read(one) for one in folds] for name, folds in by_model.items()})


def read_networks(folder: Path) -> Networks:
    """The one network of ``folder``; of the folder of all models of a competition those that were evaluated.

    Raises
    ------
    CatscanError
        When there is none, or `read_evaluated` refuses them.
    """
    if not holds_models(folder):
        return Networks(read_model(folder), {"": [folder]})
    evaluated = read_evaluated(folder)
    for path in evaluated.left_out:
        say(f"{path} is left out: the evaluation does not speak of it")
    return Networks(evaluated.model, evaluated.folders, CalibratedBlend.of(evaluated.metrics, evaluated.summary))


def predicted(folder: Path, take: Take, n: int, *, gpu: bool) -> NDArray[np.float32]:
    """(n, classes), what the network of ``folder`` says."""
    from catscan.networks.predictor import open_predictor

    model = read_model(folder)
    predictor = open_predictor(folder, model, gpu=gpu)
    try:
        return predictor.predict(take, np.arange(n), flips=model.flips)
    finally:
        predictor.close()


def of_shards(model: Model, shards: Shards, *, where: str) -> tuple[list[str], Take]:
    """The ids of the samples of ``shards``, and what gives their arrays.

    Raises
    ------
    CatscanError
        When they have another shape than the model's.
    """
    if shards.sample_shape != model.sample_shape:
        raise CatscanError(
            "The shards do not fit the model.",
            where=where,
            found=f"samples of {shards.sample_shape}, the model was trained on {model.sample_shape}",
            do="Train again with these `preprocess` settings.",
        )
    return shards.sample_ids, shards.take


def of_files(model: Model, paths: Sequence[Path]) -> tuple[list[str], Take]:
    """The names of pictures or series, and what gives their arrays, read with the settings that the model trained on.

    Raises
    ------
    CatscanError
        For paths that are not there or cannot be read as such samples; all of them are named.
    """
    kind = kind_named(model.kind)
    for path in paths:
        _check_named(kind, path)
    arrays, bad = [], dict[Path, str]()
    for path in paths:
        try:
            arrays.append(_read(kind, model, path))
        except BadSample as error:
            bad[path] = error.reason
    if bad:
        raise CatscanError(
            "This sample cannot be used."
            if len(paths) == 1
            else f"{len(bad)} of {number_of(len(paths), 'sample')} cannot be used; nothing was predicted.",
            where=listed([str(path) for path in bad]),
            found="\n".join(f"{path.name} {reason}" for path, reason in list(bad.items())[:OFFENDERS_SHOWN]),
            do="" if len(paths) == 1 else "Leave them out.",
        )
    samples = np.stack(arrays)
    return [str(path) for path in paths], lambda rows: samples[rows]


def _check_named(kind: Kind, path: Path) -> None:
    if not path.exists():
        raise CatscanError("There is no such file or folder.", where=str(path))
    if not is_ordinary(path):
        raise CatscanError("This is neither a file nor a folder.", where=str(path), do="Save it as a file first.")
    what = "folder" if path.is_dir() else "file"
    if what not in kind.named:
        raise CatscanError(
            f"This model reads {kind.samples}, and this is a {what}.",
            where=str(path),
            do=f"Name its {kind.samples}." if kind.named else "Predict them as the test samples of a competition.",
        )


def _read(kind: Kind, model: Model, path: Path) -> NDArray[np.uint8]:
    at = spelt_out(path)
    with closing(RawFiles(at.parent)) as raw, closing(kind.open_reader(model.reader, raw)) as reader:
        reading = reader.read(Sample(sample_id=at.name, archive="", path=at.name))
    for remark in reading.odd:
        say(f"{path}: {remark}")
    return reading.array
