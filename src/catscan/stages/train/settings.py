"""The settings of one training: the config's model block, and what it becomes for the samples at hand."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from catscan.common.errors import CatscanError, did_you_mean
from catscan.networks.registry import Augment, Recipe

CHOICES: dict[str, tuple[str, ...]] = {
    "optimizer": ("adam", "nesterov"),
    "schedule": ("constant", "cosine", "one_cycle"),
    "class_weights": ("none", "balanced"),
    "engine": ("lean", "tflearn-fit"),
    "precision": ("auto", "fp32", "bf16"),
    "task": ("binary", "multiclass", "multilabel", "ordinal"),
}
# Lowest and highest value that makes sense; None: no bound.
RANGES: dict[str, tuple[float, float | None]] = {
    "epochs": (1, None),
    "batch_size": (1, None),
    "learning_rate": (0, None),
    "weight_decay": (0, None),
    "label_smoothing": (0, 0.999),
    "ema": (0, 0.99999),
    "early_stopping": (0, None),
    "max_minutes": (0, None),
    "seed": (0, 2**31 - 1),
    "threads": (1, 1024),
    "shift": (0, 0.5),
    "scale": (0, 0.9),
    "rotation": (0, 180),
    "brightness": (0, 1),
}


@dataclass(frozen=True)
class Settings:
    """One model's block of the config, with what the competition says about it.

    `network_digest` is that of a network's Python file, so that another content makes another training. A field that is
    None takes the network's recipe (`catscan.networks.registry`); the others have their one default here.
    """

    task: str
    metric: str = "log_loss"
    metric_weights: tuple[float, ...] = ()
    metric_positive_weight: float = 1.0
    threads: int = 2
    precision: str = "auto"
    network: Any = "auto"
    network_digest: str = ""
    epochs: int | None = None
    batch_size: int | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    weight_decay: float | None = None
    label_smoothing: float | None = None
    ema: float | None = None
    augment: dict[str, Any] | None = None
    class_weights: str = "none"
    early_stopping: int = 0
    max_minutes: float = 0
    engine: str = "lean"
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse values outside their choices and ranges."""
        known = [field.name for field in fields(Augment)]
        for key in self.augment or {}:
            if key not in known:
                raise CatscanError(f"`augment` has no key {key!r}.", do=did_you_mean(key, known))
        for name, value in {**asdict(self), **(self.augment or {})}.items():
            if value is None:
                continue
            if name in CHOICES and value not in CHOICES[name]:
                raise CatscanError(
                    f"There is no {name} {value!r}.", where=name, do=did_you_mean(str(value), list(CHOICES[name]))
                )
            if name in RANGES:
                _check_range(name, value)


def _check_range(name: str, value: Any) -> None:
    low, high = RANGES[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < low or (high and value > high):
        above = f"from {low:g} to {high:g}" if high else f"of at least {low:g}"
        raise CatscanError(f"`{name}` must be a number {above}.", where=name, found=repr(value))


def resolve(settings: Settings, recipe: Recipe) -> Recipe:
    """The network's ``recipe`` with all that the config says in its place."""
    named = {field.name: getattr(settings, field.name) for field in fields(Recipe) if field.name != "augment"}
    given = {name: value for name, value in named.items() if value is not None}
    augment = {name: value for name, value in (settings.augment or {}).items() if value is not None}
    return replace(recipe, **given, augment=replace(recipe.augment, **augment))
