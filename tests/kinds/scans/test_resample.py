"""Every voxel is the exact average of what it covers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catscan.kinds.scans.geometry import Steps, examine_steps
from catscan.kinds.scans.resample import box_weights, plane_weights, ramp_weights, slice_weights, stream

counts = st.integers(3, 40)


def edges_over(low: float, high: float, count: int) -> np.ndarray:
    return np.linspace(low, high, count + 1)


def coverage(weights: np.ndarray, cells: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How much of each cell the voxels take, as a share of the cell."""
    return (weights * np.diff(edges)[:, None]).sum(axis=0) / np.diff(cells)


@given(n=counts, m=counts)
def test_box_weights_keep_a_constant_and_the_mass(n: int, m: int) -> None:
    cells, edges = edges_over(0, 10, n), edges_over(0, 10, m)

    weights = box_weights(cells, edges)

    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(coverage(weights, cells, edges), 1)


@given(n=counts, m=counts)
def test_box_weights_put_a_ramp_on_a_ramp_when_shrinking_evenly(n: int, m: int) -> None:
    cells, edges = edges_over(0, n * m, n * m), edges_over(0, n * m, m)
    middle = (cells[:-1] + cells[1:]) / 2

    np.testing.assert_allclose(box_weights(cells, edges) @ middle, (edges[:-1] + edges[1:]) / 2)


@given(st.lists(st.floats(0.5, 8), min_size=3, max_size=20), counts)
@settings(deadline=None)
def test_ramp_weights_put_a_ramp_on_a_ramp_whatever_the_steps(steps: list[float], m: int) -> None:
    centres = np.concatenate([[0.0], np.cumsum(steps)])
    edges = edges_over(0, centres[-1], m)

    weights = ramp_weights(centres, 0.0, float(centres[-1]), edges)

    np.testing.assert_allclose(weights @ centres, (edges[:-1] + edges[1:]) / 2, atol=1e-9)


@given(n=counts, m=counts, offset=st.floats(-30, 30))
def test_outside_the_slices_there_is_air(n: int, m: int, offset: float) -> None:
    edges = edges_over(offset, offset + m, m)

    covered = plane_weights(n, 0.5, 1.0, edges).sum(axis=1)

    expected = np.clip(np.minimum(edges[1:], n) - np.maximum(edges[:-1], 0), 0, 1)
    np.testing.assert_allclose(covered, expected, atol=1e-5)


def test_slices_are_joined_linearly_where_the_grid_is_finer() -> None:
    steps = Steps(2.0, True, ())

    weights = slice_weights(np.array([0.0, 2.0, 4.0]), steps, np.array([0.5, 1.5, 2.5, 3.5]))

    np.testing.assert_allclose(weights, [[0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5]])


def test_a_missing_slice_is_the_mean_of_its_neighbours() -> None:
    distances = np.array([0.0, 2.0, 6.0, 8.0])

    weights = slice_weights(distances, examine_steps(distances), edges_over(-1, 9, 5))

    np.testing.assert_allclose(weights[2], [0, 0.5, 0.5, 0])


@given(n=st.integers(3, 30), m=counts, seed=st.integers(0, 100))
@settings(deadline=None)
def test_streaming_equals_the_whole_product(n: int, m: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    slices = generator.normal(size=(n, 4, 5)).astype(np.float32)
    weights = slice_weights(np.arange(n, dtype=float), Steps(1.0, True, ()), edges_over(-0.5, n - 0.5, m))
    asked: list[int] = []

    def plane(k: int) -> tuple[np.ndarray, float]:
        asked.append(k)
        return slices[k], 2.0

    streamed = np.stack([mixed.copy() for mixed in stream(weights, plane, (4, 5))])

    np.testing.assert_allclose(streamed, 2 * np.einsum("vk,krc->vrc", weights, slices), atol=1e-4)
    assert asked == sorted(set(asked))


def test_slices_outside_the_grid_are_not_read() -> None:
    asked: list[int] = []

    def plane(k: int) -> tuple[np.ndarray, float]:
        asked.append(k)
        return np.ones((2, 2), np.float32), 1.0

    weights = slice_weights(np.arange(100.0), Steps(1.0, True, ()), edges_over(9.5, 19.5, 5))
    list(stream(weights, plane, (2, 2)))

    assert asked == list(range(10, 20))


@pytest.mark.parametrize(("count", "pixel_mm"), [(512, 0.6), (33, 2.0)])
def test_plane_weights_place_a_pixel_at_its_centre(count: int, pixel_mm: float) -> None:
    edges = edges_over(10.0, 20.0, 7)
    centres = 4.0 + pixel_mm * np.arange(count)

    placed = plane_weights(count, 4.0, pixel_mm, edges) @ centres.astype(np.float32)

    np.testing.assert_allclose(placed, (edges[:-1] + edges[1:]) / 2, atol=pixel_mm / 4)
