"""Layers in TFLearn's style that TFLearn lacks, or has too slow or not repeatable.

Pictures are (n, height, width, maps), scans (n, depth, height, width, maps). Every layer tracks its tensor and its
variables in TFLearn's collections, so that `tflearn.get_layer_by_name` finds it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from catscan.networks.compat import tf, tflearn

MODE = "catscan/mode"
MATMUL_GRADIENT = "CatscanMatMul"
MANY_WEIGHTS = 1 << 20  # from here on the reading of the weights is what a product with few samples costs


@dataclass(frozen=True)
class Mode:
    """What the graph under construction is for.

    Attributes
    ----------
    training
        Whether dropout drops and batch normalisation uses the batch; None leaves it to TFLearn's own layers and its
        switch, as `DNN.fit` needs it.
    seed
        Seed of the dropout.
    step
        int32 scalar tensor that counts the updates, or None when not training.
    """

    training: bool | None
    seed: int = 0
    step: Any = None


def set_mode(mode: Mode) -> None:
    """Fix the mode of the default graph, for our layers and for TFLearn's own; to be called before any layer."""
    tf.get_collection_ref(MODE)[:] = [mode]
    if mode.training is not None:
        tf.get_collection_ref("is_training")[:] = [tf.constant(mode.training)]


def get_mode() -> Mode:
    """The mode of the default graph."""
    (mode,) = tf.get_collection(MODE)
    return mode


def _tflearns_own() -> bool:
    """Whether the graph is for `DNN.fit`, which shall have TFLearn's own layers."""
    return any(mode.training is None for mode in tf.get_collection(MODE))


def rank_of(incoming: Any) -> int:
    """2 for pictures, 3 for scans."""
    return len(incoming.shape) - 2


def he() -> Any:
    """Initial weights of standard deviation sqrt(2 / inputs) (He et al. 2015), right for layers followed by ReLU."""
    return tf.variance_scaling_initializer(2.0, mode="fan_in", distribution="truncated_normal")


def convolution(
    incoming: Any, maps: int, window: int | Sequence[int], *, name: str, stride: int | Sequence[int] = 1, **options: Any
) -> Any:
    """TFLearn's `conv_2d` or `conv_3d`, by the rank of ``incoming``, computed with the taps that ever meet a pixel.

    Where a window reaches beyond its map on all sides, its outer taps only ever see the zeros of the padding. The
    weights keep their full shape, since they are the network's; what is computed leaves those taps out: the same values
    and gradients, sooner. With them, TensorFlow's bfloat16 gradient of a 5 x 5 window on a single pixel holds, on
    processors with avx512_bf16, memory that nobody wrote: not-a-number, in the end.
    """
    layer = tflearn.conv_2d if rank_of(incoming) == 2 else tflearn.conv_3d
    windows, strides = _per_axis(incoming, window), _per_axis(incoming, stride)
    taps = tuple(map(taps_in_use, incoming.shape.as_list()[1:-1], windows, strides))
    if _tflearns_own() or taps == tuple(slice(0, size) for size in windows):
        return layer(incoming, maps, window, strides=stride, name=name, **options)
    whole = []

    def in_use(getter: Callable[..., Any], name: str, **keywords: Any) -> Any:
        variable = getter(name, **keywords)
        if not name.endswith("/W"):
            return variable
        whole.append(variable)
        return variable[taps]

    here = tf.get_variable_scope()
    with tf.variable_scope(here, custom_getter=in_use, auxiliary_name_scope=False):
        grown = layer(incoming, maps, window, strides=stride, name=name, **options)
    named = tf.get_collection_ref(f"{tf.GraphKeys.LAYER_VARIABLES}/{grown.scope.name}")
    named[:] = [whole[0] if variable is grown.W else variable for variable in named]
    grown.W = whole[0]
    return grown


