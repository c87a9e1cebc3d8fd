from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factories import MODEL, write_shard
from small_competition import write_competition, write_network

from catscan.cli import main
from catscan.common.contracts.features import FeaturesSource
from catscan.networks.model import network_of, write_model
from catscan.networks.outputs import output_of
from catscan.networks.predictor import Predictor, open_predictor
from catscan.networks.session import Compute
from catscan.stages.export import open_exported
from catscan.stages.export.description import preprocessing, submission_steps

WITHOUT_CATSCAN = """
import gc, sys
sys.modules["catscan"] = sys.modules["tflearn"] = sys.modules["keras"] = None
gc.disable()
import numpy as np, tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(2)  # as the model: sums are split by it
model = tf.saved_model.load(sys.argv[1])
pixels = np.load(sys.argv[2])
np.save(sys.argv[3], model.signatures["serving_default"](pixels=tf.constant(pixels))["probabilities"].numpy())
"""
PICTURES, SCANS = (16, 16, 3), (6, 16, 16, 1)


CONVOLVED = [  # sees where a pixel lies, so that a mirror image is another sample
    {"convolution": {"feature_maps": 4, "window": 3}},
    {"pooling": {"window": 2}},
    {"fully_connected": {"units": 8}},
]


def untrained(folder: Path, network: Any, shape: tuple[int, ...], pixels: np.ndarray) -> np.ndarray:
    """Write a model with its first weights into ``folder``; what `catscan predict` says of ``pixels``."""
    from catscan.networks.compat import tf

    model = replace(MODEL, network=network, sample_shape=shape)
    predictor = Predictor(network_of(model).build(), shape, 2, output=output_of("binary"), compute=Compute(threads=2))
    with predictor.graph.as_default():
        tf.set_random_seed(1)
        predictor.session.run(tf.global_variables_initializer())
        weights = predictor.session.run({variable.op.name: variable for variable in tf.global_variables()})
    write_model(folder, model, weights)
    found = predictor.predict(lambda rows: pixels[rows], np.arange(len(pixels)), flips=True)
    predictor.close()
    return found


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (CONVOLVED, PICTURES),
        pytest.param("auto", PICTURES, marks=pytest.mark.slow),
        pytest.param("auto", SCANS, marks=pytest.mark.slow),
    ],
    ids=["layers", "pictures", "scans"],
)
def test_exported_models_give_the_same_probabilities_without_tflearn(tmp_path, network, shape):
    import onnxruntime

    pixels = np.random.default_rng(0).integers(0, 256, (5, *shape)).astype(np.uint8)
    ours = untrained(tmp_path / "m", network, shape, pixels)
    np.save(tmp_path / "pixels.npy", pixels)

    assert main(["export", "--model", str(tmp_path / "m"), "--out", str(tmp_path / "out"), "--onnx"]) == 0

    saved_model, answer = tmp_path / "out" / "saved_model", tmp_path / "answer.npy"
    paths = [str(saved_model), str(tmp_path / "pixels.npy"), str(answer)]
    subprocess.run([sys.executable, "-c", WITHOUT_CATSCAN, *paths], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(answer), ours, atol=1e-6)
    onnx = onnxruntime.InferenceSession(str(tmp_path / "out" / "model.onnx"))
    np.testing.assert_allclose(onnx.run(["probabilities:0"], {"pixels:0": pixels})[0], ours, atol=1e-5)


@pytest.mark.parametrize(
    ("task", "classes", "shape"),
    [
        ("multiclass", ("a", "b", "c"), (8, 8, 3)),
        ("multilabel", ("a", "b"), (8, 8, 3)),
        ("multilabel", ("a",), (8, 8, 1)),
        ("binary", ("a", "b"), (4, 8, 8, 1)),
    ],
    ids=["classes", "labels", "one label", "scans"],
)
def test_an_export_answers_for_a_sample_and_its_mirror_image_as_predict_does(tmp_path, task, classes, shape):
    model = replace(MODEL, network=CONVOLVED, sample_shape=shape, classes=classes, task=task)
    write_network(tmp_path, model, seed=1)
    pixels = np.random.default_rng(0).integers(0, 256, (3, *shape)).astype(np.uint8)
    predictor, exported = open_predictor(tmp_path, model), open_exported(tmp_path, model)
    plain, wanted = (predictor.predict(lambda rows: pixels[rows], np.arange(3), flips=flips) for flips in (False, True))

    found, logits = exported.session.run([exported.answers, exported.logits], {exported.pixels: pixels})

    assert np.abs(plain - wanted).max() > 1e-3
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    with np.errstate(divide="ignore"):
        implied = np.log(wanted) - (np.log1p(-wanted) if task == "multilabel" else 0)
    likely = (wanted > 0.01) & (wanted < 0.99)
    np.testing.assert_allclose(logits[likely], implied[likely], atol=1e-4)
    assert np.isfinite(logits).all()
    predictor.close()
    exported.close()


