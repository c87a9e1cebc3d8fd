"""What the points of a sweep are worth, and which of its keys mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.metrics import Key, Level, Point, Sweep
from catscan.common.settings import canonical
from catscan.common.words import number_of
from catscan.scores import metrics
from catscan.scores.answers import ANSWERS
from catscan.scores.blending import Choice, blend
from catscan.stages.evaluate.held_out import HeldOut

Array = NDArray[np.float64]
Values = Mapping[str, Any]

FEWEST_POINTS = 4  # of fewer, nothing is said of the keys
MOST_LEVELS = 5  # numbers that are more are put together in thirds
THIRDS = 3


def choice_of(best: int, points: Mapping[str, Values]) -> Choice:
    """How the models of a sweep are chosen, by name the settings that each is a point of."""
    return Choice(best, tuple(tuple(names) for names in _alike(points)))


def sweep(held_out: HeldOut, points: Mapping[str, Values], problem: metrics.Problem) -> Sweep | None:
    """The table of the points, and how much each key mattered; None without points."""
    if not points:
        return None
    chosen = held_out.choice.of(held_out.models, held_out.targets, problem.task)
    loss = ANSWERS[problem.task].loss
    found = []
    for names in _alike(points):
        answers = blend([held_out.models[name] for name in names], problem.task)
        value = metrics.score(loss, answers, held_out.targets, problem)
        found.append((points[names[0]], Point({}, tuple(names), value, names[0] in chosen)))
    found.sort(key=lambda one: one[1].loss)
    losses = np.array([point.loss for _, point in found])
    names = [key for key in found[0][0] if len({canonical(values[key]) for values, _ in found}) > 1]
    keys = (
        [] if len(found) < FEWEST_POINTS else [_key(key, [values[key] for values, _ in found], losses) for key in names]
    )
    return Sweep(
        tuple(
            Point({key: canonical(values[key]) for key in names}, point.models, point.loss, point.blended)
            for values, point in found
        ),
        tuple(sorted(keys, key=lambda key: -key.share)),
    )


def sweep_line(told: Sweep, loss: str) -> str:
    """The best point and the key that matters most, for the log."""
    best, *_ = told.points
    settings = ", ".join(f"{key} {value}" for key, value in best.values.items())
    line = (
        f"sweep: {number_of(len(told.points), 'point')}, the best {settings or best.models[0]}: {loss} {best.loss:.4f}"
    )
    if not told.keys:
        return line
    key, *_ = told.keys
    return f"{line}; {key.name} explains {key.share:.0%} of the variance (by chance {key.by_chance:.0%})"


def _alike(points: Mapping[str, Values]) -> list[list[str]]:
    """The names of the models of each point."""
    found: dict[str, list[str]] = {}
    for name, values in points.items():
        found.setdefault(canonical(dict(values)), []).append(name)
    return list(found.values())


def _key(name: str, values: Sequence[Any], losses: Array) -> Key:
    """The share of the variance that lies between the levels of one key: the correlation ratio, eta squared.

    Dealt at random, n losses in g levels have (g - 1) / (n - 1) of it on average.
    """
    level_of, titles = _levels(values)
    means = np.array([losses[level_of == level].mean() for level in range(len(titles))])
    counts = np.bincount(level_of, minlength=len(titles))
    total = float(((losses - losses.mean()) ** 2).sum())
    between = float((counts * (means - losses.mean()) ** 2).sum())
    return Key(
        name=name,
        share=min(between / total, 1.0) if total > 0 else 0.0,
        by_chance=(len(titles) - 1) / (len(losses) - 1),
        levels=tuple(
            Level(title, int(count), float(mean)) for title, count, mean in zip(titles, counts, means, strict=True)
        ),
    )


def _levels(values: Sequence[Any]) -> tuple[NDArray[np.int64], list[str]]:
    """(n,) the level of each value, and what each level is called; many numbers by thirds of them."""
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    distinct = sorted(set(values)) if numbers else sorted({canonical(value) for value in values})
    if not numbers or len(distinct) <= MOST_LEVELS:
        place = {value: number for number, value in enumerate(distinct)}
        places = [place[value if numbers else canonical(value)] for value in values]
        return np.array(places, np.int64), [canonical(value) if numbers else value for value in distinct]
    parts = np.array_split(np.array(distinct, np.float64), THIRDS)
    starts = np.array([part[0] for part in parts[1:]])
    return np.searchsorted(starts, np.array(values, np.float64), side="right"), [
        f"{canonical(part[0].item())} to {canonical(part[-1].item())}" for part in parts
    ]