def taps_in_use(pixels: int, window: int, stride: int) -> slice:
    """The taps of a SAME convolution's window that meet a pixel at some position of the window, along one axis.

    >>> taps_in_use(1, window=5, stride=1), taps_in_use(2, window=5, stride=1), taps_in_use(3, window=5, stride=1)
    (slice(2, 3, None), slice(1, 4, None), slice(0, 5, None))
    """
    travelled = (-(-pixels // stride) - 1) * stride  # from the window's first position to its last
    padded = max(travelled + window - pixels, 0) // 2  # before the first pixel
    return slice(max(0, padded - travelled), min(window, padded + pixels))


def _per_axis(incoming: Any, size: int | Sequence[int]) -> list[int]:
    return [size] * rank_of(incoming) if isinstance(size, int) else list(size)


def pooling(
    incoming: Any, window: int | Sequence[int], stride: int | Sequence[int], *, kind: str = "max", name: str
) -> Any:
    """Largest or mean value of each window; an axis of length n becomes ceil(n / stride).

    Scans are pooled in two steps, in the plane and then along the depth. The values are those of a three-dimensional
    pooling, but both steps have a bfloat16 kernel on CPUs, which the gradient of the three-dimensional one lacks.
    A ReLU before the largest value is taken after it: the same values and gradients, from a fraction of the pixels.
    """
    if _tflearns_own():
        layer = {
            ("max", 2): tflearn.max_pool_2d,
            ("average", 2): tflearn.avg_pool_2d,
            ("max", 3): tflearn.max_pool_3d,
            ("average", 3): tflearn.avg_pool_3d,
        }[kind, rank_of(incoming)]
        return layer(incoming, window, strides=stride, name=name)
    before = _before_relu(incoming) if kind == "max" else None
    with tf.name_scope(name):
        pooled = _pooled(incoming if before is None else before, window, stride, kind)
        return track(pooled if before is None else tf.nn.relu(pooled), name)


def _before_relu(tensor: Any) -> Any:
    """What went into the ReLU that ``tensor`` came out of, in its shape; None for anything else."""
    if tensor.op.type == "Relu":
        return tensor.op.inputs[0]
    if tensor.op.type == "Reshape" and tensor.op.inputs[0].op.type == "Relu":
        return tf.reshape(tensor.op.inputs[0].op.inputs[0], [-1, *tensor.shape.as_list()[1:]])
    return None


def _pooled(incoming: Any, window: int | Sequence[int], stride: int | Sequence[int], kind: str) -> Any:
    pool = tf.nn.max_pool2d if kind == "max" else tf.nn.avg_pool2d
    windows, strides = _per_axis(incoming, window), _per_axis(incoming, stride)
    if rank_of(incoming) == 2:
        return pool(incoming, windows, strides, "SAME")
    _, depth, height, width, maps = incoming.shape.as_list()
    planes = tf.reshape(incoming, [-1, height, width, maps])
    planes = pool(planes, windows[1:], strides[1:], "SAME")
    _, height, width, _ = planes.shape.as_list()
    columns = tf.reshape(planes, [-1, depth, height * width, maps])
    if windows[0] > 1 or strides[0] > 1:
        columns = pool(columns, [windows[0], 1], [strides[0], 1], "SAME")
    return tf.reshape(columns, [-1, columns.shape[1], height, width, maps])


def fully_connected(incoming: Any, units: int, *, name: str, **options: Any) -> Any:
    """TFLearn's `fully_connected`; in training with a faster gradient where it has many weights."""
    weights = math.prod(incoming.shape.as_list()[1:]) * units
    faster = not _tflearns_own() and get_mode().training and weights >= MANY_WEIGHTS
    with tf.get_default_graph().gradient_override_map({"MatMul": MATMUL_GRADIENT} if faster else {}):
        return tflearn.fully_connected(incoming, units, name=name, **options)


@tf.RegisterGradient(MATMUL_GRADIENT)
def _matmul_gradient(operation: Any, gradient: Any) -> tuple[Any, Any]:
    """The gradient of inputs (n, inputs) times weights (inputs, units).

    That of the inputs, gradient times transposed weights, is computed as its own transpose: a CPU then takes half the
    time, because it goes through the weights row by row.
    """
    inputs, weights = operation.inputs
    to_inputs = tf.transpose(tf.matmul(weights, gradient, transpose_b=True))
    return to_inputs, tf.matmul(inputs, gradient, transpose_a=True)


def global_pooling(incoming: Any, *, kind: str = "average", name: str) -> Any:
    """Mean or largest value of each feature map over all positions: (n, ..., maps) to (n, maps)."""
    reduce = tf.reduce_max if kind == "max" else tf.reduce_mean
    return track(reduce(incoming, axis=list(range(1, rank_of(incoming) + 1)), name=name), name)


def dropout(incoming: Any, keep_probability: float, *, name: str) -> Any:
    """Zero each value with probability 1 - ``keep_probability`` in training, and scale up the others.

    What is dropped depends on the seed, the layer's name and the step alone, so that a resumed training drops the
    same (TFLearn's own layer keeps a hidden state that no checkpoint holds).
    """
    if _tflearns_own():
        return tflearn.dropout(incoming, keep_probability, name=name)
    mode = get_mode()
    if not mode.training or keep_probability >= 1:
        return track(tf.identity(incoming, name=name), name)
    with tf.name_scope(name):
        salt = zlib.crc32(name.encode()) & 0x7FFFFFFF
        noise = tf.random.stateless_uniform(tf.shape(incoming), [mode.seed ^ salt, mode.step])
        kept = tf.cast(noise < keep_probability, incoming.dtype)
    return track(incoming * kept / keep_probability, name)


def batch_norm(
    incoming: Any, *, name: str, decay: float = 0.95, epsilon: float = 1e-5, activation: str = "linear"
) -> Any:
    """Batch normalisation by TensorFlow's fused kernel; the same numbers as TFLearn's layer, a third faster networks.

    Parameters
    ----------
    incoming
        (n, maps), (n, height, width, maps) or (n, depth, height, width, maps).
    decay
        Of the moving mean and variance that are used when not training. The update runs with the training step (it
        is in tf.GraphKeys.UPDATE_OPS). The fused kernel's variance is the unbiased one; it is scaled by (N - 1) / N
        to TFLearn's.
    """
    if _tflearns_own():
        normed = tflearn.batch_normalization(incoming, decay=decay, epsilon=epsilon, name=name)
        return tflearn.activations.get(activation)(normed)
    shape = incoming.shape.as_list()
    maps = shape[-1]
    with tf.variable_scope(None, default_name=name, values=[incoming]) as scope:
        beta = tflearn.variable("beta", [maps], initializer=tf.zeros_initializer())
        gamma = tflearn.variable("gamma", [maps], initializer=tf.ones_initializer())
        mean = tflearn.variable("moving_mean", [maps], initializer=tf.zeros_initializer(), trainable=False)
        variance = tflearn.variable("moving_variance", [maps], initializer=tf.ones_initializer(), trainable=False)
        for variable in (beta, gamma):
            tf.add_to_collection(f"{tf.GraphKeys.LAYER_VARIABLES}/{scope.name}", variable)
        flat = tf.reshape(incoming, _as_picture(shape)) if len(shape) != 4 else incoming
        if get_mode().training:
            normed, batch_mean, batch_variance = tf.nn.fused_batch_norm(flat, gamma, beta, epsilon=epsilon)[:3]
            # Not tf.size: TensorFlow would turn the whole feature map back into float32 for it.
            count = tf.cast(tf.shape(flat)[0], tf.float32) * math.prod(flat.shape.as_list()[1:-1])
            biased = batch_variance * ((count - 1) / count)
            for moving, now in ((mean, batch_mean), (variance, biased)):
                tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.assign_sub(moving, (moving - now) * (1 - decay)))
        else:
            normed = tf.nn.fused_batch_norm(flat, gamma, beta, mean, variance, epsilon=epsilon, is_training=False)[0]
        normed = tflearn.activations.get(activation)(normed)  # at once: TensorFlow then computes both in one pass
        normed = tf.reshape(normed, [-1, *shape[1:]]) if len(shape) != 4 else normed
    return track(normed, scope.name)


def _as_picture(shape: list[int]) -> list[int]:
    """A shape of four axes with the same values per feature map; no value moves in memory."""
    return [-1, 1, 1, shape[-1]] if len(shape) == 2 else [-1, shape[1] * shape[2], shape[3], shape[4]]


def convolution_block(incoming: Any, maps: int, window: int, *, name: str, stride: int | Sequence[int] = 1) -> Any:
    """Convolution, batch normalisation, ReLU."""
    grown = convolution(incoming, maps, window, stride=stride, name=name, bias=False, weights_init=he())
    return batch_norm(grown, name=f"{name}_norm", activation="relu")


def residual_block(incoming: Any, maps: int, *, name: str, stride: int = 1) -> Any:
    """Two convolutions of window 3 whose result is added to what came in (He et al. 2016), for pictures and scans.

    Where the number of maps or the size changes, what came in goes through a convolution of window 1.
    """
    inner = convolution_block(incoming, maps, 3, stride=stride, name=f"{name}_1")
    inner = convolution(inner, maps, 3, name=f"{name}_2", bias=False, weights_init=he())
    inner = batch_norm(inner, name=f"{name}_2_norm")
    if stride != 1 or incoming.shape[-1] != maps:
        incoming = convolution(incoming, maps, 1, stride=stride, name=f"{name}_skip", bias=False, weights_init=he())
        incoming = batch_norm(incoming, name=f"{name}_skip_norm")
    return track(tf.nn.relu(inner + incoming), name)


def track(tensor: Any, name: str) -> Any:
    """Enter ``tensor`` under ``name`` where `tflearn.get_layer_by_name` looks."""
    tf.add_to_collection(f"{tf.GraphKeys.LAYER_TENSOR}/{name}", tensor)
    return tensor
