"""Sweeps: each model of the config, once for every point of a table of settings, as an ordinary model of its own.

A sweep is expanded before a stage string is made, so that no job knows of it: its points are models with names that
tell their settings (`resnet-learning_rate-0.01`). A name and the settings behind it depend on that point alone, so that
a table that grows adds models and leaves those there as they are. What differs in `preprocess` is a reading of the
samples with a folder of arrays of its own, which all points that read alike share.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Annotated, Any

from catscan.common.errors import CatscanError, did_you_mean
from catscan.common.keys import at_least
from catscan.common.settings import canonical
from catscan.common.words import number_of
from catscan.flow import schema
from catscan.kinds.registry import kind_named

Config = dict[str, Any]
Point = dict[str, Any]  # a value for each key of the table

MODEL, POINT, READING = "model", "point", "preprocess."
BOUNDS = {"low", "high"}  # of a range, beside `scale`
SCALES = ("linear", "log")
DIGITS = 3  # of a number that is drawn: enough, and short in a name
LONGEST = 100  # letters of a name, which is part of names of files
TRIES = 50  # draws for one more point that is not there yet


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Variants of every model to try, as jobs of their own that share all they can; the best of them are blended."""

    over: Mapping[str, Any] = field(default_factory=dict)
    """The keys to vary, of a model (`learning_rate`, `augment.flip`) or of how samples are read
    (`preprocess.picture.size`), each with a list of values or a range `{low: 0.001, high: 0.1, scale: log}`; empty is
    no sweep."""

    points: Annotated[int, at_least(0)] = 0
    """How many combinations to draw at random; 0 takes all of them, which ranges do not allow."""

    seed: Annotated[int, at_least(0)] = 1
    """Of the draw. More `points` of the same seed add to those there."""

    best: Annotated[int, at_least(1)] = 3
    """How many points are blended: those of the lowest out-of-fold loss. What the report says of the blend is honest,
    since each fold is told by the points that were best on the others."""


def expand(config: Config, known: Config) -> None:
    """Put in place of each competition's models their variants, each with its `point`; ``known`` is the schema.

    Raises
    ------
    CatscanError
        For a key that no model has, a value that does not fit it, a range that cannot be drawn from, and two points
        of one name.
    """
    of_competition = known["properties"]["competitions"]["additionalProperties"]["properties"]
    for name, competition in config["competitions"].items():
        if competition["sweep"]["over"]:
            try:
                competition["models"] = dict(_variants(competition, of_competition))
            except CatscanError as error:
                error.where = f"config key competitions.{name}.sweep.{error.where}"
                raise


def read_with(block: Config, point: Point) -> Config:
    """``block``, a competition's `preprocess`, as a point has it."""
    changed = deepcopy(block)
    for key, value in point.items():
        if key.startswith(READING):
            _put(changed, key.removeprefix(READING), value)
    return changed


def named(settings: Mapping[str, Any]) -> str:
    """Settings as a part of a name: `learning_rate-0.01-size-64x64`."""
    parts = (f"{key.rpartition('.')[2]}-{_word(value)}" for key, value in sorted(settings.items()))
    name = "-".join(parts)
    return name if len(name) <= LONGEST else hashlib.sha256(canonical(dict(settings)).encode()).hexdigest()[:12]


def told(competition: Config) -> str:
    """A competition's sweep in a line."""
    sweep, variants = competition["sweep"], competition["models"].values()
    points = number_of(len({canonical(one[POINT]) for one in variants}), "point")
    return f"a sweep of {points} over {', '.join(sorted(sweep['over']))}, of which the best {sweep['best']} are blended"


def _variants(competition: Config, known: Config) -> Iterator[tuple[str, Config]]:
    sweep, found = competition["sweep"], set[str]()
    leaves = _leaves(competition, known)
    for key, values in sweep["over"].items():
        _check(key, values, leaves)
    points = list(_points(sweep, leaves))
    for base, model in competition["models"].items():
        for point in points:
            name = f"{base}-{named(point)}"
            if name in found:
                raise CatscanError("Two points of the sweep have one name.", where="over", found=name)
            found.add(name)
            yield name, _at(model, point) | {POINT: {MODEL: base, **point}}


def _at(model: Config, point: Point) -> Config:
    changed = deepcopy(model)
    for key, value in point.items():
        if not key.startswith(READING):
            _put(changed, key, value)
    return changed


def _put(block: Config, key: str, value: Any) -> None:
    *above, last = key.split(".")
    for name in above:
        block = block.setdefault(name, {})
    block[last] = value


