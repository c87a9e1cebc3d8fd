from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catscan.stages.train.schedule import WARM_UP, learning_rate


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [
        ("constant", 0, 0.1),
        ("constant", 99, 0.1),
        ("cosine", 0, 0.1),
        ("cosine", 50, 0.05),
        ("one_cycle", 0, 0.01),
        ("one_cycle", 10, 0.055),
        ("one_cycle", 20, 0.1),
        ("one_cycle", 60, 0.05),
    ],
)
def test_rate_at_known_steps_of_a_hundred(schedule, step, expected):
    assert learning_rate(schedule, 0.1, step=step, steps=100) == pytest.approx(expected)


@given(steps=st.integers(1, 5000), schedule=st.sampled_from(["constant", "cosine", "one_cycle"]))
def test_rate_stays_above_zero_and_at_most_the_highest(steps, schedule):
    rates = [learning_rate(schedule, 0.3, step=step, steps=steps) for step in range(0, steps, 1 + steps // 50)]

    assert all(0 < rate <= 0.3 for rate in rates)


def test_rate_falls_after_the_warm_up():
    rates = [learning_rate("one_cycle", 1.0, step=step, steps=200) for step in range(200)]
    peak = int(200 * WARM_UP)

    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
