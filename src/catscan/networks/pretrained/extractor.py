"""What a pretrained network says of pictures, in batches of one size, whatever their number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.features import FeaturesSource
from catscan.networks.compat import quiet, tf
from catscan.networks.layers import Mode, set_mode
from catscan.networks.pretrained.efficientnet import features_of, maps_of
from catscan.networks.pretrained.keras_graph import MAPS, PIXELS, keras_graph
from catscan.networks.pretrained.own import OwnWeights, own_of
from catscan.networks.pretrained.registry import PRETRAINED
from catscan.networks.pretrained.weights import Weights, pretrained_weights, weights_in
from catscan.networks.session import Compute, open_session

BATCH = 32  # always as many, so that a picture's features do not depend on how many there are


class Extractor:
    """A pretrained network, its weights loaded: the one of that name, or a user's ``own``.

    Attributes
    ----------
    width
        How many numbers it says of a picture.

    Raises
    ------
    CatscanError
        When its weights are not there, or are not those that catscan knows or that fit the network.
    """

    def __init__(self, name: str, compute: Compute, own: OwnWeights | None = None) -> None:
        side = own.side if own else PRETRAINED[name].side
        with tf.Graph().as_default() as graph, quiet():
            set_mode(Mode(training=False))
            self._pictures = tf.placeholder(tf.uint8, [BATCH, side, side, 3])
            pixels = tf.cast(self._pictures, tf.float32)
            maps, weights = _maps(tf.concat([pixels, tf.reverse(pixels, [2])], axis=0), name, own)
            both = tf.nn.relu(features_of(maps))  # of a network of Keras, those of the maps turned round stand beside
            self._features = (both[:BATCH] + both[BATCH:]) / 2
            self._maps = (maps[:BATCH] + tf.reverse(maps[BATCH:], [2])) / 2
            values = {variable.op.name: tf.placeholder(tf.float32) for variable in tf.global_variables()}
            load = [tf.assign(variable, values[variable.op.name]).op for variable in tf.global_variables()]
        self.width = int(self._features.shape[-1])
        self._session = open_session(compute, graph)
        self._session.run(load, {value: weights[name] for name, value in values.items()})

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The features of pictures, each the mean over the picture and its mirror image.

        Parameters
        ----------
        pictures
            uint8 (n, side, side, 3).

        Returns
        -------
        ndarray of shape (n, width), float32, at least 0
        """
        return self._found([self._features], pictures)[0]

    def look(self, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The features, and the maps that they are the means of, (n, height, width, maps)."""
        features, maps = self._found([self._features, self._maps], pictures)
        return features, maps

    def _found(self, wanted: Sequence[Any], pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        found = [np.empty((len(pictures), *one.shape.as_list()[1:]), np.float32) for one in wanted]
        batch = np.zeros((BATCH, *pictures.shape[1:]), np.uint8)
        for start in range(0, len(pictures), BATCH):
            some = pictures[start : start + BATCH]
            batch[: len(some)] = some
            for array, values in zip(found, self._session.run(wanted, {self._pictures: batch}), strict=True):
                array[start : start + len(some)] = values[: len(some)]
        return found

    def close(self) -> None:
        """Free the session."""
        self._session.close()


def open_extractor(source: FeaturesSource, compute: Compute) -> Extractor:
    """The network that features come from.

    Raises
    ------
    CatscanError
        As `Extractor`, and when the file of a user's own weights is another now.
    """
    return Extractor(source.network, compute, own_of(source))


def _maps(pixels: Any, name: str, own: OwnWeights | None) -> tuple[Any, Weights]:
    """The network's last maps of ``pixels``, and the values of its variables."""
    if own is None:
        return maps_of(pixels, PRETRAINED[name]), pretrained_weights(name)
    if own.network in PRETRAINED:
        maps = maps_of(pixels, PRETRAINED[own.network])
        shapes = {variable.op.name: tuple(variable.shape.as_list()) for variable in tf.global_variables()}
        return maps, weights_in(Path(own.file), own.network, shapes)
    graph = tf.GraphDef.FromString(keras_graph(own.network, Path(own.file), own.side))
    (maps,) = tf.import_graph_def(graph, {f"{PIXELS}:0": pixels}, [f"{MAPS}:0"])
    return maps, {}


def as_pictures(sample: NDArray[Any]) -> NDArray[Any]:
    """A sample as pictures of three channels, (slices, height, width, 3).

    A picture is one slice. Of one channel, a picture gets it three times, a scan each slice with the one below and the
    one above; of two, the first stands at both ends; of more than three, the first three count.
    """
    slices = sample if sample.ndim == 4 else sample[None]
    channels = slices.shape[-1]
    if channels == 1:
        below, above = slices[:1], slices[-1:]
        around = np.concatenate([below, slices, above])
        return np.concatenate([around[:-2], slices, around[2:]], axis=-1)
    return slices[..., [0, 1, 0]] if channels == 2 else slices[..., :3]


def features_of_samples(extractor: Extractor, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, slices, width) of samples (n, height, width, channels) or (n, depth, height, width, channels)."""
    pictures = [as_pictures(sample) for sample in samples]
    if not pictures:
        slices = samples.shape[1] if samples.ndim == 5 else 1
        return np.empty((0, slices, extractor.width), np.float32)
    return extractor(np.concatenate(pictures)).reshape(len(samples), -1, extractor.width)
