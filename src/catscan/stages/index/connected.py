"""Rows that belong together because pairs connect them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Pair = tuple[int, int]


def first_connected(n: int, pairs: Sequence[Pair]) -> NDArray[np.intp]:
    """For each of ``n`` rows the first row that ``pairs`` connect it with, over any number of steps; (n,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.array(pairs, np.intp).reshape(-1, 2).T
    _, component = connected_components(coo_array((np.ones(len(pairs), bool), ends), shape=(n, n)), directed=False)
    _, first, of_row = np.unique(component, return_index=True, return_inverse=True)
    return np.asarray(first[of_row], np.intp)
