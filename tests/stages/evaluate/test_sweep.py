"""The points of a sweep: the best are blended, their table and the keys that mattered are told."""

from __future__ import annotations

import numpy as np
import pytest
from factories import MODEL_SCORES, metrics_of

from catscan.common.contracts.metrics import Sweep
from catscan.scores.calibration import probabilities_of
from catscan.scores.metrics import Problem
from catscan.stages.evaluate.held_out import HeldOut
from catscan.stages.evaluate.sweep import _key, choice_of, sweep, sweep_line
from catscan.stages.report.scores import sweep_tables

POINTS = {
    f"resnet-learning_rate-{rate}-size-{size}x{size}": {"model": "resnet", "learning_rate": rate, "size": [size, size]}
    for rate in (0.1, 0.01)
    for size in (32, 64)
}
NOISE = {0.1: 3.0, 0.01: 1.0}


@pytest.fixture(scope="module")
def told() -> Sweep:
    """Four points, of which the learning rate alone matters."""
    draw, n = np.random.default_rng(1), 600
    targets = np.eye(2)[np.arange(n) % 2]
    models = {
        name: probabilities_of(2 * targets - 1 + draw.normal(0, NOISE[values["learning_rate"]], (n, 2)), "binary")
        for name, values in POINTS.items()
    }
    ids = [f"s{number}" for number in range(n)]
    held_out = HeldOut(ids, np.arange(n) % 3, ids, targets, models, targets, targets, choice=choice_of(2, POINTS))
    found = sweep(held_out, POINTS, Problem("binary", positive=1))
    assert found is not None
    return found


def test_the_points_are_told_from_the_best_to_the_worst(told: Sweep) -> None:
    losses = [point.loss for point in told.points]

    assert losses == sorted(losses)
    assert [point.values["learning_rate"] for point in told.points] == ["0.01", "0.01", "0.1", "0.1"]
    assert set(told.points[0].values) == {"learning_rate", "size"}  # the model is the same everywhere
    assert [point.blended for point in told.points] == [True, True, False, False]


def test_those_that_are_not_blended_are_the_evaluations_left_out(told: Sweep) -> None:
    evaluated = metrics_of(models=dict.fromkeys(POINTS, MODEL_SCORES), sweep=told)

    assert evaluated.left_out == {name for name, values in POINTS.items() if values["learning_rate"] == 0.1}
    assert set(evaluated.blended) == POINTS.keys() - evaluated.left_out


def test_the_key_that_mattered_is_told_first_beside_chance(told: Sweep) -> None:
    first, second = told.keys

    assert (first.name, first.by_chance) == ("learning_rate", pytest.approx(1 / 3))
    assert first.share > 0.9
    assert second.share < 0.1
    assert [(level.value, level.n) for level in first.levels] == [("0.01", 2), ("0.1", 2)]


def test_many_numbers_are_told_by_thirds_of_them() -> None:
    values = [float(number) for number in range(1, 10)]
    key = _key("learning_rate", values, np.array(values))

    assert [(level.value, level.n, level.loss) for level in key.levels] == [
        ("1 to 3", 3, 2.0), ("4 to 6", 3, 5.0), ("7 to 9", 3, 8.0)
    ]  # fmt: skip
    assert key.share == pytest.approx(54 / 60)


def test_losses_dealt_at_random_have_the_share_of_chance_on_average() -> None:
    draw = np.random.default_rng(1)
    keys = [_key("optimizer", ["adam", "nesterov", "other"] * 4, draw.normal(size=12)) for _ in range(400)]

    assert np.mean([key.share for key in keys]) == pytest.approx(keys[0].by_chance, abs=0.02)


def test_the_log_tells_the_best_and_what_mattered(told: Sweep) -> None:
    assert sweep_line(told, "log loss").startswith("sweep: 4 points, the best learning_rate 0.01, size [")
    assert "; learning_rate explains 100% of the variance (by chance 33%)" in sweep_line(told, "log loss")


def test_the_report_shows_points_and_keys(told: Sweep) -> None:
    tables = sweep_tables(metrics_of(models=dict.fromkeys(POINTS, MODEL_SCORES), sweep=told))

    assert tables["columns"] == ["learning_rate", "size", "log loss", "weight"]
    assert [row[0] for row in tables["rows"]] == ["0.01", "0.01", "0.1", "0.1"]
    assert [row[3] for row in tables["rows"]] == ["1.00", "1.00", "", ""]
    assert tables["mattered"][0][0] == "learning_rate"
    assert tables["mattered"][0][2] == "33 %"


def test_without_a_sweep_nothing_is_shown() -> None:
    assert sweep_tables(metrics_of()) == {}
