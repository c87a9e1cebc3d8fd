"""The chain from the logits of one network ends in the very number of the submission; the samples are well chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import MODEL

from catscan.common.contracts.explanation import Cell
from catscan.scores.calibration import Calibration
from catscan.scores.predictions import Predictions
from catscan.scores.told import BoundedBlend, CalibratedBlend
from catscan.stages.explain.chain import Chain
from catscan.stages.explain.choice import Chosen, of_held_out, of_test

COMBINED = CalibratedBlend("binary", {"a": 0.7, "b": 0.3}, Calibration(1.7, 0.03, (0.4, 0.6)), (0.4, 0.6), (1.0, 1.0))
ONES = np.array([0.2, 0.35])  # of the second class


def answers(*of_second: float) -> np.ndarray:
    return np.array([[1 - one, one] for one in of_second])


def chain(folder: Path, text: str = "id,label\nx,0.5\ny,0.1\n", combined: CalibratedBlend = COMBINED) -> Chain:
    (folder / "submission.csv").write_text(text)
    said = {"a": [answers(0.2, 0.9), answers(0.35, 0.8)], "b": [answers(0.25, 0.7)]}
    return Chain(MODEL, combined, Predictions(["x", "y"], said), folder / "submission.csv", model="a", place=0)


def test_each_link_follows_from_those_before(tmp_path: Path) -> None:
    links = chain(tmp_path).of(Chosen("x", "test", "test"), np.array([1.0, -0.5]), np.array([0.5, 0.0]), pd.DataFrame())
    of_second = [link.values[1] for link in links]
    log_odds = [np.nan, *(np.log(one / (1 - one)) for one in of_second[1:])]

    assert [link.what for link in links] == [
        "logits of this network",
        "their softmax",
        "the softmax of the mirror image's logits",
        "the mean of both: what this network says",
        "what another fold's network of a says",
        "the mean of the logits of 2 folds: what a says",
        "what b says",
        "the mean of the models' logits (a 0.70, b 0.30)",
        "divided by the temperature 1.7",
        "kept 0.03 away from 0 and 1: what is told",
    ]
    np.testing.assert_allclose(of_second[:5], [-0.5, 1 / (1 + np.exp(1.5)), 1 / (1 + np.exp(0.5)), 0.2, 0.35])
    np.testing.assert_allclose(log_odds[5], (log_odds[3] + log_odds[4]) / 2)
    np.testing.assert_allclose(log_odds[7], 0.7 * log_odds[5] + 0.3 * log_odds[6])
    of_prior = np.log(0.6 / 0.4)
    np.testing.assert_allclose(log_odds[8], of_prior + (log_odds[7] - of_prior) / 1.7)
    assert of_second[9] == of_second[8]  # it is far from both ends


def test_the_cell_of_the_submission_is_found_by_its_very_number(tmp_path: Path) -> None:
    told = float(chain(tmp_path).told[0, 1])
    found = chain(tmp_path, f"id,fold,label\nx,3,{told:.9g}\n").cells(Chosen("x", "test", "test"))

    assert found == (Cell("x", "label", "dog", f"{told:.9g}"),)


def test_a_row_of_other_samples_or_numbers_is_no_cell(tmp_path: Path) -> None:
    made = chain(tmp_path)

    assert made.cells(Chosen("x", "test", "test")) == ()
    assert chain(tmp_path, "id,label\nx of y,0.5\n").cells(Chosen("x", "test", "test")) == ()


def test_a_held_out_sample_ends_at_what_its_network_says(tmp_path: Path) -> None:
    held_out = pd.DataFrame([[0.9, 0.1]], index=["t"], columns=["cat", "dog"])
    links = chain(tmp_path).of(Chosen("t", "train", "right"), np.array([2.0, 0.0]), np.array([3.0, 0.0]), held_out)

    assert links[-1].values == (0.9, 0.1)
    assert len(links) == 4


def test_odds_of_the_metric_are_a_link_of_their_own(tmp_path: Path) -> None:
    made = chain(tmp_path, combined=replace(COMBINED, odds=(1.0, 2.0)))
    links = made.of(Chosen("x", "test", "test"), np.zeros(2), None, pd.DataFrame())

    assert links[-1].what == "kept 0.03 away from 0 and 1, at the odds that suit the metric: what is told"
    assert links[-1].values == tuple(made.told[0])
    assert "mirror" not in " ".join(link.what for link in links)


def test_amounts_are_given_back_in_their_unit_and_kept_within_the_bounds(tmp_path: Path) -> None:
    (tmp_path / "submission.csv").write_text("id,age\nx,45.0\n")
    model = replace(MODEL, task="regression", classes=("age",), scale=(40.0, 10.0))
    combined = BoundedBlend("regression", {"a": 1.0}, 40.0, (20.0, 45.0))
    said = Predictions(["x"], {"a": [np.array([[46.0]]), np.array([[50.0]])]})
    made = Chain(model, combined, said, tmp_path / "submission.csv", model="a", place=0)
    links = made.of(Chosen("x", "test", "test"), np.array([0.5]), np.array([0.7]), pd.DataFrame())

    assert [link.values for link in links] == [(0.5,), (45.0,), (47.0,), (46.0,), (50.0,), (48.0,), (45.0,)]
    assert links[-1].what == "kept between 20 and 45: what is told"
    assert made.cells(Chosen("x", "test", "test")) == (Cell("x", "age", "age", "45.0"),)


HELD_OUT = pd.DataFrame(answers(0.1, 0.3, 0.8, 0.95, 0.6, 0.48, 0.4), index=list("abcdefg"), columns=["cat", "dog"])
LABELS = pd.Series(["cat", "cat", "cat", "dog", "dog", "dog", "cat"], index=list("abcdefg"))


def test_of_each_class_the_most_clearly_right_and_wrong_samples_are_shown_and_one_undecided() -> None:
    assert of_held_out(HELD_OUT, LABELS, MODEL) == [
        Chosen("a", "train", "right", "cat"),
        Chosen("c", "train", "wrong", "cat"),
        Chosen("d", "train", "right", "dog"),
        Chosen("f", "train", "wrong", "dog"),
        Chosen("e", "train", "unsure", "dog"),
    ]


def test_of_a_regression_the_nearest_and_the_farthest_are_shown() -> None:
    held_out = pd.DataFrame([[1.0], [2.0], [3.0], [9.0], [4.5]], index=list("abcde"), columns=["age"])
    labels = pd.Series(["1", "2.5", "5", "4", "4.4"], index=list("abcde"))
    chosen = of_held_out(held_out, labels, replace(MODEL, task="regression", classes=("age",), scale=(2.0, 1.0)))

    assert [(one.sample_id, one.why) for one in chosen] == [
        ("a", "right"), ("e", "right"), ("c", "wrong"), ("d", "wrong")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("task", "told", "names"),
    [
        ("binary", answers(0.5, 0.9, 0.2), ["y", "x"]),
        ("multilabel", np.array([[0.9], [0.55], [0.02]]), ["z", "y"]),
        ("binary", answers(0.5), ["x"]),
    ],
    ids=["two classes", "one label", "one sample"],
)
def test_test_samples_are_the_surest_and_the_least_sure(task: str, told: np.ndarray, names: list[str]) -> None:
    chosen = of_test(["x", "y", "z"][: len(told)], told, task)

    assert [one.sample_id for one in chosen] == names
