"""The area average: exact, and the same bytes whichever way it is computed."""

from __future__ import annotations

import math
import threading
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catscan.kinds.kernels import area as module
from catscan.kinds.kernels.area import area_average, by_machine_code, by_opencv, machine_code


def random_picture(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def by_fractions(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The definition, in exact fractions: each axis as a matrix of overlaps."""

    def overlaps(n: int, m: int) -> list[list[Fraction]]:
        cut = [Fraction(j * n, m) for j in range(m + 1)]
        return [[max(Fraction(0), min(cut[j + 1], i + 1) - max(cut[j], i)) for i in range(n)] for j in range(m)]

    height, width, channels = pixels.shape
    down, across = overlaps(height, size[0]), overlaps(width, size[1])
    out = np.empty((*size, channels), np.uint8)
    for j, i, c in np.ndindex(*size, channels):
        total = sum(
            wy * wx * int(pixels[y, x, c]) for y, wy in enumerate(down[j]) if wy for x, wx in enumerate(across[i]) if wx
        )
        out[j, i, c] = math.floor(total * size[0] * size[1] / (height * width) + Fraction(1, 2))
    return out


def kernel(channels: int):
    made = machine_code(channels)
    if made is None:
        pytest.skip("LLVM makes no machine code here")
    return made


shapes = st.tuples(st.integers(1, 90), st.integers(1, 90))


@given(shape=shapes, channels=st.sampled_from([1, 3]), share=st.tuples(st.floats(0, 1), st.floats(0, 1)))
@settings(max_examples=300, deadline=None)
def test_machine_code_and_opencv_give_the_same_bytes(shape, channels, share):
    size = tuple(max(1, round(side * part)) for side, part in zip(shape, share, strict=True))
    pixels = random_picture(*shape, channels)

    np.testing.assert_array_equal(by_machine_code(kernel(channels), pixels, size), by_opencv(pixels, size))


@pytest.mark.parametrize("size", [(50, 50), (64, 64), (64, 48), (224, 224), (300, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_both_ways_agree_on_pictures_of_the_usual_size(size, channels):
    pixels = random_picture(403, 359, channels)

    np.testing.assert_array_equal(by_machine_code(kernel(channels), pixels, size), by_opencv(pixels, size))


@given(height=st.integers(1, 11), width=st.integers(1, 11), data=st.data())
@settings(max_examples=40, deadline=None)
def test_each_pixel_is_the_rounded_mean_of_what_it_covers(height, width, data):
    size = data.draw(st.tuples(st.integers(1, height), st.integers(1, width)))
    pixels = random_picture(height, width, 1, seed=height * 12 + width)
    expected = np.array(by_fractions(pixels, size))

    np.testing.assert_array_equal(by_opencv(pixels, size), expected)
    np.testing.assert_array_equal(by_machine_code(kernel(1), pixels, size), expected)


def test_a_half_is_rounded_up():
    pixels = np.array([[[0], [1]]], np.uint8)

    assert by_opencv(pixels, (1, 1)) == 1
    assert by_machine_code(kernel(1), pixels, (1, 1)) == 1


def test_it_is_opencvs_inter_area_within_one_level():
    pixels = random_picture(401, 357, 3)

    difference = by_opencv(pixels, (64, 64)).astype(int) - cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_AREA)

    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("shape", [(16_321, 3), (4100, 4100)], ids=["beyond-16-bit-sums", "beyond-32-bit-sums"])
def test_a_white_picture_stays_white_beyond_the_whole_numbers_of_the_machine_code(shape, monkeypatch):
    monkeypatch.setattr(module, "_work_done", [module.WORK_BEFORE_COMPILING])

    assert area_average(np.full((*shape, 1), 255, np.uint8), (64, 3)).min() == 255


@pytest.mark.parametrize("shape", [(16_320, 3), (4096, 4096)], ids=["16-bit-sums", "32-bit-sums"])
def test_a_white_picture_stays_white_at_the_limits_of_the_machine_code(shape):
    assert by_machine_code(kernel(1), np.full((*shape, 1), 255, np.uint8), (64, 3)).min() == 255


def test_the_machine_code_is_made_only_when_there_was_enough_to_do(monkeypatch):
    made = []
    monkeypatch.setattr(module, "_work_done", [0])
    monkeypatch.setattr(module, "machine_code", made.append)
    pixels = random_picture(400, 400, 3)

    area_average(pixels, (64, 64))
    assert made == []
    module._work_done[0] = module.WORK_BEFORE_COMPILING
    area_average(pixels, (64, 64))

    assert made == [3]


def test_without_llvm_the_bytes_are_the_same_and_it_is_told_once(monkeypatch, capsys):
    monkeypatch.setattr(module, "_work_done", [module.WORK_BEFORE_COMPILING])
    monkeypatch.setitem(__import__("sys").modules, "catscan.kinds.kernels.area_code", None)
    monkeypatch.setattr(module.machine_code, "_made", {})
    pixels = random_picture(100, 100, 3)

    results = [area_average(pixels, (64, 64)) for _ in range(2)]

    np.testing.assert_array_equal(results[1], by_opencv(pixels, (64, 64)))
    assert capsys.readouterr().err.count("LLVM makes no machine code here") == 1


def test_threads_with_pictures_of_many_sizes_do_not_disturb_one_another():
    pictures = [random_picture(40 + 7 * i, 300 - 3 * i, 1 + 2 * (i % 2), seed=i) for i in range(40)]
    kernels = {channels: kernel(channels) for channels in (1, 3)}
    expected = [by_opencv(picture, (32, 32)) for picture in pictures]
    wrong = []

    def work(start: int) -> None:
        order = [*range(start, 40), *range(start)] * 5
        found = [(i, by_machine_code(kernels[pictures[i].shape[2]], pictures[i], (32, 32))) for i in order]
        wrong.extend(i for i, result in found if not np.array_equal(result, expected[i]))

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
