"""The networks by name, each with its recipe: explicit tables for pictures, scans and features.

No TensorFlow is imported here: the workflow checks `network:` with `find` before the first job.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from catscan.common.errors import CatscanError, did_you_mean, listed
from catscan.common.keys import above, at_least, between, from_up_to, one_of
from catscan.networks import layer_list

Build = Callable[[Any, int], Any]
FUNCTION = "network"  # what a user's own Python file defines
HOW_TO_DEFINE = f"Define {FUNCTION}(pixels, classes): pixels float32 0 to 255 in, logits (n, classes) out."


@dataclass(frozen=True)
class Augment:
    """Random changes of each sample at each sight; a key left out takes the network's own value."""

    flip: bool = False
    """Mirror left and right, every second time."""

    shift: Annotated[float, between(0, 0.5)] = 0.0
    """Largest shift, as a share of the height and of the width (and of the depth of a scan)."""

    scale: Annotated[float, between(0, 0.9)] = 0.0
    """Largest zoom in or out, as a share of the size."""

    rotation: Annotated[float, between(0, 180)] = 0.0
    """Largest turn in the plane, in degrees."""

    tilt: Annotated[float, between(0, 180)] = 0.0
    """Largest turn of a scan out of the plane, about both of the other axes, in degrees, as if voxels were cubes."""

    brightness: Annotated[float, between(0, 1)] = 0.0
    """Largest change of brightness and of contrast, as a share of the grey range (of a scan: of the range shown)."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained where the config says nothing; the config's keys of the same names come first."""

    epochs: Annotated[int, at_least(1)]
    """How often every training sample is seen."""

    batch_size: Annotated[int, at_least(1)]
    """Samples in one step."""

    optimizer: Annotated[str, one_of("adam", "muon", "nesterov")]
    """TFLearn's Adam, or its SGD with Nesterov momentum 0.9; or Muon, for networks with batch normalisation: its update
    of a convolution is orthogonal, and the learning rate is how far the weights turn by it, in radians."""

    learning_rate: Annotated[float, above(0)]
    """The highest learning rate of the schedule."""

    schedule: Annotated[str, one_of("constant", "cosine", "one_cycle")]
    """How the learning rate moves over the whole run: constant; half a cosine down to 0; up for the first fifth, then
    half a cosine down to 0."""

    weight_decay: Annotated[float, at_least(0)] = 0.0
    """L2 penalty on the weights of convolutions and fully connected layers (half the squared sum times this)."""

    label_smoothing: Annotated[float, from_up_to(0, 1)] = 0.0
    """Share of each target that is spread over all classes."""

    ema: Annotated[float, from_up_to(0, 1)] = 0.0
    """Decay of the moving average of the weights that predicts in place of the last weights; 0 turns it off."""

    augment: Augment = field(default_factory=Augment)


@dataclass(frozen=True)
class Network:
    """How to build a network, and how to train it.

    `penalty`, where it is not 0, stands for the recipe's weight decay: it is that of a single sample, so that the
    weights are held the less the more samples speak. `updates` is the fewest that a training takes: with few samples,
    which make few of them, the epochs are more than the recipe's. `starts_from` names the pretrained network whose
    weights it begins with; "" begins with random ones.
    """

    build: Callable[[], Build]
    recipe: Recipe
    penalty: float = 0.0
    updates: int = 0
    starts_from: str = ""

    def recipe_for(self, samples: int) -> Recipe:
        """The recipe for a training on so many samples."""
        recipe = self.recipe
        if self.penalty:
            recipe = replace(recipe, weight_decay=self.penalty / samples)
        if self.updates:
            an_epoch = math.ceil(samples / recipe.batch_size)
            recipe = replace(recipe, epochs=max(recipe.epochs, math.ceil(self.updates / an_epoch)))
        return recipe


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


def _linear() -> Build:
    from catscan.networks.heads import linear

    return linear


def _fine_tuned(name: str) -> Network:
    def build() -> Build:
        from catscan.networks.pretrained.fine_tuned import fine_tuned

        return fine_tuned(name)

    return Network(build, FINE_TUNING, starts_from=name)


