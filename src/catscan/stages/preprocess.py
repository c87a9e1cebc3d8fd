"""Turn the pictures or scans of one shard into one uint8 array.

In: the raw files and the index. Out: `arrays/<split>-<i>-of-<n>.npy`, uint8, (samples, height, width, channels) or
(samples, depth, height, width, channels), and beside it the sidecar `.json`: `ids` (one a row), `bad` (samples that
cannot be read have no row, but a reason), `odd` (readable, but worth telling), `settings`, `geometry`.
The settings are `data.kind`, its reader's block of `preprocess`, `on_bad` and `tolerated_share`.
"""

from __future__ import annotations

import argparse
import csv
import glob
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from catscan.common import settings as stage_settings
from catscan.common.arrays import write_array
from catscan.common.contracts.sidecar import Bad, Odd, ReadAs, Sidecar
from catscan.common.errors import OFFENDERS_SHOWN, BadSample, CatscanError
from catscan.common.files import PARTIAL, whole
from catscan.common.keys import between, one_of
from catscan.common.progress import progress, say
from catscan.kinds.quiet import native_remarks_discarded
from catscan.kinds.registry import kind_named
from catscan.kinds.samples import Reader, Reading, Sample
from catscan.raw.files import RawFiles

COLUMNS = ("sample_id", "split", "shard", "archive", "path")
SAMPLES_A_TASK = 16  # handing one sample at a time to a thread costs a tenth of reading a small picture
ROWS_AT_ONCE = 256
BAD_LINES = 20


@dataclass(frozen=True, kw_only=True)
class BadSamples:
    """What becomes of samples that cannot be read."""

    on_bad: Annotated[str, one_of("fail", "skip")] = "fail"
    """Whether samples that cannot be read stop the run when they are more than `tolerated_share`, or never. They are
    listed either way, and a test sample among them gets the training prior."""

    tolerated_share: Annotated[float, between(0, 1)] = 0.01
    """With `on_bad: fail`: the share of a shard's samples that may be bad."""


@dataclass(frozen=True, kw_only=True)
class Settings(BadSamples):
    """What the stage reads from the config."""

    kind: str
    """`data.kind`."""

    reader: dict[str, Any]
    """The block of `preprocess` that belongs to the kind."""


@dataclass(frozen=True)
class Outcome:
    """What became of one sample: an empty reason means that its row is written."""

    sample_id: str
    reason: str = ""
    odd: tuple[str, ...] = ()
    geometry: dict[str, Any] | None = None


