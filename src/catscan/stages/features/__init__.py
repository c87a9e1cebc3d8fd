"""Look at the samples of one shard with a pretrained network, once, and keep what it says of each.

In: the raw files and the index. Out: `features/<network>/<split>-<i>-of-<n>.npy`, float32, (samples, slices, features),
of a picture one slice, each the mean over the slice and its mirror image; and beside it the sidecar `.json`: `ids`,
`bad` and `odd` as beside the arrays, and which weights looked. The samples are read at the network's own size.
Beside them, undeclared: `.parts/` while it runs, from which a stopped job goes on.
Settings: `network`, its `weights`, `kind`, `reader` (its block), `precision`, `threads`.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.arrays import new_array
from catscan.common.contracts.features import FeaturesSidecar, FeaturesSource
from catscan.common.contracts.sidecar import ReadAs
from catscan.common.errors import CatscanError
from catscan.common.files import alone_in, whole
from catscan.common.progress import progress, say
from catscan.common.settings import canonical, parse
from catscan.common.words import number_of
from catscan.kinds.quiet import native_remarks_discarded
from catscan.kinds.registry import kind_named
from catscan.kinds.samples import Reader, Sample
from catscan.kinds.shard import (
    BadSamples,
    Outcome,
    add_flags,
    of_sidecar,
    one_thread_a_call,
    read_one,
    refuse_too_many,
    shard_samples,
    tell,
)
from catscan.networks.computing import Computing
from catscan.networks.device import DEVICES, one_device, visible_gpus
from catscan.networks.pretrained.own import digest_of
from catscan.networks.pretrained.registry import FEATURES, slices_of
from catscan.networks.session import Compute, device_name, resolve_precision
from catscan.raw.files import RawFiles
from catscan.raw.packed import unpacked
from catscan.stages.features.parts import Part, Parts

SLICES_A_BATCH = 128  # read before the network looks at them, while it looks at those before
BATCHES_AHEAD = 2
BATCHES_A_PART = 4
READERS = 2  # threads that read; a picture is read in a tenth of the time that the network looks at it


@dataclass(frozen=True, kw_only=True)
class Settings(Computing):
    """What the stage reads from the config."""

    network: str
    """One of `networks.pretrained.registry`, or the name of a user's own weights."""

    weights: str = ""
    """The SHA-256 of its weights; "" of a user's own."""

    architecture: str = ""
    """Of a user's own weights, given by `--weights`, the network that they belong to."""

    kind: str
    """`data.kind`."""

    reader: dict[str, Any]
    """The block of `preprocess` that belongs to the kind, at the network's own size."""


def register(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_flags(parser)
    parser.add_argument("--weights", type=Path, nargs="*", default=[], help="the file of a user's own weights")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="what to compute on")


def run(args: argparse.Namespace) -> None:
    """Read the shard's samples, let the network look at them, write its features and their sidecar."""
    settings = parse(Settings, args.settings)
    tolerated = parse(BadSamples, args.bad_samples)
    samples = shard_samples(args.index, split=args.split, shard=args.shard)
    one_thread_a_call()
    with one_device(args.device, visible_gpus()) as gpu:
        compute = Compute(settings.threads, resolve_precision(settings.precision, gpu=gpu), gpu)
        parts_folder = args.array.with_name(f".{args.array.stem}.parts")
        with alone_in(parts_folder):
            with closing(RawFiles(unpacked(args.raw))) as raw, closing(_reader(settings, raw)) as reader:
                source = _source(settings, args.weights, side=reader.shape[-2], precision=compute.precision)
                identity = canonical([args.settings, vars(source), [vars(sample) for sample in samples]])
                parts = Parts(parts_folder, identity)
                parts.drop_from_damaged()
                look(samples, reader, parts, source, compute)
            outcomes = [outcome for part in parts for outcome in part.outcomes]
            refuse_too_many(outcomes, tolerated, where=f"{args.split} shard {args.shard} of {args.index}")
            write_features(args.array, parts, slices_of(reader.shape))
            read_as = ReadAs(settings.kind, settings.reader)
            FeaturesSidecar(**of_sidecar(outcomes), settings=read_as, source=source).write(
                args.array.with_suffix(".json")
            )
            parts.remove()
    tell(outcomes, args.array)


