"""A network that learnt from features opened: what it says, where that comes from, and what two models say at once."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from factories import FOLD, MODEL, MODEL_SCORES, metrics_of, summary_of, write_shard
from pretrained_pictures import drawn
from recomputed import values_of
from small_competition import write_network

from catscan.common.arrays import Shards
from catscan.common.contracts.explanation import Shown
from catscan.common.contracts.features import FeaturesSource
from catscan.common.contracts.sidecar import ReadAs
from catscan.kinds.registry import kind_named
from catscan.networks.evaluated import Evaluated
from catscan.networks.model import read_weights
from catscan.networks.pretrained import extractor
from catscan.networks.pretrained.extractor import Extractor
from catscan.networks.pretrained.registry import PRETRAINED
from catscan.networks.session import Compute
from catscan.scores.predictions import Predictions, write_predictions
from catscan.stages.explain import covering, pretrained
from catscan.stages.explain.choice import Chosen
from catscan.stages.explain.opening import Others, look_at
from catscan.stages.explain.pretrained import OpenedHead
from catscan.stages.explain.samples import Samples, shards_read_for, voxels_of

pytestmark = pytest.mark.slow  # the pretrained network is built in seconds

SOURCE = FeaturesSource("efficientnet-lite0", PRETRAINED["efficientnet-lite0"].sha256, "fp32")
READER = {"size": [224, 224], "channels": "rgb", "fit": "stretch", "resize": "area"}
ON_FEATURES = replace(MODEL, network="linear", sample_shape=(1, 1280), reader=READER, features=(SOURCE,))
Opened = tuple[Path, list[Shown], OpenedHead]


@pytest.fixture(autouse=True)
def _two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (extractor, pretrained):
        monkeypatch.setattr(module, "BATCH", 2)
    monkeypatch.setattr(covering, "PARTS", {2: 2})
    monkeypatch.setattr(covering, "STEPS", 2)


def pictures() -> np.ndarray:
    return np.stack([drawn(224), drawn(224)[:, ::-1], 255 - drawn(224)])


def shown(look) -> Shown:
    return Shown("1", "test", "", "test", chain=(), cells=(), others=(), by_epoch=None, voxels=None, **look.shown())


def extracted(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with closing(Extractor(SOURCE.network, Compute(2, "fp32", False))) as one:
        return one.look(samples)


def test_pictures_are_answered_from_features_and_the_heat_is_the_share_of_each_place(
    tmp_path: Path,
) -> None:
    """The head's weights times the roots of the features, spread over the places as the maps are."""
    write_network(tmp_path, ON_FEATURES, seed=1)
    weights, samples = read_weights(tmp_path), pictures()
    features, maps = extracted(samples)
    with closing(OpenedHead(tmp_path, ON_FEATURES)) as network:
        looks, (layers, remarks) = network.look_at(samples, lambda _: samples), network.layers()

    np.testing.assert_allclose(features, maps.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)
    assert remarks == ()
    for look, seen, places in zip(looks, features, maps, strict=True):
        told = shown(look)
        assert told.heat is not None
        worth = weights["output/W"][:, look.told] * np.sqrt(seen)
        heat = np.maximum((places / np.maximum(seen, 1e-9)) @ worth, 0)

        np.testing.assert_allclose(values_of(layers, told)[-1], look.logits, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(look.features[0], seen)
        np.testing.assert_allclose(told.heat.array(), 255 * heat / heat.max(), atol=1)  # grey levels


def test_what_a_covered_part_costs_is_how_far_the_logit_of_the_picture_without_it_falls(tmp_path: Path) -> None:
    write_network(tmp_path, ON_FEATURES, seed=1)
    samples = pictures()[:1]
    without = samples.copy()
    without[0, :112, 112:] = np.round(samples.mean(axis=(0, 1, 2)))
    with closing(OpenedHead(tmp_path, ON_FEATURES)) as network:
        (look,), (covered,) = (network.look_at(some, lambda _, some=some: some) for some in (samples, without))
    fall = look.logits[look.told] - covered.logits[look.told]

    assert look.covered.shape == (2, 2)
    assert look.covered[0, 1] == pytest.approx(fall, abs=1e-5)
    assert look.deletion.shares == (0, 0.5, 1)
    assert look.deletion.by_heat[0] == look.deletion.by_covered[0] == pytest.approx(look.deletion.at_random[0])


def test_of_a_scan_each_slice_has_a_heat_map_of_its_own(tmp_path: Path) -> None:
    model = replace(ON_FEATURES, sample_shape=(3, 1280))
    write_network(tmp_path, model, seed=1)
    scan = np.stack([cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in pictures()])[None, ..., None]
    with closing(OpenedHead(tmp_path, model)) as network:
        (look,) = network.look_at(scan, lambda _: scan)

    assert look.heat.shape == (3, 7, 7)
    assert look.features.shape == (3, 1280)
    assert look.heat.max() == 255
    assert (look.covered, look.deletion) == (None, None)


def test_a_scan_whose_shards_show_another_field_is_shown_as_the_pretrained_network_saw_it(tmp_path: Path) -> None:
    """Shards of 3 x 8 x 8 voxels of 2 mm, a network over all 40 mm of the scan."""
    values = np.random.default_rng(0).integers(-1000, 200, (20, 20, 3)).astype(np.int16)
    nib.save(nib.Nifti1Image(values, np.diag([-2.0, -2.0, 4.0, 1.0])), tmp_path / "a.nii")
    shards = ReadAs("nifti", {"mode": "iso", "size": [3, 8, 8], "spacing_mm": 2.0})
    write_shard(tmp_path / "test.npy", np.zeros((1, 3, 8, 8, 1), np.uint8), ["a"], settings=shards)
    reader = kind_named("nifti").block_seen_at(shards.reader, 224)
    model = replace(ON_FEATURES, kind="nifti", reader=reader, sample_shape=(3, 1280))
    write_network(tmp_path, model, seed=1)
    index = pd.DataFrame({"archive": [""], "path": ["a.nii"], "label": [""]}, index=["a"])
    samples = Samples({"test": Shards([tmp_path / "test.npy"])}, index, tmp_path)
    with closing(OpenedHead(tmp_path, model)) as network:
        (look,) = look_at(network, [Chosen("a", "test", "test")], samples, model)
    voxels = voxels_of(look.geometry)

    assert (look.pixels.shape, look.heat.shape) == ((3, 64, 64, 1), (3, 7, 7))
    assert look.heat.max() == 255
    assert voxels.spacing_mm[1:] == pytest.approx((40 / 64, 40 / 64))


def test_other_models_say_what_stands_in_their_files_and_show_where_they_looked(tmp_path: Path) -> None:
    """One on pixels and one on features, beside one that is opened."""
    read_as = ReadAs("picture", {**READER, "size": [16, 16]})
    layers = [{"convolution": {"feature_maps": 3, "window": 3}}]
    on_pixels = replace(MODEL, network=layers, sample_shape=(16, 16, 3), reader=read_as.reader)
    described = {"opened": on_pixels, "pixels": on_pixels, "features": ON_FEATURES}
    folders = {name: [tmp_path / name / "fold-0"] for name in described}
    for number, (name, model) in enumerate(described.items()):
        write_network(folders[name][0], model, seed=number)
        write_predictions(folders[name][0] / "out-of-fold.csv", ["a"], np.array([[0.3, 0.7]]), ["cat", "dog"])
    scores = replace(MODEL_SCORES, folds=(FOLD,))
    evaluated = Evaluated(
        folders, {folders[name][0]: model for name, model in described.items()},
        metrics_of(models=dict.fromkeys(described, scores)), summary_of(), [],
    )  # fmt: skip
    for split, name in (("train", "a"), ("test", "b")):
        array = np.random.default_rng(1).integers(0, 256, (1, 16, 16, 3)).astype(np.uint8)
        write_shard(tmp_path / f"{split}.npy", array, [name], settings=read_as)
        cv2.imwrite(str(tmp_path / f"{name}.png"), drawn(60))
    index = pd.DataFrame({"archive": ["", ""], "path": ["a.png", "b.png"], "label": ["cat", ""]}, index=["a", "b"])
    samples = Samples({split: Shards([tmp_path / f"{split}.npy"]) for split in ("train", "test")}, index, tmp_path)
    predictions = Predictions(["b"], {name: [np.array([[0.6, 0.4]])] for name in described})
    chosen = [Chosen("a", "train", "right", "cat"), Chosen("b", "test", "test")]
    of_a, of_b = Others(evaluated, samples, predictions, gpu=False).of(chosen, fold=FOLD.fold, model="opened")

    assert [(one.model, one.answers, one.told) for one in of_a] == [
        ("pixels", (0.3, 0.7), 1), ("features", (0.3, 0.7), 1)
    ]  # fmt: skip
    assert [(one.answers, one.told) for one in of_b] == [((0.6, 0.4), 0)] * 2
    assert [one.heat.shape for one in of_b if one.heat] == [(16, 16), (7, 7)]


def test_a_network_is_shown_what_it_has_learnt_from(tmp_path: Path) -> None:
    """A sweep has read the samples in two ways; who learnt from features is shown them as the config reads them."""
    readers = {"arrays": READER | {"size": [16, 16]}, "arrays-size-8x8": READER | {"size": [8, 8]}}
    for folder, reader in readers.items():
        for split in ("train", "test"):
            array = np.zeros((1, *reader["size"], 3), np.uint8)
            write_shard(tmp_path / folder / f"{split}.npy", array, ["a"], settings=ReadAs("picture", reader))
    paths = {split: [tmp_path / folder / f"{split}.npy" for folder in readers] for split in ("train", "test")}
    small = replace(MODEL, reader=readers["arrays-size-8x8"])

    shapes = [
        shards_read_for(model, **paths)["test"].sample_shape
        for model in (small, replace(small, features=ON_FEATURES.features))
    ]
    assert shapes == [(8, 8, 3), (16, 16, 3)]
