"""The sidecar beside a shard of features, and what features come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from catscan.common.contracts.sidecar import Sidecar


@dataclass(frozen=True)
class FeaturesSource:
    """What made the features: a network whose weights are known by digest.

    Attributes
    ----------
    network
        Its name.
    weights_sha256
        Digest of the file of its weights.
    precision
        fp32 or bf16.
    architecture, file, side
        Of a user's own weights: the network that they belong to, their file as the config names it, and the height and
        width in pixels of what it looks at.
    """

    network: str
    weights_sha256: str
    precision: str
    architecture: str = ""
    file: str = ""
    side: int = 0


@dataclass(frozen=True, kw_only=True)
class FeaturesSidecar(Sidecar):
    """What is known of one shard of features, float32 (samples, slices, features)."""

    VERSION: ClassVar[int] = 1
    STAGE: ClassVar[str] = "features"

    source: FeaturesSource
