"""Which device a job computes on, and that it has a GPU alone."""

from __future__ import annotations

import fcntl
import math
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from catscan.common.errors import CatscanError
from catscan.common.progress import say

DEVICES = ("auto", "cpu", "gpu")  # what a job can be told to compute on
SECONDS_BETWEEN_TRIES = 2.0
SECONDS_BETWEEN_LINES = 60.0
LOCKS = Path("/tmp")  # not $TMPDIR: all runs of a machine meet here, whoever started them and in whichever clone


class Obstacle(NamedTuple):
    """What keeps a TensorFlow from a GPU, and what helps."""

    what: str
    do: str


CPU_BUILD = Obstacle("is built for the CPU only", "Install requirements-cuda.txt (./run does where nvidia-smi answers)")
UNSEEN = Obstacle("sees none", "Look whether its driver is too old (`./run catscan doctor` names it)")


def visible_gpus(devices: Path = Path("/dev")) -> list[str]:
    """The GPUs that this process may use, without starting one: CUDA_VISIBLE_DEVICES, else the device files."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        # CUDA stops at the first entry that is none ("-1" and "" hide all).
        names = [name.strip() for name in named.split(",")]
        return names[: next((i for i, name in enumerate(names) if name in ("", "-1")), len(names))]
    numbers = [match[1] for path in devices.glob("nvidia*") if (match := re.fullmatch(r"nvidia(\d+)", path.name))]
    return sorted(numbers, key=int)


@contextmanager
def one_device(wanted: str, gpus: list[str], *, locks: Path = LOCKS) -> Iterator[bool]:
    """Take a device for the length of the block; tell whether it is a GPU.

    A GPU is locked by an open file in ``locks``, so that two workflows on one machine never use one GPU at once,
    whatever their schedulers allow; when all are taken this waits. The other GPUs are hidden from TensorFlow, which
    must not be imported before.

    Parameters
    ----------
    wanted
        `auto` (a GPU where there is one and TensorFlow can use it), `cpu` or `gpu`.

    Raises
    ------
    CatscanError
        When a GPU is asked for and there is none, or this TensorFlow cannot use it.
    """
    if wanted == "gpu" and not gpus:
        raise CatscanError("There is no GPU here.", where="--device gpu", do="Set `train.device: auto` or `cpu`.")
    if wanted == "cpu" or not gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        yield False
        return
    name, lock = _free_gpu(gpus, locks)
    with lock:
        os.environ["CUDA_VISIBLE_DEVICES"] = name
        obstacle = _obstacle()
        if obstacle is None:
            yield True
            return
        if wanted == "gpu":
            raise CatscanError(
                f"This TensorFlow cannot use the GPU: it {obstacle.what}.",
                where="--device gpu",
                do=f"{obstacle.do}, or set `train.device: cpu`.",
            )
    say(f"a GPU is here, but the CPU computes: this TensorFlow {obstacle.what}")
    yield False


def of_the_machine(gpus: list[str]) -> list[str]:
    """What the GPUs that this process may use are called on the whole machine.

    SLURM may count those of each of its jobs from 0, so that two jobs would wait for each other's.
    """
    named = (os.environ.get("SLURM_STEP_GPUS") or os.environ.get("SLURM_JOB_GPUS") or "").split(",")
    return named if len(named) == len(gpus) and all(named) else gpus


def _free_gpu(gpus: list[str], locks: Path) -> tuple[str, IO[bytes]]:
    told = -math.inf
    while True:
        for name, called in zip(gpus, of_the_machine(gpus), strict=True):
            lock = _opened(locks / f"catscan-gpu-{re.sub(r'[^0-9A-Za-z-]', '_', called)}.lock")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            return name, lock
        if time.monotonic() - told > SECONDS_BETWEEN_LINES:
            told = time.monotonic()
            say(f"waiting for a GPU: another job has {', '.join(gpus)}")
        time.sleep(SECONDS_BETWEEN_TRIES)


def _opened(path: Path) -> IO[bytes]:
    """A lock's file, made by whichever user came first: to be locked it need not be written."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    while True:
        with suppress(FileNotFoundError):
            return os.fdopen(os.open(path, flags), "rb")
        with suppress(FileExistsError):  # made by another just now
            number = os.open(path, flags | os.O_CREAT | os.O_EXCL)
            os.fchmod(number, 0o444)
            return os.fdopen(number, "rb")


def _obstacle() -> Obstacle | None:
    """What keeps TensorFlow from the GPU that the environment names."""
    from catscan.networks.compat import quiet, tf

    if not tf.test.is_built_with_cuda():
        return CPU_BUILD
    with quiet():
        seen = tf.config.experimental.list_physical_devices("GPU")
    return None if seen else UNSEEN
