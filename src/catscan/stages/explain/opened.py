"""A trained network opened: its steps with their weights, what it says of samples, and what in them made it say so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.explanation import Block, Deletion, Layer
from catscan.common.contracts.model import Model
from catscan.common.layer_table import Told
from catscan.common.words import number_of
from catscan.networks.compat import tf
from catscan.networks.predictor import open_predictor
from catscan.networks.traced import Step, trace
from catscan.stages.explain.covering import Covering

Floats = NDArray[np.float32]

BYTES_OF_WEIGHTS = 4_500_000  # of a network that stand in the page; the largest layers stay closed beyond
BYTES_OF_VALUES = 6_000_000  # of closed steps, of all samples; the steps before the last maps are left out beyond
MOST_SAMPLES = 8
FEWEST_POSITIONS = 4  # along the longest axis of maps that can tell where something is


@dataclass(frozen=True)
class Look:
    """What the network does with one sample; the fields are those of `Shown`, and `mirrored` the logits of the
    sample's mirror image, None where the network does not look at it; `geometry` is that of the scan as it is shown,
    None where that is as the shards hold it.
    """

    pixels: NDArray[np.uint8]
    logits: NDArray[np.float64]
    mirrored: NDArray[np.float64] | None
    told: int
    heat: NDArray[np.uint8] | None
    covered: Floats | None
    deletion: Deletion | None
    values: dict[str, Floats]
    features: Floats | None = None
    geometry: dict[str, Any] | None = None

    def shown(self) -> dict[str, Any]:
        """The fields of `Shown` that are known here."""
        return {
            "pixels": Block.of(self.pixels),
            "features": _block(self.features),
            "logits": tuple(map(float, self.logits)),
            "told": self.told,
            "heat": _block(self.heat),
            "covered": _block(self.covered),
            "deletion": self.deletion,
            "values": {number: Block.of(array) for number, array in self.values.items()},
        }


class Network:
    """The network of one folder, in float32, as the steps that it computes."""

    def __init__(self, folder: Path, described: Model, *, gpu: bool = False) -> None:
        self._predictor = open_predictor(folder, described, gpu=gpu)
        self._described = described
        with self._predictor.graph.as_default():
            self._steps = trace(self._predictor.pixels, self._predictor.logits)
            self._wanted = tf.placeholder(tf.float32, [None, len(described.classes)])
        self._closed = closed(self._steps)

    def close(self) -> None:
        """Free the session."""
        self._predictor.close()

    def layers(self) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
        """The steps with their weights, and what of them the page cannot show."""
        layers = tuple(self._layer(number, step) for number, step in enumerate(self._steps))
        large = [step for number, step in enumerate(self._steps) if number in self._closed and step.constants]
        unknown = [step for step in self._steps if step.kind == "other"]
        remarks = []
        if large:
            weights = sum(step.weights for step in large)
            remarks.append(
                f"{number_of(len(large), 'layer')} of {weights:,} weights in all cannot be opened: they are too many "
                "for a page."
            )
        if unknown:
            names = ", ".join(dict.fromkeys(step.how for step in unknown))
            remarks.append(f"Operations of TensorFlow that the page does not know are shown by their results: {names}.")
        return layers, tuple(remarks)

    def _layer(self, number: int, step: Step) -> Layer:
        is_closed = number in self._closed
        arrays = {} if is_closed else self._predictor.session.run(step.constants)
        known = {field.name: getattr(step, field.name) for field in fields(Told)}
        return Layer(
            **known,
            arrays={name: Block.of(np.asarray(array, np.float32)) for name, array in arrays.items()},
            closed=is_closed,
        )

    def _slopes_of(self, tensor: Any) -> Any:
        """The gradient of the wanted logits by a tensor of the graph."""
        with self._predictor.graph.as_default():
            return tf.gradients(self._predictor.logits, tensor, self._wanted)[0]

    def _class(self, told: int) -> NDArray[np.float64]:
        """(1, classes), what says that the logit of one class is wanted."""
        return np.eye(len(self._described.classes))[[told]]

    def _of(self, sample: NDArray[Any]) -> tuple[NDArray[np.float64], dict[str, Floats]]:
        """The logits of one sample, and the values of the closed steps."""
        wanted = {"logits": self._predictor.logits} | {str(k): self._steps[k].tensor for k in self._closed}
        found = self._predictor.session.run(wanted, {self._predictor.pixels: sample[None]})
        logits = np.asarray(found.pop("logits")[0], np.float64)
        return logits, {number: array.reshape(self._steps[int(number)].shape) for number, array in found.items()}


class Opened(Network):
    """A network that learnt from the samples themselves.

    Attributes
    ----------
    heat_layer
        The number of the last step whose maps still tell where something is; None where none does.
    """

    def __init__(self, folder: Path, described: Model, *, gpu: bool = False) -> None:
        super().__init__(folder, described, gpu=gpu)
        self.heat_layer = _last_with_maps(self._steps)
        self._left_out = 0
        if self.heat_layer and self._is_too_much() and _all_after(self._steps, self.heat_layer):
            self._begin_at(self.heat_layer)
            self.heat_layer = 0
        self._maps = None if self.heat_layer is None else self._steps[self.heat_layer].tensor
        self._slopes = None if self._maps is None else self._slopes_of(self._maps)

    def layers(self) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
        """As of every network; the first steps may be left out."""
        layers, remarks = super().layers()
        if self._left_out:
            many = number_of(self._left_out, "step")
            remarks = (f"The first {many} are too much for a page: the explorer begins after them.", *remarks)
        return layers, remarks

    def _is_too_much(self) -> bool:
        values = sum(math.prod(self._steps[number].shape) for number in self._closed)
        return 4 * MOST_SAMPLES * values > BYTES_OF_VALUES

    def _begin_at(self, number: int) -> None:
        """Take the maps of a step for what comes in."""
        first = replace(self._steps[number], kind="input", how="", inputs=(), weights=0, flops=0, constants={})
        after = (replace(step, inputs=tuple(k - number for k in step.inputs)) for step in self._steps[number + 1 :])
        self._steps, self._left_out = [first, *after], number
        self._closed = closed(self._steps)

    def look_at(self, pixels: NDArray[np.uint8]) -> list[Look]:
        """What the network does with each of the samples (n, *sample_shape)."""
        return [self._look(one) for one in pixels]

    def heats(self, pixels: NDArray[np.uint8], told: Sequence[int]) -> list[NDArray[np.uint8] | None]:
        """Where in each of the samples what speaks for a class lies."""
        return [self._heat(one, label) for one, label in zip(pixels, told, strict=True)]

    def _look(self, pixels: NDArray[np.uint8]) -> Look:
        logits, values = self._of(pixels)
        mirrored = self._of(pixels[..., ::-1, :])[0] if self._described.flips else None
        told = int(np.argmax(logits))
        heat, covering = self._heat(pixels, told), Covering(pixels, told, self._logits_of)
        covered, deletion = covering.covered, covering.deletion(heat, self._described)
        features = None
        if self._left_out:
            features = self._predictor.session.run(self._maps, {self._predictor.pixels: pixels[None]})
            features = np.asarray(features, np.float32).reshape(self._steps[0].shape)
        return Look(pixels, logits, mirrored, told, heat, covered, deletion, values, features)

    def _logits_of(self, batch: NDArray[np.uint8]) -> NDArray[Any]:
        return self._predictor.session.run(self._predictor.logits, {self._predictor.pixels: batch})

    def _heat(self, pixels: NDArray[np.uint8], told: int) -> NDArray[np.uint8] | None:
        """Grad-CAM: the maps, each weighted by the mean of its gradient, what speaks for the class alone."""
        if self._slopes is None or self.heat_layer is None:
            return None
        feed = {self._predictor.pixels: pixels[None], self._wanted: self._class(told)}
        shape = self._steps[self.heat_layer].shape
        found = self._predictor.session.run((self._maps, self._slopes), feed)
        maps, slopes = (array.reshape(shape) for array in found)
        return as_heat(maps @ slopes.reshape(-1, shape[-1]).mean(axis=0))


def as_heat(values: Floats) -> NDArray[np.uint8]:
    """What speaks for a class alone, 255 where it is strongest."""
    heat = np.maximum(values, 0)
    return np.round(heat * (255 / max(float(heat.max()), 1e-30))).astype(np.uint8)


def _block(array: NDArray[Any] | None) -> Block | None:
    return None if array is None else Block.of(array)


def _last_with_maps(steps: Sequence[Step]) -> int | None:
    """Not the sample itself."""
    with_maps = [
        number
        for number, step in enumerate(steps)
        if number and len(step.shape) > 1 and max(step.shape[:-1]) >= FEWEST_POSITIONS and 0 not in step.shape
    ]
    return with_maps[-1] if with_maps else None


def _all_after(steps: Sequence[Step], number: int) -> bool:
    """Whether the steps after one need nothing of those before it."""
    return all(min(step.inputs) >= number for step in steps[number + 1 :])


def closed(steps: Sequence[Step]) -> set[int]:
    """The numbers of the steps whose values the page takes as they are: unknown ones, and those of too many weights."""
    found = {number for number, step in enumerate(steps) if step.kind == "other"}
    left = sum(_bytes_of(step) for step in steps)
    for number in sorted(range(len(steps)), key=lambda number: _bytes_of(steps[number]), reverse=True):
        if left <= BYTES_OF_WEIGHTS:
            break
        left -= _bytes_of(steps[number])
        found.add(number)
    return found


def _bytes_of(step: Step) -> int:
    return 4 * sum(constant.shape.num_elements() or 0 for constant in step.constants.values())
