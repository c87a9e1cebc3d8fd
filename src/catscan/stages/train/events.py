"""TensorBoard event files: scalars of each epoch, and one batch as the network sees it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

PICTURES = 8


class Events:
    """Writes to ``folder``; what an earlier training left there goes, unless this one goes on from it."""

    def __init__(self, folder: Path, *, fresh: bool) -> None:
        from catscan.networks.compat import quiet, tf

        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        self.wants_pictures = fresh
        self._tf = tf
        with quiet():
            self._writer = tf.summary.FileWriter(str(folder))

    def epoch(self, row: dict[str, float], *, step: int) -> None:
        """All numbers of a row of the history, the learning rate among them."""
        values = [self._tf.Summary.Value(tag=name, simple_value=value) for name, value in row.items()]
        self._writer.add_summary(self._tf.Summary(value=values), step)
        self._writer.flush()

    def pictures(self, pixels: NDArray[np.float32], *, step: int) -> None:
        """The first few samples of a batch, after augmentation; of a scan its middle slice."""
        values = [self._picture(number, sample) for number, sample in enumerate(pixels[:PICTURES])]
        self._writer.add_summary(self._tf.Summary(value=values), step)
        self.wants_pictures = False

    def _picture(self, number: int, sample: NDArray[np.float32]) -> Any:
        plane = sample[len(sample) // 2] if sample.ndim == 4 else sample
        grey = np.clip(np.rint(plane), 0, 255).astype(np.uint8)
        # A PNG holds one channel or three; of other numbers (two bands, some windows) the first is shown.
        png = cv2.imencode(".png", grey[..., ::-1] if grey.shape[-1] == 3 else grey[..., :1])[1].tobytes()
        image = self._tf.Summary.Image(height=grey.shape[0], width=grey.shape[1], encoded_image_string=png)
        return self._tf.Summary.Value(tag=f"as_the_network_sees_it/{number}", image=image)

    def close(self) -> None:
        """Flush and close the file."""
        self._writer.close()
