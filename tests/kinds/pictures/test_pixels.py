"""Pictures that are rows of a CSV, as in digit-recognizer, or records of a JSON list, as in Statoil's."""

from __future__ import annotations

import json
import zipfile
from typing import Any

import numpy as np
import pytest

from catscan.common.errors import BadSample, CatscanError
from catscan.kinds.pictures.pixels import PixelsReader
from catscan.kinds.pictures.settings import PictureSettings
from catscan.kinds.samples import Sample
from catscan.raw.files import RawFiles


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


def test_a_range_of_values_is_mapped_to_grey_levels(tmp_path):
    (tmp_path / "train.csv").write_text("pixel0,pixel1,pixel2,pixel3\n-45,-5.0,35,99\n")
    settings = PictureSettings((2, 2), "gray", "stretch", "area", value_range=(-45, 35))

    array = PixelsReader(RawFiles(tmp_path), settings).read(Sample("1", "", "train.csv#0")).array

    assert array.ravel().tolist() == [0, 128, 255, 255]


class TestRecords:
    """JSON lists of records with lists of pixels."""

    @pytest.fixture
    def read(self, tmp_path):
        def of(records: list[dict[str, Any]], row: int = 0, archive: str = "", **settings: Any) -> np.ndarray:
            given = {"bands": ("band_1", "band_2"), "value_range": (-45, 35)} | settings
            if archive:
                with zipfile.ZipFile(tmp_path / archive, "w", zipfile.ZIP_DEFLATED) as file:
                    file.writestr("train.json", json.dumps(records))
            else:
                (tmp_path / "train.json").write_text(json.dumps(records))
            reader = PixelsReader(RawFiles(tmp_path), PictureSettings((2, 2), "rgb", "stretch", "area", **given))
            array = reader.read(Sample("a", archive, f"train.json#{row}")).array
            assert reader.shape == array.shape
            return array

        return of

    @pytest.mark.parametrize("archive", ["", "train.json.zip"])
    def test_a_band_is_a_channel_and_decibels_become_grey_levels(self, read, archive):
        records = [{"band_1": [0] * 4, "band_2": [0] * 4}, {"band_1": [-45, -5, 35, 99], "band_2": [-99, 0, 1, 2]}]

        array = read(records, 1, archive)

        assert array[..., 0].tolist() == [[0, 128], [255, 255]]
        assert array[..., 1].tolist() == [[0, 143], [147, 150]]

    def test_bands_are_resized_each_by_itself(self, read):
        array = read([{"band_1": list(range(16)), "band_2": [200] * 16}], value_range=())

        assert array[..., 0].tolist() == [[3, 5], [11, 13]]  # means of 2.5, 4.5, 10.5, 12.5, rounded half up
        assert array[..., 1].tolist() == [[200, 200], [200, 200]]

    @pytest.mark.parametrize(
        ("record", "reason"),
        [
            pytest.param({"band_1": [1] * 4, "angle": 3}, "has no list of pixels 'band_2'; its fields", id="no-band"),
            pytest.param({"band_1": [1] * 4, "band_2": 7}, "has no list of pixels 'band_2'", id="no-list"),
            pytest.param({"band_1": [1] * 4, "band_2": [1] * 9}, "different sizes: 4 pixels, 9 pixels", id="sizes"),
            pytest.param(
                {"band_1": [1] * 3, "band_2": [1] * 3}, "3 pixels, which do not make a square", id="no-square"
            ),
            pytest.param({"band_1": [], "band_2": []}, "has 0 pixels", id="no-pixels"),
            pytest.param({"band_1": [1] * 4, "band_2": ["a"] * 4}, "pixels that are not numbers", id="text"),
            pytest.param({"band_1": [1] * 4, "band_2": [None] * 4}, r"beyond 0\.\.255 \(nan", id="null"),
            pytest.param({"band_1": [1] * 4, "band_2": [[1]] * 4}, "pixels that are not numbers", id="nested"),
        ],
    )
    def test_a_record_without_a_picture_is_a_bad_sample_and_the_others_are_read(self, read, record, reason):
        good = {"band_1": [0] * 4, "band_2": [0] * 4}

        with pytest.raises(BadSample, match=reason):
            read([good, record], 1)
        assert read([record, good], 1).shape == (2, 2, 2)

    @pytest.mark.parametrize("values", [[-1, 0, 0, 0], [0.5] * 4, [256] * 4])
    def test_without_a_range_only_whole_grey_levels_are_read(self, read, values):
        with pytest.raises(BadSample, match=r"set preprocess\.picture\.value_range"):
            read([{"band_1": values, "band_2": values}], value_range=())

    def test_without_bands_the_key_is_asked_for(self, read):
        with pytest.raises(CatscanError) as refused:
            read([{"band_1": [0] * 4}], bands=())

        assert refused.value.where == "preprocess.picture.bands"

    @pytest.mark.parametrize("value_range", [(1,), (3, 3), (5, 1)])
    def test_a_range_that_is_none_is_refused(self, value_range):
        with pytest.raises(CatscanError, match="the lower one first"):
            PictureSettings((2, 2), "gray", "stretch", "area", value_range=value_range)
