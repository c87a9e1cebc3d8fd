"""Pictures that are rows of a CSV, as in digit-recognizer."""

from __future__ import annotations

import numpy as np
import pytest

from catscan.errors import BadSample, CatscanError
from catscan.pictures.pixels import PixelsReader
from catscan.pictures.reader import PictureSettings
from catscan.raw import RawFiles
from catscan.samples import Sample


@pytest.fixture
def read(tmp_path):
    """``read(table, row)``: the gray picture of a row of train.csv."""

    def of(table: str, row: str, channels: str = "gray") -> np.ndarray:
        (tmp_path / "train.csv").write_text(table)
        reader = PixelsReader(RawFiles(tmp_path), PictureSettings((2, 2), channels, "stretch", "area"))
        return reader.read(Sample(row, "", f"train.csv#{row}")).array

    return of


def test_a_row_is_a_square_picture_row_by_row(read):
    table = "label,pixel0,pixel1,pixel2,pixel3\n7,0,1,2,3\n8,10,20,30,255\n"

    np.testing.assert_array_equal(read(table, "1")[..., 0], [[10, 20], [30, 255]])


def test_pixels_are_taken_in_the_order_of_their_numbers(read):
    columns = [f"pixel{number}" for number in (10, 2, 0, 1, *range(3, 10), *range(11, 16))]
    values = dict.fromkeys(columns, 0) | {"pixel10": 160, "pixel11": 160, "pixel14": 160, "pixel15": 160}
    table = ",".join(columns) + "\n" + ",".join(str(values[column]) for column in columns) + "\n"

    np.testing.assert_array_equal(read(table, "0")[..., 0], [[0, 0], [0, 160]])


def test_three_channels_are_equal(read):
    assert read("pixel0\n9\n", "0", "rgb").tolist() == [[[9, 9, 9]] * 2] * 2


def test_a_row_beyond_the_table_is_a_bad_sample(read):
    with pytest.raises(BadSample, match=r"train.csv has 1 rows, no row '3'"):
        read("pixel0\n9\n", "3")


@pytest.mark.parametrize(
    ("table", "what"),
    [
        pytest.param("pixel0,pixel1\n1,2\n", "of a square picture", id="no-square"),
        pytest.param("a,b\n1,2\n", "of a square picture", id="no-pixels"),
        pytest.param("pixel0\n256\n", "whole number in 0..255", id="too-bright"),
        pytest.param("pixel0\n-1\n", "whole number in 0..255", id="negative"),
        pytest.param("pixel0\n0.5\n", "whole number in 0..255", id="a-fraction"),
        pytest.param("pixel0\nx\n", "whole number in 0..255", id="no-number"),
        pytest.param("pixel0,label\n,1\n", "whole number in 0..255", id="an-empty-cell"),
        pytest.param("", "cannot be read as CSV", id="empty"),
    ],
)
def test_a_table_that_holds_no_pictures_is_refused_by_name(read, table, what):
    with pytest.raises(CatscanError) as error:
        read(table, "0")

    assert what in str(error.value)
    assert "train.csv" in str(error.value)
