"""Training and test pictures that look alike."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from index_stage import Stage

from catscan.common.contracts.summary import Duplicates
from catscan.stages.index.alike import remarks_on


@pytest.fixture
def twins(cats_and_dogs: Stage) -> Stage:
    draw = np.random.default_rng(0)
    for path in sorted((cats_and_dogs.raw).rglob("*.jpg")):
        coarse = draw.integers(0, 256, (6, 6), np.uint8)
        path.write_bytes(cv2.imencode(".jpg", cv2.resize(coarse, (90, 80)))[1].tobytes())
    for copy, source in (
        ("train/cat.1.jpg", "train/cat.0.jpg"),
        ("train/dog.3.jpg", "train/cat.2.jpg"),
        ("test/2.jpg", "train/dog.0.jpg"),
    ):
        (cats_and_dogs.raw / copy).write_bytes((cats_and_dogs.raw / source).read_bytes())
    cats_and_dogs.run(near_duplicates=True)
    return cats_and_dogs


def test_pictures_that_look_the_same_stay_in_one_fold(twins: Stage) -> None:
    fold = twins.index.set_index("sample_id")["fold"]

    assert fold["cat.0"] == fold["cat.1"]
    assert fold["cat.2"] == fold["dog.3"]


def test_they_are_told_and_nothing_is_dropped(twins: Stage) -> None:
    assert twins.summary["duplicates"] == {
        "groups": [["cat.0", "cat.1"], ["cat.2", "dog.3"], ["dog.0", "2"]],
        "across": [["dog.0", "2"]],
        "contradictory": [["cat.2", "dog.3"]],
    }
    assert twins.summary["remarks"] == [
        "3 groups of pictures that look the same, each kept in one fold: cat.0 = cat.1, cat.2 = dog.3, dog.0 = 2",
        "1 of 3 test pictures looks like a training picture: dog.0 = 2. They are predicted like others; expect a "
        "better score on the test set than out of fold, where no network was trained on a picture's like.",
        "1 pair of training pictures that look the same and have different labels, both kept: cat.2 = dog.3. One "
        "label is wrong, or the difference too small to be seen here.",
    ]
    assert twins.summary["n_train"] == 8


def test_a_test_picture_with_several_twins_is_counted_once() -> None:
    found = Duplicates(across=(("a", "1"), ("b", "1"), ("b", "2")))

    assert remarks_on(found, 219)[0].startswith("2 of 219 test pictures look like a training picture: a = 1, b = 1")


def test_threads_change_nothing(twins: Stage) -> None:
    first = [(twins.folder / name).read_bytes() for name in ("index.csv", "index.json")]
    twins.run("--threads", "4", near_duplicates=True)

    assert [(twins.folder / name).read_bytes() for name in ("index.csv", "index.json")] == first


def test_pictures_that_cannot_be_read_are_left_to_preprocess(cats_and_dogs: Stage) -> None:
    assert cats_and_dogs.run(near_duplicates=True) == 0
    assert cats_and_dogs.summary["duplicates"]["groups"] == []
