"""What becomes of the answer when parts of a sample are covered: a check of heat maps from outside the network."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.explanation import Deletion
from catscan.common.contracts.model import Model
from catscan.stages.explain.answers import answers_of

Floats = NDArray[np.float32]

PARTS = {2: 8, 3: 4}  # along each axis of a picture or a scan, that are covered one by one
STEPS = 8  # of a deletion curve
RANDOM_ORDERS = 3  # their mean is what chance does
POSITIONS_AT_ONCE = 1 << 19  # pixels or voxels


class Covering:
    """One sample, parts of which are covered by its mean grey.

    Attributes
    ----------
    covered
        (parts, ...), an axis for each of the sample's: by how much the logit falls without each part.

    Parameters
    ----------
    told
        The class whose logit it is.
    logits_of
        Of samples (n, ...), (n, classes).
    """

    def __init__(
        self, pixels: NDArray[np.uint8], told: int, logits_of: Callable[[NDArray[np.uint8]], NDArray[Any]]
    ) -> None:
        self._pixels, self._told, self._logits_of = pixels, told, logits_of
        parts = parts_of(pixels.shape[:-1])
        alone = [[part] for part in range(math.prod(parts))]
        whole, *without = self._without([[], *alone])[:, told]
        self.covered: Floats = np.asarray(whole - np.array(without), np.float32).reshape(parts)

    def deletion(self, heat: NDArray[np.uint8] | None, described: Model) -> Deletion:
        """How fast the answer falls as the strongest parts are covered first, beside parts in any order.

        Parameters
        ----------
        heat
            Over the same field; of one that is 0 everywhere no part is the strongest, as where there is none.
        """
        n, draw = self.covered.size, np.random.default_rng(0)
        in_any_order = [draw.permutation(n) for _ in range(RANDOM_ORDERS)]
        orders = [_strongest_first(self.covered), *in_any_order]
        by_heat = heat is not None and bool(heat.any())
        if heat is not None and by_heat:
            orders.append(_strongest_first(at_parts(heat, self.covered.shape)))
        counts = [round(step * n / STEPS) for step in range(STEPS + 1)]
        found = self._without([order[:count].tolist() for order in orders for count in counts])
        answers = answers_of(described, found)[:, self._told].reshape(len(orders), len(counts))
        return Deletion(
            shares=tuple(count / n for count in counts),
            by_heat=tuple(answers[-1].tolist()) if by_heat else None,
            by_covered=tuple(answers[0].tolist()),
            at_random=tuple(answers[1 : 1 + RANDOM_ORDERS].mean(axis=0).tolist()),
        )

    def _without(self, covered: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """(n, classes) the logits of the sample with each of n sets of its parts covered."""
        pixels, sizes = self._pixels, self._pixels.shape[:-1]
        places = list(itertools.product(*map(edges_of, sizes, parts_of(sizes))))
        grey = np.round(pixels.reshape(-1, pixels.shape[-1]).mean(axis=0)).astype(np.uint8)
        found = []
        at_once = max(1, POSITIONS_AT_ONCE // math.prod(sizes))
        for start in range(0, len(covered), at_once):
            some = covered[start : start + at_once]
            batch = np.repeat(pixels[None], len(some), axis=0)
            for row, parts in enumerate(some):
                for part in parts:
                    batch[row][places[part]] = grey
            found.append(self._logits_of(batch))
        return np.concatenate(found).astype(np.float64)


def _strongest_first(parts: Floats) -> NDArray[np.intp]:
    return np.argsort(-parts.ravel(), kind="stable")


def parts_of(sizes: Sequence[int]) -> tuple[int, ...]:
    """Into how many parts a sample is cut along each axis."""
    return tuple(min(PARTS[len(sizes)], size) for size in sizes)


def edges_of(size: int, parts: int) -> list[slice]:
    """Where each part lies along an axis."""
    return [slice(place * size // parts, (place + 1) * size // parts) for place in range(parts)]


def at_parts(heat: NDArray[np.uint8], parts: Sequence[int]) -> Floats:
    """A heat map in the middle of each part of the sample, linear between its own values."""
    from scipy.ndimage import map_coordinates

    middles = [(np.arange(n) + 0.5) * size / n - 0.5 for n, size in zip(parts, heat.shape, strict=True)]
    return np.asarray(
        map_coordinates(heat.astype(np.float32), np.meshgrid(*middles, indexing="ij"), order=1, mode="nearest")
    )
