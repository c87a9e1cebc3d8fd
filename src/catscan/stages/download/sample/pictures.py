"""Drawn cats and dogs in the layout of Kaggle's Dogs vs. Cats Redux.

`train.zip` (train/cat.N.jpg, train/dog.N.jpg), `test.zip` (test/N.jpg) and `sample_submission.csv` in the raw folder,
`solution.csv` in the folder of the truth. The label 1 is a dog.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.common.files import whole
from catscan.common.progress import progress
from catscan.common.tables import write_table
from catscan.stages.download.sample.drawing import N_SCENE, Scene, between, draw_shape
from catscan.stages.download.sample.draws import drawn_labels, generator, labels, shared_quantiles
from catscan.stages.download.sample.head import picture
from catscan.stages.download.sample.oddities import ODD, encoded

CLASSES = ("cat", "dog")
WRONG_LABELS = 0.015  # as real sets have; it also keeps the best possible score below certainty
MEMBER_DATE = (2017, 1, 1, 0, 0, 0)  # that of Kaggle's own archives, and the same for every member
TRAIN, TEST = 0, 1  # keys of the random streams; so are the four below
LABEL, SCENE, SHAPE, TEXTURE = range(4)


@dataclass(frozen=True)
class Plan:
    """One picture to be drawn: `key` names its random streams, `dog` says what to draw whatever its label."""

    member: str
    label: int
    dog: bool
    scene: Scene
    oddity: str
    key: tuple[int, int, int]  # seed, split, number


def generate_pictures(raw: Path, truth: Path, *, train: int, test: int, seed: int, threads: int) -> None:
    """Draw ``train`` + ``test`` pictures and write the competition's files; the same bytes for any ``threads``."""
    write_zip(raw / "train.zip", training_plans(train, seed), threads=threads)
    plans = test_plans(test, seed)
    write_zip(raw / "test.zip", plans, threads=threads)
    ids = [str(number) for number in range(1, test + 1)]
    write_table(raw / "sample_submission.csv", pd.DataFrame({"id": ids, "label": "0.5"}))
    write_table(truth / "solution.csv", pd.DataFrame({"id": ids, "label": [plan.label for plan in plans]}))


def training_plans(n: int, seed: int) -> list[Plan]:
    """The training pictures in the order of the archive, which is shuffled; cat.0 to cat.(n/2 - 1), and so the dogs."""
    label = labels(generator(seed, TRAIN, LABEL), n)
    number = np.where(label == 1, np.cumsum(label), np.cumsum(1 - label)) - 1
    members = [f"train/{CLASSES[value]}.{count}.jpg" for value, count in zip(label, number, strict=True)]
    return planned(members, label, [odd_name(count) for count in number], (seed, TRAIN))


def odd_name(number: int) -> str:
    """What is odd about the cat and the dog of this number; "" for nearly all."""
    return ODD[number // 3 - 1] if number % 3 == 0 and 1 <= number // 3 <= len(ODD) else ""


def test_plans(n: int, seed: int) -> list[Plan]:
    """The test pictures 1 to ``n``, all readable, in the order of their numbers."""
    label = labels(generator(seed, TEST, LABEL), n)
    return planned([f"test/{number}.jpg" for number in range(1, n + 1)], label, [""] * n, (seed, TEST))


def planned(members: list[str], label: NDArray[np.int64], odd: list[str], key: tuple[int, int]) -> list[Plan]:
    """Give every picture its scene, and some the shape of the other class."""
    quantiles = shared_quantiles(generator(*key, SCENE), label, N_SCENE)
    drawn = drawn_labels(generator(*key, LABEL, 1), label, WRONG_LABELS)
    return [
        Plan(member, int(label[i]), bool(drawn[i]), Scene(*quantiles[i]), odd[i], (*key, i))
        for i, member in enumerate(members)
    ]


def drawn(plan: Plan) -> bytes:
    """The bytes of one picture's file."""
    seed, split, number = plan.key
    shape = draw_shape(generator(seed, split, SHAPE, number), plan.dog)
    pixels = picture(plan.scene, shape, generator(seed, split, TEXTURE, number))
    return encoded(pixels, round(between(plan.scene.quality, 75, 96)), plan.oddity)


def write_zip(path: Path, plans: list[Plan], *, threads: int) -> None:
    """Draw ``plans`` and write them as one zip, stored (a JPEG does not shrink), all members with the same date."""
    cv2.setNumThreads(1)  # `threads` pictures are drawn at once; OpenCV's own threads only get in their way
    with ThreadPoolExecutor(threads) as pool, whole(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        files: Iterable[bytes] = pool.map(drawn, plans)
        for plan, data in zip(plans, shown(files, len(plans)), strict=True):
            member = zipfile.ZipInfo(plan.member, MEMBER_DATE)
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)


def shown(files: Iterable[bytes], total: int) -> Iterator[bytes]:
    """``files``, with a bar or a line now and then."""
    return progress(files, total=total, what="pictures drawn")
