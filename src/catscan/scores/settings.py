"""The config's keys of the metric, which training, evaluation and submission read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from catscan.common.keys import above, at_least, one_of
from catscan.scores.metrics import METRICS


@dataclass(frozen=True, kw_only=True)
class MetricSettings:
    """The metric, and what it weighs."""

    metric: Annotated[str, one_of(*METRICS)] = "log_loss"
    """The competition's metric; of a regression `rmse`, where none is named."""

    metric_weights: tuple[Annotated[float, at_least(0)], ...] = ()
    """One weight a class in the order of `classes`, for the weighted metrics; empty weighs all classes alike."""

    metric_positive_weight: Annotated[float, above(0)] = 1
    """For `weighted_log_loss` of a multilabel task: how much more a class that applies counts than one that does not.
    The submission's probabilities are then moved to where this metric is best."""


@dataclass(frozen=True, kw_only=True)
class BlendSettings(MetricSettings):
    """The metric, and the names of the blend's foreign members, in the order of their files."""

    blend: tuple[str, ...] = ()
