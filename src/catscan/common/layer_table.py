"""What a person is told of a network's layers: a table of them, and how far a value sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

OPENERS = ("input", "convolution", "pooling", "global_pooling", "fully_connected", "add", "concat", "other")
TITLES = {"fully_connected": "fully connected", "add": "sum", "concat": "joined"}


@dataclass(frozen=True)
class Reach:
    """Along one axis, what part of the sample a value of a step depends on.

    Attributes
    ----------
    start
        The first pixel that the first value sees; below 0 in the padding.
    size
        Pixels that one value sees.
    jump
        Pixels between what two neighbours see.
    """

    start: int = 0
    size: int = 1
    jump: int = 1

    def seen_by(self, window: int, stride: int, padding: int) -> Reach:
        """That of a step whose window slides over the values of this one."""
        return Reach(self.start - padding * self.jump, self.size + (window - 1) * self.jump, self.jump * stride)


@dataclass(frozen=True, kw_only=True)
class Told:
    """One operation on feature maps, as `networks.traced` finds it and as `explanation.json` holds it.

    Attributes
    ----------
    kind
        One of `OPENERS`; or scale, batch_norm, activation.
    how
        What of its kind: max or average; the name of the activation; TensorFlow's name of any other operation.
    name
        In the graph.
    inputs
        The numbers of the steps whose values come in.
    shape
        Of what comes out, without the sample's axis; the last one is that of the maps.
    window, stride, padding
        One an axis, where a window slides; the padding is that before the first value.
    weights
        How many the network holds for it.
    flops
        Floating-point operations a sample: a multiplication and an addition are two, a comparison is one.
    reach
        One an axis of the sample, until a step sees all of it.
    """

    kind: str
    how: str
    name: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    window: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    weights: int = 0
    flops: int = 0
    reach: tuple[Reach, ...] = ()

    @property
    def opens(self) -> bool:
        """Whether a layer begins with it, for a person; the others belong to the layer before."""
        return self.kind in OPENERS

    @property
    def title(self) -> str:
        """What a person calls it."""
        with_how = {
            "pooling": f"{self.how} pooling",
            "global_pooling": f"{self.how} over each map",
            "activation": self.how,
            "other": f"{self.how} (TensorFlow's)",
        }
        return with_how.get(self.kind) or TITLES.get(self.kind, self.kind.replace("_", " "))


AnyStep = TypeVar("AnyStep", bound=Told)


def layers_of(steps: Sequence[AnyStep]) -> list[list[AnyStep]]:
    """The steps by layer, as a person counts them: each begins with one that `opens`."""
    layers: list[list[AnyStep]] = []
    for step in steps:
        if step.opens or not layers:
            layers.append([])
        layers[-1].append(step)
    return layers


def table(steps: Sequence[Told]) -> list[tuple[str, ...]]:
    """A row a layer: what it is, window, stride, what comes out, what of the sample one value sees, weights, FLOPs.

    The first row is the head, the last the sums. Windows are as computed, without taps that never meet a pixel; the
    weights of those count.
    """
    rows = [("layer", "window", "stride", "out", "sees", "weights", "FLOPs")]
    whole = steps[0].shape[:-1]
    for layer in layers_of(steps):
        first, last = layer[0], layer[-1]
        rows.append(
            (
                " + ".join(step.title for step in layer),
                times(first.window),
                times(first.stride),
                times(last.shape),
                seen(last, whole) if first.kind != "input" else "",
                f"{sum(step.weights for step in layer):,}",
                counted(sum(step.flops for step in layer)),
            )
        )
    weights, flops = sum(step.weights for step in steps), sum(step.flops for step in steps)
    return [*rows, ("", "", "", "", "", f"{weights:,}", counted(flops))]


def seen(step: Told, sizes: Sequence[int]) -> str:
    """How much of the sample one value of a step sees, for people."""
    if not step.reach or all(one.size >= 2 * size - 1 for one, size in zip(step.reach, sizes, strict=True)):
        return "all"
    return times(one.size for one in step.reach)


def times(sizes: Iterable[int]) -> str:
    """
    >>> times((5, 5))
    '5 x 5'
    """
    return " x ".join(map(str, sizes))


def counted(number: int) -> str:
    """A large number for people.

    >>> counted(950), counted(12_345), counted(1_234_567), counted(98_700_000_000)
    ('950', '12.3 k', '1.23 M', '98.7 G')
    """
    for factor, letter in ((10**9, " G"), (10**6, " M"), (10**3, " k")):
        if number >= factor:
            return f"{number / factor:.3g}{letter}"
    return str(number)


def laid_out(rows: Sequence[Sequence[str]]) -> str:
    """The rows of `table` as lines."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{cell:{wide}}" for cell, wide in zip(row, widths, strict=True)).rstrip() for row in rows
    )
