from __future__ import annotations

import numpy as np
import pytest

from catscan.networks.compat import tf
from catscan.networks.registry import Augment
from catscan.stages.train.augmentation import augmented

PICTURES = np.random.default_rng(0).integers(0, 256, (64, 9, 12, 3)).astype(np.uint8)
SCANS = np.random.default_rng(0).integers(0, 256, (32, 5, 9, 12, 1)).astype(np.uint8)


def changed(samples: np.ndarray, augment: Augment, *, step: int = 0, seed: int = 1) -> np.ndarray:
    with tf.Graph().as_default(), tf.Session() as session:
        pixels = tf.placeholder(tf.uint8, [None, *samples.shape[1:]])
        now = tf.placeholder(tf.int32, [])
        return session.run(augmented(pixels, augment, seed=seed, step=now), {pixels: samples, now: step})


@pytest.mark.parametrize("samples", [PICTURES, SCANS], ids=["pictures", "scans"])
def test_nothing_asked_for_changes_nothing(samples):
    got = changed(samples, Augment())

    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, samples)


@pytest.mark.parametrize("samples", [PICTURES, SCANS], ids=["pictures", "scans"])
def test_flip_mirrors_about_half_of_the_samples_left_to_right(samples):
    got = changed(samples, Augment(flip=True))

    same = np.array([np.array_equal(one, old) for one, old in zip(got, samples, strict=True)])
    mirrored = np.array([np.array_equal(one, old[..., ::-1, :]) for one, old in zip(got, samples, strict=True)])

    assert (same ^ mirrored).all()
    assert 0.2 < mirrored.mean() < 0.8


def test_shift_moves_whole_pixels_and_reflects_at_the_edge():
    got = changed(PICTURES, Augment(shift=0.25))
    padded = np.pad(PICTURES, [(0, 0), (3, 3), (3, 3), (0, 0)], mode="symmetric")
    shifts = [(y, x) for y in range(7) for x in range(7)]

    for one, wide in zip(got, padded, strict=True):
        assert any(np.array_equal(one, wide[y : y + 9, x : x + 12]) for y, x in shifts)


def test_slices_of_a_scan_move_together():
    flat = np.repeat(PICTURES[:32, None, :, :, :1], 5, axis=1)

    got = changed(flat, Augment(flip=True, shift=0.2, scale=0.2, rotation=30))

    np.testing.assert_array_equal(got, np.repeat(got[:, :1], 5, axis=1))


def test_scan_shifts_along_its_depth_by_whole_slices():
    ramp = np.broadcast_to(np.arange(5, dtype=np.uint8)[None, :, None, None, None], (128, 5, 4, 4, 1))

    got = changed(np.ascontiguousarray(ramp), Augment(shift=0.4))[:, :, 0, 0, 0]

    expected = {tuple(np.clip(np.arange(5) + by, 0, 4)) for by in (-2, -1, 0, 1, 2)}
    assert {tuple(row) for row in got} == expected


def test_turn_keeps_the_centre():
    picture = np.zeros((16, 9, 9, 1), np.uint8)
    picture[:, 4, 4] = 200

    got = changed(picture, Augment(rotation=90))

    np.testing.assert_allclose(got[:, 4, 4, 0], 200, atol=0.01)  # grey levels


def test_tilt_turns_a_scan_out_of_the_plane_about_its_centre():
    scan = np.zeros((16, 7, 9, 11, 1), np.uint8)
    scan[:, 3] = 200  # one slice

    got = changed(scan, Augment(tilt=30))

    np.testing.assert_allclose(got[:, 3, 4, 5, 0], 200, atol=0.1)  # grey levels
    assert (got[:, 3].min(axis=(1, 2, 3)) < 150).all()  # the slice has left its place at its edges
    np.testing.assert_allclose(got[:, ::-1, ::-1, ::-1], got, atol=0.1)  # a turn about the centre keeps this symmetry


def test_tilt_leaves_pictures_as_they_are():
    np.testing.assert_array_equal(changed(PICTURES, Augment(tilt=30)), PICTURES)


def test_brightness_stays_in_its_range():
    grey = np.full((64, 4, 4, 1), 127, np.uint8)

    got = changed(grey, Augment(brightness=0.1))

    assert 127 - 25.6 - 0.1 <= got.min() < 115
    assert 140 < got.max() <= 127 + 25.6 + 0.1


def test_same_seed_and_step_draw_the_same_others_do_not():
    augment = Augment(flip=True, shift=0.1, scale=0.1, rotation=10, brightness=0.1)
    first = changed(PICTURES, augment, step=3)

    np.testing.assert_array_equal(changed(PICTURES, augment, step=3), first)
    assert (changed(PICTURES, augment, step=4) != first).any()
    assert (changed(PICTURES, augment, step=3, seed=2) != first).any()
