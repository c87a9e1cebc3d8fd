"""What `explanation.json` says that the network computes, computed again by NumPy alone."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.explanation import Explanation, Layer, Shown

Values = NDArray[np.float64]


def values_of(told: Explanation | tuple[Layer, ...], sample: Shown) -> list[Values]:
    """The values of all steps, float64 in their own shapes, from the sample's pixels and the weights."""
    found: list[Values] = []
    for number, layer in enumerate(told if isinstance(told, tuple) else told.layers):
        if number == 0:
            values = (sample.features or sample.pixels).array()
        elif layer.closed:
            values = sample.values[str(number)].array()
        else:
            values = globals()[f"_{layer.kind}"](layer, *(found[other] for other in layer.inputs))
        found.append(np.asarray(values, np.float64).reshape(layer.shape))
    return found


def _windows(layer: Layer, values: Values, outside: float) -> list[tuple[tuple[int, ...], Values]]:
    """Each tap of the window, with the values that it meets at all places."""
    after = layer.shape[:-1]
    ends = [
        (pad, max((out - 1) * step + wide - pad - size, 0))
        for pad, out, step, wide, size in zip(
            layer.padding, after, layer.stride, layer.window, values.shape[:-1], strict=True
        )
    ]
    wider = np.pad(values, [*ends, (0, 0)], constant_values=outside)
    return [
        (
            tap,
            wider[
                tuple(
                    slice(t, t + (out - 1) * step + 1, step)
                    for t, out, step in zip(tap, after, layer.stride, strict=True)
                )
            ],
        )
        for tap in itertools.product(*map(range, layer.window))
    ]


def _weights(layer: Layer, name: str, default: float = 0.0) -> Any:
    return layer.arrays[name].array().astype(np.float64) if name in layer.arrays else default


def _convolution(layer: Layer, values: Values) -> Values:
    window = _weights(layer, "window")
    return sum(seen @ window[tap] for tap, seen in _windows(layer, values, 0.0)) + _weights(layer, "bias")


def _pooling(layer: Layer, values: Values) -> Values:
    if layer.how == "max":
        return np.max([seen for _, seen in _windows(layer, values, -math.inf)], axis=0)
    return np.nanmean([seen for _, seen in _windows(layer, values, math.nan)], axis=0)


def _global_pooling(layer: Layer, values: Values) -> Values:
    return (np.max if layer.how == "max" else np.mean)(values, axis=tuple(range(values.ndim - 1)))


def _fully_connected(layer: Layer, values: Values) -> Values:
    return values.reshape(-1) @ _weights(layer, "window") + _weights(layer, "bias")


def _scale(layer: Layer, values: Values) -> Values:
    return values * _weights(layer, "factor") + _weights(layer, "addend")


_batch_norm = _scale


def _activation(layer: Layer, values: Values) -> Values:
    return {"ReLU": lambda x: np.maximum(x, 0), "Tanh": np.tanh, "Sqrt": np.sqrt}[layer.how](values)


def _add(_: Layer, *several: Values) -> Values:
    return np.sum(several, axis=0)


def _concat(_: Layer, *several: Values) -> Values:
    return np.concatenate(several, axis=-1)
