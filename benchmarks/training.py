"""Training speed: catscan's engine against TFLearn's own fit, Keras 3 and PyTorch, four networks, in one run.

    python3 -m venv .venv-bench-training
    .venv-bench-training/bin/python -m pip install -r benchmarks/training-requirements.txt -e .
    .venv-bench-training/bin/python benchmarks/training.py [--networks t2d res t3d c3d] [--ways ...] [--device gpu]

Networks: t2d, the tutorial's on 50 x 50 pictures, batches of 64; res, a small residual one on 64 x 64 x 3, 64; t3d, the
tutorial's on 20 x 50 x 50 scans, 10; c3d, four convolutions with batch normalisation on 64 x 64 x 64, 4. All train with
Adam on uint8 samples in memory.
Every way runs in a process of its own; they take turns, round by round, and each is counted by its median round, in
samples per CPU-second (all threads together), so that other work on the machine disturbs the ratios little. Samples per
second of the clock stand beside it. On a GPU the clock counts. A way whose package is not installed is left out, by
name.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Layer = tuple[Any, ...]
Run = Callable[[float], tuple[int, float, float]]

RESIDUAL = [("conv", 16, 3), ("conv", 32, 3), ("pool", 2), ("residual", 32), ("conv", 64, 3), ("pool", 2)]
RESIDUAL += [("conv", 128, 3), ("pool", 2), ("residual", 128), ("mean",)]
PLAIN_3D = [layer for maps in (16, 32, 64, 128) for layer in (("conv", maps, 3), ("pool", 2))]
TUTORIAL_2D = [layer for maps in (32, 64, 128, 64, 32) for layer in (("conv", maps, 5), ("pool", 5))]
TUTORIAL_3D = [("conv", 32, 3), ("pool", 2), ("conv", 64, 3), ("pool", 2)]


@dataclass(frozen=True)
class Network:
    """Layers, whether convolutions have batch normalisation, the samples' shape, batch and number, forward 1e6 MAC."""

    layers: list[Layer]
    norm: bool
    shape: tuple[int, ...]
    batch: int
    samples: int
    mmac: float


NETWORKS = {
    "t2d": Network([*TUTORIAL_2D, ("full", 1024), ("drop", 0.8)], False, (50, 50, 1), 64, 640, 8.2),
    "res": Network(RESIDUAL, True, (64, 64, 3), 64, 256, 96.3),
    "t3d": Network([*TUTORIAL_3D, ("full", 1024), ("drop", 0.8)], False, (20, 50, 50, 1), 10, 60, 444.0),
    "c3d": Network([*PLAIN_3D, ("mean",)], True, (64, 64, 64, 1), 4, 24, 906.0),
}
# (rivals, goal per network): ours over the best of the rivals; "" compares our bf16 with our fp32.
GOALS: dict[str, tuple[str, tuple[str, ...], dict[str, float]]] = {
    "TFLearn's fit": ("ours fp32", ("tflearn fit",), {"t2d": 1.0, "res": 1.25, "t3d": 1.0, "c3d": 1.4}),
    "Keras fp32": (
        "ours fp32",
        ("keras tf", "keras tf jit", "keras jax"),
        {"t2d": 1.1, "res": 1.2, "t3d": 1.1, "c3d": 1.4},
    ),
    "Keras bf16": ("ours bf16", ("keras tf bf16",), {"t2d": 1.15, "res": 1.5}),
    "PyTorch, all modes": (
        "ours bf16",
        ("torch", "torch channels_last", "torch bf16", "torch compile"),
        {"t2d": 2.0, "res": 1.4, "t3d": 2.5, "c3d": 1.8},
    ),
    "our fp32": ("ours bf16", ("ours fp32",), {"t2d": 1.4, "res": 1.5, "t3d": 1.1, "c3d": 1.3}),
}
PEAK_GOALS = {"res": 0.55, "c3d": 0.45}


def samples_of(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """uint8 samples and one-hot targets."""
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (network.samples, *network.shape)).astype(np.uint8)
    return pixels, np.eye(2, dtype=np.float32)[draw.integers(0, 2, network.samples)]


def timed(step: Callable[[], int]) -> Run:
    """Run ``step`` (which tells how many samples it trained) for some seconds: (samples, CPU-seconds, seconds)."""

    def run(seconds: float) -> tuple[int, float, float]:
        done, wall, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - wall < seconds:
            done += step()
        return done, time.process_time() - cpu, time.perf_counter() - wall

    return run


