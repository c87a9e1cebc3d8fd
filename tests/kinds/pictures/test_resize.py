"""Fitting a picture into the shard's size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catscan.kinds.pictures.decode import decode
from catscan.kinds.pictures.formats import sniff
from catscan.kinds.pictures.picture_header import Header
from catscan.kinds.pictures.resize import fitted, inner_size

sides = st.integers(1, 500)


def test_area_averages_the_axis_that_shrinks_and_interpolates_the_one_that_grows():
    pixels = np.array([[0, 100], [50, 150]], np.uint8)[..., None]

    found = fitted(pixels, (1, 4), fit="stretch", resize="area")

    np.testing.assert_array_equal(found[..., 0], [[25, 50, 100, 125]])


def test_a_picture_of_the_right_size_is_unchanged(photo):
    np.testing.assert_array_equal(fitted(photo, (120, 160), fit="stretch", resize="area"), photo)


def test_crop_keeps_the_middle():
    pixels = np.arange(6, dtype=np.uint8).reshape(1, 6, 1).repeat(2, axis=0)

    np.testing.assert_array_equal(fitted(pixels, (2, 2), fit="crop", resize="area")[..., 0], [[2, 3], [2, 3]])


def test_pad_keeps_all_and_fills_up_with_black():
    pixels = np.full((2, 4, 1), 9, np.uint8)

    found = fitted(pixels, (4, 4), fit="pad", resize="area")[..., 0]

    np.testing.assert_array_equal(found, [[0] * 4, [9] * 4, [9] * 4, [0] * 4])


@given(shape=st.tuples(sides, sides), size=st.tuples(sides, sides))
def test_the_inner_size_fits_touches_and_keeps_the_aspect_ratio(shape, size):
    height, width = inner_size(shape, size)

    assert 1 <= height <= size[0]
    assert 1 <= width <= size[1]
    assert height == size[0] or width == size[1]
    scale = min(size[0] / shape[0], size[1] / shape[1])
    assert abs(height - max(1, shape[0] * scale)) <= 0.501  # pixels
    assert abs(width - max(1, shape[1] * scale)) <= 0.501


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("resize", ["area", "tutorial"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(8, 8), (200, 31), (1, 1)])
def test_every_way_gives_bytes_of_the_right_shape(photo, fit, resize, channels, size):
    found = fitted(photo[..., :channels], size, fit=fit, resize=resize)

    assert found.shape == (*size, channels)
    assert found.dtype == np.uint8


def test_tutorial_is_opencvs_linear(photo):
    expected = cv2.resize(photo, (50, 50))

    np.testing.assert_array_equal(fitted(photo, (50, 50), fit="stretch", resize="tutorial"), expected)


@pytest.mark.parametrize(
    ("height", "width", "factor"),
    [
        (1024, 2000, 8),
        (1023, 1023, 8),  # libjpeg rounds up: 128 pixels
        (1016, 1024, 4),
        (512, 512, 4),
        (375, 499, 2),
        (256, 255, 2),
        (254, 500, 1),
        (64, 64, 1),
    ],
)
def test_fast_decodes_no_smaller_than_asked(height, width, factor):
    assert Header("JPEG", height, width, 3, takes=3).fast((128, 128)) == factor


def test_a_reduced_jpeg_has_the_size_that_was_chosen(encoded, photo):
    data = encoded("JPEG", picture=cv2.resize(photo, (499, 375)))

    assert decode(data, sniff(data), 3, factor=sniff(data).fast((90, 90))).shape == (94, 125, 3)