def register(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--settings", required=True, help="the stage's settings, as JSON")
    parser.add_argument("--raw", required=True, type=Path, help="folder of the raw files")
    parser.add_argument("--index", required=True, type=Path, help="index.csv")
    parser.add_argument("--split", required=True, choices=("train", "test"))
    parser.add_argument("--shard", required=True, type=int, help="number of the shard in the index, from 1")
    parser.add_argument("--array", required=True, type=Path, help="the .npy to write; its sidecar .json lies beside it")
    parser.add_argument("--threads", type=int, default=1)


def run(args: argparse.Namespace) -> None:
    """Read the shard's samples in threads, write their array and its sidecar."""
    settings = stage_settings.parse(Settings, args.settings)
    samples = shard_samples(args.index, split=args.split, shard=args.shard)
    _one_thread_a_call()
    sweep_own(args.array)
    with (
        closing(RawFiles(args.raw)) as raw,
        closing(kind_named(settings.kind).open_reader(settings.reader, raw)) as reader,
        native_remarks_discarded(),
        whole(args.array) as partial,
    ):
        outcomes = write_rows(partial, reader, samples, threads=args.threads)
        refuse_too_many(outcomes, settings, where=f"{args.split} shard {args.shard} of {args.index}")
    sidecar(outcomes, settings).write(args.array.with_suffix(".json"))
    tell(outcomes, args.array)


def _one_thread_a_call() -> None:
    """The stage runs its own threads; OpenCV's only get in their way."""
    import cv2

    cv2.setNumThreads(1)


def shard_samples(index: Path, *, split: str, shard: int) -> list[Sample]:
    """The samples of one shard, in index order.

    Raises
    ------
    CatscanError
        When the index is missing, or lacks a column.
    """
    # Not by pandas: its import alone takes as long as reading 1,000 pictures, in every job.
    try:
        with index.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
            if missing:
                raise CatscanError(f"The index lacks the column {missing[0]!r}.", where=str(index), do="Make it again.")
            return [
                Sample(row["sample_id"], row["archive"], row["path"])
                for row in rows
                if row["split"] == split and row["shard"] == str(shard)
            ]
    except FileNotFoundError as error:
        raise CatscanError("The index is missing.", where=str(index), do="Run the index stage.") from error


def sweep_own(array: Path) -> None:
    """Remove what a killed run of this very shard left; other shards are being written beside it."""
    for leftover in array.parent.glob(f"*.{glob.escape(array.stem)}.*{PARTIAL}"):
        leftover.unlink(missing_ok=True)


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


def new_array(path: Path, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """A new uint8 array on disk, by memory map, with its space reserved.

    Without that, a full disk would end the process by a signal at the first write, with no word to the user.
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


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


def read_one(read: Callable[[Sample], Reading], sample: Sample, row: NDArray[np.uint8]) -> Outcome:
    """Read one sample into its row, or tell why it cannot be."""
    try:
        reading = read(sample)
    except BadSample as error:
        return Outcome(sample.sample_id, reason=error.reason)
    except Exception as error:
        error.add_note(f"while reading the sample {sample.sample_id!r} ({sample.archive} {sample.path})")
        raise
    row[...] = reading.array
    return Outcome(sample.sample_id, odd=reading.odd, geometry=reading.geometry)


def refuse_too_many(outcomes: Sequence[Outcome], settings: Settings, *, where: str) -> None:
    """Raise when more samples are bad than `on_bad: fail` tolerates.

    Raises
    ------
    CatscanError
        Naming the first of them and the way out.
    """
    bad = [outcome for outcome in outcomes if outcome.reason]
    if settings.on_bad == "skip" or len(bad) <= settings.tolerated_share * len(outcomes):
        return
    shown = [f"{outcome.sample_id}: {outcome.reason}" for outcome in bad[:OFFENDERS_SHOWN]]
    if len(bad) > OFFENDERS_SHOWN:
        shown.append(f"and {len(bad) - OFFENDERS_SHOWN:,} more")
    raise CatscanError(
        f"{len(bad):,} of {len(outcomes):,} samples cannot be read, more than the "
        f"{100 * settings.tolerated_share:.4g} % that `on_bad: fail` tolerates.",
        where=where,
        found="\n".join(shown),
        do="Fetch these files again, raise `preprocess.tolerated_share`, or set `preprocess.on_bad: skip` to go on "
        "without them.",
    )


def sidecar(outcomes: Sequence[Outcome], settings: Settings) -> Sidecar:
    """What the file beside the array tells."""
    return Sidecar(
        ids=tuple(outcome.sample_id for outcome in outcomes if not outcome.reason),
        bad=tuple(Bad(outcome.sample_id, outcome.reason) for outcome in outcomes if outcome.reason),
        odd=tuple(Odd(outcome.sample_id, outcome.odd) for outcome in outcomes if outcome.odd),
        settings=ReadAs(settings.kind, settings.reader),
        geometry={outcome.sample_id: outcome.geometry for outcome in outcomes if outcome.geometry},
    )


def tell(outcomes: Sequence[Outcome], array: Path) -> None:
    """The last lines of the log: how many were read, and which were not."""
    bad = [outcome for outcome in outcomes if outcome.reason]
    odd = sum(bool(outcome.odd) for outcome in outcomes)
    say(f"{len(outcomes) - len(bad):,} of {len(outcomes):,} samples read, {odd:,} of them odd")
    for outcome in bad[:BAD_LINES]:
        say(f"bad sample {outcome.sample_id}: {outcome.reason}")
    if len(bad) > BAD_LINES:
        say(f"and {len(bad) - BAD_LINES:,} more bad samples in {array.with_suffix('.json').name}")
