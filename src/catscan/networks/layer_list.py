"""A network as a list of layers in the tutorial's words, checked and measured without TensorFlow.

    network:
      - convolution: {feature_maps: 32, window: 5}
      - pooling: {kind: max, window: 5}
      - fully_connected: {units: 1024, keep_probability: 0.8}

The output layer, one value a class, is always added.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from catscan.common.errors import CatscanError, did_you_mean

# Per kind of layer its options with their defaults; `...` marks one that must be given.
OPTIONS: dict[str, dict[str, Any]] = {
    "convolution": {"feature_maps": ..., "window": ..., "stride": 1, "batch_norm": False},
    "pooling": {"kind": "max", "window": ..., "stride": None},
    "global_pooling": {"kind": "max"},
    "fully_connected": {"units": ..., "keep_probability": 1.0},
}
POOLINGS = ["max", "average"]


def normalised(layers: Sequence[Mapping[str, Any]], axes: int) -> list[dict[str, Any]]:
    """The layers with all options filled in, `window` and `stride` as one integer an axis.

    Parameters
    ----------
    layers
        Each a mapping of one key, the kind of layer, to its options.
    axes
        2 for pictures, 3 for scans.

    Raises
    ------
    CatscanError
        For an unknown kind of layer or option, one that is missing, or a value of the wrong type or range.
    """
    if not layers:
        raise CatscanError("The list of layers is empty.", where="network")
    return [_normalised(layer, axes, number) for number, layer in enumerate(layers, start=1)]


def _normalised(layer: Mapping[str, Any], axes: int, number: int) -> dict[str, Any]:
    where = f"network, layer {number}"
    if not isinstance(layer, Mapping) or len(layer) != 1:
        raise CatscanError(
            "A layer is one name with its options.", where=where, found=repr(layer), do="`- convolution: {...}`"
        )
    ((name, given),) = layer.items()
    if name not in OPTIONS:
        raise CatscanError(f"There is no layer {name!r}.", where=where, do=did_you_mean(name, list(OPTIONS)))
    where = _place(number, name)
    if not isinstance(given or {}, Mapping):
        raise CatscanError(
            f"The options of the layer `{name}` are names with their values.",
            where=where,
            found=repr(given),
            do=f"`- {name}: {{{', '.join(f'{option}: ...' for option in OPTIONS[name])}}}`",
        )
    given = dict(given or {})
    for option in given:
        if option not in OPTIONS[name]:
            raise CatscanError(
                f"The layer `{name}` has no option {option!r}.",
                where=where,
                do=did_you_mean(option, list(OPTIONS[name])),
            )
    options = {**OPTIONS[name], **given}
    missing = [option for option, value in options.items() if value is ...]
    if missing:
        raise CatscanError(f"The layer `{name}` needs `{missing[0]}`.", where=where, found=repr(given))
    if "window" in options:
        options["window"] = _per_axis("window", options["window"], axes, where)
        stride = options["stride"]
        options["stride"] = options["window"] if stride is None else _per_axis("stride", stride, axes, where)
    _check_values(options, where)
    return {"layer": name, **options}


def _place(number: int, name: str) -> str:
    return f"network, layer {number} ({name})"


def _per_axis(option: str, value: Any, axes: int, where: str) -> list[int]:
    values = list(value) if isinstance(value, (list, tuple)) else [value] * axes
    if len(values) != axes or not all(_is_count(each) for each in values):
        raise CatscanError(
            f"`{option}` must be a whole number of at least 1, or {axes} of them.", where=where, found=repr(value)
        )
    return values


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _check_values(options: Mapping[str, Any], where: str) -> None:
    for option in ("feature_maps", "units"):
        if option in options and not _is_count(options[option]):
            raise CatscanError(
                f"`{option}` must be a whole number of at least 1.", where=where, found=repr(options[option])
            )
    if options.get("kind", "max") not in POOLINGS:
        raise CatscanError(
            f"There is no pooling {options['kind']!r}.", where=where, do=did_you_mean(str(options["kind"]), POOLINGS)
        )
    if not isinstance(options.get("batch_norm", False), bool):
        raise CatscanError(
            "`batch_norm` must be true or false.", where=where, found=repr(options["batch_norm"]), do="Without quotes."
        )
    keep = options.get("keep_probability", 1.0)
    if isinstance(keep, bool) or not isinstance(keep, (int, float)) or not 0 < keep <= 1:
        raise CatscanError(
            "The keep probability must be above 0 and at most 1.",
            where=where,
            found=repr(keep),
            do="0.8 drops a fifth.",
        )


def check(
    layers: Sequence[Mapping[str, Any]], sample_shape: Sequence[int], classes: int | None = None
) -> list[dict[str, Any]]:
    """The layers with all options filled in, after the checks that need the sample's shape.

    A window larger than its map is allowed: the padding is SAME, so that it sees the whole map and leaves one pixel.

    Parameters
    ----------
    sample_shape
        (height, width, channels) or (depth, height, width, channels).
    classes
        Their number, for the table of shapes in a refusal; None when it is not known yet.

    Raises
    ------
    CatscanError
        When a stride is larger than its window (pixels between two windows would never be seen), or a convolution or
        pooling follows a layer that has no positions left.
    """
    filled = normalised(layers, len(sample_shape) - 1)
    sizes: list[int] | None = list(sample_shape[:-1])
    for number, layer in enumerate(filled, start=1):
        where = _place(number, layer["layer"])
        if "window" in layer:
            _check_window(layer, sizes, where, (filled, sample_shape, classes))
        elif layer["layer"] == "global_pooling" and sizes is None:
            raise CatscanError("This layer needs positions to look at, and none are left.", where=where)
        sizes = _sizes_after(layer, sizes)
    return filled


def _check_window(layer: Mapping[str, Any], sizes: list[int] | None, where: str, network: tuple[Any, ...]) -> None:
    window, stride = layer["window"], layer["stride"]
    if sizes is None:
        raise CatscanError(
            "This layer needs positions to look at, and none are left.", where=where, do="Move it above the others."
        )
    if any(step > wide for step, wide in zip(stride, window, strict=True)):
        raise CatscanError(
            "A stride larger than its window skips pixels: they would never be seen.",
            where=where,
            found=f"stride {_product(stride)}, window {_product(window)}\n" + shapes_table(*network),
            do="Make the stride at most the window.",
        )


def _sizes_after(layer: Mapping[str, Any], sizes: list[int] | None) -> list[int] | None:
    if "stride" in layer and sizes is not None:
        return [math.ceil(size / step) for size, step in zip(sizes, layer["stride"], strict=True)]
    return None


def shapes_table(layers: Sequence[Mapping[str, Any]], sample_shape: Sequence[int], classes: int | None = None) -> str:
    """One line a layer: its name, window, stride, the shape of what comes out, and its number of weights.

    ``layers`` as `normalised` gives them; where the number of classes is not known, the last layer is told for each.
    """
    rows = [("layer", "window", "stride", "out", "weights"), ("input", "", "", _product(sample_shape), "")]
    sizes: list[int] | None = list(sample_shape[:-1])
    maps, total = sample_shape[-1], 0
    for layer in layers:
        after = _sizes_after(layer, sizes)
        weights, maps_after = _weights(layer, sizes, maps)
        total += weights
        window, stride = (_product(layer[key]) if key in layer else "" for key in ("window", "stride"))
        rows.append((layer["layer"], window, stride, _product([*(after or []), maps_after]), f"{weights:,}"))
        if layer["layer"] == "fully_connected" or after is not None or sizes is not None:
            sizes, maps = after, maps_after
    of_class = math.prod(sizes or []) * maps + 1
    if classes is None:
        rows.append(("output", "", "", "1 a class", f"{of_class:,} a class"))
    else:
        rows.append(("output", "", "", str(classes), f"{of_class * classes:,}"))
        rows.append(("", "", "", "", f"{total + of_class * classes:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join(f"{cell:{wide}}" for cell, wide in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _weights(layer: Mapping[str, Any], sizes: list[int] | None, maps: int) -> tuple[int, int]:
    """(number of weights, feature maps after) of one layer."""
    if layer["layer"] == "convolution":
        after = layer["feature_maps"]
        extra = 2 * after if layer["batch_norm"] else after  # scale and shift, or a bias
        return math.prod(layer["window"]) * maps * after + extra, after
    if layer["layer"] == "fully_connected":
        return (math.prod(sizes or []) * maps + 1) * layer["units"], layer["units"]
    return 0, maps


def _product(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))


def build(layers: Sequence[Mapping[str, Any]], pixels: Any, classes: int) -> Any:
    """The logits (n, classes) of a checked list of layers on ``pixels``, grey levels 0 to 255 as in the tutorial."""
    from catscan.networks import layers as make
    from catscan.networks.compat import tflearn

    net = pixels
    for number, layer in enumerate(layers, start=1):
        name = f"{layer['layer']}_{number}"
        if layer["layer"] == "convolution":
            grow = {"bias": not layer["batch_norm"], "activation": "linear" if layer["batch_norm"] else "relu"}
            net = make.convolution(
                net, layer["feature_maps"], layer["window"], stride=layer["stride"], name=name, **grow
            )
            if layer["batch_norm"]:
                net = make.batch_norm(net, name=f"{name}_norm", activation="relu")
        elif layer["layer"] == "pooling":
            net = make.pooling(net, layer["window"], layer["stride"], kind=layer["kind"], name=name)
        elif layer["layer"] == "global_pooling":
            net = make.global_pooling(net, kind=layer["kind"], name=name)
        else:
            net = make.fully_connected(net, layer["units"], activation="relu", name=name)
            net = make.dropout(net, layer["keep_probability"], name=f"{name}_dropout")
    return tflearn.fully_connected(net, classes, name="output")
