"""The compiled kernel gives the bits of the general way."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catscan.kinds.scans.plane_kernel import AT_ONCE, PlaneKernel
from catscan.kinds.scans.resample import plane_weights


@pytest.mark.parametrize("kind", [np.int16, np.uint16])
@given(
    shape=st.tuples(st.integers(1, 70), st.integers(AT_ONCE, 4 * AT_ONCE)),
    voxels=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    offset=st.floats(-20, 20),
    step=st.floats(0.1, 9),
    low=st.integers(-40000, 32767),
    seed=st.integers(0, 1000),
)
@settings(deadline=None)
def test_compiled_planes_equal_sparse_ones_bit_by_bit(  # noqa: PLR0917 -- hypothesis names them
    kind: type, shape: tuple[int, int], voxels: tuple[int, int], offset: float, step: float, low: int, seed: int
) -> None:
    limits = np.iinfo(kind)
    values = np.random.default_rng(seed).integers(limits.min, limits.max, shape, endpoint=True).astype(kind)
    down, along = (
        plane_weights(count, 0.5, 1.0, offset + step * np.arange(many + 1))
        for count, many in zip(shape, voxels, strict=True)
    )

    compiled = PlaneKernel(down, along).apply(values, low)

    clamped = np.maximum(values.astype(np.float32), np.float32(low))
    np.testing.assert_array_equal(compiled, cv2.transpose(along @ cv2.transpose(down @ clamped)))
