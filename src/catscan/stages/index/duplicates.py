"""Near-duplicate pictures, by a perceptual hash that is then checked on the pixels.

Two pictures are near-duplicates when their difference hashes (dHash, 64 bits: whether each pixel of a 9 x 8 gray
thumbnail is brighter than its right neighbour) differ in at most 3 bits, and their 64 x 64 gray thumbnails by less
than 12 grey levels on average. Among the 25,000 training pictures of Dogs vs. Cats these bounds find 36 pairs, all of
them right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import BadSample
from catscan.common.progress import progress
from catscan.kinds.quiet import native_remarks_discarded
from catscan.kinds.samples import Reader, Sample
from catscan.stages.index.connected import Pair, first_connected

MOST_BITS = 3
MOST_DIFFERENCE = 12.0  # grey levels
HASH_ROWS, HASH_COLUMNS = 8, 9
HASHES_AT_ONCE = 64  # rows of the table of all pairs that are in memory at a time
SAMPLES_A_TASK = 16  # handing one at a time to a thread costs a quarter of reading it

Thumbnail = NDArray[np.uint8]


@dataclass(frozen=True)
class NearDuplicates:
    """Which of n samples look the same; a row is a sample's place in the list that was given.

    Attributes
    ----------
    groups
        (n,) integers: for each sample the first row of its group; its own row when nothing looks like it. Groups are
        closed: when a looks like b, and b like c, all three are one group. Unreadable samples are alone.
    pairs
        The pairs of rows (first, second), first < second, that look the same, sorted. Of several pictures that are
        the same to the pixel, each is paired only with the first.
    """

    groups: NDArray[np.intp]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Fingerprint:
    """What one picture is compared by: ``bits`` by likeness (a dHash), ``digest`` for being the same to the pixel."""

    bits: int
    digest: bytes


def near_duplicates(thumbnails: Reader, samples: Sequence[Sample], threads: int) -> NearDuplicates:
    """Find the near-duplicates among ``samples``: training and test pictures together.

    Parameters
    ----------
    thumbnails
        Reads a sample as (64, 64, 1).
    """
    import cv2

    cv2.setNumThreads(1)

    def thumbnail(row: int) -> Thumbnail:
        return thumbnails.read(samples[row]).array[..., 0]

    def some(start: int) -> list[Fingerprint | None]:
        rows = range(start, min(start + SAMPLES_A_TASK, len(samples)))
        return [fingerprint_if_readable(thumbnail, row) for row in rows]

    with native_remarks_discarded(), ThreadPoolExecutor(threads) as pool:
        found = chain.from_iterable(pool.map(some, range(0, len(samples), SAMPLES_A_TASK)))
        prints = list(progress(found, total=len(samples), what="pictures compared"))
        pairs = pairs_of(prints, thumbnail)
    return NearDuplicates(
        groups=first_connected(len(samples), pairs),
        pairs=tuple(pairs),
    )


def across_splits(groups: NDArray[np.intp], n_train: int) -> list[Pair]:
    """Each test picture whose like training has seen, after the first training picture of its group.

    Parameters
    ----------
    groups
        As in `NearDuplicates`; the first ``n_train`` rows are the training pictures.
    """
    return [(first, row) for row, first in enumerate(groups.tolist()) if first < n_train <= row]


def contradictions(pairs: Iterable[Pair], labels: Sequence[str]) -> list[Pair]:
    """The pairs that look the same and are labelled differently; an unlabelled sample ("") contradicts nothing."""
    return [
        (first, second)
        for first, second in pairs
        if labels[first] and labels[second] and labels[first] != labels[second]
    ]


def fingerprint_if_readable(thumbnail: Callable[[int], Thumbnail], row: int) -> Fingerprint | None:
    """The fingerprint of one picture; None when it cannot be read, of which the preprocess stage tells."""
    try:
        return fingerprint(thumbnail(row))
    except BadSample:
        return None


def fingerprint(thumbnail: Thumbnail) -> Fingerprint:
    """The fingerprint of a gray thumbnail, (64, 64) uint8.

    References
    ----------
    N. Krawetz, "Kind of Like That", 2013 (dHash).
    """
    import cv2

    small = cv2.resize(thumbnail, (HASH_COLUMNS, HASH_ROWS), interpolation=cv2.INTER_AREA)
    brighter = small[:, :-1] > small[:, 1:]
    bits = int.from_bytes(np.packbits(brighter).tobytes(), "big")
    return Fingerprint(bits, hashlib.sha256(thumbnail.tobytes()).digest())


def pairs_of(prints: Sequence[Fingerprint | None], thumbnail: Callable[[int], Thumbnail]) -> list[Pair]:
    """All pairs that look the same, sorted; ``thumbnail`` reads those again whose hashes are near."""
    firsts: dict[bytes, int] = {}
    pairs = []
    for row, print_ in enumerate(prints):
        if print_:
            first = firsts.setdefault(print_.digest, row)
            if first != row:
                pairs.append((first, row))
    rows = np.array(sorted(firsts.values()), np.intp)
    bits = np.array([print_.bits for print_ in map(prints.__getitem__, rows) if print_], np.uint64)
    near = [(int(rows[first]), int(rows[second])) for first, second in near_hashes(bits)]
    return sorted(pairs + [pair for pair in near if _difference(pair, thumbnail) < MOST_DIFFERENCE])


def near_hashes(bits: NDArray[np.uint64]) -> Iterator[Pair]:
    """The pairs (first < second) of 64-bit hashes that differ in at most 3 bits; every pair is looked at."""
    for start in range(0, len(bits), HASHES_AT_ONCE):
        block = bits[start : start + HASHES_AT_ONCE]
        differing = np.bitwise_count(block[:, None] ^ bits[None, start:])
        for first, second in np.argwhere(np.triu(differing <= MOST_BITS, k=1)):
            yield start + int(first), start + int(second)


def _difference(pair: Pair, thumbnail: Callable[[int], Thumbnail]) -> float:
    """Mean absolute difference of two thumbnails, grey levels."""
    first, second = (thumbnail(row).astype(np.int16) for row in pair)
    return float(np.abs(first - second).mean())
