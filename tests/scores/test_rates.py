"""Shares and their intervals, and what each threshold finds."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_curve

from catscan.scores import rates


@pytest.mark.parametrize(("found", "n", "ends"), [(0, 10, (0.0, 0.2775)), (81, 263, (0.2553, 0.3662))])
def test_the_interval_of_a_share_is_wilsons(found: int, n: int, ends: tuple[float, float]) -> None:
    assert rates.wilson(found, n) == pytest.approx(ends, abs=1e-4)  # Newcombe 1998, table I


def test_of_nothing_nothing_is_known() -> None:
    assert rates.wilson(0, 0) == (0.0, 1.0)


def test_operating_points_and_average_precision_are_scikit_learns() -> None:
    draw = np.random.default_rng(1)
    true = (draw.random(200) < 0.3).astype(float)
    given = np.round(draw.random(200) * 0.6 + 0.4 * true, 1)  # with ties
    found, alarms, _ = rates.operating_points(given, true)
    theirs_alarms, theirs_found, _ = roc_curve(true, given, drop_intermediate=False)

    np.testing.assert_allclose(found, theirs_found)
    np.testing.assert_allclose(alarms, theirs_alarms)
    assert rates.average_precision(given, true) == pytest.approx(average_precision_score(true, given))