def _source(settings: Settings, files: Sequence[Path], *, side: int, precision: str) -> FeaturesSource:
    """What makes the features: a network of the packages, or one with weights of the user's own."""
    if not settings.architecture:
        return FeaturesSource(settings.network, settings.weights, precision)
    if len(files) != 1:
        raise CatscanError("A user's own weights are one file.", where="--weights", found=f"{len(files)} files")
    (file,) = files
    return FeaturesSource(settings.network, digest_of(file), precision, settings.architecture, str(file), side)


def _reader(settings: Settings, raw: RawFiles) -> Reader:
    return kind_named(settings.kind).open_reader(settings.reader, raw)


def look(samples: Sequence[Sample], reader: Reader, parts: Parts, source: FeaturesSource, compute: Compute) -> None:
    """Add the parts that are not done yet."""
    a_batch = max(1, SLICES_A_BATCH // slices_of(reader.shape))
    a_part = a_batch * BATCHES_A_PART
    left = samples[len(parts) * a_part :]
    if not left:
        return
    from catscan.networks.pretrained.extractor import features_of_samples, open_extractor

    if len(left) < len(samples):
        say(f"going on after {len(samples) - len(left):,} of {len(samples):,} samples")
    say(
        f"{source.network}, {device_name(gpu=compute.gpu)}, {compute.precision}, {number_of(compute.threads, 'thread')}"
    )
    with closing(open_extractor(source, compute)) as extractor, native_remarks_discarded():
        outcomes, features = list[Outcome](), list[NDArray[np.float32]]()
        for batch in _shown(read_ahead(left, reader, a_batch), len(left)):
            outcomes += batch.outcomes
            features.append(features_of_samples(extractor, batch.arrays))
            if len(outcomes) % a_part == 0 or len(outcomes) + len(parts) * a_part == len(samples):
                parts.save(Part(outcomes, np.concatenate(features)))
                outcomes, features = [], []


@dataclass(frozen=True)
class Batch:
    """Some samples in a row, read: what became of each, and those that could be read, (n, *shape) uint8."""

    outcomes: list[Outcome]
    arrays: NDArray[np.uint8]


def read_ahead(samples: Sequence[Sample], reader: Reader, a_batch: int) -> Iterator[Batch]:
    """The samples in batches, of which a few are being read while one is looked at; no more are ever in memory."""

    def read_batch(start: int) -> Batch:
        some = samples[start : start + a_batch]
        arrays = np.empty((len(some), *reader.shape), np.uint8)
        outcomes = [read_one(reader.read, sample, row) for sample, row in zip(some, arrays, strict=True)]
        return Batch(outcomes, arrays[[not outcome.reason for outcome in outcomes]])

    with ThreadPoolExecutor(READERS) as pool:
        waiting = deque[Future[Batch]]()
        for start in range(0, len(samples), a_batch):
            waiting.append(pool.submit(read_batch, start))
            if len(waiting) > BATCHES_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _shown(batches: Iterator[Batch], n: int) -> Iterator[Batch]:
    """The batches, with the progress shown in samples."""
    passed = (one for batch in batches for one in [batch, *[None] * (len(batch.outcomes) - 1)])
    return (one for one in progress(passed, total=n, what="samples") if one is not None)


def write_features(path: Path, parts: Parts, slices: int) -> None:
    """Write the features of all parts into one array, whole or not at all."""
    n, width = sum(len(part.features) for part in parts), next((part.features.shape[-1] for part in parts), FEATURES)
    with whole(path) as partial:
        array = new_array(partial, (n, slices, width), np.float32)
        start = 0
        for part in parts:
            array[start : start + len(part.features)] = part.features
            start += len(part.features)
        array.flush()