def catscan_layers(network: Network) -> Callable[[Any, int], Any]:
    """The network of catscan's and TFLearn's layers."""
    from catscan.networks import layers as make
    from catscan.networks.compat import tflearn

    def build(pixels: Any, classes: int) -> Any:
        net = pixels / 255
        for number, (kind, *size) in enumerate(network.layers):
            name = f"{kind}_{number}"
            if kind == "conv" and network.norm:
                net = make.convolution_block(net, size[0], size[1], name=name)
            elif kind == "conv":
                net = make.convolution(net, size[0], size[1], name=name, activation="relu")
            elif kind == "pool":
                net = make.pooling(net, size[0], size[0], name=name)
            elif kind == "residual":
                net = make.residual_block(net, size[0], name=name)
            elif kind == "mean":
                net = make.global_pooling(net, name=name)
            elif kind == "full":
                net = make.fully_connected(net, size[0], activation="relu", name=name)
            else:
                net = make.dropout(net, size[0], name=name)
        return tflearn.fully_connected(net, classes, name="output")

    return build


def ours(network: Network, *, precision: str, threads: int, gpu: bool) -> Run:
    from catscan.networks.outputs import output_of
    from catscan.networks.registry import Recipe
    from catscan.networks.session import Compute
    from catscan.stages.train.graph import build_training

    pixels, targets = samples_of(network)
    recipe = Recipe(epochs=1, batch_size=network.batch, optimizer="adam", learning_rate=1e-3, schedule="constant")
    graph = build_training(
        catscan_layers(network),
        recipe,
        pixels,
        targets,
        np.ones(len(pixels), np.float32),
        sample_shape=network.shape,
        output=output_of("binary"),
        seed=1,
        compute=Compute(threads, precision, gpu),
    )
    batches = batches_of(network)
    count = iter(range(1 << 30))

    def step() -> int:
        rows = next(batches)
        graph.session.run([graph.losses, graph.update], {graph.rows: rows, graph.step: next(count), graph.rate: 1e-3})
        return len(rows)

    return timed(step)


def batches_of(network: Network) -> Iterator[np.ndarray]:
    draw = np.random.default_rng(1)
    while True:
        order = draw.permutation(network.samples)
        for start in range(0, network.samples - network.batch + 1, network.batch):
            yield order[start : start + network.batch]


def tflearn_fit(network: Network, *, threads: int, gpu: bool) -> Run:
    import contextlib

    from catscan.networks.compat import tf, tflearn
    from catscan.networks.layers import Mode, set_mode
    from catscan.networks.session import Compute, session_config

    pixels, targets = samples_of(network)
    values = pixels.astype(np.float32)
    tf.add_to_collection(tf.GraphKeys.GRAPH_CONFIG, session_config(Compute(threads, gpu=gpu)))
    tflearn.config.init_training_mode()
    set_mode(Mode(training=None))
    net = catscan_layers(network)(tflearn.input_data([None, *network.shape]), 2)
    net = tflearn.regression(tflearn.activation(net, "softmax"), optimizer="adam", learning_rate=1e-3)
    model = tflearn.DNN(net)

    def step() -> int:
        with contextlib.redirect_stdout(sys.stderr):
            model.fit(values, targets, n_epoch=1, batch_size=network.batch, snapshot_epoch=False)
        return len(values)

    return timed(step)


def keras(network: Network, *, backend: str, precision: str = "", jit: bool | str = "auto", threads: int) -> Run:
    os.environ["KERAS_BACKEND"] = backend
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if backend == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    import keras

    if precision:
        keras.mixed_precision.set_global_policy(precision)
    axes = len(network.shape) - 1
    conv, pool, mean = (
        (keras.layers.Conv2D, keras.layers.MaxPooling2D, keras.layers.GlobalAveragePooling2D)
        if axes == 2
        else (keras.layers.Conv3D, keras.layers.MaxPooling3D, keras.layers.GlobalAveragePooling3D)
    )

    def block(net: Any, maps: int, window: int, *, last: str = "relu") -> Any:
        if not network.norm:
            return conv(maps, window, padding="same", activation="relu")(net)
        net = keras.layers.BatchNormalization()(conv(maps, window, padding="same", use_bias=False)(net))
        return keras.layers.Activation(last)(net)

    pixels, targets = samples_of(network)
    first = keras.Input(network.shape)
    net = keras.layers.Rescaling(1 / 255)(first)
    for kind, *size in network.layers:
        if kind == "conv":
            net = block(net, *size)
        elif kind == "pool":
            net = pool(size[0], padding="same")(net)
        elif kind == "residual":
            inner = block(block(net, size[0], 3), size[0], 3, last="linear")
            net = keras.layers.Activation("relu")(keras.layers.add([net, inner]))
        elif kind == "mean":
            net = mean()(net)
        elif kind == "full":
            net = keras.layers.Dense(size[0], activation="relu")(keras.layers.Flatten()(net))
        else:
            net = keras.layers.Dropout(1 - size[0])(net)
    model = keras.Model(first, keras.layers.Dense(2, dtype="float32")(net))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, jit_compile=jit)
    values = pixels.astype(np.float32)

    def step() -> int:
        model.fit(values, targets, batch_size=network.batch, epochs=1, verbose=0)
        return len(values)

    return timed(step)


