"""What TensorFlow computes on: threads, precision, device; one kind of session for training and prediction."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catscan.common.errors import CatscanError

BF16_FLAGS = ("avx512_bf16", "amx_bf16")
INTER_OP_THREADS = 2  # operations side by side; no result depends on it


@dataclass(frozen=True)
class Compute:
    """How a session computes; part of the result, so every field stands in model.json.

    Attributes
    ----------
    threads
        Size of the pool that one operation is split over. Sums are split by it, so that it shapes the last bits; the
        number of cores does not (on fewer cores the threads take turns).
    precision
        "fp32", or "bf16": convolutions and matrix products in bfloat16, weights and their updates in float32.
    gpu
        Whether a GPU computes.
    """

    threads: int
    precision: str = "fp32"
    gpu: bool = False


def cpu_has_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this CPU multiplies bfloat16 natively (by the flags that Linux shows; False elsewhere)."""
    if not cpuinfo.is_file():
        return False
    for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("flags"):
            return any(flag in line.split() for flag in BF16_FLAGS)
    return False


def resolve_precision(precision: str, *, gpu: bool) -> str:
    """ "fp32" or "bf16" for `train.precision`.

    On a GPU "fp32" lets TensorFlow take TF32 where the device has it; TensorFlow's bfloat16 rewrite is for CPUs only.

    Raises
    ------
    CatscanError
        When bf16 is asked for and this machine has none: emulated, it is many times slower than fp32.
    """
    if precision == "auto":
        return "bf16" if not gpu and cpu_has_bf16() else "fp32"
    if precision == "bf16" and (gpu or not cpu_has_bf16()):
        raise CatscanError(
            "bf16 is not available here.",
            where="train.precision",
            found="a GPU, whose fast mode is TF32 (on by itself)"
            if gpu
            else f"a CPU without {' or '.join(BF16_FLAGS)}",
            do="Set `train.precision: auto`.",
        )
    return precision


def session_config(compute: Compute) -> Any:
    """TensorFlow's ConfigProto for ``compute``; the first session of a process fixes the threads for all."""
    from catscan.networks.compat import tf

    config = tf.ConfigProto(
        intra_op_parallelism_threads=compute.threads,
        inter_op_parallelism_threads=INTER_OP_THREADS,
        allow_soft_placement=True,
    )
    config.gpu_options.allow_growth = True  # TensorFlow takes the whole memory otherwise
    if not compute.gpu:
        config.device_count["GPU"] = 0
    if compute.precision == "bf16":
        config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = 1
    return config


def open_session(compute: Compute, graph: Any) -> Any:
    """A session on ``graph``."""
    from catscan.networks.compat import quiet, tf

    with quiet():
        return tf.Session(graph=graph, config=session_config(compute))


def device_name(*, gpu: bool) -> str:
    """What a person calls the device: "NVIDIA H200", "Intel(R) Xeon(R) ..."."""
    if gpu:
        from catscan.networks.compat import tf

        for device in tf.config.experimental.list_physical_devices("GPU"):
            return str(tf.config.experimental.get_device_details(device).get("device_name", device.name))
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
