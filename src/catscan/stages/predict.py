"""Predict the class probabilities of the test samples, or of pictures and series given by name.

In: a network's folder and the test split's shards. Out: a CSV of `sample_id` and one probability column a class (of a
regression one column of amounts), in index order. Settings: none; the network's `model.json` says how it predicts.
Without shards: pictures, or folders of series, as arguments; their probabilities are printed, or written as such a CSV,
and what is odd about them (several series in one folder, missing slices) is told on the error stream.
With the folder of all models of a competition its networks are blended and calibrated as the submission is; of amounts
the `lowest` and the `highest` of the networks stand beside.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.arrays import open_samples
from catscan.common.contracts.features import FeaturesSource
from catscan.common.contracts.model import Model
from catscan.common.errors import OFFENDERS_SHOWN, BadSample, CatscanError, listed
from catscan.common.files import spelt_out
from catscan.common.progress import say
from catscan.common.settings import canonical
from catscan.common.words import number_of
from catscan.kinds.registry import Kind, kind_named
from catscan.kinds.samples import Sample
from catscan.networks.device import DEVICES, one_device, visible_gpus
from catscan.networks.evaluated import holds_models, read_evaluated
from catscan.networks.model import read_model
from catscan.networks.pretrained.own import side_of
from catscan.networks.session import Compute
from catscan.raw.files import RawFiles
from catscan.raw.walk import is_ordinary
from catscan.scores.predictions import Floats, as_read, table_of, write_predictions
from catscan.scores.told import Told, told_by

Take = Callable[[NDArray[np.integer[Any]]], NDArray[Any]]


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
    with one_device(args.device, visible_gpus()) as gpu:
        samples = OfShards(args.arrays) if args.arrays else OfFiles(args.samples, gpu=gpu)
        columns, found = networks.answers(samples, gpu=gpu)
    if args.samples and networks.combined is None:
        say(f"{args.model} is one network, uncalibrated; results/COMPETITION/models answers as the submission does")
    if args.out:
        write_predictions(args.out, samples.ids, found, columns)
    else:
        table = table_of(samples.ids, found, columns)
        sys.stdout.write(table.to_string(index=False, float_format="{:.4f}".format) + "\n")


@dataclass(frozen=True)
class Networks:
    """The networks that answer.

    Attributes
    ----------
    described
        By its folder, what each of them is; they all have the same classes.
    folders
        By the name of the model, the folder of each of its folds.
    combined
        How one answer is made of all of theirs; None for one network, whose answer stays as it is.
    """

    described: dict[Path, Model]
    folders: dict[str, list[Path]]
    combined: Told | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the columns."""
        return next(iter(self.described.values())).classes

    def answers(self, samples: OfShards | OfFiles, *, gpu: bool) -> tuple[list[str], Floats]:
        """The names of the columns, and (n, columns) the answers for ``samples``."""
        by_model = {
            name: [predicted(folder, self.described[folder], samples, gpu=gpu) for folder in folders]
            for name, folders in self.folders.items()
        }
        if self.combined is None:
            ((only,),) = by_model.values()
            return list(self.classes), only
        given = {name: [as_read(one) for one in folds] for name, folds in by_model.items()}
        spread = self.combined.spread(given)
        return [*self.classes, *spread], np.column_stack([self.combined.tell(given), *spread.values()])


def read_networks(folder: Path) -> Networks:
    """The one network of ``folder``; of the folder of all models of a competition those that were evaluated.

    Raises
    ------
    CatscanError
        When there is none, or `read_evaluated` refuses them.
    """
    if not holds_models(folder):
        return Networks({folder: read_model(folder)}, {"": [folder]})
    evaluated = read_evaluated(folder)
    for path in evaluated.left_out:
        say(f"{path} is left out: the evaluation does not speak of it")
    return Networks(evaluated.described, evaluated.folders, told_by(evaluated.metrics, evaluated.summary))


def predicted(folder: Path, model: Model, samples: OfShards | OfFiles, *, gpu: bool) -> NDArray[np.float32]:
    """(n, classes), what the network of ``folder`` says."""
    from catscan.networks.predictor import open_predictor

    take = samples.seen_by(model)
    predictor = open_predictor(folder, model, gpu=gpu)
    try:
        return predictor.predict(take, np.arange(len(samples.ids)), flips=model.flips)
    finally:
        predictor.close()


class OfShards:
    """The samples of shards, of arrays or of features; `ids` are theirs."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._samples = open_samples(paths)
        self.ids = self._samples.sample_ids

    def seen_by(self, model: Model) -> Take:
        """What gives the samples to a network.

        Raises
        ------
        CatscanError
            When they have another shape than the model's, or are features of other networks.
        """
        samples = self._samples
        if (samples.sample_shape, samples.sources) != (model.sample_shape, model.features):
            raise CatscanError(
                "The shards do not fit the model.",
                where=str(self._paths[0]),
                found=f"{_described(samples.sample_shape, samples.sources)}, the model was trained on "
                f"{_described(model.sample_shape, model.features)}",
                do="Train again with these settings.",
            )
        return samples.take


def _described(shape: tuple[int, ...], sources: Sequence[FeaturesSource]) -> str:
    of = listed([f"{source.network} {source.weights_sha256[:8]} {source.precision}" for source in sources])
    return f"features of {of}" if sources else f"samples of {shape}"


class OfFiles:
    """Pictures or series given by name, read as each network wants them; `ids` are their names."""

    def __init__(self, paths: Sequence[Path], *, gpu: bool) -> None:
        self._paths, self._gpu = paths, gpu
        self.ids = [str(path) for path in paths]
        self._read: dict[str, NDArray[Any]] = {}

    def seen_by(self, model: Model) -> Take:
        """What gives the samples to a network, read with the settings that it was trained on.

        Raises
        ------
        CatscanError
            For paths that are not there or cannot be read as such samples; all of them are named.
        """
        key = canonical([model.kind, model.reader, [asdict(source) for source in model.features]])
        if key not in self._read:
            kind = kind_named(model.kind)
            read = partial(read_named, kind, paths=self._paths)
            self._read[key] = self._features(model, read) if model.features else read(model.reader)
        samples = self._read[key]
        return lambda rows: samples[rows]

    def _features(self, model: Model, read: Callable[[dict[str, Any]], NDArray[np.uint8]]) -> NDArray[np.float32]:
        from catscan.networks.pretrained.extractor import features_of_samples, open_extractor

        found = []
        for source in model.features:
            samples = read(kind_named(model.kind).block_seen_at(model.reader, side_of(source)))
            with closing(open_extractor(source, Compute(model.threads, source.precision, self._gpu))) as extractor:
                found.append(features_of_samples(extractor, samples))
        return np.concatenate(found, axis=-1)


def read_named(kind: Kind, block: dict[str, Any], paths: Sequence[Path]) -> NDArray[np.uint8]:
    """The arrays of samples given by name, (n, *shape).

    Raises
    ------
    CatscanError
        For paths that are not there or cannot be read as such samples; all of them are named.
    """
    for path in paths:
        _check_named(kind, path)
    arrays, bad = [], dict[Path, str]()
    for path in paths:
        try:
            arrays.append(_read(kind, block, path))
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
    return np.stack(arrays)


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


def _read(kind: Kind, block: dict[str, Any], path: Path) -> NDArray[np.uint8]:
    at = spelt_out(path)
    with closing(RawFiles(at.parent)) as raw, closing(kind.open_reader(block, raw)) as reader:
        reading = reader.read(Sample(sample_id=at.name, archive="", path=at.name))
    for remark in reading.odd:
        say(f"{path}: {remark}")
    return reading.array
