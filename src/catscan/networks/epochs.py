"""`epochs.npz`: what a training knew after some of its epochs: the windows of its first layer, and what it said.

So few are kept that the file stays small: with more than `MOST` every second one goes, and the newest always stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from catscan.common.arrays import read_arrays, write_arrays

Floats = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]

EPOCHS = "epochs.npz"
MOST = 12
BYTES_OF_WINDOWS = 40_000  # of a first layer; 64 windows of 7 x 7 in colour fit
BYTES_OF_ANSWERS = 8_000_000  # of all epochs that are kept


@dataclass(frozen=True)
class Epochs:
    """The epochs that are kept of a training.

    Attributes
    ----------
    numbers
        (m,) from 1; the first one is their distance, but for the last.
    name
        The variable of the first layer's windows; "" where there is none, or where they are too large.
    windows
        (1 + m, *window), before the first epoch and after each of those kept; (0,) where there are none.
    answers
        (m, n, classes), of the samples that were held out, in index order, without their mirror images; (m, 0, classes)
        where they are too many.
    """

    numbers: NDArray[np.int32]
    name: str
    windows: Floats
    answers: Floats

    @classmethod
    def begun(cls, weights: Arrays, *, held: int, classes: int) -> Self:
        """Before the first epoch, with the weights by variable name in the order of the layers."""
        name = next((name for name, array in weights.items() if array.ndim >= 4), "")
        if name and 4 * weights[name].size > BYTES_OF_WINDOWS:
            name = ""
        kept = held if 4 * MOST * held * classes <= BYTES_OF_ANSWERS else 0
        windows = np.asarray(weights[name][None] if name else np.empty(0), np.float32)
        return cls(np.empty(0, np.int32), name, windows, np.empty((0, kept, classes), np.float32))

    def after(self, number: int, weights: Arrays, answers: NDArray[Any]) -> Self:
        """With one more epoch.

        Parameters
        ----------
        answers
            (held, classes).
        """
        told = np.asarray(answers[: self.answers.shape[1]], np.float32)
        more = replace(
            self,
            numbers=np.append(self.numbers, np.int32(number)),
            windows=np.append(self.windows, weights[self.name][None], axis=0) if self.name else self.windows,
            answers=np.append(self.answers, told[None], axis=0),
        )
        step = int(more.numbers[0])
        fitting = more._every(step)
        return fitting if len(fitting.numbers) <= MOST else fitting._every(2 * step)

    def _every(self, step: int) -> Self:
        """Those whose number is a multiple of ``step``, and the last one."""
        kept = np.flatnonzero((self.numbers % step == 0) | (self.numbers == self.numbers[-1]))
        windows = self.windows[[0, *(kept + 1)]] if self.name else self.windows
        return replace(self, numbers=self.numbers[kept], windows=windows, answers=self.answers[kept])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name, for a file."""
        return {"numbers": self.numbers, f"windows/{self.name}": self.windows, "answers": self.answers}

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From what `arrays` gives."""
        (key,) = (name for name in arrays if name.startswith("windows/"))
        return cls(arrays["numbers"], key.removeprefix("windows/"), arrays[key], arrays["answers"])

    def write(self, folder: Path) -> None:
        """Write `epochs.npz` into the folder of a model, whole or not at all."""
        write_arrays(folder / EPOCHS, self.arrays())

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it.

        Raises
        ------
        CatscanError
            When it is missing or damaged.
        """
        return cls.of(read_arrays(folder / EPOCHS, do="Train again."))
