"""A slice onto its grid: the machine code gives the bits of the plain way."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from catscan.kinds.kernels import plane as module
from catscan.kinds.kernels.machine_code import Kernel
from catscan.kinds.kernels.plane import AT_ONCE, PlaneWeights, machine_code
from catscan.kinds.scans.resample import plane_weights


def kernel(kind: type) -> Kernel:
    made = machine_code(np.dtype(kind).kind == "i")
    if made is None:
        pytest.skip("LLVM makes no machine code here")
    return made


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
def test_machine_code_and_scipy_give_the_same_bits(  # noqa: PLR0917 -- hypothesis names them
    kind: type, shape: tuple[int, int], voxels: tuple[int, int], offset: float, step: float, low: int, seed: int
) -> None:
    limits = np.iinfo(kind)
    values = np.random.default_rng(seed).integers(limits.min, limits.max, shape, endpoint=True).astype(kind)
    down, along = (
        plane_weights(count, 0.5, 1.0, offset + step * np.arange(many + 1))
        for count, many in zip(shape, voxels, strict=True)
    )
    weights = PlaneWeights(down, along)

    compiled = weights.by_machine_code(kernel(kind), values, low)

    np.testing.assert_array_equal(compiled, weights.by_scipy(values, low), strict=True)


@given(values=arrays(np.int16, (3, AT_ONCE)), low=st.integers(-40000, 32767))
def test_the_definition_clamps_then_weighs_rows_then_columns(values: np.ndarray, low: int) -> None:
    down, along = (plane_weights(count, 0.5, 1.0, np.linspace(0, count, 3)) for count in values.shape)

    plane = PlaneWeights(down, along).by_scipy(values, low)

    expected = down.toarray().astype(float) @ np.maximum(values.astype(float), low) @ along.toarray().T.astype(float)
    np.testing.assert_allclose(plane, expected, rtol=1e-5, atol=0.05)  # stored values, of up to 40,000


def test_without_llvm_the_bits_are_the_same_and_it_is_told_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.random.default_rng(0).integers(-2000, 2000, (40, 50)).astype(np.int16)
    weights = PlaneWeights(*(plane_weights(count, 0.5, 1.0, np.linspace(0, count, 8)) for count in values.shape))
    expected = weights.by_machine_code(kernel(np.int16), values, -1024)
    monkeypatch.setitem(sys.modules, "catscan.kinds.kernels.plane_code", None)
    monkeypatch.setattr(module.machine_code, "_made", {})

    planes = [weights.clamped(values, -1024) for _ in range(2)]

    np.testing.assert_array_equal(planes[1], expected)
    assert capsys.readouterr().err.count("LLVM makes no machine code here") == 1