TUTORIAL_2D = Recipe(epochs=10, batch_size=64, optimizer="adam", learning_rate=1e-3, schedule="constant")
TUTORIAL_3D = Recipe(epochs=10, batch_size=10, optimizer="adam", learning_rate=1e-3, schedule="constant")
RESNET_2D = Recipe(
    epochs=40,
    batch_size=64,
    optimizer="muon",
    learning_rate=0.03,
    schedule="one_cycle",
    weight_decay=1e-3,
    label_smoothing=0.05,
    ema=0.99,
    augment=Augment(flip=True, shift=0.1, scale=0.1, rotation=8.0),
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
# A low rate: the weights are to be bent, not broken.
FINE_TUNING = Recipe(
    epochs=4,
    batch_size=32,
    optimizer="adam",
    learning_rate=2e-4,
    schedule="one_cycle",
    label_smoothing=0.1,
    ema=0.99,
    augment=Augment(flip=True, shift=0.1, scale=0.2, rotation=15.0, brightness=0.1),
)
LINEAR = Recipe(
    epochs=20,
    batch_size=64,
    optimizer="adam",
    learning_rate=1e-3,
    schedule="cosine",
)

PICTURES = {"resnet-2d": Network(_resnet_2d, RESNET_2D), "tutorial-2d": Network(_tutorial_2d, TUTORIAL_2D)}
SCANS = {"resnet-3d": Network(_resnet_3d, RESNET_3D), "tutorial-3d": Network(_tutorial_3d, TUTORIAL_3D)}
FEATURES = {"linear": Network(_linear, LINEAR, penalty=200.0, updates=600)}
FINE_TUNED = {name: _fine_tuned(name) for name in ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")}
FAMILIES = {  # by the axes of a sample
    2: ("features", FEATURES),
    3: ("pictures", PICTURES | FINE_TUNED),
    4: ("scans", SCANS),
}
# The recipes of files of one's own, by the axes of a sample; a network of theirs may have no batch normalisation.
OF_FILES = {
    2: LINEAR,
    3: replace(RESNET_2D, batch_size=32, optimizer="nesterov", learning_rate=0.02),
    4: RESNET_3D,
}


def family(sample_shape: Sequence[int]) -> dict[str, Network]:
    """The networks for samples of this shape, the default first.

    It is (height, width, channels), (depth, height, width, channels), or (slices, width) of features.
    """
    return FAMILIES[len(sample_shape)][1]


def of_features(sample_shape: Sequence[int]) -> bool:
    """Whether samples of this shape are features, not grey levels."""
    return family(sample_shape) is FEATURES


def dtype_of(sample_shape: Sequence[int]) -> str:
    """The type of samples of this shape."""
    return "float32" if of_features(sample_shape) else "uint8"


def find(network: str | Sequence[Mapping[str, Any]], sample_shape: Sequence[int], classes: int | None) -> Network:
    """The network and recipe that ``network``, as the config has it, stands for; nothing is imported or built yet.

    Parameters
    ----------
    classes
        Their number; None when only the data will tell.

    Raises
    ------
    CatscanError
        For an unknown name, a network of the other rank, a wrong list of layers, a file that is not there, is not
        Python, or defines no function `network`.
    """
    known = family(sample_shape)
    default = next(iter(known))
    if not isinstance(network, str):
        if known is FEATURES:
            raise CatscanError(
                "A list of layers is for pictures and scans, not for features.",
                where="network",
                do=f"Leave the key out for `{default}`, or leave out `features`.",
            )
        layers = layer_list.check(network, sample_shape, classes)
        recipe = TUTORIAL_3D if known is SCANS else TUTORIAL_2D
        return Network(lambda: lambda pixels, count: layer_list.build(layers, pixels, count), recipe)
    if network.endswith(".py"):
        _check_file(network)
        return Network(lambda: _from_file(network), OF_FILES[len(sample_shape)])
    name = default if network == "auto" else network
    if name not in known:
        other = next((samples for samples, networks in FAMILIES.values() if name in networks), None)
        raise CatscanError(
            f"The network {name!r} is for {other}." if other else f"There is no network {name!r}.",
            where="network",
            found=f"{'features' if known is FEATURES else 'samples'} of {' x '.join(map(str, sample_shape))}",
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


def _check_file(path: str) -> None:
    """Parse a user's own Python file, which is not run: it may import TensorFlow."""
    if not Path(path).is_file():
        raise CatscanError(
            "The network's Python file is not there.",
            where="network",
            found=path,
            do="Give its path from the folder that the command is run in.",
        )
    try:
        tree = ast.parse(Path(path).read_bytes(), path)
    except (SyntaxError, ValueError) as error:  # ValueError: a byte of zero
        line = getattr(error, "lineno", None)
        raise CatscanError(
            "The network's Python file is not Python.",
            where="network",
            found=f"{path}, line {line}: {error.msg}"
            if isinstance(error, SyntaxError) and line
            else f"{path}: {error}",
            do="Correct it; `python FILE` says more.",
        ) from error
    names = {name for node in tree.body for name in _bound(node)}
    if FUNCTION not in names and "*" not in names:
        raise CatscanError(
            f"The network's Python file has no function `{FUNCTION}`.",
            where="network",
            found=f"{path} defines {listed(sorted(names)) or 'nothing'}",
            do=HOW_TO_DEFINE,
        )


def _bound(node: ast.AST) -> set[str]:
    """The names that a statement may bind in its module: all that it assigns, defines or imports, at any depth."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.alias):
        return {node.asname or node.name.partition(".")[0]}
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Store) else set()
    return {name for inner in ast.iter_child_nodes(node) for name in _bound(inner)}


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
            do=HOW_TO_DEFINE,
        )
    return function
