"""The compiled kernel gives the bits of the general way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catscan.scans.resample import plane_weights
from catscan.scans.rows_kernel import RowWeights


@pytest.mark.parametrize("kind", [np.int16, np.uint16])
@given(
    rows=st.integers(1, 70),
    columns=st.integers(1, 70),
    voxels=st.integers(1, 90),
    offset=st.floats(-20, 20),
    step=st.floats(0.1, 9),
    low=st.integers(-40000, 40000),
    seed=st.integers(0, 1000),
)
@settings(deadline=None)
def test_compiled_rows_equal_sparse_rows_bit_by_bit(  # noqa: PLR0917 -- hypothesis names them
    kind: type, rows: int, columns: int, voxels: int, offset: float, step: float, low: int, seed: int
) -> None:
    limits = np.iinfo(kind)
    values = np.random.default_rng(seed).integers(limits.min, limits.max, (rows, columns), endpoint=True).astype(kind)
    weights = plane_weights(rows, 0.5, 1.0, offset + step * np.arange(voxels + 1))

    compiled = RowWeights(weights).apply(values, low)

    np.testing.assert_array_equal(compiled, weights @ np.maximum(values.astype(np.float32), np.float32(low)))
