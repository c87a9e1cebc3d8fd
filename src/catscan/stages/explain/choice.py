"""Which samples are shown: some that the network gets right, some wrong, one it is unsure of, and test samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.common.contracts.model import Model
from catscan.scores.answers import ANSWERS
from catscan.scores.metrics import targets_of
from catscan.scores.tasks import REGRESSION

Array = NDArray[np.float64]

CLASSES_SHOWN = 2  # of which a sample that is right and one that is wrong are shown


@dataclass(frozen=True)
class Chosen:
    """A sample to show, and why; `label` is "" of a test sample."""

    sample_id: str
    split: str
    why: str
    label: str = ""


def of_held_out(held_out: pd.DataFrame, labels: pd.Series, model: Model) -> list[Chosen]:
    """Per class the sample that is most clearly right and the most clearly wrong one, and the one least decided.

    Of a regression the two nearest to the truth and the two farthest from it.

    Parameters
    ----------
    held_out
        (n, classes), the network's out-of-fold predictions by sample id.
    labels
        By sample id.
    """
    names, answers = list(held_out.index), held_out.to_numpy()
    of_each = [str(labels[name]) for name in names]
    targets = targets_of(of_each, list(model.classes), model.task)
    order = np.argsort(ANSWERS[model.task].losses(answers, targets), kind="stable").tolist()
    if model.task == REGRESSION:
        found = dict.fromkeys(order[:2], "right") | dict.fromkeys(order[2:][-2:], "wrong")
    else:
        found = _of_classes(answers, targets, order, model.task)
    return [Chosen(names[row], "train", why, of_each[row]) for row, why in found.items()]


def _of_classes(answers: Array, targets: Array, order: list[int], task: str) -> dict[int, str]:
    """Why each row is shown; ``order`` has the rows of the lowest loss first."""
    right = answers.argmax(axis=1) == targets.argmax(axis=1)
    if task == "multilabel":
        right = ((answers >= 0.5) == (targets == 1)).all(axis=1)
    found = dict[int, str]()
    for label in sorted(np.argsort(-targets.sum(axis=0), kind="stable")[:CLASSES_SHOWN]):
        of_class = [row for row in order if targets[row, label] == 1]
        found |= dict.fromkeys([row for row in of_class if right[row]][:1], "right")
        found |= dict.fromkeys([row for row in of_class if not right[row]][-1:], "wrong")
    unsure = [row for row in np.argsort(undecided(answers, task), kind="stable").tolist() if row not in found]
    return found | dict.fromkeys(unsure[:1], "unsure")


def of_test(sample_ids: Sequence[str], told: Array, task: str) -> list[Chosen]:
    """The test samples of which most and least is told."""
    if not sample_ids:
        return []
    rows = np.argsort(undecided(told, task), kind="stable").tolist()
    return [Chosen(sample_ids[row], "test", "test") for row in dict.fromkeys([rows[-1], rows[0]])]


def undecided(probabilities: Array, task: str) -> Array:
    """(n,) 0 where the network cannot decide: how far the two most probable classes lie apart, or a class from 1/2.

    Of a regression the amounts.
    """
    if task == REGRESSION:
        return probabilities[:, 0]
    if task == "multilabel":
        return np.abs(probabilities - 0.5).min(axis=1)
    ordered = np.sort(probabilities, axis=1)
    return ordered[:, -1] - ordered[:, -2]
