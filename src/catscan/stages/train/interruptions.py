"""What can end a training before its last epoch, and how a person is told."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from catscan.common.errors import CatscanError
from catscan.common.leader import STOPPING


class OutOfMemory(CatscanError):
    """A batch does not fit the device's memory."""

    exit_code = 4


class NotFinite(CatscanError):
    """A loss became infinite or not a number."""

    exit_code = 3


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """A function that tells whether SIGTERM or SIGINT has come; a second one acts as it always does."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(number: int, _frame: Any) -> None:
        asked.set()
        STOPPING.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def told_when_memory_ends(batch_size: int) -> Iterator[None]:
    """Turn TensorFlow's end of memory into a block that says which batch size to try."""
    from catscan.networks.compat import tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise OutOfMemory(
            "A batch does not fit the device's memory.",
            where="batch_size",
            found=f"{batch_size}: {str(error.message).splitlines()[0]}",
            do=f"Set `batch_size: {max(1, batch_size // 2)}`, or make the samples smaller (`preprocess`).",
        ) from error