def test_an_export_of_a_network_without_flips_answers_for_the_sample_alone_as_predict_does(tmp_path):
    model = replace(MODEL, network=CONVOLVED, sample_shape=(8, 8, 3), flips=False)
    write_network(tmp_path / "m", model, seed=1)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    write_shard(tmp_path / "test-1-of-1.npy", pixels, ["0", "1", "2"])
    command = ["predict", "--model", str(tmp_path / "m"), "--arrays", str(tmp_path / "test-1-of-1.npy")]
    assert main([*command, "--out", str(tmp_path / "p.csv")]) == 0

    exported = open_exported(tmp_path / "m", model)
    found = exported.session.run(exported.answers, {exported.pixels: pixels})
    exported.close()
    told = preprocessing(model, None)["outputs"]

    np.testing.assert_allclose(found, pd.read_csv(tmp_path / "p.csv").iloc[:, 1:], atol=1e-6)
    assert "of the sample alone" in told["probabilities"]
    assert told["logits"] == "ln p of those probabilities p, but for a number that all classes of a sample share"


def test_what_goes_in_and_comes_out_is_written_beside_the_model(tmp_path):
    write_network(tmp_path / "m", MODEL, seed=1)

    main(["export", "--model", str(tmp_path / "m"), "--out", str(tmp_path / "out")])

    told = json.loads((tmp_path / "out" / "preprocessing.json").read_text())
    assert told.pop("area").startswith("h rows and w columns become H and W")
    assert "mirror image" in told["outputs"].pop("probabilities")
    assert told == {
        "classes": ["cat", "dog"],
        "input": {"dtype": "uint8", "name": "pixels", "shape": [None, 16, 16, 3]},
        "kind": "picture",
        "outputs": {"logits": "ln p of those probabilities p"},
        "reader": {"size": [16, 16], "channels": "rgb"},
        "submission": {"adds": submission_steps(multilabel=False)},
        "task": "binary",
    }


def by_the_steps(p: dict[str, list[np.ndarray]], given: dict, *, multilabel: bool) -> np.ndarray:
    """`submission.adds` of preprocessing.json, sentence by sentence, without catscan."""

    def logits(p: np.ndarray) -> np.ndarray:
        p = np.clip(p, 1e-12, 1 - 1e-12)
        return np.log(p) - np.log(1 - p) if multilabel else np.log(p)

    z0 = logits(np.array(given["prior"]))
    z = sum(weight * np.mean([logits(fold) for fold in p[name]], axis=0) for name, weight in given["weights"].items())
    z = z0 + (z - z0) / given["temperature"]
    clip, odds = given["clip"], np.array(given["odds"])
    if multilabel:
        p = np.clip(1 / (1 + np.exp(-z)), clip, 1 - clip)
    else:
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        p = np.clip(p, clip / (p.shape[1] - 1), 1 - clip)
        p = p / p.sum(axis=1, keepdims=True)
    return p * odds / (1 - p + p * odds)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_what_the_submission_adds_is_told_with_its_numbers(tmp_path, task):
    write_competition(tmp_path, task)
    models = tmp_path / "models"
    of_all = pd.read_csv(predicted(models, tmp_path)).iloc[:, 1:].to_numpy()

    main(["export", "--model", str(models / "main" / "fold-2"), "--out", str(tmp_path / "out")])

    given = json.loads((tmp_path / "out" / "preprocessing.json").read_text())["submission"]
    multilabel = task == "multilabel"
    assert given.pop("adds") == submission_steps(multilabel=multilabel)
    assert given["networks"] == {"main": ["fold-0", "fold-2"], "other": ["fold-0"]}
    p = {
        name: [pd.read_csv(predicted(models / name / fold, tmp_path)).iloc[:, 1:].to_numpy() for fold in folds]
        for name, folds in given["networks"].items()
    }
    np.testing.assert_allclose(by_the_steps(p, given, multilabel=multilabel), of_all, atol=1e-8)


def predicted(model: Path, competition: Path) -> Path:
    out = competition / "predicted.csv"
    shard = competition / "arrays" / "test-1-of-1.npy"
    assert main(["predict", "--model", str(model), "--arrays", str(shard), "--out", str(out)]) == 0
    return out


def test_a_model_of_features_is_not_exported(tmp_path, capsys):
    source = FeaturesSource("efficientnet-lite0", "00", "fp32")
    replace(MODEL, features=(source,), sample_shape=(1, 1280)).write(tmp_path / "model.json")

    assert main(["export", "--model", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "pretrained: efficientnet-lite0" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_several_networks_are_not_exported_as_one(tmp_path, capsys):
    write_network(tmp_path / "models" / "main" / "fold-0", MODEL, seed=1)

    assert main(["export", "--model", str(tmp_path / "models"), "--out", str(tmp_path / "out")]) == 2
    assert f"Name one of them: {tmp_path / 'models' / 'main' / 'fold-0'}\n" in capsys.readouterr().err


def test_second_export_takes_the_place_of_the_first(tmp_path):
    write_network(tmp_path / "m", MODEL, seed=1)
    command = ["export", "--model", str(tmp_path / "m"), "--out", str(tmp_path / "out")]

    assert [main(command), main(command)] == [0, 0]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["preprocessing.json", "saved_model"]
