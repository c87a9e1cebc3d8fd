"""Reading the samples of one shard, for whatever stage looks at them, and what becomes of those that cannot be read."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.sidecar import Bad, Odd
from catscan.common.errors import OFFENDERS_SHOWN, BadSample, CatscanError
from catscan.common.keys import between, one_of
from catscan.common.progress import say
from catscan.common.tables import read_rows
from catscan.kinds.samples import Reading, Sample

COLUMNS = ("sample_id", "archive", "path", "split", "shard")
ODD_SHOWN = 3
BAD_LINES = 20


@dataclass(frozen=True, kw_only=True)
class BadSamples:
    """What becomes of samples that cannot be read."""

    on_bad: Annotated[str, one_of("fail", "skip")] = "fail"
    """Whether samples that cannot be read stop the run when they are more than `tolerated_share`, or never. They are
    listed either way, and a test sample among them gets the training prior."""

    tolerated_share: Annotated[float, between(0, 1)] = 0.01
    """With `on_bad: fail`: the share of a shard's samples that may be bad."""

    def are_too_many(self, bad: int, samples: int) -> bool:
        """Whether a shard with so many bad ones among its samples stops the run."""
        return self.on_bad == "fail" and bad > self.tolerated_share * samples


@dataclass(frozen=True)
class Outcome:
    """What became of one sample: an empty reason means that its row is written."""

    sample_id: str
    reason: str = ""
    odd: tuple[str, ...] = ()
    geometry: dict[str, Any] | None = None


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags that name a shard and what is written of it."""
    parser.add_argument("--settings", required=True, help="the stage's settings, as JSON")
    parser.add_argument("--raw", required=True, type=Path, help="folder of the raw files")
    parser.add_argument("--index", required=True, type=Path, help="index.csv")
    parser.add_argument("--split", required=True, choices=("train", "test"))
    parser.add_argument("--shard", required=True, type=int, help="number of the shard in the index, from 1")
    parser.add_argument("--bad-samples", default="{}", help="which bad samples are tolerated, as JSON")
    parser.add_argument("--array", required=True, type=Path, help="the .npy to write; its sidecar .json lies beside it")


def one_thread_a_call() -> None:
    """Keep OpenCV from threads of its own: the stage runs several, and they only get in their way."""
    import cv2

    cv2.setNumThreads(1)


def shard_samples(index: Path, *, split: str, shard: int) -> list[Sample]:
    """The samples of one shard, in index order.

    Raises
    ------
    CatscanError
        When the index is missing, cut off, lacks a column, or is no table.
    """
    if not index.exists():
        raise CatscanError("The index is missing.", where=str(index), do="Run the index stage.")
    if not _ends_a_line(index):
        raise CatscanError("The index is cut off.", where=str(index), do="Delete it and run again.")
    rows = read_rows(index, COLUMNS)
    return [Sample(*sample) for *sample, of_split, of_shard in rows if (of_split, of_shard) == (split, str(shard))]


def _ends_a_line(path: Path) -> bool:
    """Whether the last byte of a file is the end of a line, as what is not cut off has it."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1))
        return file.read() == b"\n"


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


def refuse_too_many(outcomes: Sequence[Outcome], tolerated: BadSamples, *, where: str) -> None:
    """Raise when more samples are bad than `on_bad: fail` tolerates.

    Raises
    ------
    CatscanError
        Naming the first of them and the way out.
    """
    bad = [outcome for outcome in outcomes if outcome.reason]
    if not tolerated.are_too_many(len(bad), len(outcomes)):
        return
    shown = [f"{outcome.sample_id}: {outcome.reason}" for outcome in bad[:OFFENDERS_SHOWN]]
    if len(bad) > OFFENDERS_SHOWN:
        shown.append(f"and {len(bad) - OFFENDERS_SHOWN:,} more")
    raise CatscanError(
        f"{len(bad):,} of {len(outcomes):,} samples cannot be read, more than the "
        f"{100 * tolerated.tolerated_share:.4g} % that `on_bad: fail` tolerates.",
        where=where,
        found="\n".join(shown),
        do="Fetch these files again, raise `preprocess.tolerated_share`, or set `preprocess.on_bad: skip` to go on "
        "without them.",
    )


def of_sidecar(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What every sidecar tells of them: {ids, bad, odd}."""
    return {
        "ids": tuple(outcome.sample_id for outcome in outcomes if not outcome.reason),
        "bad": tuple(Bad(outcome.sample_id, outcome.reason) for outcome in outcomes if outcome.reason),
        "odd": tuple(Odd(outcome.sample_id, outcome.odd) for outcome in outcomes if outcome.odd),
    }


def odd_told(odd: Sequence[Outcome]) -> str:
    """What is out of the ordinary, the most frequent first: ", 2 of them odd (is a PNG named .jpg: 1; ...)"."""
    counts = Counter(remark.split(";")[0] for outcome in odd for remark in outcome.odd)
    shown = "; ".join(f"{what}: {count:,}" for what, count in counts.most_common(ODD_SHOWN))
    more = "" if len(counts) <= ODD_SHOWN else f"; and {len(counts) - ODD_SHOWN} other kinds"
    return f", {len(odd):,} of them odd" + (f" ({shown}{more})" if odd else "")


def tell(outcomes: Sequence[Outcome], array: Path) -> None:
    """The last lines of the log: how many were read, and which were not."""
    bad = [outcome for outcome in outcomes if outcome.reason]
    odd = [outcome for outcome in outcomes if outcome.odd]
    say(f"{len(outcomes) - len(bad):,} of {len(outcomes):,} samples read{odd_told(odd)}")
    for outcome in bad[:BAD_LINES]:
        say(f"bad sample {outcome.sample_id}: {outcome.reason}")
    if len(bad) > BAD_LINES:
        say(f"and {len(bad) - BAD_LINES:,} more bad samples in {array.with_suffix('.json').name}")
