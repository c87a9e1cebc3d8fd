"""A trained model on disk: `weights.npz` (float32 arrays by variable name) and `model.json` (all else)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catscan.common.arrays import read_arrays, write_arrays
from catscan.common.contracts.model import Model
from catscan.common.errors import CatscanError
from catscan.common.words import number_of
from catscan.networks.registry import Network, digest_of_file, find

Weights = dict[str, NDArray[np.float32]]
WEIGHTS, DESCRIPTION = "weights.npz", "model.json"


def network_of(model: Model) -> Network:
    """The network's builder.

    Raises
    ------
    CatscanError
        When the user's own Python file is no longer the one that was trained.
    """
    network = find(model.network, model.sample_shape, len(model.classes))
    if digest_of_file(model.network) != model.network_sha256:
        raise CatscanError(
            "The network's Python file is not the one that this model was trained with.",
            where=str(model.network),
            do="Put the old file back, or train again.",
        )
    return network


def write_model(folder: Path | str, model: Model, weights: Weights) -> None:
    """Write both files into ``folder``, each whole or not at all."""
    write_arrays(Path(folder) / WEIGHTS, weights)
    model.write(Path(folder) / DESCRIPTION)


def read_model(folder: Path | str) -> Model:
    """Read `model.json`.

    Raises
    ------
    CatscanError
        When it is missing, does not fit, or the folder is one above those of networks.
    """
    above = ("fold-*", "*/fold-*", "models/*/fold-*")
    below = [path.parent for pattern in above for path in sorted(Path(folder).glob(f"{pattern}/{DESCRIPTION}"))]
    if below:
        raise CatscanError(
            "This folder is not that of one network.",
            where=str(folder),
            found=f"{number_of(len(below), 'network')} below it",
            do=f"Name one of them: {below[0]}\n"
            f"`catscan predict` can also blend all of a competition: --model {below[0].parents[1]}",
        )
    return Model.read(Path(folder) / DESCRIPTION)


def read_weights(folder: Path | str) -> Weights:
    """Read `weights.npz`; no pickle is ever loaded.

    Raises
    ------
    CatscanError
        When it is missing or damaged.
    """
    path = Path(folder) / WEIGHTS
    if not path.is_file():
        raise CatscanError("A trained model lacks its weights.", where=str(path), do="Train again.")
    return read_arrays(path, do="Train again.")
