"""Directions, steps, and the way from the scan's own axes to the patient's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catscan.kinds.scans.geometry import affine_of, examine_steps, own_axes, tilt_degrees, turn_to_patient


def rotation(angles: tuple[float, float, float]) -> np.ndarray:
    a, b, c = angles
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


angle = st.floats(-3.1, 3.1)
anyhow = st.tuples(angle, angle, angle).map(rotation)


@given(anyhow)
def test_own_axes_are_perpendicular_and_right_handed(turned: np.ndarray) -> None:
    axes = own_axes((*turned[:, 0], *turned[:, 1]))

    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(np.cross(axes[2], axes[1]), axes[0], atol=1e-9)


@given(anyhow)
def test_turning_and_undoing_gives_the_same_array(turned: np.ndarray) -> None:
    turn = turn_to_patient(own_axes((*turned[:, 0], *turned[:, 1])))
    array = np.arange(2 * 3 * 4).reshape(2, 3, 4)

    np.testing.assert_array_equal(turn.undo(turn.apply(array)), array)


@given(anyhow)
def test_turned_axes_point_up_back_and_left(turned: np.ndarray) -> None:
    axes = own_axes((*turned[:, 0], *turned[:, 1]))
    turn = turn_to_patient(axes)

    affine = affine_of(axes, np.zeros(3), np.ones(3), (2, 3, 4), turn)

    assert (affine[[2, 1, 0], [0, 1, 2]] >= -1e-9).all()
    assert np.linalg.det(affine[:3, :3]) == pytest.approx(-1)  # indices count z, y, x: the mirror of x, y, z


@given(anyhow, st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 3)))
def test_the_affine_sends_every_voxel_to_its_place(turned: np.ndarray, voxel: tuple[int, int, int]) -> None:
    """The array holds each voxel's own number; the affine must find the place that number was at."""
    axes = own_axes((*turned[:, 0], *turned[:, 1]))
    low, step, shape = np.array([5.0, -7.0, 11.0]), np.array([2.0, 0.5, 0.7]), (2, 3, 4)
    turn = turn_to_patient(axes)
    numbers = np.arange(24).reshape(shape)

    found = np.argwhere(turn.apply(numbers) == numbers[voxel])[0]

    expected = (low + step * (np.array(voxel) + 0.5)) @ axes
    np.testing.assert_allclose((affine_of(axes, low, step, shape, turn) @ [*found, 1.0])[:3], expected, atol=1e-9)


@given(st.floats(0, 60), st.floats(0.5, 5))
def test_tilt_is_the_angle_between_the_way_and_the_normal(degrees: float, step: float) -> None:
    normal = np.array([0, -np.sin(np.radians(degrees)), np.cos(np.radians(degrees))])

    assert tilt_degrees(np.zeros(3), np.array([0, 0, 10 * step]), normal) == pytest.approx(degrees, abs=1e-6)


class TestExamineSteps:
    """What distances of slices say."""

    def test_even_steps_have_no_gaps(self) -> None:
        steps = examine_steps(np.arange(10) * 2.5)

        assert (steps.step_mm, steps.even, steps.missing) == (2.5, True, ())

    @given(st.floats(0.3, 10), st.integers(8, 60), st.data())
    def test_any_one_missing_slice_is_found(self, step: float, n: int, data: st.DataObject) -> None:
        lost = data.draw(st.integers(1, n - 2))
        distances = np.delete(np.arange(n) * step, lost)

        steps = examine_steps(distances)

        assert steps.step_mm == pytest.approx(step)
        assert steps.missing == ((lost - 1, 1),)

    @pytest.mark.parametrize(
        ("step", "deviation", "even"),
        [(1.8, 0.017, True), (1.8, 0.019, False), (0.5, 0.0099, True), (0.5, 0.0101, False)],
        ids=["within 1 %", "beyond 1 %", "within 0.01 mm", "beyond 0.01 mm"],
    )
    def test_jitter_is_at_most_0_01_mm_or_1_percent(self, step: float, deviation: float, even: bool) -> None:
        distances = np.arange(10) * step
        distances[5:] += deviation

        assert examine_steps(distances).even is even

    @pytest.mark.parametrize(("gap", "missing"), [(2.0, 1), (2.09, 1), (1.91, 1), (2.11, 0), (1.5, 0), (1.2, 0)])
    def test_a_gap_is_a_whole_number_of_steps_within_a_tenth(self, gap: float, missing: int) -> None:
        steps = examine_steps(np.concatenate([np.arange(8), 7 + gap + np.arange(8)]) * 2.5)

        assert sum(count for _, count in steps.missing) == missing
        assert steps.even is bool(missing)

    def test_a_long_hole_in_uneven_slices_is_found(self) -> None:
        steps = examine_steps(np.array([0, 4.0, 8.0, 9.0, 13.0, 17.0, 21.0, 60.5, 64.5]))

        assert steps.longest_gap == 9

    def test_two_spacings_are_uneven_and_not_gaps(self) -> None:
        distances = np.concatenate([np.arange(6) * 5.0, 25 + np.arange(1, 6) * 10.0])

        assert not examine_steps(distances).even
        assert examine_steps(distances).missing == ()
