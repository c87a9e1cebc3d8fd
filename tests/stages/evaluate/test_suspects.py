"""Labels that are likely wrong are found, and ranked."""

import numpy as np
import pytest

from catscan.stages.evaluate import HeldOut
from catscan.stages.evaluate.suspects import suspects


def held_out(targets: np.ndarray, blend: np.ndarray) -> HeldOut:
    ids = [f"s{n}" for n in range(len(targets))]
    return HeldOut(ids, np.zeros(len(targets), np.int64), ids, targets, {}, blend, blend)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_flipped_labels_come_first(n_classes: int) -> None:
    draw = np.random.default_rng(1)
    true = draw.integers(0, n_classes, 300)
    logits = draw.normal(0, 1, (300, n_classes)) + 6 * np.eye(n_classes)[true]
    blend = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    flipped = [3, 50, 99, 120, 200]
    label = true.copy()
    label[flipped] = (true[flipped] + 1) % n_classes
    classes = [f"c{k}" for k in range(n_classes)]
    found = suspects(held_out(np.eye(n_classes)[label], blend), classes, "multiclass")

    first = found.head(8)
    assert {f"s{n}" for n in flipped} <= set(first["sample_id"])
    assert (first.set_index("sample_id").loc["s3", ["label", "likely"]] == [classes[label[3]], classes[true[3]]]).all()
    margins = found["label_value"].astype(float) - found["likely_value"].astype(float)
    assert margins.is_monotonic_increasing


def test_where_all_labels_are_believed_there_are_none() -> None:
    targets = np.eye(2)[[0, 1, 0, 1]]
    found = suspects(held_out(targets, 0.8 * targets + 0.1), ["cat", "dog"], "binary")

    assert len(found) == 0
    assert list(found.columns) == ["sample_id", "label", "likely", "label_value", "likely_value"]


def test_of_several_labels_the_missing_and_the_surplus_one_are_told() -> None:
    targets = np.array([[1, 0], [1, 1], [0, 1], [0, 0], [0, 0]], float)
    blend = np.array([[0.9, 0.1], [0.9, 0.05], [0.1, 0.9], [0.1, 0.1], [0.98, 0.1]])
    found = suspects(held_out(targets, blend), ["rust", "scab"], "multilabel")

    assert found[["sample_id", "label", "likely"]].to_numpy().tolist() == [
        ["s4", "not rust", "rust"],
        ["s1", "scab", "not scab"],
    ]


def test_an_amount_far_off_is_told_with_what_is_told_of_it() -> None:
    true = np.arange(30, dtype=float)[:, None]
    told = true + np.tile([1.0, -1.0], 15)[:, None]
    told[7] = 90
    found = suspects(held_out(true, told), ["age"], "regression")

    assert found.to_numpy().tolist() == [["s7", "7", "90", "", "90"]]
