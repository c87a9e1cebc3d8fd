"""How many GPUs this machine has, without TensorFlow."""

from __future__ import annotations

import importlib.util
import os
import subprocess

from catscan.networks.device import visible_gpus


def count() -> int:
    """The number of NVIDIA GPUs that `nvidia-smi` lists, or of those that CUDA_VISIBLE_DEVICES leaves of them.

    0 where it is absent or does not answer.
    """
    listed = sum(line.startswith("GPU ") for line in _answer(["nvidia-smi", "-L"]).splitlines())
    return min(listed, len(visible_gpus())) if "CUDA_VISIBLE_DEVICES" in os.environ else listed


def tensorflow_is_for_gpus() -> bool:
    """Whether this environment has TensorFlow's CUDA build: its libraries are there."""
    return importlib.util.find_spec("nvidia") is not None and importlib.util.find_spec("nvidia.cudnn") is not None


def described() -> list[str]:
    """A line for each NVIDIA GPU of this machine: its name, its driver, its memory; empty where none answers."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,memory.free", "--format=csv,noheader,nounits"]
    answer = _answer(query)
    rows = [[cell.strip() for cell in line.split(",")] for line in answer.splitlines()]
    return [
        f"{row[0]}, driver {row[1]}, {int(row[2]) / 1024:,.1f} GiB, {int(row[3]) / 1024:,.1f} GiB of it free"
        for row in rows
        if len(row) == 4 and row[2].isdigit() and row[3].isdigit()
    ]


def _answer(command: list[str]) -> str:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout if answer.returncode == 0 else ""


def wanted(device: str, available: int) -> int:
    """How many GPUs a training job asks the scheduler for: 0 when there are none, or when the config says `cpu`.

    >>> wanted("auto", 0), wanted("auto", 2), wanted("cpu", 2), wanted("gpu", 0)
    (0, 1, 0, 0)
    """
    return 1 if available and device != "cpu" else 0
