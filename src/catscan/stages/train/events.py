"""TensorBoard's event file: scalars of each epoch, and one batch as the network sees it.

Equal trainings write equal bytes, stopped and gone on or not. So the file has one name, where TensorFlow's own writer
takes the clock's and the machine's, and an event's time is its step: TensorBoard's axis "relative" shows steps too.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import CatscanError
from catscan.common.files import PARTIAL

NAME = "events.out.tfevents.0"  # TensorBoard looks for "tfevents"
PICTURES = 8


class Events:
    """Writes to ``folder``; what an earlier training left there goes, but for what this one goes on from.

    Parameters
    ----------
    until
        The step that a training goes on from: events up to it are kept. None for one that begins.
    """

    def __init__(self, folder: Path, *, until: int | None) -> None:
        from catscan.networks.compat import quiet, tf

        self._tf, self._path = tf, folder / NAME
        with quiet():
            kept = [] if until is None else list(self._read(until))
            self.wants_pictures = not kept
            if until is None:
                shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            partial = folder / f".{NAME}{PARTIAL}"
            self._writer = tf.io.TFRecordWriter(str(partial))
        self._write(tf.Event(file_version="brain.Event:2"), *kept)
        partial.replace(self._path)  # which goes on to be written

    def _read(self, until: int) -> Iterator[Any]:
        """The events up to a step, as far as they can be read."""
        try:
            for event in self._tf.train.summary_iterator(str(self._path)):
                if event.summary.value and event.step <= until:
                    yield event
        except (self._tf.errors.DataLossError, self._tf.errors.NotFoundError):
            return

    def _write(self, *events: Any) -> None:
        try:
            for event in events:
                self._writer.write(event.SerializeToString(deterministic=True))
            self._writer.flush()
        except self._tf.errors.OpError as error:  # a full disk is a "resource exhausted", as the memory of a GPU is
            raise CatscanError(
                "A file cannot be written.",
                where=str(self._path),
                found=str(error.message),
                do="Free some space and run the same command again.",
            ) from error

    def epoch(self, row: dict[str, float], *, step: int) -> None:
        """All numbers of a row of the history, the learning rate among them."""
        self._add([self._tf.Summary.Value(tag=name, simple_value=value) for name, value in row.items()], step)

    def pictures(self, pixels: NDArray[np.float32], *, step: int) -> None:
        """The first few samples of a batch, after augmentation; of a scan its middle slice."""
        self._add([self._picture(number, sample) for number, sample in enumerate(pixels[:PICTURES])], step)
        self.wants_pictures = False

    def _add(self, values: list[Any], step: int) -> None:
        self._write(self._tf.Event(wall_time=step, step=step, summary=self._tf.Summary(value=values)))

    def _picture(self, number: int, sample: NDArray[np.float32]) -> Any:
        plane = sample[len(sample) // 2] if sample.ndim == 4 else sample
        grey = np.clip(np.rint(plane), 0, 255).astype(np.uint8)
        # A PNG holds one channel or three; of other numbers (two bands, some windows) the first is shown.
        png = cv2.imencode(".png", grey[..., ::-1] if grey.shape[-1] == 3 else grey[..., :1])[1].tobytes()
        image = self._tf.Summary.Image(height=grey.shape[0], width=grey.shape[1], encoded_image_string=png)
        return self._tf.Summary.Value(tag=f"as_the_network_sees_it/{number}", image=image)

    def close(self) -> None:
        """Close the file; all is written."""
        with suppress(self._tf.errors.OpError):  # where the disk is full, which was told
            self._writer.close()