def _leaves(competition: Config, known: Config) -> dict[str, Config]:
    """The keys that can vary, with their schemas: those of a model, and of the reader of this kind of data."""
    block = kind_named(competition["data"]["kind"]).block
    model = known["models"]["additionalProperties"]["properties"]
    reader = known["preprocess"]["properties"][block]["properties"]
    own = {key: one for key, one in model.items() if key != "seeds"}
    return dict(_flat(own, "")) | dict(_flat(reader, f"{READING}{block}."))


def _flat(properties: Config, prefix: str) -> Iterator[tuple[str, Config]]:
    for key, one in properties.items():
        if "properties" in one:
            yield from _flat(one["properties"], f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", one


def _check(key: str, values: Any, leaves: Mapping[str, Config]) -> None:
    where = f"over.{key}"
    if key not in leaves:
        raise CatscanError(
            f"A sweep cannot vary {key!r}.",
            where=where,
            do=f"{did_you_mean(key, list(leaves))} Keys of a model and of the samples' reader can vary; seeds are "
            "`models.NAME.seeds`.".strip(),
        )
    if isinstance(values, dict):
        _check_range(values, leaves[key], where)
        values = [values["low"], values["high"]]
    if not isinstance(values, list) or not values:
        raise CatscanError(
            "A key of a sweep has a list of values, or a range.",
            where=where,
            found=repr(values),
            do="Write [0.01, 0.1], or {low: 0.01, high: 0.1, scale: log}.",
        )
    try:
        for value in values:
            schema.check(value, leaves[key])
    except CatscanError as error:
        error.where = where
        raise


def _check_range(values: Config, leaf: Config, where: str) -> None:
    scale = values.get("scale", SCALES[0])
    fits = BOUNDS <= set(values) <= {*BOUNDS, "scale"} and scale in SCALES
    if not fits or not _are_ends(values["low"], values["high"]) or (scale == "log" and values["low"] <= 0):
        raise CatscanError(
            "A range of a sweep has a low and a higher end, and a scale.",
            where=where,
            found=repr(values),
            do=f"Write {{low: 0.001, high: 0.1, scale: log}}; scales are {' and '.join(SCALES)}, log from above 0.",
        )
    if not {"number", "integer"} & {*_types(leaf)}:
        raise CatscanError("Only a number has a range.", where=where, found=repr(values), do="Give a list of values.")


def _are_ends(low: Any, high: Any) -> bool:
    numbers = all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in (low, high))
    return numbers and low < high


def _types(leaf: Config) -> list[str]:
    kinds = leaf.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds


def _points(sweep: Config, leaves: Mapping[str, Config]) -> Iterator[Point]:
    """All combinations, or the first of an endless row of draws that depends on the seed alone."""
    over = {key: sweep["over"][key] for key in sorted(sweep["over"])}
    ranges = [key for key, values in over.items() if isinstance(values, dict)]
    if ranges and not sweep["points"]:
        raise CatscanError(
            "A range has no end of values, so a sweep over it needs a number of points.",
            where="points",
            found=f"0, and a range of {ranges[0]}",
            do="Set `points: 12`, or give lists of values.",
        )
    if not sweep["points"]:
        return _distinct(dict(zip(over, values, strict=True)) for values in product(*over.values()))
    most = math.inf if ranges else math.prod(len(values) for values in over.values())
    wanted = min(sweep["points"], most)
    drawn = ({key: _draw(sweep["seed"], number, key, over, leaves) for key in over} for number in range(wanted * TRIES))
    return islice(_distinct(drawn), int(wanted))


def _distinct(points: Iterable[Point]) -> Iterator[Point]:
    seen = set[str]()
    for point in points:
        if canonical(point) not in seen:
            seen.add(canonical(point))
            yield point


def _draw(seed: int, number: int, key: str, over: Config, leaves: Mapping[str, Config]) -> Any:
    """The value of one key in one draw: of a list any, of a range a number between its ends."""
    values = over[key]
    share = random.Random(f"{seed} {number} {key}").random()
    if isinstance(values, list):
        return values[int(share * len(values))]
    low, high = values["low"], values["high"]
    if values.get("scale") == "log":
        value = math.exp(math.log(low) + share * math.log(high / low))
    else:
        value = low + share * (high - low)
    if "number" not in _types(leaves[key]):
        return round(value)
    return min(max(float(f"{value:.{DIGITS}g}"), low), high)


def _word(value: Any) -> str:
    """A value as a word of a name; one that cannot be told so by a digest of it."""
    text = value if isinstance(value, str) else canonical(value)
    if isinstance(value, list):
        text = "x".join(one if isinstance(one, str) else canonical(one) for one in value)
    if re.fullmatch(r"[A-Za-z0-9._-]{1,24}", text):
        return text
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:8]
