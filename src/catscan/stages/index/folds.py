"""Folds: each holds its share of every class, and no group stands in two."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from catscan.stages.index.connected import first_connected

FEWEST = 2


def assign_folds(
    targets: NDArray[np.integer], *, sample_ids: Sequence[str], groups: Sequence[Hashable], folds: int, seed: int
) -> NDArray[np.intp]:
    """Divide samples into folds, stratified by class and keeping groups whole.

    The groups are taken one after another, the largest first and otherwise in an order drawn by ``seed`` from the ids;
    each goes into the fold where the squares of the classes' shares grow least. Neither the names nor the order of
    the classes, nor the order of the samples, change the result.

    Parameters
    ----------
    targets
        (n, classes), 0 or 1.
    sample_ids
        (n,), each id once.
    groups
        (n,), equal values stay together.
    folds
        How many; must not be more than there are groups.

    Returns
    -------
    ndarray
        (n,) fold of each sample, 0 to folds - 1.
    """
    members: dict[Hashable, list[int]] = {}
    drawn = [_draw(name, seed) for name in sample_ids]
    for row in sorted(range(len(sample_ids)), key=drawn.__getitem__):
        members.setdefault(groups[row], []).append(row)
    # The number of samples counts like one more class, so that folds are alike in size too.
    counted = np.hstack([targets, np.ones((len(targets), 1), targets.dtype)]).astype(np.float64)
    totals = np.maximum(counted.sum(axis=0), 1)
    held = np.zeros((folds, counted.shape[1]))
    result = np.empty(len(sample_ids), np.intp)
    for rows in sorted(members.values(), key=len, reverse=True):
        group = counted[rows].sum(axis=0)
        growth = (2 * held + group) * group / totals**2
        fold = int(np.argmin(np.sort(growth, axis=1).sum(axis=1)))  # sorted: the order of classes must not matter
        held[fold] += group
        result[rows] = fold
    return result


def _draw(sample_id: str, seed: int) -> bytes:
    """A number that looks random and depends on nothing but the id and the seed."""
    return blake2b(f"{seed}:{sample_id}".encode(), digest_size=8).digest()


def unite(sample_ids: Sequence[str], groups: dict[str, str], alike: Sequence[Sequence[str]]) -> list[str]:
    """The final group of each sample: those of one group, and those that look alike, end in the same one.

    Parameters
    ----------
    sample_ids
        (n,), each id once.
    groups
        Sample id to the name of its group; a sample without one is its own group.
    alike
        Lists of ids that must stay together; those of other splits are passed over.

    Returns
    -------
    list of str
        (n,), named after the first of its samples, or by the group's own name.
    """
    named = [("group", groups[name]) if name in groups else ("sample", name) for name in sample_ids]
    first_of: dict[tuple[str, str], int] = {}
    pairs = [(first_of.setdefault(name, row), row) for row, name in enumerate(named)]
    row_of = {name: row for row, name in enumerate(sample_ids)}
    for ids in alike:
        rows = [row_of[name] for name in ids if name in row_of]
        pairs += [(rows[0], row) for row in rows[1:]]
    return [named[first][1] for first in first_connected(len(named), pairs)]
