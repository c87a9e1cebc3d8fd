"""Predict the class probabilities of the test samples, or of pictures and series given by name.

In: a model's folder and the test split's shards. Out: a CSV of `sample_id` and one probability column a class, in index
order. Settings: `flips` (average with the samples mirrored left to right).
Without shards: pictures, or folders of series, as arguments; their probabilities are printed, and what is odd about
them (several series in one folder, missing slices) is told on the error stream.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.common.arrays import Shards
from catscan.common.contracts.model import Model
from catscan.common.errors import BadSample, CatscanError
from catscan.common.progress import say
from catscan.common.settings import parse
from catscan.kinds.samples import Sample
from catscan.networks.device import one_device, visible_gpus
from catscan.networks.model import read_model
from catscan.raw.files import RawFiles
from catscan.raw.walk import is_ordinary
from catscan.scores.predictions import table_of, write_predictions


@dataclass(frozen=True)
class Settings:
    """How test samples are predicted."""

    flips: bool = True
    """Whether the prediction is the mean over the sample and its mirror image."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the stage's arguments."""
    parser.add_argument("samples", type=Path, nargs="*", help="pictures, or folders of series, to predict and print")
    parser.add_argument("--settings", default="{}", help="the stage's settings, as JSON")
    parser.add_argument("--model", type=Path, required=True, help="folder of a trained model: models/NAME/fold-K")
    parser.add_argument("--arrays", type=Path, nargs="*", default=[], help="the test split's shards (.npy)")
    parser.add_argument("--out", type=Path, help="the CSV to write")
    parser.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto", help="what to compute on")


def run(args: argparse.Namespace) -> None:
    """Predict shards into a CSV, or samples onto the screen."""
    settings = parse(Settings, args.settings)
    if bool(args.samples) == bool(args.arrays):
        raise CatscanError(
            "Name either the samples to predict or the shards.",
            found=f"{len(args.samples)} samples, {len(args.arrays)} shards",
            do="`catscan predict --model FOLDER picture.jpg`, or `--arrays ... --out predictions.csv`.",
        )
    if args.arrays and args.out is None:
        raise CatscanError("`--out` is missing: the CSV to write.", do="`--out predictions.csv`")
    model = read_model(args.model)
    with one_device(args.device, visible_gpus()) as gpu:
        if args.arrays:
            shards = Shards(args.arrays)
            found = predict_shards(args.model, model, shards, flips=settings.flips, gpu=gpu)
            write_predictions(args.out, shards.sample_ids, found, model.classes)
        else:
            table = predict_files(args.model, model, args.samples, flips=settings.flips, gpu=gpu)
            sys.stdout.write(table.to_string(index=False, float_format="{:.4f}".format) + "\n")


def predict_shards(folder: Path, model: Model, shards: Shards, *, flips: bool, gpu: bool) -> NDArray[np.float32]:
    """(samples, classes), the probabilities of each sample of ``shards``.

    Raises
    ------
    CatscanError
        When the shards' samples have another shape than the model's.
    """
    if shards.sample_shape != model.sample_shape:
        raise CatscanError(
            "The shards do not fit the model.",
            where=str(folder),
            found=f"samples of {shards.sample_shape}, the model was trained on {model.sample_shape}",
            do="Train again with these `preprocess` settings.",
        )
    from catscan.networks.predictor import open_predictor

    predictor = open_predictor(folder, model, gpu=gpu)
    return predictor.predict(shards.take, np.arange(len(shards)), flips=flips)


def predict_files(folder: Path, model: Model, paths: Sequence[Path], *, flips: bool, gpu: bool) -> pd.DataFrame:
    """One row a picture or series, read with the settings that the model was trained with.

    Raises
    ------
    CatscanError
        For a path that is not there or cannot be read as such a sample.
    """
    samples = np.stack([_read(model, path) for path in paths])
    from catscan.networks.predictor import open_predictor

    predictor = open_predictor(folder, model, gpu=gpu)
    found = predictor.predict(lambda rows: samples[rows], np.arange(len(samples)), flips=flips)
    return table_of([str(path) for path in paths], found, model.classes)


def _read(model: Model, path: Path) -> NDArray[np.uint8]:
    from catscan.kinds.registry import kind_named

    kind = kind_named(model.kind)
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
    try:
        with closing(RawFiles(path.parent)) as raw, closing(kind.open_reader(model.reader, raw)) as reader:
            reading = reader.read(Sample(sample_id=path.name, archive="", path=path.name))
    except BadSample as error:
        raise CatscanError("This sample cannot be used.", where=str(path), found=error.reason) from error
    for remark in reading.odd:
        say(f"{path}: {remark}")
    return reading.array
