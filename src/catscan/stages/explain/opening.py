"""Any evaluated network opened, and what all the others say of the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.explanation import Block, Other
from catscan.common.contracts.model import Model
from catscan.networks.evaluated import Evaluated
from catscan.networks.pretrained.own import side_of
from catscan.scores.predictions import Predictions, read_predictions
from catscan.stages.explain.choice import Chosen
from catscan.stages.explain.samples import Samples

if TYPE_CHECKING:
    from catscan.stages.explain.opened import Look, Opened
    from catscan.stages.explain.pretrained import OpenedHead

SIDE_SHOWN = 64  # pixels of a scan's slice; at a pretrained network's own size scans are too large for a page


def open_network(folder: Path, described: Model, *, gpu: bool) -> Opened | OpenedHead:
    """The network of ``folder``, to be closed."""
    from catscan.stages.explain.opened import Opened
    from catscan.stages.explain.pretrained import OpenedHead

    return (OpenedHead if described.features else Opened)(folder, described, gpu=gpu)


def look_at(opened: Opened | OpenedHead, chosen: Sequence[Chosen], samples: Samples, described: Model) -> list[Look]:
    """What the network does with the chosen samples."""
    from catscan.stages.explain.pretrained import OpenedHead

    if not isinstance(opened, OpenedHead):
        return opened.look_at(samples.pixels(chosen))
    seen_at = partial(samples.seen_at, chosen, described)
    pixels = samples.pixels(chosen)
    if pixels.ndim == 4:  # pictures are shown as the network gets them; scans would be too large for a page
        return opened.look_at(seen_at(side_of(described.features[0])), seen_at)
    if samples.show_all:
        return opened.look_at(pixels, seen_at)
    again = samples.readings(chosen, described, SIDE_SHOWN)
    looks = opened.look_at(np.stack([one.array for one in again]), seen_at)
    return [replace(look, geometry=one.geometry) for look, one in zip(looks, again, strict=True)]


def heats_of(
    folder: Path, described: Model, chosen: Sequence[Chosen], told: Sequence[int], samples: Samples, *, gpu: bool
) -> Sequence[NDArray[np.uint8] | None]:
    """Where in each of the samples what speaks for a class lies, by the network of ``folder``: Grad-CAM.

    None where no layer has maps, where the shards show another field than a pretrained network saw, and where a sweep
    read them otherwise for this network.
    """
    from catscan.stages.explain.pretrained import OpenedHead

    if (described.features and not samples.show_all) or not samples.are_read_for(described):
        return [None] * len(chosen)
    with closing(open_network(folder, described, gpu=gpu)) as opened:
        if isinstance(opened, OpenedHead):
            return opened.heats(told, partial(samples.seen_at, chosen, described))
        return opened.heats(samples.pixels(chosen), told)


class Others:
    """What all evaluated networks but one say of the samples that this one is shown with."""

    def __init__(self, evaluated: Evaluated, samples: Samples, predictions: Predictions, *, gpu: bool) -> None:
        self._evaluated, self._samples, self._predictions, self._gpu = evaluated, samples, predictions, gpu

    def of(self, chosen: Sequence[Chosen], *, fold: int, model: str) -> list[tuple[Other, ...]]:
        """Of each sample what the models but ``model`` say by their networks of the same fold, which held it out."""
        found: list[list[Other]] = [[] for _ in chosen]
        for name, folders in self._evaluated.folders.items():
            folds = [one.fold for one in self._evaluated.metrics.models[name].folds]
            if name == model or fold not in folds or not chosen:
                continue
            place = folds.index(fold)
            answers = self._answers(name, place, folders[place], chosen)
            told = answers.argmax(axis=1).tolist()
            described = self._evaluated.described[folders[place]]
            heats = heats_of(folders[place], described, chosen, told, self._samples, gpu=self._gpu)
            for one, answer, label, heat in zip(found, answers, told, heats, strict=True):
                one.append(Other(name, tuple(map(float, answer)), label, None if heat is None else Block.of(heat)))
        return [tuple(some) for some in found]

    def _answers(self, name: str, place: int, folder: Path, chosen: Sequence[Chosen]) -> NDArray[np.float64]:
        """(n, classes), those of the files: of its fold that was held out, and of the test samples."""
        described = self._evaluated.described[folder]
        held_out = read_predictions(folder / "out-of-fold.csv", described.classes, described.task)
        of_test = self._predictions.by_model[name][place]
        row = {sample_id: number for number, sample_id in enumerate(self._predictions.sample_ids)}
        return np.array(
            [
                of_test[row[one.sample_id]] if one.split == "test" else held_out.loc[one.sample_id].to_numpy()
                for one in chosen
            ]
        )
