"""The networks by name, each with its recipe: one explicit table for pictures, one for scans.

No TensorFlow is imported here: the workflow checks `network:` with `check_network` before the first job.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catscan.common.errors import CatscanError, did_you_mean
from catscan.networks import layer_list

Build = Callable[[Any, int], Any]
FUNCTION = "network"  # what a user's own Python file defines


@dataclass(frozen=True)
class Augment:
    """Largest random changes of a sample; see `Recipe` for where they come from."""

    flip: bool = False
    shift: float = 0.0
    scale: float = 0.0
    rotation: float = 0.0  # degrees
    brightness: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """How a network is trained where the config says nothing; the config's keys of the same names come first."""

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    schedule: str
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    ema: float = 0.0
    augment: Augment = field(default_factory=Augment)


@dataclass(frozen=True)
class Network:
    """How to build a network, and how to train it."""

    build: Callable[[], Build]
    recipe: Recipe


def _tutorial_2d() -> Build:
    from catscan.networks.tutorial import tutorial_2d

    return tutorial_2d


def _tutorial_3d() -> Build:
    from catscan.networks.tutorial import tutorial_3d

    return tutorial_3d


def _resnet_2d() -> Build:
    from catscan.networks.resnets import resnet_2d

    return resnet_2d


def _resnet_3d() -> Build:
    from catscan.networks.resnets import resnet_3d

    return resnet_3d


TUTORIAL_2D = Recipe(epochs=10, batch_size=64, optimizer="adam", learning_rate=1e-3, schedule="constant")
TUTORIAL_3D = Recipe(epochs=10, batch_size=10, optimizer="adam", learning_rate=1e-3, schedule="constant")
RESNET_2D = Recipe(
    epochs=40,
    batch_size=32,
    optimizer="nesterov",
    learning_rate=0.02,
    schedule="one_cycle",
    weight_decay=1e-3,
    label_smoothing=0.05,
    ema=0.99,
    augment=Augment(flip=True, shift=0.1, scale=0.2, rotation=15.0, brightness=0.1),
)
# Adam, because a hundred scans are not enough updates for plain gradient descent to leave its start.
RESNET_3D = Recipe(
    epochs=30,
    batch_size=4,
    optimizer="adam",
    learning_rate=2e-3,
    schedule="one_cycle",
    weight_decay=5e-4,
    label_smoothing=0.05,
    ema=0.9,
    augment=Augment(flip=True, shift=0.06, brightness=0.05),
)

PICTURES = {"resnet-2d": Network(_resnet_2d, RESNET_2D), "tutorial-2d": Network(_tutorial_2d, TUTORIAL_2D)}
SCANS = {"resnet-3d": Network(_resnet_3d, RESNET_3D), "tutorial-3d": Network(_tutorial_3d, TUTORIAL_3D)}


def family(sample_shape: Sequence[int]) -> dict[str, Network]:
    """The networks for samples (height, width, channels) or (depth, height, width, channels); the default first."""
    return PICTURES if len(sample_shape) == 3 else SCANS


def check_network(network: str | Sequence[Mapping[str, Any]], sample_shape: Sequence[int], classes: int = 2) -> None:
    """Refuse a `network:` of the config that cannot be built for samples of this shape.

    Raises
    ------
    CatscanError
        For an unknown name, a network of the other rank, a file that is not there, or a wrong list of layers.
    """
    find(network, sample_shape, classes)


def find(network: str | Sequence[Mapping[str, Any]], sample_shape: Sequence[int], classes: int) -> Network:
    """The network and recipe that ``network`` stands for; nothing is imported or built yet.

    Raises
    ------
    CatscanError
        See `check_network`.
    """
    known = family(sample_shape)
    default = next(iter(known))
    if not isinstance(network, str):
        layers = layer_list.check(network, sample_shape, classes)
        recipe = TUTORIAL_2D if known is PICTURES else TUTORIAL_3D
        return Network(lambda: lambda pixels, count: layer_list.build(layers, pixels, count), recipe)
    if network.endswith(".py"):
        if not Path(network).is_file():
            raise CatscanError("The network's Python file is not there.", where=network)
        return Network(lambda: _from_file(network), known[default].recipe)
    name = default if network == "auto" else network
    if name not in known:
        other = name in PICTURES or name in SCANS
        raise CatscanError(
            f"The network {name!r} is for {'scans' if known is PICTURES else 'pictures'}."
            if other
            else f"There is no network {name!r}.",
            where="network",
            found=f"samples of {' x '.join(map(str, sample_shape))}",
            do=did_you_mean(name, [*known, "auto"]) if not other else "Known here: " + ", ".join(known) + ".",
        )
    return known[name]


def describe(network: str | Sequence[Mapping[str, Any]], sample_shape: Sequence[int]) -> str:
    """The network's name for a log line: "resnet-2d", "layers" or the file."""
    if not isinstance(network, str):
        return "the config's layers"
    return next(iter(family(sample_shape))) if network == "auto" else network


def digest_of_file(network: Any) -> str:
    """SHA-256 of a user's own Python file; "" for any other network."""
    if isinstance(network, str) and network.endswith(".py"):
        return hashlib.sha256(Path(network).read_bytes()).hexdigest()
    return ""


def _from_file(path: str) -> Build:
    from catscan.networks import compat  # noqa: F401  # the file imports tflearn, which needs the shims

    spec = importlib.util.spec_from_file_location("catscan_user_network", path)
    if spec is None or spec.loader is None:
        raise CatscanError("The network's file is not a Python file.", where=path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, FUNCTION, None)
    if not callable(function):
        raise CatscanError(
            f"The network's Python file has no function `{FUNCTION}`.",
            where=path,
            do=f"Define {FUNCTION}(pixels, classes): pixels float32 0 to 255 in, logits (n, classes) out.",
        )
    return function
