"""Write a trained model as a TensorFlow SavedModel (or ONNX) that runs without TFLearn and catscan.

In: the folder of one network. Out: `saved_model/`, with `--onnx` also `model.onnx`, and `preprocessing.json`, which
says what the input must be, uint8 (n, height, width, channels) or (n, depth, height, width, channels), read with its
settings, and what the submission adds: the other networks and the calibration.
Outputs of both: `probabilities` (of a regression `values`) and `logits`, float32 (n, classes), with `predict.flips` of
a sample and its mirror image together.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from catscan.common.contracts.model import Model
from catscan.common.errors import CatscanError
from catscan.common.files import spelt_out, write_json
from catscan.common.progress import say
from catscan.networks.evaluated import evaluation_beside
from catscan.networks.model import network_of, read_model, read_weights
from catscan.stages.export.description import preprocessing

if TYPE_CHECKING:
    from catscan.networks.predictor import Predictor

OPSET = 17


def register(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--model", type=Path, required=True, help="folder of a trained model: models/NAME/fold-K")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--onnx", action="store_true", help="write model.onnx too (needs tf2onnx)")


def run(args: argparse.Namespace) -> None:
    """Export one model."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the graph is written, nothing is computed
    model = read_model(args.model)
    if model.features:
        raise CatscanError(
            "A model that learnt from features cannot be exported: it needs the pretrained networks before it.",
            where=str(args.model),
            found=model.origin,
            do="`catscan predict --model` reads pictures with them; or export a model that was trained from scratch.",
        )
    evaluation = evaluation_beside(spelt_out(args.model).parent.parent)
    predictor = open_exported(args.model, model)
    with _whole_folder(args.out / "saved_model") as folder:
        write_saved_model(predictor, folder)
    if args.onnx:
        write_onnx(predictor, args.out / "model.onnx")
    write_json(args.out / "preprocessing.json", preprocessing(model, evaluation))
    shape, answers = ", ".join(map(str, model.sample_shape)), predictor.answers.op.name
    say(f"{args.out}: input `pixels` uint8 (n, {shape}), output `{answers}`")


def open_exported(folder: Path, model: Model) -> Predictor:
    """The graph of a trained network that answers as `catscan predict` does, for mirror images too, on the CPU.

    Raises
    ------
    CatscanError
        When the weights are missing, damaged or of another network.
    """
    from catscan.networks.outputs import output_of
    from catscan.networks.predictor import Predictor
    from catscan.networks.session import Compute
    from catscan.stages.export.mirrored import mirrored

    output = output_of(model.task, model.scale)
    build = network_of(model).build()
    if model.flips:
        build = mirrored(build, output)
    predictor = Predictor(
        build, model.sample_shape, len(model.classes), output=output, compute=Compute(threads=model.threads)
    )
    predictor.load(read_weights(folder))
    return predictor


def write_saved_model(predictor: Predictor, folder: Path) -> None:
    """Write the graph without training into ``folder``, which must not exist."""
    from catscan.networks.compat import quiet, tf

    with predictor.graph.as_default(), quiet():
        tf.saved_model.simple_save(
            predictor.session,
            str(folder),
            inputs={"pixels": predictor.pixels},
            outputs={predictor.answers.op.name: predictor.answers, "logits": predictor.logits},
        )


def write_onnx(predictor: Predictor, path: Path) -> None:
    """Write the same graph as ONNX.

    Raises
    ------
    CatscanError
        When tf2onnx is not installed.
    """
    from catscan.common.files import whole
    from catscan.networks.compat import quiet, tf

    try:
        with quiet():
            import tf2onnx
    except ImportError as error:
        raise CatscanError("tf2onnx is not installed.", found=str(error), do="pip install tf2onnx") from error
    outputs = [predictor.answers, predictor.logits]
    with predictor.graph.as_default(), quiet():
        frozen = tf.graph_util.convert_variables_to_constants(
            predictor.session, predictor.graph.as_graph_def(), [output.op.name for output in outputs]
        )
        proto, _ = tf2onnx.convert.from_graph_def(
            frozen,
            input_names=[predictor.pixels.name],
            output_names=[output.name for output in outputs],
            opset=OPSET,
        )
    with whole(path) as partial:
        partial.write_bytes(proto.SerializeToString())


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder`` that takes its place when the block ends well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".saved_model.") as temporary:
        yield Path(temporary) / "new"
        if folder.exists():
            shutil.rmtree(folder)
        (Path(temporary) / "new").replace(folder)
