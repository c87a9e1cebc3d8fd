"""Weights of one's own: of an EfficientNet-Lite by name, of a network of Keras as Keras saves them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pretrained_pictures import drawn

from catscan.cli import main
from catscan.common.arrays import read_shard
from catscan.common.contracts.features import FeaturesSidecar, FeaturesSource
from catscan.common.errors import CatscanError
from catscan.networks.pretrained.keras_graph import keras_graph
from catscan.networks.pretrained.own import check_own_weights, digest_of, keras_networks, own_of
from catscan.networks.pretrained.weights import pretrained_weights

SIDE = 64
SAVE = """
import sys
import h5py, keras, numpy as np
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group
folder, side = sys.argv[1], int(sys.argv[2])
for name in ("MobileNetV2", "EfficientNetV2B0"):
    keras.utils.set_random_seed(1)
    whole = getattr(keras.applications, name)(weights=None)
    network = getattr(keras.applications, name)(
        weights=None, include_top=False, pooling="avg", input_shape=(side, side, 3)
    )
    for layer in (one for one in network.layers if one.weights):
        layer.set_weights(whole.get_layer(layer.name).get_weights())
    whole.save_weights(f"{folder}/{name}-whole.weights.h5")
    with h5py.File(f"{folder}/{name}.h5", "w") as file:  # as Keras 2 saved them, and offers those of ImageNet
        save_weights_to_hdf5_group(file, network)
    network.save_weights(f"{folder}/{name}.weights.h5")
    pictures = np.load(f"{folder}/pictures.npy").astype("float32")
    module = sys.modules[getattr(keras.applications, name).__module__]
    both = [network(module.preprocess_input(one.copy())).numpy() for one in (pictures, pictures[:, :, ::-1])]
    np.save(f"{folder}/{name}.npy", np.mean(both, axis=0))
"""


@pytest.fixture
def saved(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Random weights of two networks as Keras saves them, and what Keras makes of three pictures by them."""

    def make(folder: Path) -> None:
        np.save(folder / "pictures.npy", np.stack([np.roll(drawn(SIDE), 9 * number, axis=1) for number in range(3)]))
        subprocess.run([sys.executable, "-c", SAVE, str(folder), str(SIDE)], check=True, capture_output=True)

    return made_once("weights of Keras", make)


def looked_at(tmp_path: Path, pictures: Any, network: str, file: Path) -> Path:
    """The shard of features of these pictures."""
    rows = ""
    for number, picture in enumerate(pictures):
        (tmp_path / f"{number}.png").write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
        rows += f"{number},test,1,,{number}.png\n"
    (tmp_path / "index.csv").write_text("sample_id,split,shard,archive,path\n" + rows)
    reader = {"size": [SIDE, SIDE], "channels": "rgb", "fit": "stretch"}
    settings = {"network": "mine", "architecture": network, "kind": "picture", "reader": reader}
    flags = {
        "settings": json.dumps({**settings, "precision": "fp32", "threads": 2}), "raw": tmp_path, "split": "test",
        "index": tmp_path / "index.csv", "shard": 1, "weights": file, "array": tmp_path / "f.npy", "device": "cpu",
    }  # fmt: skip
    assert main(["features", *[str(word) for key, value in flags.items() for word in (f"--{key}", value)]]) == 0
    return tmp_path / "f.npy"


@pytest.mark.slow
@pytest.mark.parametrize("network", ["MobileNetV2", "EfficientNetV2B0"])
@pytest.mark.parametrize("ending", [".h5", ".weights.h5", "-whole.weights.h5"])
def test_features_by_weights_that_keras_saved_are_those_of_keras(
    saved: Path, tmp_path: Path, network: str, ending: str
) -> None:
    file = saved / f"{network}{ending}"
    wanted = np.load(saved / f"{network}.npy")
    shard = read_shard(looked_at(tmp_path, np.load(saved / "pictures.npy"), network, file), FeaturesSidecar, np.float32)

    found = shard.array[:, 0]
    above = found[:, : wanted.shape[1]]
    below = found[:, wanted.shape[1] :] if found.shape[1] > wanted.shape[1] else 0
    assert (found.min() >= 0, found.shape[1] // wanted.shape[1]) == (True, 2 if wanted.min() < 0 else 1)
    np.testing.assert_allclose(above - below, wanted, atol=1e-4 * np.abs(wanted).max())
    assert shard.sidecar.source == FeaturesSource("mine", digest_of(file), "fp32", network, str(file), SIDE)
    assert own_of(shard.sidecar.source) is not None


@pytest.mark.slow
def test_weights_of_another_network_of_keras_are_refused(saved: Path) -> None:
    file = saved / "MobileNetV2.weights.h5"
    with pytest.raises(CatscanError, match="These are no weights of ResNet50") as refusal:
        keras_graph("ResNet50", file, SIDE)

    assert refusal.value.where == str(file)
    assert "could not be loaded" in refusal.value.found


@pytest.mark.slow
def test_weights_by_the_names_of_a_fine_tuned_model_make_features_and_others_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, file = "efficientnet-lite0", tmp_path / "weights.npz"
    weights = pretrained_weights(name)
    np.savez(file, **weights, **{"output/W": np.zeros((1280, 2), np.float32)})
    array = looked_at(tmp_path, [drawn(SIDE)], name, file)

    assert np.load(array).shape == (1, 1, 1280)
    del weights["stem/W"]
    np.savez(file, **weights)
    array.unlink()
    with pytest.raises(AssertionError):
        looked_at(tmp_path, [drawn(SIDE)], name, file)
    assert "not, or of another shape: stem/W" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "own", "key", "parts"),
    [
        ("efficientnet-lite0", {}, "weights.efficientnet-lite0", ["has this name"]),
        ("mine", {"network": "ResNet5"}, "weights.mine.network", ["no network 'ResNet5'", "ResNet50"]),
        ("mine", {"file": "no/such.h5"}, "weights.mine.file", ["is not there", "no/such.h5", "save_weights"]),
        ("mine", {"file": "a.keras"}, "weights.mine.file", ["ends in .h5", "a.keras"]),
        ("mine", {"network": "efficientnet-lite1"}, "weights.mine.file", ["ends in .npz"]),
    ],
    ids=["name", "network", "missing", "whole model", "ending"],
)
def test_what_cannot_be_is_refused_with_its_key(name: str, own: dict[str, str], key: str, parts: list[str]) -> None:
    with pytest.raises(CatscanError) as refusal:
        check_own_weights({name: {"network": "ResNet50", "file": "w.h5", "side": 224, **own}})

    assert refusal.value.where == key
    assert [part for part in parts if part not in str(refusal.value)] == []


def test_the_networks_of_keras_are_known_without_keras() -> None:
    assert {"ResNet50", "MobileNetV2", "EfficientNetV2B0", "ConvNeXtTiny"} <= set(keras_networks())
    assert "keras" not in sys.modules


def test_a_file_that_is_another_now_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "w.h5"
    file.write_bytes(b"one")
    source = FeaturesSource("mine", digest_of(file), "fp32", "ResNet50", str(file), SIDE)
    assert own_of(source) is not None

    file.write_bytes(b"another")
    with pytest.raises(CatscanError, match="not those that the model learnt from"):
        own_of(source)
