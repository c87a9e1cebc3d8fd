"""Turn the pictures or scans of one shard into one uint8 array.

In: the raw files and the index. Out: `arrays/<split>-<i>-of-<n>.npy`, uint8, (samples, height, width, channels) or
(samples, depth, height, width, channels), and beside it the sidecar `.json`: `ids` (one a row), `bad` (samples that
cannot be read have no row, but a reason), `odd` (readable, but worth telling), `settings`, `geometry`.
The settings are `data.kind` and its reader's block of `preprocess`; which bad samples are tolerated changes no byte.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common import settings as stage_settings
from catscan.common.arrays import new_array, write_array
from catscan.common.contracts.sidecar import ReadAs, Sidecar
from catscan.common.files import whole
from catscan.common.progress import progress
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
from catscan.raw.files import RawFiles
from catscan.raw.packed import unpacked

SAMPLES_A_TASK = 16  # handing one sample at a time to a thread costs a tenth of reading a small picture
ROWS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the stage reads from the config."""

    kind: str
    """`data.kind`."""

    reader: dict[str, Any]
    """The block of `preprocess` that belongs to the kind."""


def register(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_flags(parser)
    parser.add_argument("--threads", type=int, default=1)


def run(args: argparse.Namespace) -> None:
    """Read the shard's samples in threads, write their array and its sidecar."""
    settings = stage_settings.parse(Settings, args.settings)
    tolerated = stage_settings.parse(BadSamples, args.bad_samples)
    samples = shard_samples(args.index, split=args.split, shard=args.shard)
    one_thread_a_call()
    with (
        closing(RawFiles(unpacked(args.raw))) as raw,
        closing(kind_named(settings.kind).open_reader(settings.reader, raw)) as reader,
        native_remarks_discarded(),
        whole(args.array) as partial,
    ):
        outcomes = write_rows(partial, reader, samples, threads=args.threads)
        refuse_too_many(outcomes, tolerated, where=f"{args.split} shard {args.shard} of {args.index}")
    sidecar(outcomes, settings).write(args.array.with_suffix(".json"))
    tell(outcomes, args.array)


def write_rows(path: Path, reader: Reader, samples: Sequence[Sample], *, threads: int) -> list[Outcome]:
    """Write the array of all readable samples to ``path``; the bytes do not depend on ``threads``.

    Returns
    -------
    list of Outcome
        One a sample, in the order of ``samples``; those without a reason are the rows of the array.
    """
    shape = (len(samples), *reader.shape)
    if not samples:
        write_array(path, np.empty(shape, np.uint8))
        return []
    array = new_array(path, shape)
    outcomes = list(progress(read_all(reader, samples, array, threads=threads), total=len(samples), what="samples"))
    good = np.array([number for number, outcome in enumerate(outcomes) if not outcome.reason], np.intp)
    if len(good) < len(samples):
        keep_rows(path, array, good)
    else:
        array.flush()
    return outcomes


def keep_rows(path: Path, array: NDArray[np.uint8], rows: NDArray[np.intp]) -> None:
    """Replace the file of ``array`` by one that holds only ``rows``."""
    if not len(rows):
        write_array(path, np.empty((0, *array.shape[1:]), np.uint8))
        return
    with whole(path) as partial:
        kept = new_array(partial, (len(rows), *array.shape[1:]))
        for start in range(0, len(rows), ROWS_AT_ONCE):
            kept[start : start + ROWS_AT_ONCE] = array[rows[start : start + ROWS_AT_ONCE]]
        kept.flush()


def read_all(reader: Reader, samples: Sequence[Sample], array: NDArray[np.uint8], *, threads: int) -> Iterator[Outcome]:
    """Read sample i into row i of ``array``, several at once; yield what became of each, in order."""
    a_task = max(1, min(SAMPLES_A_TASK, len(samples) // (4 * threads)))

    def read_some(start: int) -> list[Outcome]:
        rows = range(start, min(start + a_task, len(samples)))
        return [read_one(reader.read, samples[row], array[row]) for row in rows]

    with ThreadPoolExecutor(threads) as pool:
        for outcomes in pool.map(read_some, range(0, len(samples), a_task)):
            yield from outcomes


def sidecar(outcomes: Sequence[Outcome], settings: Settings) -> Sidecar:
    """What the file beside the array tells."""
    return Sidecar(
        **of_sidecar(outcomes),
        settings=ReadAs(settings.kind, settings.reader),
        geometry={outcome.sample_id: outcome.geometry for outcome in outcomes if outcome.geometry},
    )
