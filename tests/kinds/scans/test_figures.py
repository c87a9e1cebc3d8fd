"""Figures of scans: what they show, in true proportions, with the notice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from catscan.kinds.scans import figures

GEOMETRY = {
    "spacing_mm": [5.0, 2.0, 2.5],
    "affine": [[0, 0, 2.5, -50], [0, 2.0, 0, -60], [5.0, 0, 0, -100], [0, 0, 0, 1]],
    "modality": "CT",
    "intensity_ranges": [[-1350.0, 150.0]],
}


@pytest.fixture
def array() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 30, 40, 1)).astype(np.uint8)


DRAWERS = {
    "montage": figures.montage,
    "three planes": figures.three_planes,
    "histogram": figures.histogram,
}


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.parametrize("draw", DRAWERS.values(), ids=DRAWERS.keys())
def test_every_figure_says_that_this_is_no_medical_device(draw: Callable[..., Figure], array: np.ndarray) -> None:
    assert "Not a medical device. For research and teaching only." in texts(draw(array, GEOMETRY))


@pytest.mark.parametrize("draw", DRAWERS.values(), ids=DRAWERS.keys())
def test_every_figure_can_be_drawn_without_an_affine(draw: Callable[..., Figure], array: np.ndarray) -> None:
    geometry = {key: value for key, value in GEOMETRY.items() if key != "affine"}

    draw(array, geometry, title="patient").canvas.draw()


def test_a_montage_tells_heights_in_mm(array: np.ndarray) -> None:
    titles = [panel.get_title() for panel in figures.montage(array, GEOMETRY, n_slices=3).axes]

    assert titles == ["z = -100 mm", "z = -80 mm", "z = -60 mm"]


def test_planes_have_the_true_proportions(array: np.ndarray) -> None:
    panels = figures.three_planes(array, GEOMETRY).axes

    assert [panel.get_aspect() for panel in panels] == pytest.approx([2.0 / 2.5, 5.0 / 2.5, 5.0 / 2.0])


def test_planes_carry_the_letters_of_the_patients_sides(array: np.ndarray) -> None:
    panels = figures.three_planes(array, GEOMETRY).axes

    assert ["".join(text.get_text() for text in panel.texts) for panel in panels] == ["RLAP", "RLSI", "APSI"]


def test_coronal_and_sagittal_planes_have_the_head_on_top(array: np.ndarray) -> None:
    _, coronal, sagittal = figures.three_planes(array, GEOMETRY, at=(6, 15, 20)).axes

    np.testing.assert_array_equal(coronal.images[0].get_array(), array[::-1, 15, :, 0])
    np.testing.assert_array_equal(sagittal.images[0].get_array(), array[::-1, :, 20, 0])


def test_the_histogram_tells_what_the_window_cuts_off(array: np.ndarray) -> None:
    array[:] = 100
    array[:3] = 255

    assert any("25.0% at or above" in text for text in texts(figures.histogram(array, GEOMETRY)))


@pytest.mark.parametrize("draw", DRAWERS.values(), ids=DRAWERS.keys())
def test_no_figure_of_an_mr_scan_speaks_of_hu(draw: Callable[..., Figure], array: np.ndarray) -> None:
    geometry = GEOMETRY | {"modality": "MR", "intensity_ranges": [[-12.5, 1234.567]]}

    found = " ".join(texts(draw(array, geometry)))

    assert "HU" not in found
    assert "tissue" not in found


def test_the_histogram_of_an_mr_scan_tells_its_own_values(array: np.ndarray) -> None:
    geometry = GEOMETRY | {"modality": "MR", "intensity_ranges": [[-12.5, 1234.567]]}

    found = texts(figures.histogram(array, geometry))

    assert "value, in the scanner's own unit" in found
    assert any(text.startswith(" 1235 \n") for text in found)
