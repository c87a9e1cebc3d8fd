"""Rows that pairs connect are one group, named by its first row."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catscan.stages.index.connected import first_connected


def test_groups_are_closed_over_any_number_of_steps() -> None:
    assert first_connected(8, [(3, 5), (1, 2), (2, 5), (6, 7)]).tolist() == [0, 1, 1, 1, 4, 1, 6, 6]


def test_no_rows_have_no_groups() -> None:
    assert first_connected(0, []).tolist() == []


@given(n=st.integers(1, 12), data=st.data())
def test_the_first_row_is_the_least_that_can_be_reached(n: int, data: st.DataObject) -> None:
    rows = st.integers(0, n - 1)
    pairs = data.draw(st.lists(st.tuples(rows, rows), max_size=12))

    reached = np.eye(n, dtype=bool)
    for one, other in pairs:
        reached[one, other] = reached[other, one] = True
    for middle, start, end in product(range(n), repeat=3):
        reached[start, end] |= reached[start, middle] & reached[middle, end]
    assert first_connected(n, pairs).tolist() == reached.argmax(axis=1).tolist()
