"""The settings of one training: the config's model block, and what it becomes for the samples at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

from catscan.common.keys import DISTINCT, at_least, between, length, one_of, optional
from catscan.networks.computing import Computing
from catscan.networks.registry import Recipe
from catscan.scores.settings import MetricSettings
from catscan.scores.tasks import REGRESSION, Task

Seed = Annotated[int, between(0, 2**31 - 1)]

OwnRecipe: Any = optional(Recipe)  # what the config leaves out is the network's own


@dataclass(frozen=True, kw_only=True)
class Model(OwnRecipe):
    """A network to train, and how."""

    network: str | Annotated[tuple[Mapping[str, Any], ...], length(1)] = "auto"
    """`auto` (resnet-2d for pictures, resnet-3d for scans, linear for features), one of tutorial-2d, resnet-2d,
    tutorial-3d, resnet-3d, linear, the path of a Python file with a function `network(pixels, classes)`, or a list of
    layers in the tutorial's words. efficientnet-lite0, efficientnet-lite1 and efficientnet-lite2 are pretrained
    networks to be fine-tuned: all their layers learn on, from pictures of any size; meant for a GPU."""

    features: Annotated[tuple[str, ...], DISTINCT] = ()
    """Pretrained networks whose features the network learns from, side by side, instead of the samples themselves:
    efficientnet-lite0, -lite1, -lite2, each slower and better than the one before; -lite0-288 and -lite2-320 are the
    first and the last on pictures of so many pixels a side, better again. Names of `weights` of your own may stand here
    too. Empty learns from scratch."""

    class_weights: Annotated[str, one_of("none", "balanced")] = "none"
    """`balanced` weighs each class by the inverse of its share in training."""

    early_stopping: Annotated[int, at_least(0)] = 0
    """Stop after this many epochs without a better metric on the held-out fold and take the best weights; 0: never,
    take the last."""

    max_minutes: Annotated[float, at_least(0)] = 0
    """Plan fewer epochs, so that training ends within this time (the weights then depend on the machine's speed); 0: no
    limit."""

    engine: Annotated[str, one_of("lean", "tflearn-fit")] = "lean"
    """Our own loop over TFLearn's training operation, or the tutorial's literal DNN.fit (for comparison; it
    cannot be resumed)."""


@dataclass(frozen=True, kw_only=True)
class Predicting:
    """How samples are predicted, those held out and those of the test set alike."""

    flips: bool = True
    """Whether the prediction is the mean over the sample and its mirror image; features stand for both in any case.
    The networks are trained anew when it changes: their held-out predictions, which calibrate those of the test set,
    are made the same way."""


@dataclass(frozen=True, kw_only=True)
class Settings(Model, Computing, Predicting, MetricSettings):
    """One model's block of the config, with what the competition says about it.

    `network_digest` is that of a network's Python file, and `weights` the SHA-256 of the pretrained weights that it
    begins with, so that another content makes another training.
    """

    task: Task
    network_digest: str = ""
    weights: str = ""
    seed: Seed = 1


def resolve(settings: Settings, recipe: Recipe) -> Recipe:
    """The network's ``recipe`` with all that the config says in its place; amounts are not smoothed."""
    augment = replace(recipe.augment, **_given(settings.augment, recipe.augment))
    smoothing = {"label_smoothing": 0.0} if settings.task == REGRESSION else {}
    return replace(recipe, **_given(settings, recipe) | {"augment": augment} | smoothing)


def _given(settings: Any, own: Any) -> dict[str, Any]:
    """Those of the keys of ``own`` that the config says."""
    named = {field.name: getattr(settings, field.name) for field in fields(own)}
    return {name: value for name, value in named.items() if value is not None}
