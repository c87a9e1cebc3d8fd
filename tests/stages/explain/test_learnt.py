"""What the opened network's training kept from epoch to epoch is shown where it is of what is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import EXPLANATION, MODEL

from catscan.common.contracts.explanation import Block
from catscan.networks.epochs import Epochs
from catscan.networks.model import write_model
from catscan.stages.explain.choice import Chosen
from catscan.stages.explain.learnt import Learnt

WINDOW = np.random.default_rng(1).normal(size=(3, 3, 1, 2)).astype(np.float32)
HELD_OUT = pd.DataFrame([[0.9, 0.1], [0.2, 0.8]], index=["a", "b"], columns=["cat", "dog"])


@pytest.fixture
def learnt(tmp_path: Path) -> Learnt:
    """Two epochs, after which the window is what it is now."""
    kept = Epochs.begun({"first/W": 0 * WINDOW}, held=2, classes=2)
    for number, share in ((1, 0.5), (2, 1.0)):
        kept = kept.after(number, {"first/W": share * WINDOW}, HELD_OUT.to_numpy() * share)
    kept.write(tmp_path)
    write_model(tmp_path, MODEL, {"first/W": WINDOW})
    return Learnt(tmp_path, HELD_OUT)


def test_a_held_out_sample_has_its_answers_and_a_test_sample_none(learnt: Learnt) -> None:
    told = learnt.answers(Chosen("b", "train", "right", "dog"))
    assert told is not None

    np.testing.assert_allclose(told.array(), [[0.1, 0.4], [0.2, 0.8]], rtol=1e-6)
    assert learnt.answers(Chosen("a", "test", "test")) is None
    assert learnt.epochs == (1, 2)


def test_the_windows_are_shown_where_they_are_those_of_the_first_convolution(learnt: Learnt) -> None:
    first = replace(EXPLANATION.layers[0], kind="convolution", arrays={"window": Block.of(WINDOW)})
    shown = learnt.windows([EXPLANATION.layers[0], first])
    assert shown is not None

    np.testing.assert_array_equal(shown.array(), [0 * WINDOW, WINDOW / 2, WINDOW])
    assert learnt.windows([replace(first, arrays={"window": Block.of(2 * WINDOW)})]) is None
    assert learnt.windows([replace(first, closed=True)]) is None
    assert learnt.windows(EXPLANATION.layers) is None
