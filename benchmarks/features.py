"""Features of pretrained networks: pictures a second, catscan's extractor against ONNX Runtime, OpenVINO and PyTorch.

    python3 -m venv .venv-bench-features
    .venv-bench-features/bin/python -m pip install -r benchmarks/features-requirements.txt -e .
    .venv-bench-features/bin/python benchmarks/features.py [--network efficientnet-lite0] [--rounds 3] [--threads 2]

Every way computes the features of the same pictures from uint8, forward alone, in batches of 32, in a process of its
own; they take turns, round by round, and each is counted by its best round: in pictures a second of the clock, which
wants a quiet machine, and in pictures a CPU-second (all threads together), which other work disturbs little. A picture
and its mirror image count as two. "From the zip" is the stage: JPEGs of 200 x 200 are read from a zip, resized and
looked at, as fast as `catscan features` does it; its goal is 0.85 of the network alone. A way whose package is not
installed is left out, by name, and so are those in bf16 on a processor that emulates it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 32
SECONDS = 8.0
WAYS = ("ours fp32", "ours bf16", "from the zip", "onnxruntime", "openvino", "openvino bf16", "torch", "torch bf16")
PACKAGES = {"onnxruntime": "onnxruntime", "openvino": "openvino", "torch": "torch"}
Look = Callable[[np.ndarray], Any]


def pictures(side: int) -> np.ndarray:
    """One batch of noise; no way's speed depends on what is in the pictures."""
    return np.random.default_rng(1).integers(0, 256, (BATCH, side, side, 3)).astype(np.uint8)


def ours(network: str, threads: int, precision: str) -> Look:
    from catscan.networks.pretrained.extractor import Extractor
    from catscan.networks.session import Compute

    return Extractor(network, Compute(threads, precision))


def onnx_of(network: str) -> bytes:
    """The network as ONNX, uint8 pictures in, features out, made of our own graph."""
    import tf2onnx

    from catscan.networks.compat import tf
    from catscan.networks.layers import Mode, set_mode
    from catscan.networks.pretrained.efficientnet import features_of, maps_of
    from catscan.networks.pretrained.registry import PRETRAINED
    from catscan.networks.pretrained.weights import pretrained_weights

    known, weights = PRETRAINED[network], pretrained_weights(network)
    with tf.Graph().as_default() as graph:
        set_mode(Mode(training=False))
        given = tf.placeholder(tf.uint8, [BATCH, known.side, known.side, 3], name="pictures")
        found = tf.identity(features_of(maps_of(tf.cast(given, tf.float32), known)), name="features")
        with tf.Session() as session:
            for variable in tf.global_variables():
                variable.load(weights[variable.op.name], session)
            frozen = tf.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), [found.op.name])
    proto, _ = tf2onnx.convert.from_graph_def(frozen, input_names=[given.name], output_names=[found.name], opset=17)
    return bytes(proto.SerializeToString())


def onnxruntime(network: str, threads: int) -> Look:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(onnx_of(network), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})[0]


def openvino(network: str, threads: int, precision: str) -> Look:
    import openvino

    core = openvino.Core()
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(onnx_of(network))
        file.flush()
        model = core.read_model(file.name)
    wanted = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "THROUGHPUT"}
    compiled = core.compile_model(model, "CPU", wanted)
    return lambda batch: next(iter(compiled(batch).values()))


