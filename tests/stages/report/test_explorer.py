"""The explorer as a learner meets it: clicks and keys, then the numbers that are seen, beside NumPy's own."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest
from accessible import complaints
from browser import CHROMIUM, Page
from explored import BY_EPOCH, NETWORKS, Made, assert_shows, layers_of, opened, place_in
from numpy.lib.stride_tricks import sliding_window_view
from recomputed import values_of

from catscan.common.contracts.explanation import Explanation

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM and "CATSCAN_BROWSER" not in os.environ, reason="there is no Chromium here"),
]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layers_numbers_are_numpys_own(report_of: Made, name: str) -> None:
    path, told = report_of(name)
    values, layers = values_of(told, told.samples[0]), layers_of(told)
    with opened(path) as page:
        for number, steps in enumerate(layers):
            page.click(f".ex-strip button:nth-child({number + 1})")
            readout, last = page.text(".ex-readout"), values[steps[-1]]
            if "Map" in readout:
                place = place_in(readout)
                assert_shows(readout.split(": ")[1], last[place], last)
                if page.evaluate("Boolean(document.querySelector('.ex-total'))"):
                    first = values[steps[0]]
                    assert_shows(page.text(".ex-total"), first[place], first)
            else:
                assert_shows(readout.split(": ")[1], last.max(), last)

        assert page.said == []


def test_what_a_layer_makes_of_its_sum_and_what_counts_for_the_output_are_numpys_own(report_of: Made) -> None:
    """Batch normalisation and ReLU line by line; each bar a value times its weight."""
    path, told = report_of("pictures")
    values, layers = values_of(told, told.samples[0]), layers_of(told)
    with opened(path) as page:
        place = place_in(page.text(".ex-readout"))
        for step, shown in zip(layers[1][1:], page.texts(".ex-onwards li b"), strict=True):
            assert_shows(shown, values[step][place], values[step])

        page.click(".ex-strip button:last-child")
        unit = int(np.argmax(values[-1]))
        window, came = told.layers[-1].arrays["window"].array()[:, unit], values[told.layers[-1].inputs[0]]
        for name, bar in zip(page.texts(".ex-bars th"), page.texts(".ex-bars td:nth-child(2)"), strict=True):
            number = int(name.split()[1]) - 1
            value, weight, part = re.split(" [×=] ", bar)
            assert_shows(value, came[number], came)
            assert_shows(weight, window[number], window)
            assert_shows(part, came[number] * window[number], came * window)


@pytest.mark.parametrize("name", ["pictures", "scans"])
def test_the_patch_under_the_window_its_weights_and_their_products_are_numpys_own(report_of: Made, name: str) -> None:
    path, told = report_of(name)
    step, pixels = told.layers[1], told.samples[0].pixels.array().astype(float)
    window = step.arrays["window"].array()
    with opened(path) as page:
        page.click(".ex-tabs button:nth-child(1)")
        *place, map_ = place_in(page.text(".ex-readout"))
        channel = int(page.text(".ex-products b").split()[1]) - 1
        cells = page.evaluate(
            "[...document.querySelector('.ex-products').querySelectorAll('td')].map((one) => one.innerText)"
        )
        wider = np.pad(pixels[..., channel], [(1, 1)] * len(place), constant_values=np.nan)
        patch = wider[tuple(slice(one, one + 3) for one in place)]
        weights = window[..., channel, map_]

        for shown, wanted in zip(cells, np.concatenate([patch, weights, patch * weights], axis=None), strict=True):
            assert (
                shown == "·"
                if np.isnan(wanted)
                else abs(float(shown) - wanted)
                <= 0.0006 + 0.06 * abs(wanted) * (abs(wanted) < 0.01) + 0.06 * (abs(wanted) >= 100)
            )


@pytest.mark.parametrize("name", ["pictures", "scans"])
def test_the_arrow_keys_move_the_window_and_its_products_add_up(report_of: Made, name: str) -> None:
    path, told = report_of(name)
    values = values_of(told, told.samples[0])
    with opened(path) as page:
        page.click(".ex-tabs button:nth-child(1)")
        before = place_in(page.text(".ex-readout"))
        page.evaluate("document.querySelector('.ex-big canvas').focus()")
        page.press("ArrowUp" if before[-3] else "ArrowDown")
        after = place_in(page.text(".ex-readout"))
        sums = [float(one) for one in page.texts(".ex-sum")]

        assert [one - other for one, other in zip(before, after, strict=True)][-3] in (1, -1)
        assert_shows(page.text(".ex-total"), values[1][after], values[1])
        assert sum(sums) == pytest.approx(values[1][after], abs=0.002 + 0.06 * (np.abs(sums).max() > 100))


def test_the_window_follows_the_mouse_over_the_map_and_its_value_is_numpys(report_of: Made) -> None:
    path, told = report_of("pictures")
    values = values_of(told, told.samples[0])
    last = values[layers_of(told)[1][-1]]
    with opened(path) as page:
        for across, down in ((0.52, 0.52), (0.99, 0.01)):
            page.hover(".ex-big canvas", across, down)
            place = place_in(page.text(".ex-readout"))

            assert place[:2] == (int(down * last.shape[0]), int(across * last.shape[1]))
            assert_shows(page.text(".ex-value"), last[place], last)


def place_told(page: Page) -> tuple[tuple[int, ...], str]:
    """The place of the crosshair, from 0, and what is said of it."""
    text = page.text(".ex-place")
    return tuple(int(one) - 1 for one in re.findall(r"(?:slice|row|column) (\d+)", text)), text.split(": ")[1]


def hounsfield(told: Explanation, place: tuple[int, ...]) -> str:
    level = int(told.samples[0].pixels.array()[place][0])
    return f"{-1350 + level * 1500 / 255:.0f} HU"


def test_the_crosshair_begins_where_the_heat_map_is_strongest(report_of: Made) -> None:
    path, told = report_of("resnet-3d")
    assert told.samples[0].heat is not None
    heat = told.samples[0].heat.array()
    strongest = np.unravel_index(heat.argmax(), heat.shape)
    with opened(path) as page:
        place, _ = place_told(page)

        assert [one * part // size for one, part, size in zip(place, heat.shape, (8, 12, 12), strict=True)] == [
            *map(int, strongest)
        ]


def test_keys_move_the_crosshair_through_the_planes_and_the_hounsfield_units_are_numpys(report_of: Made) -> None:
    path, told = report_of("scans")
    with opened(path) as page:
        (z, y, x), _ = place_told(page)
        page.evaluate("document.querySelector('.ex-view-sample [data-plane=coronal]').focus()")
        up = 1 if z + 1 < 6 else -1
        page.press("ArrowUp" if up == 1 else "ArrowDown")
        page.press("PageDown" if y else "PageUp")
        place, said = place_told(page)

        assert place == (z + up, y - 1 if y else 1, x)
        assert said.removeprefix("at most ").removeprefix("at least ") == hounsfield(told, place)
        assert page.evaluate("document.activeElement.dataset.plane") == "coronal"


def test_a_click_on_a_plane_takes_the_layers_maps_there(report_of: Made) -> None:
    path, told = report_of("scans")
    with opened(path) as page:
        page.click(".ex-tabs button:nth-child(1)")
        page.click(".ex-view-sample [data-plane=sagittal]")
        (z, y, _), _ = place_told(page)
        at = place_in(page.text(".ex-readout"))

        assert (z, y) == (3, 4)
        assert at[:2] == (3, 4)
        assert_shows(
            page.text(".ex-value"), values_of(told, told.samples[0])[1][at], values_of(told, told.samples[0])[1]
        )


def test_the_crosshair_falls_between_no_two_pixels_of_a_phone(report_of: Made) -> None:
    path, _ = report_of("scans")
    with opened(path, width=390) as page:
        thick, shrunk = page.evaluate(
            "(() => { const canvas = document.querySelector('.ex-view-sample canvas');"
            "const column = canvas.getContext('2d').getImageData(0, 0, 1, canvas.height).data;"
            "const yellow = [...Array(canvas.height).keys()].filter((y) => column[4 * y] > column[4 * y + 2] + 60);"
            "return [yellow.length, canvas.height / canvas.clientHeight]; })()"
        )

        assert thick >= shrunk > 1.5


def test_the_planes_have_the_scans_true_proportions(report_of: Made) -> None:
    path, _ = report_of("scans")
    with opened(path) as page:
        shapes = page.evaluate(
            "[...document.querySelectorAll('.ex-view-sample canvas')].map((one) => one.offsetWidth / one.offsetHeight)"
        )
        millimetres = 6 * 2.5, 9 * 1.0, 10 * 0.5

        z, y, x = millimetres
        np.testing.assert_allclose(shapes, [x / y, x / z, y / z], rtol=0.02)


def test_the_score_of_each_heat_map_is_the_area_to_the_curve_of_chance(report_of: Made) -> None:
    path, told = report_of("pictures")
    deletion = told.samples[0].deletion
    assert deletion and deletion.by_heat
    gains = [
        np.trapezoid(np.subtract(deletion.at_random, curve), deletion.shares)
        for curve in (deletion.by_heat, deletion.by_covered)
    ]
    with opened(path) as page:
        np.testing.assert_allclose([float(one) for one in page.texts(".ex-gain")], gains, rtol=0.06, atol=0.0006)


@pytest.mark.parametrize("name", ["pictures", "scans"])
def test_another_models_answer_and_heat_map_stand_beside(report_of: Made, name: str) -> None:
    path, _ = report_of(name)
    with opened(path) as page:
        assert page.text(".ex-view-other-second + figcaption") == (
            "second: cat 0.250, dog 0.750. Grad-CAM for dog; anywhere by at least 20 % of the most."
        )
        assert len(page.texts(".ex-view-other-second canvas")) == (3 if name == "scans" else 1)


@pytest.mark.parametrize(("name", "sheets"), [("pictures", 1), ("scans", 3)])
def test_the_first_layers_windows_are_pictures_of_their_weights(report_of: Made, name: str, sheets: int) -> None:
    path, told = report_of(name)
    window = next(layer for layer in told.layers if layer.kind == "convolution").arrays["window"].array()
    with opened(path) as page:
        page.evaluate("document.querySelector('.ex-filters').open = true")
        shown = page.evaluate(
            "[...document.querySelectorAll('.ex-filters button:nth-child(2) canvas')].map((one) =>"
            "[...one.getContext('2d').getImageData(0, 0, 3, 3).data].filter((_, k) => k % 4 !== 3))"
        )
        levels = np.reshape(shown, (sheets, 3, 3, 3))
        if name == "pictures":
            np.testing.assert_allclose(levels[0], 128 + 127 * window[..., 1] / np.abs(window).max(), atol=1)
        else:  # orange above 0, blue below
            np.testing.assert_array_equal(levels[..., 0] > levels[..., 2], window[..., 0, 1] > 0)


def test_where_a_map_answers_most_in_every_sample_is_numpys_own(report_of: Made) -> None:
    path, told = report_of("pictures")
    with opened(path) as page:
        page.click(".ex-maps button[aria-label='map 3 of 6']")
        page.click(".ex-everywhere summary")
        page.wait_for("document.querySelector('.ex-part')")
        found = {name: value for value, name in (one.split() for one in page.texts(".ex-part figcaption"))}
        for sample in told.samples:
            last = values_of(told, sample)[layers_of(told)[1][-1]]
            assert_shows(found[sample.sample_id], last[..., 2].max(), last)

        assert [float(one) for one in found.values()] == sorted(map(float, found.values()), reverse=True)
        assert "map 3" in page.text(".ex-lookedfor")


@pytest.mark.parametrize("name", ["pictures", "scans"])
def test_what_a_map_reacts_to_is_told_by_the_parts_of_its_window(report_of: Made, name: str) -> None:
    """How much of the map's variance, away from the edge, comes from the window's mean and from its slopes."""
    path, told = report_of(name)
    came = values_of(told, told.samples[0])[0]
    came = came.reshape(-1, *came.shape[-3:])
    window = next(layer for layer in told.layers if layer.kind == "convolution").arrays["window"].array()[..., 1]
    sides = (1,) * (4 - window.ndim) + window.shape[:-1]
    window = window.reshape(*sides, -1)
    flat = np.broadcast_to(window.mean((0, 1, 2)), window.shape)
    edge = np.zeros_like(window)
    for axis, side in enumerate(sides):
        slope = np.expand_dims(np.arange(side) - (side - 1) / 2, [k for k in range(3) if k != axis]) + np.zeros(sides)
        if side > 1:
            edge += slope[..., None] * np.tensordot(slope, window, 3) / (slope**2).sum()
    patches = sliding_window_view(came, sides, (0, 1, 2))  # type: ignore[call-overload]
    answers = [np.einsum("zyxcabd,abdc->zyx", patches, part).ravel() for part in (window, edge, flat)]
    shares = [np.cov(answers[0], part, ddof=0)[0, 1] / answers[0].var() for part in answers[1:]]
    with opened(path) as page:
        page.click(".ex-maps button[aria-label^='map 2 of']")
        said = page.text(".ex-reaction")

        assert "map 2 " in said
        assert int(re.findall(r"(-?\d+) % edges", said)[0]) == pytest.approx(100 * shares[0], abs=0.51)
        assert int(re.findall(r"(-?\d+) % (?:brightness|colour)", said)[0]) == pytest.approx(100 * shares[1], abs=0.51)


def test_a_wrong_answer_is_told_beside_its_label_the_doubt_of_that_and_the_part_that_counts_most(
    report_of: Made,
) -> None:
    path, told = report_of("pictures")
    covered = told.samples[1].covered
    assert covered
    falls = covered.array()
    edges = [
        (place * size // parts, (place + 1) * size // parts)
        for place, size, parts in zip(np.unravel_index(falls.argmax(), falls.shape), (15, 18), falls.shape, strict=True)
    ]
    row, column = (f"s {first + 1} to {last}" if last - first > 1 else f" {last}" for first, last in edges)
    with opened(path) as page:
        page.click(".ex-samples button:nth-child(2)")
        said = page.text(".ex-said")

        assert "That label is the 2nd of 2 that are likely wrong" in said
        assert page.evaluate("document.querySelector('.ex-said a').hash") == "#dogs-wrong"
        assert f"lies in row{row}, column{column}:" in said
        assert_shows(re.findall(r"takes (\S+) from", said)[0], falls.max(), falls)


def test_a_slider_takes_the_first_layers_windows_back_to_before_the_training(report_of: Made) -> None:
    path, _ = report_of("pictures")
    levels = (
        "[...document.querySelectorAll('.ex-filters canvas')].map((one) =>"
        "[...one.getContext('2d').getImageData(0, 0, 3, 3).data].filter((_, k) => k % 4 !== 3))"
    )
    with opened(path) as page:
        page.evaluate("document.querySelector('.ex-filters').open = true")
        now = np.array(page.evaluate(levels))
        page.evaluate("document.querySelector('.ex-epoch input').focus()")
        page.press("ArrowLeft")
        said = page.text(".ex-epoch output")
        page.press("ArrowLeft")

        assert (said, page.text(".ex-epoch output")) == ("after epoch 1", "before the first epoch")
        assert np.ptp(now) > 100
        assert np.ptp(page.evaluate(levels)) == 0


def test_what_was_said_of_a_sample_is_drawn_from_epoch_to_epoch(report_of: Made) -> None:
    path, told = report_of("pictures")
    with opened(path) as page:
        assert page.texts(".ex-epochs") == []  # of a test sample nothing is known
        page.click(".ex-samples button:nth-child(2)")
        page.wait_for("document.querySelector('.ex-epochs')")
        names = list(dict.fromkeys(["cat", told.classes[told.samples[1].told]]))
        last = dict(zip(told.classes, BY_EPOCH[-1], strict=True))

        assert [one.strip() for one in page.texts(".ex-epochs li")] == [
            f"{name}: at last {last[name]:.3f}" for name in names
        ]


@pytest.mark.parametrize(("name", "planes"), [("pictures", 1), ("scans", 3)])
def test_every_map_that_comes_in_is_shown_with_the_window_on_it(report_of: Made, name: str, planes: int) -> None:
    path, told = report_of(name)
    with opened(path) as page:
        page.click(".ex-strip button:nth-child(4)")
        blocks = page.texts(".ex-products > b:first-child")

        assert [len(page.texts(f".ex-products:nth-of-type({k + 1}) .ex-came canvas")) for k in range(len(blocks))] == [
            planes
        ] * len(blocks)
        assert len(set(blocks)) == min(4, told.layers[layers_of(told)[2][-1]].shape[-1])


def test_a_pooling_rings_its_largest_value(report_of: Made) -> None:
    path, _ = report_of("pictures")
    with opened(path) as page:
        page.click(".ex-strip button:nth-child(3)")
        cells = [float(one) for one in page.texts(".ex-window td") if one != "·"]

        assert page.text(".ex-most") == page.text(".ex-total")
        assert float(page.text(".ex-most")) == max(cells)
        assert "overlap" in page.text(".ex-window")
        assert "ReLU comes after it" in page.text(".ex-window")


def test_what_counts_for_the_output_adds_up_to_the_logit(report_of: Made) -> None:
    path, told = report_of("pictures")
    with opened(path) as page:
        page.click(".ex-strip button:last-child")
        parts = [float(one.split("=")[1]) for one in page.texts(".ex-bars td:nth-child(2)")]
        logits = np.array(told.samples[0].logits)
        ((sign, bias),) = re.findall(r"([+−]) ([-\d.e]+) \(bias\)", page.text(".ex-equation"))

        assert len(parts) == 7
        assert_shows(page.text(".ex-total"), logits.max(), logits)
        assert sum(parts) + float(f"{sign}{bias}".replace("−", "-")) == pytest.approx(logits.max(), abs=0.01)


def test_the_chain_ends_in_the_submissions_cell_and_names_are_shown_as_text(report_of: Made) -> None:
    path, told = report_of("pictures")
    with opened(path) as page:
        assert page.text(".ex-cell") == told.samples[0].cells[0].text
        assert page.texts(".ex-samples .id") == ["<b>0</b>", "<b>1</b>"]


@pytest.mark.parametrize("name", ["pictures", "scans"])
def test_whatever_the_explorer_offers_is_reached_by_the_tab_key_alone(report_of: Made, name: str) -> None:
    path, _ = report_of(name)
    offered = "[...document.querySelectorAll('.explorer :is(button, input, summary, canvas[tabindex], [tabindex])')]"
    with opened(path) as page:
        page.evaluate("document.querySelectorAll('.explorer details').forEach((one) => { one.open = true; })")
        wanted = page.evaluate(f"{offered}.filter((one) => one.getClientRects().length).length")
        page.evaluate("document.querySelector('.explorer').tabIndex = -1; document.querySelector('.explorer').focus()")
        page.evaluate("globalThis.reached = new Set(); 0")
        for _ in range(wanted + 1):
            page.press("Tab")
            page.evaluate("reached.add(document.activeElement); 0")

        missed = page.evaluate(
            f"{offered}.filter((one) => one.getClientRects().length && !reached.has(one)).map((one) => one.outerHTML)"
        )
        assert missed == []


@pytest.mark.parametrize("layer", [2, 3, 6])
def test_a_layer_is_opened_by_the_enter_key(report_of: Made, layer: int) -> None:
    path, _ = report_of("pictures")
    with opened(path) as page:
        page.evaluate(f"document.querySelector('.ex-strip button:nth-child({layer})').focus()")
        page.press("Enter")
        name = page.text(f".ex-strip button:nth-child({layer}) b")

        assert page.text(".ex-layer h4") == name
        assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["pictures", "scans"])
def test_axe_finds_nothing_serious_in_the_explorer(report_of: Made, name: str, dark: bool) -> None:
    path, _ = report_of(name)
    with opened(path, dark=dark) as page:
        page.click(".ex-samples button:nth-child(2)")
        page.wait_for("document.querySelector('.ex-epochs') && document.querySelector('.ex-value')")
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

        assert complaints(page) == []


def test_another_sample_is_chosen_by_keyboard_alone(report_of: Made) -> None:
    path, told = report_of("pictures")
    with opened(path) as page:
        page.evaluate("document.querySelector('.ex-samples button').focus()")
        page.press("Tab")
        page.press("Enter")
        page.wait_for(
            "document.querySelector('.ex-samples button:nth-child(2)').getAttribute('aria-pressed') === 'true'"
        )
        page.wait_for("document.querySelector('.ex-value')")  # it is gone until the sample is computed
        logits = [float(one) for one in re.findall(r"-?\d\S*\d", page.text(".explorer > [role=status]"))]

        np.testing.assert_allclose(logits, told.samples[1].logits, rtol=0.01, atol=0.006)


@pytest.mark.parametrize("name", ["pictures", "scans"])
def test_what_is_open_is_printed_without_what_only_a_screen_can_use(report_of: Made, name: str) -> None:
    path, _ = report_of(name)
    seen = "[...document.querySelectorAll({0!r})].filter((one) => one.getClientRects().length).length"
    with opened(path, dark=True) as page:
        canvases = page.evaluate(seen.format(".ex-answer canvas, .ex-window canvas"))
        page.on_paper()

        assert page.evaluate(seen.format(".ex-answer canvas, .ex-window canvas")) == canvases > 3
        assert page.evaluate(seen.format(".ex-said, .ex-value, .ex-chain td")) > 3
        assert page.evaluate(seen.format(".ex-own, .ex-tabs, .explorer summary")) == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 718


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_the_page_has_no_scroll_to_the_side_no_error_and_no_request(report_of: Made, width: int, dark: bool) -> None:
    path, _ = report_of("resnet-3d")
    with opened(path, width=width, dark=dark) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(21, 23, 27)" if dark else "rgb(255, 255, 255)"
        )
        assert page.said == []
