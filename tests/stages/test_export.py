from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from catscan.cli import main
from catscan.common.contracts.model import Model
from catscan.networks.model import network_of, write_model
from catscan.networks.predictor import Predictor
from catscan.networks.session import Compute

WITHOUT_CATSCAN = """
import sys
sys.modules["catscan"] = sys.modules["tflearn"] = None
import numpy as np, tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(2)  # as the model: sums are split by it
model = tf.saved_model.load(sys.argv[1])
pixels = np.load(sys.argv[2])
np.save(sys.argv[3], model.signatures["serving_default"](pixels=tf.constant(pixels))["probabilities"].numpy())
"""
PICTURES, SCANS = (16, 16, 3), (6, 16, 16, 1)


def untrained(folder: Path, shape: tuple[int, ...], pixels: np.ndarray) -> np.ndarray:
    """Write a model with its first weights into ``folder``; its own probabilities of ``pixels``."""
    from catscan.networks.compat import tf

    model = Model("auto", "", shape, ("a", "b"), "binary", kind="picture", reader={"size": [16, 16]}, threads=2)
    predictor = Predictor(network_of(model).build(), shape, 2, multilabel=False, compute=Compute(threads=2))
    with predictor.graph.as_default():
        tf.set_random_seed(1)
        predictor.session.run(tf.global_variables_initializer())
        weights = predictor.session.run({variable.op.name: variable for variable in tf.global_variables()})
    write_model(folder, model, weights)
    found = predictor.predict(lambda rows: pixels[rows], np.arange(len(pixels)), flips=False)
    predictor.close()
    return found


@pytest.mark.parametrize("shape", [PICTURES, pytest.param(SCANS, marks=pytest.mark.slow)], ids=["pictures", "scans"])
def test_exported_models_give_the_same_probabilities_without_tflearn(tmp_path, shape):
    import onnxruntime

    pixels = np.random.default_rng(0).integers(0, 256, (5, *shape)).astype(np.uint8)
    ours = untrained(tmp_path / "m", shape, pixels)
    np.save(tmp_path / "pixels.npy", pixels)

    assert main(["export", "--model", str(tmp_path / "m"), "--out", str(tmp_path / "out"), "--onnx"]) == 0

    saved_model, answer = tmp_path / "out" / "saved_model", tmp_path / "answer.npy"
    paths = [str(saved_model), str(tmp_path / "pixels.npy"), str(answer)]
    subprocess.run([sys.executable, "-c", WITHOUT_CATSCAN, *paths], check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(answer), ours)
    onnx = onnxruntime.InferenceSession(str(tmp_path / "out" / "model.onnx"))
    np.testing.assert_allclose(onnx.run(["probabilities:0"], {"pixels:0": pixels})[0], ours, atol=1e-5)


def test_what_the_input_must_be_is_written_beside_the_model(tmp_path):
    untrained(tmp_path / "m", PICTURES, np.zeros((1, 16, 16, 3), np.uint8))

    main(["export", "--model", str(tmp_path / "m"), "--out", str(tmp_path / "out")])

    assert json.loads((tmp_path / "out" / "preprocessing.json").read_text()) == {
        "classes": ["a", "b"],
        "input": {"dtype": "uint8", "name": "pixels", "shape": [None, 16, 16, 3]},
        "kind": "picture",
        "outputs": ["probabilities", "logits"],
        "reader": {"size": [16, 16]},
        "task": "binary",
    }


def test_second_export_takes_the_place_of_the_first(tmp_path):
    untrained(tmp_path / "m", PICTURES, np.zeros((1, 16, 16, 3), np.uint8))
    command = ["export", "--model", str(tmp_path / "m"), "--out", str(tmp_path / "out")]

    assert [main(command), main(command)] == [0, 0]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["preprocessing.json", "saved_model"]
