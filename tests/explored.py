"""Reports whose explorer shows one of several networks, and what a test reads in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from browser import Page
from factories import EXPLANATION, FINDINGS, MODEL, check_of, metrics_of, summary_of, write_evaluation, write_shard
from small_competition import write_network

from catscan.cli import main
from catscan.common.contracts.explanation import Block, Explanation, FromFile, Other, Voxels
from catscan.common.contracts.model import Model
from catscan.common.settings import canonical
from catscan.networks.model import read_weights, write_model
from catscan.stages.explain.opened import Opened

PICTURES = [
    {"convolution": {"feature_maps": 6, "window": 3, "batch_norm": True}},
    {"pooling": {"window": 3, "stride": 2}},
    {"convolution": {"feature_maps": 5, "window": 3}},
    {"fully_connected": {"units": 7}},
]
NETWORKS = {
    "pictures": (PICTURES, (15, 18, 3)),
    "scans": (PICTURES, (6, 9, 10, 1)),
    "resnet-2d": ("resnet-2d", (32, 32, 3)),
    "resnet-3d": ("resnet-3d", (8, 12, 12, 1)),
    "tutorial-2d": ("tutorial-2d", (25, 25, 1)),
    "tutorial-3d": ("tutorial-3d", (4, 9, 10, 1)),
}
BY_EPOCH = np.array([[0.25, 0.75], [0.625, 0.375]])
VOXELS = Voxels((2.5, 1.0, 0.5), ((-1350.0, 150.0),), "HU")
Made = Callable[[str], tuple[Path, Explanation]]


def write_report(folder: Path, name: str) -> None:
    """A report with an opened network, and what the explain stage told of it."""
    network, shape = NETWORKS[name]
    reader = {"size": shape[-3:-1], "channels": "gray" if shape[-1] == 1 else "rgb"}
    competition = folder / "results" / "dogs"
    model = replace(MODEL, network=network, sample_shape=shape, reader=reader)
    summary_of(["cat", "dog"]).write(competition / "index.json")
    write_evaluation(competition, metrics_of())
    replace(FINDINGS, suspects=2).write(competition / "evaluation" / "findings.json")
    (competition / "evaluation" / "suspects.csv").write_text(
        "sample_id,label,likely,label_value,likely_value\nother,dog,cat,0.01,0.99\n<b>1</b>,cat,dog,0.02,0.98\n"
    )
    check_of().write(competition / "submission.json")
    (competition / "submission.csv").write_text("id,label\n1,0.5\n")
    trained = competition / "models" / "resnet" / "fold-0"
    write_network(trained, model, seed=1)
    pixels = np.random.default_rng(3).integers(0, 256, (2, *shape)).astype(np.uint8)
    make_decided(trained, model, pixels)
    for split in ("train", "test"):
        write_shard(competition / "arrays" / f"{split}-1-of-1.npy", np.empty((0, *shape), np.uint8), [])
    opened = Opened(trained, model)
    looks, (layers, remarks) = opened.look_at(pixels), opened.layers()
    opened.close()
    told = EXPLANATION.samples[0]
    heat = Block.of(np.arange(51, 256, 68, dtype=np.uint8).reshape((2, 2, 1)[: len(shape) - 1]))
    picture = FromFile(shape[:2], "stretch", "area") if len(shape) == 3 else None  # type: ignore[arg-type]
    told = replace(told, voxels=VOXELS if len(shape) == 4 else None, others=(Other("second", (0.25, 0.75), 1, heat),))
    samples = [replace(told, **look.shown(), sample_id=f"<b>{number}</b>") for number, look in enumerate(looks)]
    samples[1] = replace(samples[1], label="cat", by_epoch=Block.of(BY_EPOCH))
    window = next(layer for layer in layers if layer.kind == "convolution").arrays["window"].array()
    replace(
        EXPLANATION, sample_shape=shape, layers=layers, samples=tuple(samples), remarks=remarks,
        heat_layer=opened.heat_layer, flips=True, picture=picture,
        windows=Block.of(np.stack([0 * window, window / 2, window])),
    ).write(competition / "explanation.json")  # fmt: skip
    arguments = ["--results", str(folder / "results"), "--out", str(folder / "report.html")]
    assert main(["report", "--settings", canonical({"titles": [["dogs", "Dogs"]]}), *arguments]) == 0


def make_decided(folder: Path, model: Model, pixels: np.ndarray) -> None:
    """Give a network a last layer by which it answers other than 1/2: untrained, it hardly looks at its pixels."""
    weights, network = read_weights(folder), Opened(folder, model)
    logits = np.array([look.logits for look in network.look_at(pixels)])
    network.close()
    weights["output/W"] *= 1.5 / np.abs(logits - weights["output/b"]).max()
    weights["output/b"][:] = 0
    write_model(folder, model, weights)


def opened(path: Path, **options: object) -> Page:
    page = Page(path, **options)  # type: ignore[arg-type]
    page.evaluate("document.querySelector('.explorer').scrollIntoView()")
    page.wait_for("document.querySelector('.ex-value')")
    return page


def layers_of(told: Explanation) -> list[list[int]]:
    layers: list[list[int]] = []
    for number, step in enumerate(told.layers):
        if step.opens:
            layers.append([])
        layers[-1].append(number)
    return layers


def place_in(readout: str) -> tuple[int, ...]:
    """Slice, row, column (from 0; no slice of a picture) and map that the page says it shows."""
    map_ = int(re.findall(r"Map (\d+)", readout)[0])
    return (*(int(one) - 1 for one in re.findall(r"(?:slice|row|column) (\d+)", readout)), map_ - 1)


def assert_shows(shown: str, value: float, values: np.ndarray) -> None:
    """As shown, rounded to about three digits, and within 1e-4 of the layer's range."""
    assert abs(float(shown) - value) <= max(0.0006, 0.06 * abs(value) * (abs(value) < 0.01), 1e-4 * np.ptp(values)) + (
        0.06 if abs(value) >= 100 else 0
    )
