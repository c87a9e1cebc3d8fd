"""Training and fine-tuning on one device: samples a second, memory, whether it grows, and two jobs that want it.

    ./run python benchmarks/gpu.py [--device auto|cpu|gpu] [--seconds 20] [--networks resnet-2d ...]

Networks: `resnet-2d` on pictures of 64 x 64 and `resnet-3d` on scans of 64 x 64 x 64, from scratch, and the three
pretrained networks fine-tuned on pictures of 224 x 224, each with its recipe's batch. Each is trained in a process of
its own by the engine's updates, after some that count for nothing. The memory is the GPU's, in use at most, or of a
CPU the process's; it "grows" by what the second half of the updates adds to that of the first. In the end the same
training is started twice at once: on a GPU the second waits until the first is done, so that both take twice as long.

Without a GPU everything runs on the CPU, which tells that the script is sound, and nothing about a GPU.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np

WARM_UP = 3  # updates
SAMPLES_IN_BATCHES = 4
SHAPES = {
    "resnet-2d": (64, 64, 3),
    "resnet-3d": (64, 64, 64, 1),
    "efficientnet-lite0": (224, 224, 3),
    "efficientnet-lite1": (224, 224, 3),
    "efficientnet-lite2": (224, 224, 3),
}


def train(name: str, device: str, seconds: float) -> dict[str, Any]:
    """Train one network for some seconds; what came of it."""
    from catscan.networks.device import one_device, visible_gpus
    from catscan.networks.outputs import output_of
    from catscan.networks.pretrained.weights import pretrained_weights
    from catscan.networks.registry import find
    from catscan.networks.session import Compute, device_name, resolve_precision
    from catscan.stages.train.graph import build_training

    began = time.perf_counter()
    with one_device(device, visible_gpus()) as gpu:
        waited = time.perf_counter() - began
        network, shape = find(name, SHAPES[name], 2), SHAPES[name]
        batch = network.recipe.batch_size
        draw = np.random.default_rng(0)
        n = batch * SAMPLES_IN_BATCHES
        compute = Compute(2, resolve_precision("auto", gpu=gpu), gpu)
        graph = build_training(
            network.build(),
            network.recipe,
            draw.integers(0, 256, (n, *shape)).astype(np.uint8),
            np.eye(2, dtype=np.float32)[draw.integers(0, 2, n)],
            np.ones(n, np.float32),
            sample_shape=shape,
            output=output_of("binary"),
            seed=1,
            compute=compute,
            weights=pretrained_weights(network.starts_from) if network.starts_from else None,
        )
        step, done, peaks, rate = 0, 0, list[float](), network.recipe.learning_rate
        started = time.perf_counter()
        while time.perf_counter() - started < seconds or len(peaks) < 2:
            rows = draw.choice(n, batch, replace=False)
            feed = {graph.rows: rows, graph.step: step, graph.rate: rate}
            graph.session.run([graph.losses, graph.update], feed)
            step += 1
            if step == WARM_UP:
                started, done = time.perf_counter(), 0
            elif step > WARM_UP:
                done += batch
                peaks.append(_peak(gpu=gpu))
        took = time.perf_counter() - started
        half = peaks[len(peaks) // 2]
        return {
            "network": name,
            "device": device_name(gpu=gpu),
            "precision": compute.precision,
            "samples a second": round(done / took, 1),
            "memory, GiB": round(peaks[-1], 2),
            "grows, GiB": round(peaks[-1] - half, 3),
            "waited, s": round(waited, 1),
        }


def _peak(*, gpu: bool) -> float:
    """GiB in use at most so far."""
    if gpu:
        from catscan.networks.compat import tf

        return float(tf.config.experimental.get_memory_info("GPU:0")["peak"]) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def started(name: str, device: str, seconds: float) -> subprocess.Popen[str]:
    """One training in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--device", device, "--seconds", str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"a training ended with {process.returncode}")
    return json.loads(out.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), default="auto")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--networks", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--one", choices=SHAPES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(train(args.one, args.device, args.seconds)))
        return
    keys = list[str]()
    for name in args.networks:
        row = result_of(started(name, args.device, args.seconds))
        if not keys:
            keys = list(row)
            print(" | ".join(keys))
        print(" | ".join(str(row[key]) for key in keys), flush=True)
    first = args.networks[0]
    began = time.perf_counter()
    pair = [started(first, args.device, args.seconds) for _ in range(2)]
    rows = [result_of(process) for process in pair]
    took, waited = time.perf_counter() - began, max(row["waited, s"] for row in rows)
    speeds = " and ".join(str(row["samples a second"]) for row in rows)
    print(f"two at once, {first}: {took:.1f} s, {speeds} samples a second; the second waited {waited} s")


if __name__ == "__main__":
    main()
