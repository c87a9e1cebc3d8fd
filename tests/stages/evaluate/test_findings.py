"""What the out-of-fold predictions show beyond their scores."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from catscan.stages.evaluate import HeldOut, of_classes, parts


def held_out(n: int = 200) -> HeldOut:
    draw = np.random.default_rng(2)
    true = draw.integers(0, 2, n)
    dog = 1 / (1 + np.exp(-draw.normal(3 * true - 1.5, 1.5)))
    given = np.stack([1 - dog, dog], axis=1)
    ids = [f"s{k}" for k in range(n)]
    return HeldOut(ids, np.arange(n) % 3, ids, np.eye(2)[true], {}, given, given)


@pytest.mark.parametrize("column", [0, 1])
def test_thresholds_reach_what_they_promise(column: int) -> None:
    told = held_out()
    given, true = told.calibrated[:, column], told.targets[:, column]
    by_why = {one.why: one for one in of_classes.thresholds(given, true)}

    for why, one in by_why.items():
        reached = given >= one.threshold
        assert one.sensitivity.value == pytest.approx(reached[true == 1].mean()), why
        assert one.specificity.value == pytest.approx(1 - reached[true == 0].mean()), why
        assert one.precision == pytest.approx(true[reached].mean()), why
        assert one.sensitivity.interval[0] < one.sensitivity.value < one.sensitivity.interval[1], why
    assert by_why["90 % found"].sensitivity.value >= 0.9
    assert by_why["95 % of the others left alone"].specificity.value >= 0.95


def test_kinds_of_samples_that_fare_worse_stand_apart() -> None:
    told = held_out()
    losses = -np.log((told.calibrated * told.targets).sum(axis=1))
    site = ["b" if loss > np.median(losses) else "a" for loss in losses]
    found = list(parts.parts(told, {"site": site}, "binary"))

    assert [(one.value, one.n, one.apart) for one in found] == [("a", 100, True), ("b", 100, True)]
    assert found[1].loss.value == pytest.approx(losses[np.array(site) == "b"].mean())


def test_a_column_that_says_the_label_over_again_or_has_many_values_parts_nothing() -> None:
    told = held_out()
    labels = np.array(["cat", "dog"])[told.targets.argmax(axis=1)].tolist()
    table = pd.DataFrame(
        {"site": ["a", "b"] * 100, "class": labels, "flag": [str(label == "dog") for label in labels],
         "patient": told.sample_ids, "constant": "1"},
        index=told.sample_ids,
    )  # fmt: skip

    assert list(parts.columns_of(table, told, labels)) == ["site"]


def test_a_table_of_other_samples_is_left_alone() -> None:
    told = held_out()
    table = pd.DataFrame({"site": ["a", "b"] * 100}, index=[f"x{k}" for k in range(200)])

    assert parts.columns_of(table, told, ["cat"] * 200) == {}


def test_the_labels_table_is_read_by_its_ids(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,label,site\n01,cat,a\n02,dog,b\n02,dog,b\n")

    assert parts.of_labels(tmp_path, "labels.csv", "")["site"].to_dict() == {"01": "a", "02": "b"}
