"""`explanation.json`: one trained network opened, and what it does with a few samples, for the report's explorer."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from catscan.common.documents import Document
from catscan.common.layer_table import Told


@dataclass(frozen=True)
class Block:
    """An array.

    Attributes
    ----------
    shape
        Its sides.
    dtype
        "float32" or "uint8".
    base64
        Its bytes, little-endian, the last axis fastest.
    """

    shape: tuple[int, ...]
    dtype: str
    base64: str

    @classmethod
    def of(cls, array: NDArray[Any]) -> Self:
        """``array``, uint8 as it is and any other type as float32."""
        kind = "uint8" if array.dtype == np.uint8 else "float32"
        data = np.ascontiguousarray(array, "<f4" if kind == "float32" else "u1").tobytes()
        return cls(tuple(array.shape), kind, base64.b64encode(data).decode())

    def array(self) -> NDArray[Any]:
        """The array, read-only."""
        kind = "<f4" if self.dtype == "float32" else "u1"
        return np.frombuffer(base64.b64decode(self.base64), kind).reshape(self.shape)


@dataclass(frozen=True, kw_only=True)
class Layer(Told):
    """A step of the network, with its weights.

    Attributes
    ----------
    arrays
        What it computes with: "window" and "bias" of a convolution or a fully connected layer, "factor" and "addend"
        (one value, or one a map) of others. Empty for a closed step.
    closed
        Whether its values are to be taken from the samples: its weights are too many for a page, or it is an operation
        that the page does not know.
    """

    arrays: dict[str, Block]
    closed: bool


@dataclass(frozen=True)
class Link:
    """A step from the logits to the submission: what it is, in words, and a value a class."""

    what: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Cell:
    """A value of `submission.csv` as it stands there: row, column, the class it is of, and its text."""

    row: str
    column: str
    label: str
    text: str


@dataclass(frozen=True)
class Voxels:
    """What the voxels of a scan stand for.

    Attributes
    ----------
    spacing_mm
        Their edges along z, y and x.
    ranges
        A channel, the values that the levels 0 and 255 stand for.
    unit
        "HU" of CT; "" of MR, whose values are in the scanner's own unit.
    """

    spacing_mm: tuple[float, float, float]
    ranges: tuple[tuple[float, float], ...]
    unit: str


@dataclass(frozen=True)
class Deletion:
    """What becomes of the answer as more and more of a sample is covered: a heat map is worth what it is faster.

    Attributes
    ----------
    shares
        Of the sample that are covered, from 0 to 1.
    by_heat, by_covered
        The answer for the class that the heat maps are of, when the parts that are strongest there are covered first;
        the first is None where there is no heat map.
    at_random
        The same in an order drawn at random, the mean of a few.
    """

    shares: tuple[float, ...]
    by_heat: tuple[float, ...] | None
    by_covered: tuple[float, ...]
    at_random: tuple[float, ...]


@dataclass(frozen=True)
class Other:
    """What another model says of a sample, by its network of the same fold.

    Attributes
    ----------
    answers
        A value a class.
    told
        The class that the heat map is of: the most probable one.
    heat
        As in `Shown`.
    """

    model: str
    answers: tuple[float, ...]
    told: int
    heat: Block | None


@dataclass(frozen=True)
class Shown:
    """A sample, and what the network says of it.

    Attributes
    ----------
    split, label
        "train" (of the fold that was held out) or "test", whose label is "".
    why
        Why it was chosen: "right", "wrong", "unsure" or "test".
    pixels
        As the network gets them, uint8; of a scan whose features were learnt from, as the shards hold it; where they
        hold another field, smaller than the pretrained networks get it.
    features
        What the first step gets where that is not the pixels, float32: the features of pretrained networks, or the last
        maps of a network whose steps before them are too much for a page.
    voxels
        Of a scan that says how large its voxels are; None for all others.
    logits
        The network's own, a class.
    told
        The class that the heat maps are of: the most probable one.
    heat
        Grad-CAM (Selvaraju et al. 2017) of the layer `Explanation.heat_layer`, or of the last maps of pretrained
        networks, uint8, 255 where it is strongest; None where no layer has maps.
    covered
        By how much the logit falls when a part of the sample is covered by its mean grey, (parts, ...) float32; an axis
        for each of the sample's; None of scans, of several networks and of a user's own, where features of pretrained
        ones were learnt from.
    deletion
        How fast the answer falls by each of the two maps; None where ``covered`` is.
    by_epoch
        The network's answers after each of `Explanation.epochs`, (epochs, classes) float32, without the mirror image;
        None of a test sample, and where none are kept.
    values
        By the number of each closed step, what comes out of it, float32.
    chain
        From the logits to what is told in the end.
    cells
        Where that stands in the submission; empty for training samples.
    others
        What the other models say.
    """

    sample_id: str
    split: str
    label: str
    why: str
    pixels: Block
    features: Block | None
    voxels: Voxels | None
    logits: tuple[float, ...]
    told: int
    heat: Block | None
    covered: Block | None
    deletion: Deletion | None
    by_epoch: Block | None
    values: dict[str, Block]
    chain: tuple[Link, ...]
    cells: tuple[Cell, ...]
    others: tuple[Other, ...]


@dataclass(frozen=True)
class FromFile:
    """How a picture file becomes a sample: height and width, `fit` and `resize` as in `preprocess.picture`."""

    size: tuple[int, int]
    fit: str
    resize: str


@dataclass(frozen=True)
class Explanation(Document):
    """One fold's network of the best model that learnt from scratch; where none did, of the best model.

    Attributes
    ----------
    model, fold
        Which it is.
    classes, task, sample_shape, flips, scale
        As in its `model.json`.
    extractors
        The pretrained networks whose features it learnt from, by name; the steps are those after them.
    picture
        How it reads picture files; None where its samples are none.
    layers
        Its steps in the order of computing, the first one the sample itself, the last one the logits.
    epochs
        Those of its training that something is kept of, from 1.
    windows
        (1 + epochs, *window) float32, those of the first convolution before the first epoch and after each of these;
        None where there is none, or it cannot be opened.
    heat_layer
        The number of the step that the heat maps are of; None where no step has maps, as of the steps after pretrained
        networks.
    samples
        About eight.
    remarks
        What the page does not show, and why, a sentence each.
    """

    VERSION: ClassVar[int] = 3
    STAGE: ClassVar[str] = "explain"

    model: str
    fold: int
    classes: tuple[str, ...]
    task: str
    sample_shape: tuple[int, ...]
    flips: bool
    scale: tuple[float, float] | None
    extractors: tuple[str, ...]
    picture: FromFile | None
    layers: tuple[Layer, ...]
    epochs: tuple[int, ...]
    windows: Block | None
    heat_layer: int | None
    samples: tuple[Shown, ...]
    remarks: tuple[str, ...]
