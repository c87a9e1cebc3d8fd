"""An opened network: what is written of it gives its own answers again, and its heat maps find what it looks at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import MODEL
from recomputed import values_of
from small_competition import write_network

from catscan.common.contracts.explanation import Shown
from catscan.common.contracts.model import Model
from catscan.networks.model import read_weights, write_model
from catscan.stages.explain import opened
from catscan.stages.explain.opened import Opened

LIST = [
    {"convolution": {"feature_maps": 6, "window": 3, "batch_norm": True}},
    {"pooling": {"window": 3, "stride": 2}},
    {"convolution": {"feature_maps": 5, "window": 4, "stride": 2}},
    {"pooling": {"kind": "average", "window": 2, "stride": 1}},
    {"fully_connected": {"units": 7, "keep_probability": 0.8}},
]
NETWORKS = {
    "tutorial-2d": (21, 26, 1),
    "resnet-2d": (16, 24, 3),
    "tutorial-3d": (4, 9, 10, 1),
    "resnet-3d": (6, 9, 12, 1),
    "a list": (11, 12, 3),
    "a list for scans": (5, 8, 7, 1),
}


def model_of(network: Any, shape: tuple[int, ...]) -> Model:
    return replace(MODEL, network=LIST if network.startswith("a list") else network, sample_shape=shape)


def looked_at(folder: Path, model: Model, pixels: np.ndarray) -> tuple[Any, list[Shown], Opened]:
    network = Opened(folder, model)
    try:
        shown = [
            Shown("1", "test", "", "test", chain=(), cells=(), others=(), by_epoch=None, voxels=None, **look.shown())
            for look in network.look_at(pixels)
        ]
        return network.layers(), shown, network
    finally:
        network.close()


def pixels_of(shape: tuple[int, ...], n: int = 1) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (n, *shape)).astype(np.uint8)


@pytest.mark.parametrize(("network", "shape"), NETWORKS.items())
def test_pixels_and_weights_give_the_networks_own_logits(network: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    model = model_of(network, shape)
    write_network(tmp_path, model, seed=1)
    (layers, remarks), (shown,), _ = looked_at(tmp_path, model, pixels_of(shape))
    values = values_of(layers, shown)

    np.testing.assert_allclose(values[-1], shown.logits, rtol=1e-5, atol=1e-5 * np.abs(values[-2]).max())
    assert remarks == ()
    assert sum(layer.weights for layer in layers) == sum(array.size for array in read_weights(tmp_path).values())


def test_a_layer_of_too_many_weights_stays_closed_and_its_values_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "BYTES_OF_WEIGHTS", 2200)
    model = model_of("a list", NETWORKS["a list"])
    write_network(tmp_path, model, seed=1)
    (layers, remarks), (shown,), _ = looked_at(tmp_path, model, pixels_of(model.sample_shape))
    (closed,) = [number for number, layer in enumerate(layers) if layer.closed]

    assert (layers[closed].kind, layers[closed].arrays, list(shown.values)) == ("convolution", {}, [str(closed)])
    assert remarks == ("1 layer of 485 weights in all cannot be opened: they are too many for a page.",)
    np.testing.assert_allclose(values_of(layers, shown)[-1], shown.logits, rtol=1e-4, atol=1e-4)


def test_steps_that_are_too_much_for_a_page_are_left_out_up_to_the_last_maps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "BYTES_OF_WEIGHTS", 2200)
    monkeypatch.setattr(opened, "BYTES_OF_VALUES", 100)
    model = model_of("a list", (24, 26, 3))
    write_network(tmp_path, model, seed=1)
    (layers, remarks), (shown,), network = looked_at(tmp_path, model, pixels_of(model.sample_shape))
    assert shown.features and shown.heat

    assert (layers[0].kind, layers[0].inputs, network.heat_layer) == ("input", (), 0)
    assert shown.features.shape == layers[0].shape
    assert shown.heat.shape == layers[0].shape[:-1]
    assert remarks[0] == "The first 7 steps are too much for a page: the explorer begins after them."
    np.testing.assert_allclose(values_of(layers, shown)[-1], shown.logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(32, 32, 1), (16, 16, 16, 1)], ids=["picture", "scan"])
def test_the_heat_maps_peak_where_the_cue_is(shape: tuple[int, ...], tmp_path: Path) -> None:
    """A bright square, or cube, in the last quarter along each axis; one window of ones sums it up."""
    axes = len(shape) - 1
    layers = [{"convolution": {"feature_maps": 1, "window": 3}}, {"global_pooling": {"kind": "max"}}]
    model = replace(MODEL, network=layers, sample_shape=shape)
    cue = {
        "convolution_1/W": np.ones((3,) * axes + (1, 1)), "convolution_1/b": np.zeros(1),
        "output/W": np.array([[-1.0, 1.0]]), "output/b": np.zeros(2),
    }  # fmt: skip
    write_model(tmp_path, model, {name: array.astype(np.float32) for name, array in cue.items()})
    pixels = np.random.default_rng(0).integers(0, 30, (1, *shape)).astype(np.uint8)
    pixels[(0, *(slice(side * 3 // 4 + 1, side * 3 // 4 + 4) for side in shape[:-1]))] = 250
    _, (shown,), network = looked_at(tmp_path, model, pixels)
    assert shown.heat and shown.covered
    heat, covered = shown.heat.array(), shown.covered.array()

    assert (shown.told, network.heat_layer) == (1, 2)
    assert all(
        3 / 4 <= place / side < 1
        for place, side in zip(np.unravel_index(heat.argmax(), heat.shape), heat.shape, strict=True)
    )
    assert all(
        3 / 4 <= place / side < 1
        for place, side in zip(np.unravel_index(covered.argmax(), covered.shape), covered.shape, strict=True)
    )


def planted(shape: tuple[int, ...]) -> tuple[np.ndarray, tuple[slice, ...]]:
    """A bright square, or cube, in the last quarter along each axis, and a line as bright in the first."""
    pixels = np.random.default_rng(0).integers(0, 6, (1, *shape)).astype(np.uint8)
    cue = tuple(slice(side * 3 // 4 + 1, side * 3 // 4 + 4) for side in shape[:-1])
    pixels[(0, *cue)] = 250
    pixels[(0, *[side // 4 for side in shape[:-2]], slice(4, 9))] = 250
    return pixels, cue


def write_detector(
    folder: Path, shape: tuple[int, ...], *, shuffled_by: int | None = None, strength: float = 1.0
) -> Model:
    """One window of side 5 that sees what is 3 wide and dark around; or the same weights, shuffled by a seed."""
    layers = [{"convolution": {"feature_maps": 1, "window": 5}}, {"global_pooling": {"kind": "max"}}]
    model = replace(MODEL, network=layers, sample_shape=shape)
    axes = len(shape) - 1
    window = np.full((5,) * axes, -1.0)
    window[(slice(1, 4),) * axes] = 1
    if shuffled_by is not None:
        window = np.random.default_rng(shuffled_by).permutation(window.ravel()).reshape(window.shape)
    weights = {
        "convolution_1/W": window[..., None, None], "convolution_1/b": np.zeros(1),
        "output/W": strength * np.array([[-1.0, 1.0]]), "output/b": np.zeros(2),
    }  # fmt: skip
    write_model(folder, model, {name: array.astype(np.float32) for name, array in weights.items()})
    return model


@pytest.mark.parametrize("shape", [(32, 32, 1), (16, 16, 16, 1)], ids=["picture", "scan"])
def test_the_heat_maps_peak_on_the_cue(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Beside a line that is as bright."""
    assert peaks_on_the_cue(tmp_path, shape) == [True, True]


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(32, 32, 1), (16, 16, 16, 1)], ids=["picture", "scan"])
def test_with_shuffled_weights_the_heat_maps_leave_the_cue_half_of_the_time(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    """Only the weights in their order know the cue; a few orders happen to see it, too."""
    found = [peaks_on_the_cue(tmp_path, shape, shuffled_by=seed) for seed in range(8)]

    assert (np.mean(found, axis=0) <= 0.5).all()


def peaks_on_the_cue(folder: Path, shape: tuple[int, ...], *, shuffled_by: int | None = None) -> list[bool]:
    """Whether Grad-CAM and covering are highest on the cue, or beside it by a pixel."""
    model = write_detector(folder, shape, shuffled_by=shuffled_by)
    pixels, cue = planted(shape)
    _, (shown,), _ = looked_at(folder, model, pixels)
    assert shown.heat and shown.covered
    maps = shown.heat.array(), shown.covered.array()
    peaks = [(np.array(np.unravel_index(one.argmax(), one.shape)) + 0.5) / one.shape for one in maps]
    return [
        all(
            one.start - 1 <= share * side < one.stop + 1 for share, side, one in zip(peak, shape[:-1], cue, strict=True)
        )
        for peak in peaks
    ]


def test_covering_what_the_heat_maps_name_makes_the_answer_fall_faster_than_chance(tmp_path: Path) -> None:
    model = write_detector(tmp_path, (32, 32, 1), strength=1e-3)
    _, (shown,), _ = looked_at(tmp_path, model, planted(model.sample_shape)[0])
    assert shown.deletion and shown.deletion.by_heat
    curves = np.array([shown.deletion.by_heat, shown.deletion.by_covered, shown.deletion.at_random])

    assert shown.deletion.shares == tuple(np.arange(9) / 8)
    np.testing.assert_allclose(curves[:, 0], 1 / (1 + np.exp(shown.logits[0] - shown.logits[1])), rtol=1e-5)
    np.testing.assert_allclose(curves[:, -1], curves[0, -1], rtol=1e-6)  # all is covered, whatever the order
    assert (curves[:2, 1] < curves[0, 0] - 0.1).all()  # an eighth is enough
    assert (curves[2].sum() > curves[:2].sum(axis=1) + 0.2).all()


def test_a_heat_map_that_finds_nothing_has_no_order_to_cover_by(tmp_path: Path) -> None:
    model = write_detector(tmp_path, (16, 16, 1))
    _, (shown,), _ = looked_at(tmp_path, model, np.zeros((1, 16, 16, 1), np.uint8))
    assert shown.heat and shown.deletion

    assert not shown.heat.array().any()
    assert shown.deletion.by_heat is None


def test_maps_of_a_single_pixel_tell_nothing_of_where(tmp_path: Path) -> None:
    write_network(tmp_path, MODEL, seed=1)
    _, (shown,), network = looked_at(tmp_path, MODEL, pixels_of(MODEL.sample_shape))

    assert (network.heat_layer, shown.heat) == (None, None)
    assert shown.covered and shown.covered.shape == (8, 8)
