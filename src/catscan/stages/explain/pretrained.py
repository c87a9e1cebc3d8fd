"""A network that learnt from features opened: its steps after the pretrained networks, and where those looked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.model import Model
from catscan.networks.pretrained.extractor import BATCH, as_pictures, open_extractor
from catscan.networks.pretrained.own import side_of
from catscan.networks.pretrained.registry import PRETRAINED, slices_of
from catscan.networks.session import Compute
from catscan.stages.explain.covering import Covering
from catscan.stages.explain.opened import Floats, Look, Network, as_heat

SeenAt = Callable[[int], NDArray[np.uint8]]


class OpenedHead(Network):
    """A network that learnt from features, with the pretrained networks before it."""

    heat_layer = None

    def __init__(self, folder: Path, described: Model, *, gpu: bool = False) -> None:
        super().__init__(folder, described, gpu=gpu)
        self._slopes = self._slopes_of(self._predictor.pixels)
        self._gpu = gpu

    def look_at(self, pixels: NDArray[np.uint8], seen_at: SeenAt) -> list[Look]:
        """What the networks do with each of some samples.

        Parameters
        ----------
        pixels
            (n, ...) what is to be shown of them.
        seen_at
            The samples, (n, ...), at the size of a pretrained network.
        """
        looks = []
        for shown, (features, maps) in zip(pixels, self._extracted(seen_at), strict=True):
            logits, values = self._of(features)
            told = int(np.argmax(logits))
            heat = self._heat(features, maps, told)
            looks.append(Look(shown, logits, None, told, heat, None, None, values, features))
        sources = [source.network for source in self._described.features]
        return self._covered(looks) if len(sources) == 1 and sources[0] in PRETRAINED and pixels.ndim == 4 else looks

    def _covered(self, looks: list[Look]) -> list[Look]:
        """With the check by covering: of pictures that one network looks at, of those whose time for a hundred pictures
        a sample is known; scans have too many slices for it.
        """
        (source,) = self._described.features
        compute = Compute(self._described.threads, source.precision, self._gpu)
        with closing(open_extractor(source, compute)) as extractor:

            def logits_of(batch: NDArray[np.uint8]) -> NDArray[Any]:
                features = extractor(np.concatenate([as_pictures(one) for one in batch]))[:, None]
                return self._predictor.session.run(self._predictor.logits, {self._predictor.pixels: features})

            found = []
            for look in looks:
                covering = Covering(look.pixels, look.told, logits_of)
                deletion = covering.deletion(look.heat, self._described)
                found.append(replace(look, covered=covering.covered, deletion=deletion))
        return found

    def heats(self, told: Sequence[int], seen_at: SeenAt) -> list[NDArray[np.uint8]]:
        """Where in each of the samples what speaks for a class lies."""
        return [
            self._heat(features, maps, label)
            for label, (features, maps) in zip(told, self._extracted(seen_at), strict=True)
        ]

    def _extracted(self, seen_at: SeenAt) -> Iterator[tuple[Floats, list[Floats]]]:
        """Of each sample the features (slices, width), and each network's maps (slices, height, width, maps)."""
        sources, threads = self._described.features, self._described.threads
        samples = [seen_at(side_of(source)) for source in sources]
        slices = slices_of(samples[0].shape[1:])
        at_once = max(1, BATCH // slices)
        with ExitStack() as stack:
            extractors = [
                stack.enter_context(closing(open_extractor(source, Compute(threads, source.precision, self._gpu))))
                for source in sources
            ]
            for start in range(0, len(samples[0]), at_once):
                looks = [
                    extractor.look(np.concatenate([as_pictures(one) for one in some[start : start + at_once]]))
                    for extractor, some in zip(extractors, samples, strict=True)
                ]
                for first in range(0, len(looks[0][0]), slices):
                    here = slice(first, first + slices)
                    yield (
                        np.concatenate([found[here] for found, _ in looks], axis=-1),
                        [maps[here] for _, maps in looks],
                    )

    def _heat(self, features: Floats, maps: Sequence[Floats], told: int) -> NDArray[np.uint8]:
        """Grad-CAM of the pretrained networks' last maps: exact, as features are their means.

        Each place is worth what the logit would lose by it, to the first order; the maps of several networks are
        brought to the size of the largest and added up.
        """
        feed = {self._predictor.pixels: features[None], self._wanted: self._class(told)}
        slopes = self._predictor.session.run(self._slopes, feed)[0]
        slopes = np.where(features > 0, slopes, 0)  # a root's slope at 0 is infinite, and there is nothing to weigh
        parts = np.split(slopes, np.cumsum([one.shape[-1] for one in maps])[:-1], axis=-1)
        size = max(one.shape[1:3] for one in maps)
        heats = [
            np.stack([cv2.resize(plane @ slope, size[::-1]) for plane, slope in zip(one, part, strict=True)])
            for one, part in zip(maps, parts, strict=True)
        ]
        heat = np.sum(heats, axis=0)
        return as_heat(heat if len(features) > 1 else heat[0])
