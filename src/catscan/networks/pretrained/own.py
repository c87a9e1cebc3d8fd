"""Weights of one's own, for a network that catscan or `keras.applications` knows: what the config says of them.

No TensorFlow is imported here: the workflow checks them before the first job.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from catscan.common.contracts.features import FeaturesSource
from catscan.common.errors import CatscanError, did_you_mean
from catscan.common.keys import between
from catscan.networks.pretrained.registry import PRETRAINED

ENDINGS = {True: ".npz", False: ".h5"}  # of the weights of catscan's networks, of Keras's
WHERE_FROM = (
    "Keras writes such files (`network.save_weights('name.weights.h5')`) and offers those of ImageNet on its pages;\n"
    "`weights.npz` of a model that catscan has fine-tuned is one, too. catscan itself downloads none."
)


@dataclass(frozen=True, kw_only=True)
class OwnWeights:
    """Weights of your own, whose network makes features as the pretrained ones do, under the name that stands here."""

    network: str
    """The network that they belong to: efficientnet-lite0, -lite1 or -lite2, or one of keras.applications such as
    ResNet50."""

    file: str
    """Their file: `.npz` of an EfficientNet-Lite, arrays by the names in a fine-tuned model's `weights.npz`; `.h5` or
    `.weights.h5` of a network of Keras, with its last layers or without. A relative path starts at the working
    directory."""

    side: Annotated[int, between(32, 1024)] = 224
    """Height and width of the pictures that it looks at, in pixels."""


def check_own_weights(weights: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a name that is taken, a network that nobody knows, and a file that is not there.

    Raises
    ------
    CatscanError
        With the key below `weights`.
    """
    for name, own in weights.items():
        if name in PRETRAINED:
            raise CatscanError(
                "A pretrained network has this name.", where=f"weights.{name}", do="Take another name for your own."
            )
        network = own["network"]
        is_ours = network in PRETRAINED
        if not is_ours and network not in keras_networks():
            raise CatscanError(
                f"There is no network {network!r}.",
                where=f"weights.{name}.network",
                do=did_you_mean(network, [*PRETRAINED, *keras_networks()]),
            )
        file = Path(own["file"])
        if file.suffix != ENDINGS[is_ours]:
            raise CatscanError(
                f"The weights of {network} are in a file that ends in {ENDINGS[is_ours]}.",
                where=f"weights.{name}.file",
                found=own["file"],
                do=WHERE_FROM,
            )
        check_file(file, where=f"weights.{name}.file")


def check_file(file: Path, *, where: str) -> None:
    """Refuse a file of weights that is not there.

    Raises
    ------
    CatscanError
        With where such files come from.
    """
    if not file.is_file():
        raise CatscanError("The file of weights is not there.", where=where, found=str(file), do=WHERE_FROM)


@cache
def keras_networks() -> tuple[str, ...]:
    """The networks of the installed `keras.applications`, by the names that it exports; Keras is not imported."""
    spec = find_spec("keras")
    exports = Path(spec.origin).parent / "applications" / "__init__.py" if spec and spec.origin else None
    if exports is None or not exports.is_file():
        return ()
    imported = [node for node in ast.walk(ast.parse(exports.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
    names = [alias.asname or alias.name for node in imported for alias in node.names]
    return tuple(sorted(name for name in names if name[0].isupper()))


def own_of(source: FeaturesSource) -> OwnWeights | None:
    """The user's own weights that features come from; None where catscan's packages bring them.

    Raises
    ------
    CatscanError
        When their file is gone, or is another now.
    """
    if not source.architecture:
        return None
    file = Path(source.file)
    check_file(file, where=source.network)
    if digest_of(file) != source.weights_sha256:
        raise CatscanError(
            "The weights are not those that the model learnt from.",
            where=source.file,
            found=f"another SHA-256 than {source.weights_sha256[:16]}...",
            do="Put the old file back, or train again.",
        )
    return OwnWeights(network=source.architecture, file=source.file, side=source.side)


def side_of(source: FeaturesSource) -> int:
    """Height and width, in pixels, of the pictures that a pretrained network looks at."""
    return source.side if source.architecture else PRETRAINED[source.network].side


def digest_of(file: Path) -> str:
    """SHA-256 of a file of weights."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
