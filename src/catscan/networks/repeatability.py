"""Whether this processor computes a convolution to the same bytes at every call.

A kernel that reads memory which nobody wrote gives other bytes now and then, and not-a-number in the end. Such a defect
is one of a shape, a precision and a processor, so that no list of the safe ones can be made: each shape is tried where
it is used. It is computed with its gradients again and again, and in between the memory is filled with garbage, another
each time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catscan.networks.compat import quiet, tf, tflearn
from catscan.networks.layers import Mode, set_mode
from catscan.networks.registry import PICTURES, SCANS, Build
from catscan.networks.session import Compute, cpu_has_bf16, open_session

CALLS = 50
GARBAGE = (math.nan, 1e30, -1e-30)
ATTRIBUTES = {
    "Conv2D": ("strides", "padding", "explicit_paddings", "dilations"),
    "Conv3D": ("strides", "padding", "dilations"),
}
# Samples that the named networks are tried on: such that windows outgrow their maps, and the defaults' own and others.
SMALL = ((50, 50, 1), (3, 3, 1), (20, 50, 50, 1), (2, 3, 3, 1))
LARGE = ((64, 64, 3), (64, 64, 64, 1), (28, 28, 28, 1))
POSITIONS = 1 << 19  # of a batch of them at most: a quarter of a million voxels a sample, two samples
CLASSES = 2


@dataclass(frozen=True)
class Convolution:
    """A convolution as TensorFlow computes it.

    Attributes
    ----------
    kind
        Conv2D or Conv3D.
    incoming
        (n, height, width, maps) or (n, depth, height, width, maps).
    weights
        (height, width, maps, maps out) or (depth, height, width, maps, maps out).
    attributes
        The others of the operation (strides, padding, dilations), as pairs of name and value.
    """

    kind: str
    incoming: tuple[int, ...]
    weights: tuple[int, ...]
    attributes: tuple[tuple[str, Any], ...]

    @property
    def is_at_risk(self) -> bool:
        """Whether its window is as large as its map or larger along some axis, as in every defect seen so far."""
        return any(window >= pixels for window, pixels in zip(self.weights[:-2], self.incoming[1:-1], strict=True))

    def __str__(self) -> str:
        """
        >>> str(Convolution("Conv2D", (64, 1, 1, 128), (5, 5, 128, 64), ()))
        'a window of 5 x 5 on maps of 1 x 1 (128 to 64 maps, 64 samples)'
        """
        window, pixels = (" x ".join(map(str, sizes)) for sizes in (self.weights[:-2], self.incoming[1:-1]))
        maps = f"{self.incoming[-1]} to {self.weights[-1]} maps"
        return f"a window of {window} on maps of {pixels} ({maps}, {self.incoming[0]} samples)"


def convolutions(
    build: Build, sample_shape: Sequence[int], classes: int, batch: int, *, tflearns_own: bool = False
) -> list[Convolution]:
    """Those of a network in training, each once, in the order of its layers.

    Parameters
    ----------
    tflearns_own
        Whether it is trained by `DNN.fit`, whose layers compute all taps of a window.
    """
    with tf.Graph().as_default() as graph, quiet():
        if tflearns_own:
            tflearn.config.init_training_mode()
        set_mode(Mode(training=None) if tflearns_own else Mode(training=True, step=tf.constant(0)))
        build(tf.placeholder(tf.float32, [None, *sample_shape]), classes)
    found = [_as_computed(operation, batch) for operation in graph.get_operations() if operation.type in ATTRIBUTES]
    return list(dict.fromkeys(found))


def _as_computed(operation: Any, batch: int) -> Convolution:
    incoming, weights = (tensor.shape.as_list() for tensor in operation.inputs)
    attributes = {name: operation.get_attr(name) for name in ATTRIBUTES[operation.type]}
    return Convolution(
        operation.type,
        (batch, *incoming[1:]),
        tuple(weights),
        tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in attributes.items()),
    )


def convolutions_of_named_networks(sizes: Iterable[tuple[int, ...]]) -> list[Convolution]:
    """Those of every network that has a name, for samples of these sizes, with its recipe's batches."""
    found = dict[Convolution, None]()
    for size in sizes:
        at_most = max(1, POSITIONS // math.prod(size[:-1]))
        for network in (PICTURES if len(size) == 3 else SCANS).values():
            batch = min(network.recipe.batch_size, at_most)
            found |= dict.fromkeys(convolutions(network.build(), size, CLASSES, batch))
    return list(found)


def precisions_here() -> list[str]:
    """Those that this processor has."""
    return ["fp32", *(["bf16"] if cpu_has_bf16() else [])]


def _convolved(shape: Convolution, incoming: Any, weights: Any) -> Any:
    attributes = {name: list(value) if isinstance(value, tuple) else value for name, value in shape.attributes}
    return getattr(tf.raw_ops, shape.kind)(input=incoming, filter=weights, **attributes)


def is_repeatable(
    shape: Convolution,
    compute: Compute,
    *,
    calls: int = CALLS,
    convolved: Callable[[Convolution, Any, Any], Any] = _convolved,
) -> bool:
    """Whether the values and both gradients of a convolution are the same bytes at each of some calls.

    Parameters
    ----------
    convolved
        Gives the tensor of the shape, what comes in and the weights.
    """
    random = np.random.default_rng(0)
    kind = tf.bfloat16 if compute.precision == "bf16" else tf.float32
    with tf.Graph().as_default() as graph:
        incoming, weights = (tf.placeholder(tf.float32, sizes) for sizes in (shape.incoming, shape.weights))
        inner = [tf.cast(tensor, kind) for tensor in (incoming, weights)]
        grown = convolved(shape, *inner)
        slope = tf.placeholder(tf.float32, grown.shape)
        wanted = [grown, *tf.gradients(grown, inner, tf.cast(slope, kind))]
        garbage, fill = _garbage([tensor.shape.num_elements() for tensor in wanted], random)
    feed = {tensor: random.normal(size=tensor.shape.as_list()) for tensor in (incoming, weights, slope)}
    seen = set[bytes]()
    with open_session(compute, graph) as session:
        for value in itertools.islice(itertools.cycle(GARBAGE), calls):
            session.run(fill, {garbage: value})
            seen.add(b"".join(array.tobytes() for array in session.run(wanted, feed)))
    return len(seen) == 1


def _garbage(sizes: Iterable[int], random: np.random.Generator) -> tuple[Any, Any]:
    """A placeholder for a float32 value, and the tensor whose computing leaves freed memory that is full of it.

    The allocator hands out again what was freed by its size: so there are blocks of the sizes that the convolution will
    ask for, in 32 and in 16 bits, and of any others.
    """
    value = tf.placeholder(tf.float32, [])
    elements = [*sizes, *(size // 2 + 1 for size in sizes), *random.integers(50, 200_000, 6)]
    blocks = [tf.fill([int(size)], value) for size in elements for _ in range(2)]
    with tf.control_dependencies(blocks):  # all of them are in memory at once
        return value, tf.add_n([block[-1] for block in blocks])


def survey(threads: int) -> dict[str, Any]:
    """Try the named networks' convolutions that are at risk in each precision of this processor.

    Returns
    -------
    survey
        `convolutions`, their number; `calls`, of each; `changing`, per precision those that are not repeatable.
    """
    shapes = [shape for shape in convolutions_of_named_networks(SMALL) if shape.is_at_risk]
    changing = {
        precision: [str(shape) for shape in shapes if not is_repeatable(shape, Compute(threads, precision))]
        for precision in precisions_here()
    }
    return {"convolutions": len(shapes), "calls": CALLS, "changing": changing}
