from __future__ import annotations

import re

import pytest

from catscan.common.errors import CatscanError
from catscan.networks.layer_list import check, shapes_table

TUTORIAL = [
    {"convolution": {"feature_maps": 32, "window": 5}},
    {"pooling": {"kind": "max", "window": 5}},
    {"convolution": {"feature_maps": 64, "window": 5}},
    {"pooling": {"kind": "average", "window": 2, "stride": 1}},
    {"fully_connected": {"units": 1024, "keep_probability": 0.8}},
]


def test_options_left_out_take_their_defaults():
    convolution, pooling, *_ = check(TUTORIAL, (50, 50, 1))

    assert convolution == {
        "layer": "convolution",
        "feature_maps": 32,
        "window": [5, 5],
        "stride": [1, 1],
        "batch_norm": False,
    }
    assert pooling == {"layer": "pooling", "kind": "max", "window": [5, 5], "stride": [5, 5]}


def test_windows_of_scans_have_three_axes():
    (layer,) = check([{"convolution": {"feature_maps": 8, "window": [1, 3, 3]}}], (20, 50, 50, 1))

    assert layer["window"] == [1, 3, 3]
    assert layer["stride"] == [1, 1, 1]


def test_shapes_table_shows_what_comes_out_of_each_layer_and_its_weights():
    table = shapes_table(check(TUTORIAL, (50, 50, 1)), (50, 50, 1), 2)

    assert [line.split("  ")[0] for line in table.splitlines()] == [
        "layer",
        "input",
        "convolution",
        "pooling",
        "convolution",
        "pooling",
        "fully_connected",
        "output",
        "",
    ]
    assert re.split(r"  +", table.splitlines()[2]) == ["convolution", "5 x 5", "1 x 1", "50 x 50 x 32", "832"]
    assert re.split(r"  +", table.splitlines()[5]) == ["pooling", "2 x 2", "1 x 1", "10 x 10 x 64", "0"]
    assert table.splitlines()[6].split() == ["fully_connected", "1024", "6,554,624"]
    assert table.splitlines()[8].split() == [f"{832 + 51_264 + 6_554_624 + 2050:,}"]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        pytest.param({"convolution": {"feature_maps": 8, "window": 3, "stride": 4}}, "skips pixels", id="stride"),
        pytest.param({"pooling": {"window": 2, "stride": 3}}, "skips pixels", id="pooling stride"),
        pytest.param({"convolution": {"window": 3}}, "needs `feature_maps`", id="missing option"),
        pytest.param({"convolution": {"feature_maps": 0, "window": 3}}, "`feature_maps` must be", id="no maps"),
        pytest.param({"fully_connected": {"units": True}}, "`units` must be a whole number", id="yes"),
        pytest.param({"pooling": {"window": 2, "stride": "2"}}, "`stride` must be a whole number", id="text"),
        pytest.param({"pooling": 2}, "names with their values", id="no options"),
        pytest.param(
            {"convolution": {"feature_maps": 8, "window": 3, "batch_norm": "no"}}, "true or false", id="text for yes"
        ),
        pytest.param({"convolution": {"feature_maps": 8, "window": [3, 3, 3]}}, "or 2 of them", id="three axes"),
        pytest.param({"pooling": {"kind": "mean", "window": 2}}, "no pooling 'mean'", id="kind"),
        pytest.param({"fully_connected": {"units": 8, "keep_probability": 0}}, "keep probability", id="keep nothing"),
        pytest.param({"convolutoin": {}}, "no layer 'convolutoin'", id="unknown layer"),
        pytest.param({"pooling": {"windw": 2}}, "no option 'windw'", id="unknown option"),
        pytest.param({"pooling": {"window": 2}, "convolution": {}}, "one name with its options", id="two in one"),
    ],
)
def test_wrong_layers_are_refused_with_their_place(layer, message):
    with pytest.raises(CatscanError, match=message) as refusal:
        check([{"convolution": {"feature_maps": 4, "window": 3}}, layer], (50, 50, 1))

    assert refusal.value.where.startswith("network, layer 2")


def test_a_window_larger_than_its_map_leaves_one_pixel():
    """The tutorial's five poolings of 5, which `tutorial-2d` has too."""
    layers = check([{"pooling": {"window": 5}}] * 5, (48, 48, 3))

    table = shapes_table(layers, (48, 48, 3), 2).splitlines()
    assert [re.split(r"  +", line)[3] for line in table[2:7]] == [
        "10 x 10 x 3",
        "2 x 2 x 3",
        "1 x 1 x 3",
        "1 x 1 x 3",
        "1 x 1 x 3",
    ]


def test_refusal_of_a_stride_shows_the_shapes_of_all_layers():
    layers = [{"pooling": {"window": 10}}, {"pooling": {"window": 2, "stride": 3}}]

    with pytest.raises(CatscanError) as refusal:
        check(layers, (50, 50, 1), 3)

    assert "5 x 5 x 1" in refusal.value.found
    assert "stride 3 x 3, window 2 x 2" in refusal.value.found
    assert re.search(r"output +3 +15\n", refusal.value.found)


def test_shapes_table_tells_the_output_for_each_class_while_their_number_is_not_known():
    table = shapes_table(check([{"pooling": {"window": 5}}], (10, 10, 3)), (10, 10, 3))

    assert table.splitlines()[-1].split() == ["output", "1", "a", "class", "13", "a", "class"]


def test_misspelt_layer_is_answered_with_the_near_one():
    with pytest.raises(CatscanError) as refusal:
        check([{"poling": {"window": 2}}], (50, 50, 1))

    assert refusal.value.do == 'Did you mean "pooling"?'


def test_convolution_after_fully_connected_is_refused():
    layers = [{"fully_connected": {"units": 8}}, {"convolution": {"feature_maps": 4, "window": 3}}]

    with pytest.raises(CatscanError, match="needs positions"):
        check(layers, (50, 50, 1))


def test_empty_list_is_refused():
    with pytest.raises(CatscanError, match="empty"):
        check([], (50, 50, 1))