def pytorch(network: Network, *, mode: str, threads: int, gpu: bool) -> Run:
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    axes = len(network.shape) - 1
    conv, norm, pool = (
        (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d) if axes == 2 else (nn.Conv3d, nn.BatchNorm3d, nn.MaxPool3d)
    )

    def block(into: int, maps: int, window: int, *, last: bool = True) -> list[nn.Module]:
        layers: list[nn.Module] = [conv(into, maps, window, padding=window // 2, bias=not network.norm)]
        return [*layers, *([norm(maps)] if network.norm else []), *([nn.ReLU()] if last else [])]

    class Residual(nn.Module):
        def __init__(self, maps: int) -> None:
            super().__init__()
            self.inner = nn.Sequential(*block(maps, maps, 3), *block(maps, maps, 3, last=False))

        def forward(self, incoming: Any) -> Any:
            return torch.relu(incoming + self.inner(incoming))

    class Mean(nn.Module):
        def forward(self, incoming: Any) -> Any:
            return incoming.mean(dim=tuple(range(2, 2 + axes)))

    modules: list[nn.Module] = []
    maps = network.shape[-1]
    for kind, *size in network.layers:
        if kind == "conv":
            modules += block(maps, *size)
            maps = size[0]
        elif kind == "pool":
            modules.append(pool(size[0], ceil_mode=True))
        elif kind == "residual":
            modules.append(Residual(size[0]))
        elif kind == "mean":
            modules.append(Mean())
        elif kind == "full":
            modules += [nn.Flatten(), nn.LazyLinear(size[0]), nn.ReLU()]
            maps = size[0]
        else:
            modules.append(nn.Dropout(1 - size[0]))
    device = torch.device("cuda" if gpu else "cpu")
    layout = torch.contiguous_format
    if mode != "eager":
        layout = torch.channels_last if axes == 2 else torch.channels_last_3d
    model = nn.Sequential(*modules, nn.LazyLinear(2)).to(device)
    pixels, targets = samples_of(network)
    stored = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, 1))).to(device)
    wanted = torch.from_numpy(targets).to(device)
    model(stored[:2].float())  # the lazy layers learn their sizes
    model = model.to(memory_format=layout)
    trained = torch.compile(model) if mode == "compile" else model
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    batches = batches_of(network)

    def step() -> int:
        rows = torch.from_numpy(next(batches)).to(device)
        values = (stored[rows].float() / 255).contiguous(memory_format=layout)
        with torch.autocast(device.type, torch.bfloat16, enabled=mode == "bf16"):
            loss = nn.functional.cross_entropy(trained(values).float(), wanted[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if gpu:
            torch.cuda.synchronize()
        return len(rows)

    return timed(step)


def conv_peak(network: Network, *, threads: int, gpu: bool) -> Run:
    """Convolutions alone, as fast as they go: counts 1e9 floating point operations in place of samples."""
    from catscan.networks.compat import tf
    from catscan.networks.session import Compute, open_session

    graph = tf.Graph()
    flat = len(network.shape) == 3
    size, maps = ((64, 56, 56, 64), 64) if flat else ((4, 32, 32, 32, 32), 32)
    with graph.as_default():
        net = tf.get_variable("pixels", size)
        for number in range(4):
            weights = tf.get_variable(f"weights_{number}", (*([3] * (len(size) - 2)), maps, maps))
            net = tf.nn.conv2d(net, weights, 1, "SAME") if flat else tf.nn.conv3d(net, weights, [1] * 5, "SAME")
        done, initial = net.op, tf.global_variables_initializer()
    session = open_session(Compute(threads, gpu=gpu), graph)
    session.run(initial)
    operations = 4 * 2 * np.prod(size[:-1], dtype=float) * 3 ** (len(size) - 2) * maps * maps / 1e9

    def step() -> int:
        session.run(done)
        return int(operations)

    return timed(step)


WAYS: dict[str, tuple[str, Callable[..., Run], dict[str, Any]]] = {
    "ours fp32": ("tflearn", ours, {"precision": "fp32"}),
    "ours bf16": ("tflearn", ours, {"precision": "bf16"}),
    "tflearn fit": ("tflearn", tflearn_fit, {}),
    "keras tf": ("keras", keras, {"backend": "tensorflow"}),
    "keras tf bf16": ("keras", keras, {"backend": "tensorflow", "precision": "mixed_bfloat16"}),
    "keras tf jit": ("keras", keras, {"backend": "tensorflow", "jit": True}),
    "keras jax": ("jax", keras, {"backend": "jax"}),
    "torch": ("torch", pytorch, {"mode": "eager"}),
    "torch channels_last": ("torch", pytorch, {"mode": "channels_last"}),
    "torch bf16": ("torch", pytorch, {"mode": "bf16"}),
    "torch compile": ("torch", pytorch, {"mode": "compile"}),
    "conv peak fp32": ("tflearn", conv_peak, {}),
}


def work(args: argparse.Namespace) -> None:
    """Be one way: build, then answer each line of standard input (seconds) with one line of JSON."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the packages print must not be taken for an answer
    _, make, options = WAYS[args.work]
    options = {**options, "threads": args.threads}
    if make is not keras:
        options["gpu"] = args.device == "gpu"
    run = make(NETWORKS[args.networks[0]], **options)
    run(0.01)  # the first step compiles and chooses kernels
    for line in sys.stdin:
        print(json.dumps(run(float(line))), file=answers, flush=True)


class Worker:
    """A process that is one way of training one network."""

    def __init__(self, way: str, network: str, args: argparse.Namespace) -> None:
        command = [sys.executable, "-W", "ignore", __file__, "--work", way, "--networks", network]
        command += ["--threads", str(args.threads), "--device", args.device]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": str(args.threads)}
        if args.device == "cpu":
            environment["CUDA_VISIBLE_DEVICES"] = "-1"
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, seconds: float) -> tuple[int, float, float] | None:
        """None when the process has died: the way does not work here."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(seconds, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return None
        answer = self.process.stdout.readline()
        return tuple(json.loads(answer)) if answer else None

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measure(network: str, ways: list[str], args: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Samples per CPU-second and per second of each way, by its median round."""
    workers = {}
    for way in ways:  # one after the other, so that no start disturbs a round
        worker = Worker(way, network, args)
        if worker.run(0.01) is None:
            print(f"  {way}: does not work here, left out")
        else:
            workers[way] = worker
    rounds: dict[str, list[tuple[float, float]]] = {way: [] for way in workers}
    for _ in range(args.rounds):
        for way, worker in workers.items():
            if (result := worker.run(args.seconds)) is not None:
                done, cpu, wall = result
                rounds[way].append((done / cpu, done / wall))
    for worker in workers.values():
        worker.close()
    return {
        way: (statistics.median(cpu for cpu, _ in found), statistics.median(wall for _, wall in found))
        for way, found in rounds.items()
        if found
    }


def tell(network: str, found: dict[str, tuple[float, float]], *, clock: bool) -> None:
    """The table of one network and its goals."""
    unit = "samples/s" if clock else "samples/CPU-s"
    value = {way: speeds[1 if clock else 0] for way, speeds in found.items()}
    ours_fp32 = value.get("ours fp32")
    print(f"{network}: {unit} (by the clock), against ours fp32")
    for way, (cpu, wall) in found.items():
        if way != "conv peak fp32":
            ratio = f"{value[way] / ours_fp32:6.2f}" if ours_fp32 else ""
            print(f"  {way:<20} {wall if clock else cpu:9.1f} ({wall:9.1f}) {ratio}")
    for name, (mine, rivals, goals) in GOALS.items():
        best = max((value[rival] for rival in rivals if rival in value), default=None)
        if network in goals and best and mine in value:
            verdict(f"{mine} against {name}", value[mine] / best, goals[network])
    if ours_fp32 and "conv peak fp32" in value and network in PEAK_GOALS:
        used = ours_fp32 * 6 * NETWORKS[network].mmac / 1e3  # forward, and twice backward; 1e9 operations
        verdict("share of the conv peak, fp32", used / value["conv peak fp32"], PEAK_GOALS[network])


def verdict(what: str, ratio: float, goal: float) -> None:
    print(f"  {what:<34} {ratio:5.2f}  goal {goal:.2f}  {'met' if ratio >= goal else 'NOT met'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one way in one round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--work", choices=list(WAYS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args)
        return
    ways = []
    for way in args.ways:
        if importlib.util.find_spec(WAYS[way][0]) is None:
            print(f"{way}: {WAYS[way][0]} is not installed, left out (benchmarks/training-requirements.txt)")
        elif args.device == "gpu" and way == "ours bf16":
            print(f"{way}: TensorFlow's bfloat16 rewrite is for CPUs, left out")
        else:
            ways.append(way)
    for network in args.networks:
        tell(network, measure(network, ways, args), clock=args.device == "gpu")


if __name__ == "__main__":
    main()
