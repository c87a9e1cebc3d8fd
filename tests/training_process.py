"""For tests that stop a training: each of its steps lasts and is saved, and what it does is waited for."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

SLOW = """
import sys
import time

if "train" in sys.orig_argv:
    from catscan.stages.train import engine

    update = engine._Loop._update

    def slow(self, batch):
        time.sleep({seconds})
        return update(self, batch)

    engine._Loop._update = slow
    engine.train.__kwdefaults__["seconds_between_checkpoints"] = 0.0
"""


def slow_steps(folder: Path, seconds: float) -> Path:
    """Make ``folder`` one that, in PYTHONPATH, lets each step of a training last and leave a checkpoint."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SLOW.format(seconds=seconds))
    return folder


def wait_until(
    there: Callable[[], object], process: subprocess.Popen[str], log: Path | None = None, seconds: float = 240
) -> None:
    """Wait for what ``process`` does; when it ends before or takes too long, fail with the end of its log."""
    deadline = time.monotonic() + seconds
    while not there():
        ended = process.poll()
        if ended is not None or time.monotonic() > deadline:
            process.kill()
            how = "it goes on" if ended is None else f"it ended with {ended}"
            raise AssertionError(f"{how}, and what was waited for did not happen; its log:\n{text_of(log)[-2000:]}")
        time.sleep(0.02)


def text_of(log: Path | None) -> str:
    """What the log says; "" as long as there is none, as between two runs of a job."""
    try:
        return log.read_text() if log else ""
    except FileNotFoundError:
        return ""


def checkpoint_in(model: Path) -> Callable[[], object]:
    """Whether a training into the folder ``model`` has saved a step, to be asked by `wait_until`."""
    return lambda: list((model / "checkpoint").glob("step-*.npz"))
