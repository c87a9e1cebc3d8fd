"""How many GPUs this machine has, without TensorFlow."""

from __future__ import annotations

import os
import subprocess

from catscan.networks.device import visible_gpus


def count() -> int:
    """The number of NVIDIA GPUs that `nvidia-smi` lists, or of those that CUDA_VISIBLE_DEVICES leaves of them.

    0 where it is absent or does not answer.
    """
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    listed = sum(line.startswith("GPU ") for line in answer.stdout.splitlines()) if answer.returncode == 0 else 0
    return min(listed, len(visible_gpus())) if "CUDA_VISIBLE_DEVICES" in os.environ else listed


def wanted(device: str, available: int) -> int:
    """How many GPUs a training job asks the scheduler for: 0 when there are none, or when the config says `cpu`.

    >>> wanted("auto", 0), wanted("auto", 2), wanted("cpu", 2), wanted("gpu", 0)
    (0, 1, 0, 0)
    """
    return 1 if available and device != "cpu" else 0
