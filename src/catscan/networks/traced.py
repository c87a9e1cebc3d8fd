"""A network as the steps that TensorFlow computes, read out of its graph, so that any network can be told.

It does not matter who wrote the layers: the named networks, a list of the config, a user's own Python file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from catscan.common.layer_table import Reach, Told
from catscan.networks.compat import quiet, tf
from catscan.networks.layers import Mode, set_mode
from catscan.networks.registry import Build, dtype_of

SAME_VALUES = ("Identity", "Cast", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "Switch", "Merge")
ABOUT_SIZES = ("Shape", "ShapeN", "Size", "Rank")  # their results depend on no value
ARITHMETIC = ("Add", "AddV2", "Sub", "Mul", "RealDiv", "BiasAdd")
COMMUTATIVE = ("Add", "AddV2", "Mul", "Merge")
ACTIVATIONS = ("Relu", "Relu6", "Elu", "Tanh", "Sigmoid", "Softplus", "Sqrt")


@dataclass(frozen=True, kw_only=True)
class Step(Told):
    """An operation, and TensorFlow's own of it.

    Attributes
    ----------
    tensor
        What comes out.
    constants
        What it computes with besides: window and bias; factor and addend.
    """

    tensor: Any = field(default=None, compare=False)
    constants: dict[str, Any] = field(default_factory=dict, compare=False)


def trace(pixels: Any, logits: Any) -> list[Step]:
    """The steps from ``pixels``, float32 (n, *sample_shape), to ``logits`` (n, classes), in the order of computing."""
    return _Tracer(pixels, logits).steps


def traced(build: Build, sample_shape: Sequence[int], classes: int) -> list[Step]:
    """The steps of a network that predicts samples of this shape; nothing is computed."""
    with tf.Graph().as_default(), quiet():
        set_mode(Mode(training=False))
        pixels = tf.cast(tf.placeholder(dtype_of(sample_shape), [None, *sample_shape]), tf.float32)
        return trace(pixels, build(pixels, classes))


class _Tracer:
    """Walks the graph from the pixels on; what does not depend on them is a constant."""

    def __init__(self, pixels: Any, logits: Any) -> None:
        self._depends = _depending_on(pixels, logits)
        sizes = tuple(pixels.shape.as_list()[1:])
        reach = tuple(Reach() for _ in sizes[:-1])
        first = Step(kind="input", how="", name="input", inputs=(), shape=sizes, reach=reach, tensor=pixels)
        self.steps, self._step_of, self._counted = [first], {pixels.ref(): 0}, set[str]()
        for operation in _in_order(pixels, logits, self._depends):
            self._take(operation)

    def _take(self, operation: Any) -> None:
        """Add the step of one operation, or take it for a part of another."""
        tensor, kind = operation.outputs[0], operation.type
        incoming = [one for one in _inputs(operation) if one.ref() in self._depends]
        before = [self._step_of[one.ref()] for one in incoming]
        if kind in SAME_VALUES:
            for one in operation.outputs:
                self._step_of[one.ref()] = before[0]
            return
        step = self._step(kind, operation, incoming, before)
        self._step_of[tensor.ref()] = self._add(replace(step, weights=step.weights + self._weights(operation)))

    def _add(self, step: Step) -> int:
        last = self.steps[-1]
        alone = step.inputs == (len(self.steps) - 1,) and len(last.tensor.consumers()) == 1
        if alone and step.how == "bias" and last.kind in ("convolution", "fully_connected") and last.how != "bias":
            constants = {**last.constants, "bias": step.constants["addend"]}
            step = replace(
                last,
                weights=last.weights + step.weights,
                flops=last.flops + step.flops,
                how="bias",
                tensor=step.tensor,
                constants=constants,
            )
            self.steps[-1] = step
            return len(self.steps) - 1
        if alone and step.kind == last.kind == "pooling" and _scope(step) == _scope(last) and step.how == last.how:
            self.steps[-1] = _in_one(last, step)
            return len(self.steps) - 1
        self.steps.append(step)
        return len(self.steps) - 1

    def _step(self, kind: str, operation: Any, incoming: Sequence[Any], before: Sequence[int]) -> Step:
        source = self.steps[before[0]]
        shape = self._shape(operation)
        told = Step(kind="other", how=kind, name=operation.name, inputs=tuple(before), shape=shape)
        reach = source.reach if len(shape) == len(source.shape) else ()
        told = replace(told, reach=reach, tensor=operation.outputs[0])
        if len(incoming) > 1:
            all_come_in = len(incoming) == len(_inputs(operation)) - (kind == "ConcatV2")  # the last one is its axis
            return self._joined(told, operation) if all_come_in else told
        if incoming[0] is not operation.inputs[0] and kind not in COMMUTATIVE:
            return told
        known = (
            (("Conv2D", "Conv3D"), _convolution),
            (("DepthwiseConv2dNative",), _map_by_map),
            (("MatMul",), _fully_connected),
            (("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), _batch_norm),
            (ARITHMETIC, self._scaled),
            (ACTIVATIONS, _activation),
            (("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D"), _pooling),
            (("Max", "Mean"), _global_pooling),
        )
        return next((make(told, operation, source) for kinds, make in known if kind in kinds), told)

    def _joined(self, told: Step, operation: Any) -> Step:
        """A sum of several steps, or their maps side by side."""
        reach = _widest([self.steps[number].reach for number in told.inputs])
        if told.how in ("Add", "AddV2", "AddN"):
            return replace(told, kind="add", how="", flops=(len(told.inputs) - 1) * math.prod(told.shape), reach=reach)
        alike = all(len(self.steps[number].shape) == len(told.shape) for number in told.inputs)
        if told.how == "ConcatV2" and alike and _value_of(operation.inputs[-1]) in (-1, len(told.shape)):
            return replace(told, kind="concat", how="", reach=reach)
        return told

    def _scaled(self, told: Step, operation: Any, source: Step) -> Step:
        """A product or a sum with a constant, as factor and addend: one value, or one a map."""
        (constant,) = [one for one in operation.inputs if one.ref() not in self._depends]
        if constant.shape.rank is None or not source.shape:
            return told
        sides, maps = constant.shape.as_list(), source.shape[-1]
        if any(side != 1 for side in sides[:-1]) or (sides and sides[-1] not in (1, maps)):
            return told
        one, nought = tf.ones_like(constant), tf.zeros_like(constant)
        kind = operation.type
        factor, addend = {
            "Mul": (constant, nought),
            "RealDiv": (1 / constant, nought),
            "Sub": (one, -constant),
        }.get(kind, (one, constant))
        constants = {"factor": tf.reshape(factor, [-1]), "addend": tf.reshape(addend, [-1])}
        how = "bias" if kind in ("BiasAdd", "Add", "AddV2") and sides == [maps] else ""
        told = replace(told, kind="scale", how=how, shape=source.shape, reach=source.reach, constants=constants)
        return replace(told, flops=math.prod(source.shape))

    def _shape(self, operation: Any) -> tuple[int, ...]:
        """Without the samples' axis; 0 for a side that TensorFlow does not know before it computes."""
        shape = operation.outputs[0].shape
        return () if shape.rank is None else tuple(side or 0 for side in shape.as_list()[1:])

    def _weights(self, operation: Any) -> int:
        """The weights that an operation computes with; each is counted at its first use."""
        found = 0
        waiting = [one.op for one in _inputs(operation) if one.ref() not in self._depends]
        while waiting:
            one = waiting.pop()
            if one.name in self._counted:
                continue
            self._counted.add(one.name)
            if one.type in ("VariableV2", "VarHandleOp", "Variable"):
                shape = one.get_attr("shape")
                found += math.prod(int(side.size) for side in shape.dim)
            waiting += [other.op for other in _inputs(one)]
        return found


