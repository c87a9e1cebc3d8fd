"""A network of `keras.applications` with a user's own weights as one frozen graph of TensorFlow.

Keras needs TensorFlow as it is today, TFLearn as it was: so this runs in a process of its own,
`python -m catscan.networks.pretrained.keras_graph NETWORK WEIGHTS SIDE OUT`, which reads weights and no code.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from catscan.common.errors import CatscanError

PIXELS, MAPS = "pixels", "maps"
TRIED = 8  # random pictures that tell whether maps are ever below 0
DOES_NOT_FIT = 3  # the exit status


def keras_graph(network: str, weights: Path, side: int) -> bytes:
    """The graph, serialised: from `pixels`, float32 (n, side, side, 3), red, green, blue, 0 to 255, to `maps`.

    They are the network's last ones, float32 (n, height, width, maps). Where these have values below 0, each stands
    there twice, the second time with the sign turned round, so that the mean of one of the two is above 0.

    Raises
    ------
    CatscanError
        When the weights cannot be read or are of another network.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "graph.pb"
        command = [sys.executable, "-m", __name__, network, str(weights), str(side), str(out)]
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
        found = subprocess.run(command, env={**os.environ, **quiet}, capture_output=True, text=True, check=False)
        if found.returncode == DOES_NOT_FIT:
            raise CatscanError(
                f"These are no weights of {network}.",
                where=str(weights),
                found=found.stdout.strip(),
                do="Name the network of `keras.applications` that they were saved from.",
            )
        if found.returncode:
            raise CatscanError(f"Keras could not build {network}.", where=str(weights), found=found.stderr.strip())
        return out.read_bytes()


def write_graph(network: str, weights: Path, side: int, out: Path) -> None:
    """Build the network, load its weights, and write the frozen graph.

    Raises
    ------
    ValueError
        When they do not fit.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model, prepared = _loaded(network, weights, side)
    shape = (TRIED, side, side, 3)
    noise = prepared(np.random.default_rng(0).integers(0, 256, shape).astype(np.float32))
    goes_below = bool((model(noise, training=False).numpy() < 0).any())

    def maps_of(pixels: Any) -> Any:
        found = model(prepared(tf.identity(pixels)), training=False)
        return tf.identity(tf.concat([found, -found], axis=-1) if goes_below else found, name=MAPS)

    spec = tf.TensorSpec([None, side, side, 3], tf.float32, name=PIXELS)
    frozen = convert_variables_to_constants_v2(tf.function(maps_of).get_concrete_function(spec))
    out.write_bytes(frozen.graph.as_graph_def().SerializeToString())


def _loaded(network: str, weights: Path, side: int) -> tuple[Any, Any]:
    """The network without its last layers, with the weights of a file with or without those, and what it wants done
    to pixels before.
    """
    import keras

    make = getattr(keras.applications, network)
    prepared = sys.modules[make.__module__].preprocess_input
    model = make(include_top=False, weights=None, input_shape=(side, side, 3))
    try:
        model.load_weights(weights)
    except ValueError as error:  # with the last layers, of ImageNet's 1,000 kinds
        whole = make(weights=None)
        try:
            whole.load_weights(weights)
        except ValueError:
            raise error from None
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(whole.get_layer(layer.name).get_weights())
    return model, prepared


def main() -> int:
    """Write the graph; say on standard output in one line why not."""
    network, weights, side, out = sys.argv[1:]
    try:
        write_graph(network, Path(weights), int(side), Path(out))
    except (ValueError, OSError, KeyError) as error:
        print(next(iter(str(error).strip().splitlines()), type(error).__name__))
        return DOES_NOT_FIT
    return 0


if __name__ == "__main__":
    sys.exit(main())
