"""`model.json`: what is needed to predict with a trained network, beside its weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from catscan.common.contracts.features import FeaturesSource
from catscan.common.documents import Document


@dataclass(frozen=True)
class Model(Document):
    """A trained network, and how a file becomes a sample for it.

    Attributes
    ----------
    network
        As in the config: a name, the path of a Python file, or a list of layers.
    network_sha256
        Digest of that Python file; "" for the others.
    sample_shape
        (height, width, channels) or (depth, height, width, channels); (slices, width) of features.
    classes
        In the order of the probability columns; of a regression the target's name alone.
    task
        binary, multiclass, multilabel, ordinal or regression.
    kind, reader
        How a file becomes such a sample: the kind of reader and its settings; of features, what the first of the
        networks looks at.
    threads
        Size of the pool that one operation is split over; predictions use it too, since it shapes the last bits.
    flips
        Whether it predicts by the mean over a sample and its mirror image: the held-out samples, and all others since.
    features
        The pretrained networks whose features it learnt from, in the order of the columns; empty for one that was
        trained from scratch.
    scale
        Of a regression: the mean and the deviation of the targets it learnt from, by which it learnt and which its
        answers are given back; None for classes.
    starts_from
        The pretrained network whose weights it began with, to train on all of them; "" for random ones.
    training
        How it was trained: recipe, seed, precision, samples, versions. For people and reports; nothing reads it.
    """

    VERSION: ClassVar[int] = 4
    STAGE: ClassVar[str] = "train"

    network: Any
    network_sha256: str
    sample_shape: tuple[int, ...]
    classes: tuple[str, ...]
    task: str
    kind: str
    reader: dict[str, Any]
    threads: int
    flips: bool
    features: tuple[FeaturesSource, ...] = ()
    scale: tuple[float, float] | None = None
    starts_from: str = ""
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Where its knowledge comes from: "from scratch", or "pretrained" with the networks it learnt from."""
        if self.starts_from:
            return f"pretrained: {self.starts_from}, all of it trained on"
        networks = " + ".join(source.network for source in self.features)
        return f"pretrained: {networks}" if networks else "from scratch"

    @property
    def is_from_scratch(self) -> bool:
        """Whether all that it knows is from the competition's own samples."""
        return not self.features and not self.starts_from