def _convolution(told: Step, operation: Any, source: Step) -> Step:
    window = tuple(operation.inputs[1].shape.as_list())
    if len(source.shape) != len(window) - 1 or set(operation.get_attr("dilations")) != {1}:
        return told
    stride = tuple(operation.get_attr("strides")[1:-1])
    padding = _padding(operation, source.shape[:-1], told.shape[:-1], window[:-2], stride)
    return replace(
        told,
        kind="convolution",
        how="" if told.how.startswith("Conv") else told.how,
        window=window[:-2],
        stride=stride,
        padding=padding,
        flops=2 * math.prod(window[:-1]) * math.prod(told.shape),
        reach=_reaching(source.reach, window[:-2], stride, padding),
        constants={"window": operation.inputs[1]},
    )


def _map_by_map(told: Step, operation: Any, source: Step) -> Step:
    """A convolution of each map alone: told like any other, but no page opens it."""
    step = _convolution(told, operation, source)
    return replace(step, kind="other", flops=step.flops // source.shape[-1])


def _batch_norm(told: Step, operation: Any, source: Step) -> Step:
    _, gamma, beta, mean, variance = operation.inputs
    factor = gamma / tf.sqrt(variance + operation.get_attr("epsilon"))
    constants = {"factor": factor, "addend": beta - mean * factor}
    shape = source.shape
    return replace(
        told,
        kind="batch_norm",
        how="",
        shape=shape,
        reach=source.reach,
        flops=2 * math.prod(shape),
        constants=constants,
    )


def _pooling(told: Step, operation: Any, source: Step) -> Step:
    window = tuple(operation.get_attr("ksize")[1:-1])
    stride = tuple(operation.get_attr("strides")[1:-1])
    seen = tuple(operation.inputs[0].shape.as_list()[1:-1])  # two axes of a scan's three: see `layers.pooling`
    if len(source.shape) == 4 and len(seen) == 2:
        in_plane = seen == source.shape[1:3] and not (window[1] == stride[1] == 1 and seen[0] == source.shape[0])
        window, stride = ((1, *window), (1, *stride)) if in_plane else ((window[0], 1, 1), (stride[0], 1, 1))
    sizes = source.shape[:-1]
    if len(window) != len(sizes):
        return told
    same = operation.get_attr("padding") in ("SAME", b"SAME")
    after = tuple(-(-n // s) if same else (n - w) // s + 1 for n, w, s in zip(sizes, window, stride, strict=True))
    padding = _padding(operation, sizes, after, window, stride)
    return replace(
        told,
        kind="pooling",
        how="max" if operation.type.startswith("Max") else "average",
        shape=(*after, source.shape[-1]),
        window=window,
        stride=stride,
        padding=padding,
        flops=math.prod(window) * math.prod(after) * source.shape[-1],
        reach=_reaching(source.reach, window, stride, padding),
    )


def _fully_connected(told: Step, operation: Any, source: Step) -> Step:
    if operation.get_attr("transpose_a") or operation.get_attr("transpose_b") or len(told.shape) != 1:
        return told
    flops = 2 * math.prod(source.shape) * told.shape[-1]
    return replace(told, kind="fully_connected", how="", flops=flops, constants={"window": operation.inputs[1]})


def _activation(told: Step, operation: Any, source: Step) -> Step:
    del operation
    how = told.how.replace("Relu", "ReLU")
    shape, reach = source.shape, source.reach
    return replace(told, kind="activation", how=how, shape=shape, reach=reach, flops=math.prod(shape))


def _global_pooling(told: Step, operation: Any, source: Step) -> Step:
    del operation
    if len(told.shape) != 1 or len(source.shape) == 1:
        return told
    return replace(
        told, kind="global_pooling", how="max" if told.how == "Max" else "average", flops=math.prod(source.shape)
    )


def _in_one(first: Step, second: Step) -> Step:
    """A scan's pooling in the plane and then along the depth, as the one that it is."""
    window, stride, padding = (
        tuple(max(one, other) for one, other in zip(getattr(first, what), getattr(second, what), strict=True))
        for what in ("window", "stride", "padding")
    )
    return replace(
        second,
        inputs=first.inputs,
        window=window,
        stride=stride,
        padding=padding,
        flops=first.flops + second.flops,
        weights=first.weights + second.weights,
    )


def _scope(step: Step) -> str:
    return step.name.rpartition("/")[0]


def _padding(
    operation: Any, sizes: Sequence[int], after: Sequence[int], window: Sequence[int], stride: Sequence[int]
) -> tuple[int, ...]:
    """Values before the first, along each axis."""
    if operation.get_attr("padding") not in ("SAME", b"SAME"):
        return (0,) * len(sizes)
    return tuple(
        max((out - 1) * step + wide - size, 0) // 2
        for size, out, wide, step in zip(sizes, after, window, stride, strict=True)
    )


def _reaching(
    reach: Sequence[Reach], window: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> tuple[Reach, ...]:
    if not reach:
        return ()
    return tuple(
        one.seen_by(wide, step, pad) for one, wide, step, pad in zip(reach, window, stride, padding, strict=True)
    )


def _widest(several: Sequence[tuple[Reach, ...]]) -> tuple[Reach, ...]:
    """What a value sees that is made of values of several steps."""
    if not all(several):
        return ()
    return tuple(
        Reach(
            min(one.start for one in along),
            max(one.start + one.size for one in along) - min(one.start for one in along),
            along[0].jump,
        )
        for along in zip(*several, strict=True)
    )


def _value_of(tensor: Any) -> int | None:
    value = tf.get_static_value(tensor)
    return None if value is None else int(value)


def _depending_on(pixels: Any, logits: Any) -> set[Any]:
    """The tensors between ``pixels`` and ``logits``."""
    found = {pixels.ref()}
    for operation in logits.graph.get_operations():  # in the order of their making, so that inputs come first
        if operation.type not in ABOUT_SIZES and any(one.ref() in found for one in _inputs(operation)):
            found |= {one.ref() for one in operation.outputs}
    return found


def _in_order(pixels: Any, logits: Any, depends: set[Any]) -> list[Any]:
    """The operations that ``logits`` need of those that depend on ``pixels``, inputs first."""
    needed, waiting = set[str](), [logits.op]
    while waiting:
        operation = waiting.pop()
        if operation.name in needed or operation is pixels.op:
            continue
        needed.add(operation.name)
        waiting += [one.op for one in _inputs(operation) if one.ref() in depends]
    return [operation for operation in logits.graph.get_operations() if operation.name in needed]


def _inputs(operation: Any) -> list[Any]:
    """What comes in; where TFLearn's ways of training and of predicting meet, what comes from predicting."""
    return list(operation.inputs[:1] if operation.type == "Merge" else operation.inputs)
