"""Machine code that is made when it is first needed, and done without where LLVM cannot make it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from catscan.common.progress import say

Kernel = Callable[..., None]

_making = threading.Lock()


class MachineCode:
    """The machine code of one kernel, in as many variants as are asked for; safe to share between threads.

    Parameters
    ----------
    make
        Makes one variant. It imports llvmlite, which no process should pay for that does not need it.
    without
        What is said, once, where LLVM makes no machine code.
    """

    def __init__(self, make: Callable[[int], Kernel], *, without: str) -> None:
        self._make, self._without = make, without
        self._made: dict[int, Kernel | None] = {}

    def __call__(self, variant: int) -> Kernel | None:
        """The machine code of a variant, made at the first call; None where LLVM is missing or makes none."""
        if variant not in self._made:
            with _making:
                if variant not in self._made:
                    self._made[variant] = self._make_or_say(variant)
        return self._made[variant]

    def _make_or_say(self, variant: int) -> Kernel | None:
        try:
            return self._make(variant)
        except (ImportError, OSError, RuntimeError) as error:
            say(f"{self._without}: LLVM makes no machine code here ({error})")
            return None
