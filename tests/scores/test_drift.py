"""Whether two splits can be told apart."""

import numpy as np
import pytest

from catscan.scores.drift import drift, looks


def pictures(n: int, *, seed: int, brighter: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 200, (n, 12, 10, 3)).astype(np.uint8) + np.uint8(brighter)


def test_splits_alike_cannot_be_told_apart() -> None:
    found = drift(looks(pictures(200, seed=1)), looks(pictures(100, seed=2)))

    assert found is not None
    assert found.interval[0] < 0.5 < found.interval[1]


def test_a_brighter_test_set_is_told_with_its_brightness() -> None:
    found = drift(looks(pictures(100, seed=1)), looks(pictures(50, seed=2, brighter=40)))

    assert found is not None
    assert found.auc > 0.95
    name, train, test = found.differences
    assert name in ("brightness", "darkest tenth", "brightest tenth")
    assert test - train == pytest.approx(40, abs=3)  # grey levels


def test_the_test_sample_that_stands_out_is_the_least_like_training() -> None:
    test = pictures(50, seed=2)
    test[17] = np.minimum(test[17].astype(int) + 55, 255).astype(np.uint8)
    test[30:] = np.minimum(test[30:].astype(int) + 20, 255).astype(np.uint8)
    found = drift(looks(pictures(100, seed=1)), looks(test))

    assert found is not None
    assert found.likeness.argmax() == 17


def test_of_few_samples_nothing_is_said() -> None:
    assert drift(looks(pictures(100, seed=1)), looks(pictures(5, seed=2))) is None


def test_scans_are_looked_at_by_their_mean_and_largest_slices() -> None:
    scans = np.zeros((3, 5, 8, 8, 1), np.uint8)
    scans[1, 2, 4, 4] = 255

    seen = looks(scans)

    assert seen.shape == (3, 5 + 16 * 2)
    assert seen[1].max() > 0 == seen[0].max()
