"""How many jobs compute on GPUs at once; that each has one of its own is held by `tests/networks/test_device.py`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

TARGET = "results/dogs-vs-cats/index.csv"


@pytest.mark.slow  # a run, without a job's work
def test_as_many_as_there_are_gpus_also_beside_other_limits(
    fresh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An undeclared limit is none, and `--resources` takes the place of all that a profile declares."""
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 'GPU 0: NVIDIA'; echo 'GPU 1: NVIDIA'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name in ("raw/manifest.json", "index.csv", "index.json"):
        path = fresh.home / "results" / "dogs-vs-cats" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    words = ("--touch", "--verbose", "--resources", "mem_mb=7", "--forcerun", "index_samples", "--", TARGET)
    done = fresh.snakemake(*words)

    assert 'mem_mb=Resource("mem_mb", 7), gpu=Resource("gpu", 2)' in done.stdout + done.stderr