def torch(network: str, threads: int, precision: str) -> Look:
    import torch
    from torch.nn import functional

    from catscan.networks.pretrained.efficientnet import blocks
    from catscan.networks.pretrained.registry import PRETRAINED
    from catscan.networks.pretrained.weights import pretrained_weights

    torch.set_num_threads(threads)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    known, given = PRETRAINED[network], pretrained_weights(network)

    def laid_out(name: str, array: np.ndarray) -> Any:
        values = torch.from_numpy(array).to(dtype)
        if values.dim() == 1:
            return values
        alone = name.endswith("map_by_map/W")
        order = values.permute(2, 3, 0, 1) if alone else values.permute(3, 2, 0, 1)
        return order.contiguous(memory_format=torch.channels_last)

    weights = {name: laid_out(name, array) for name, array in given.items()}

    def convolved(net: Any, name: str, stride: int = 1, active: bool = True) -> Any:
        kernel, bias = weights[f"{name}/W"], weights[f"{name}/b"]
        window = kernel.shape[-1]
        size = net.shape[-1]
        more = max((-(-size // stride) - 1) * stride + window - size, 0)
        net = functional.pad(net, (more // 2, more - more // 2) * 2) if more else net
        groups = net.shape[1] if name.endswith("map_by_map") else 1
        net = functional.conv2d(net, kernel, bias, stride=stride, groups=groups)
        return functional.relu6(net) if active else net

    def look(batch: np.ndarray) -> Any:
        with torch.inference_mode():
            net = torch.from_numpy(batch).permute(0, 3, 1, 2).to(dtype, memory_format=torch.channels_last)
            net = convolved((net - 127) / 128, "stem", 2)
            for number, block in enumerate(blocks(known)):
                before, name = net, f"block_{number}"
                if block.widening > 1:
                    net = convolved(net, f"{name}_widening")
                net = convolved(net, f"{name}_map_by_map", block.stride)
                net = convolved(net, f"{name}_narrowing", active=False)
                if block.stride == 1 and before.shape == net.shape:
                    net = net + before
            return convolved(net, "head").float().mean(dim=(2, 3))

    return look


class Stopwatch:
    """How long something takes: by the clock, and of the process on all of its threads."""

    def __init__(self) -> None:
        self._began, self._used = time.monotonic(), time.process_time()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def rates(self, pictures: int) -> list[float]:
        """Pictures a second of the clock, and a CPU-second."""
        return [pictures / self.seconds, pictures / (time.process_time() - self._used)]


def from_the_zip(network: str, threads: int) -> list[float]:
    """The rates of the stage's own loop, both images of each picture counted."""
    import cv2

    from catscan.kinds.registry import kind_named
    from catscan.kinds.samples import Sample
    from catscan.networks.pretrained.extractor import Extractor, features_of_samples
    from catscan.networks.pretrained.registry import PRETRAINED
    from catscan.networks.session import Compute, resolve_precision
    from catscan.raw.files import RawFiles
    from catscan.stages.features import SLICES_A_BATCH, read_ahead

    cv2.setNumThreads(1)
    draw = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(Path(folder) / "train.zip", "w") as archive:
            for number in range(SLICES_A_BATCH * 4):
                coarse = draw.integers(0, 256, (25, 25, 3)).astype(np.uint8)
                _, jpeg = cv2.imencode(".jpg", cv2.resize(coarse, (200, 200), interpolation=cv2.INTER_CUBIC))
                archive.writestr(f"{number}.jpg", jpeg.tobytes())
        samples = [Sample(str(number), "train.zip", f"{number}.jpg") for number in range(SLICES_A_BATCH * 4)]
        kind, side = kind_named("picture"), PRETRAINED[network].side
        reader = kind.open_reader(kind.block_seen_at({}, side), RawFiles(folder))
        extractor = Extractor(network, Compute(threads, resolve_precision("auto", gpu=False)))
        extractor(pictures(side))
        watch = Stopwatch()
        for batch in read_ahead(samples, reader, SLICES_A_BATCH):
            features_of_samples(extractor, batch.arrays)
        return watch.rates(2 * len(samples))


def rates(way: str, network: str, threads: int) -> list[float]:
    """Pictures a second of the clock and a CPU-second, forward."""
    from catscan.networks.pretrained.registry import PRETRAINED

    if way == "from the zip":
        return from_the_zip(network, threads)
    name, _, precision = way.partition(" ")
    looks: dict[str, Callable[[], Look]] = {
        "ours": lambda: ours(network, threads, precision),
        "onnxruntime": lambda: onnxruntime(network, threads),
        "openvino": lambda: openvino(network, threads, precision or "f32"),
        "torch": lambda: torch(network, threads, precision or "fp32"),
    }
    look, batch = looks[name](), pictures(PRETRAINED[network].side)
    look(batch)
    done, watch = 0, Stopwatch()
    while watch.seconds < SECONDS:
        look(batch)
        done += BATCH * (2 if name == "ours" else 1)  # the extractor looks at the mirror images too
    return watch.rates(done)


def obstacle(way: str) -> str:
    """Why a way cannot be measured here; "" where it can."""
    from catscan.networks.session import cpu_has_bf16

    package = PACKAGES.get(way.split(maxsplit=1)[0])
    if package is not None and importlib.util.find_spec(package) is None:
        return "not installed"
    return "no bf16 in this processor" if "bf16" in way and not cpu_has_bf16() else ""


def main() -> None:
    """Run the ways in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="efficientnet-lite0")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        print(json.dumps(rates(args.way, args.network, args.threads)))
        return
    obstacles = {way: obstacle(way) for way in WAYS}
    rounds: dict[str, list[list[float]]] = {way: [] for way in WAYS if not obstacles[way]}
    flags = ["--network", args.network, "--threads", str(args.threads)]
    for _ in range(args.rounds):
        for way, told in rounds.items():
            command = [sys.executable, __file__, *flags, "--way", way]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            told.append(json.loads(done.stdout.splitlines()[-1]))
    best = {way: list(map(max, *told, [0.0, 0.0])) for way, told in rounds.items()}
    own = list(map(max, *(found for way, found in best.items() if way.startswith("ours")), [0.0, 0.0]))
    print(f"{args.network}, {args.threads} threads; pictures a second and ours over it, a CPU-second and ours over it")
    for way, found in best.items():
        cells = (f"{rate:7.1f} {ours / rate:5.2f}" for rate, ours in zip(found, own, strict=True))
        print(f"{way:16} {'   '.join(cells)}")
    for way in filter(obstacles.get, WAYS):
        print(f"{way:16} left out: {obstacles[way]}")


if __name__ == "__main__":
    main()
