"""Drawn chest CTs in the layout of Kaggle's Data Science Bowl 2017.

`stage1/<patient>/<hash>.dcm` (training and test patients together), `stage1_labels.csv` and
`stage1_sample_submission.csv` in the raw folder, `solution.csv` in the folder of the truth. The label 1 is cancer.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from catscan.common.progress import progress
from catscan.common.tables import write_table
from catscan.stages.download.sample.dicom import Series, SeriesWriter, uid
from catscan.stages.download.sample.draws import Generator, drawn_labels, generator, labels, shared_quantiles
from catscan.stages.download.sample.lesions import add_lesions, draw_lesion
from catscan.stages.download.sample.thorax import N_BUILD, Build, Grid, Thorax, Volume, between

SIZE = 72  # pixels a side: enough for lungs and vessels, and 160 series stay below 60 MB
Z_MM = (-124.0, 126.0)
WRONG_LABELS = 0.02
UNFINISHED = ".stage1-unfinished"
TRAIN, TEST = 0, 1  # keys of the random streams; so are the seven below
LABEL, BUILD, SHAPE, ANATOMY, PLACE, FILES, IDS = range(7)


@dataclass(frozen=True)
class Plan:
    """One patient to be drawn: `key` names the random streams, `cancer` says what to draw whatever the label."""

    patient_id: str
    label: int
    cancer: bool
    build: Build
    key: tuple[int, int, int]  # seed, split, number


def generate_series(raw: Path, truth: Path, *, train: int, test: int, seed: int, threads: int) -> None:
    """Draw ``train`` + ``test`` patients and write the competition's files; the same bytes for any ``threads``."""
    plans = planned(train, seed, TRAIN), planned(test, seed, TEST)
    unfinished = raw / UNFINISHED
    for leftover in (unfinished, raw / "stage1"):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished.mkdir(parents=True)
    cv2.setNumThreads(1)  # `threads` patients are drawn at once; OpenCV's own threads only get in their way
    everyone = sorted([*plans[0], *plans[1]], key=lambda plan: plan.patient_id)
    with ThreadPoolExecutor(threads) as pool:
        for _ in progress(pool.map(partial(write_patient, unfinished), everyone), total=train + test, what="series"):
            pass
    write_table(raw / "stage1_labels.csv", table(plans[0]))
    write_table(raw / "stage1_sample_submission.csv", table(plans[1]).assign(cancer="0.5"))
    write_table(truth / "solution.csv", table(plans[1]))
    unfinished.replace(raw / "stage1")


def table(plans: list[Plan]) -> pd.DataFrame:
    """The columns id and cancer, by id."""
    rows = sorted((plan.patient_id, plan.label) for plan in plans)
    return pd.DataFrame(rows, columns=["id", "cancer"])


def planned(n: int, seed: int, split: int) -> list[Plan]:
    """``n`` patients, half of them with cancer."""
    label = labels(generator(seed, split, LABEL), n)
    quantiles = shared_quantiles(generator(seed, split, BUILD), label, N_BUILD)
    drawn = drawn_labels(generator(seed, split, LABEL, 1), label, WRONG_LABELS)
    ids = generator(seed, split, IDS)
    return [
        Plan(ids.bytes(16).hex(), int(label[i]), bool(drawn[i]), Build(*quantiles[i]), (seed, split, i))
        for i in range(n)
    ]


def write_patient(folder: Path, plan: Plan) -> None:
    """Draw one patient and write the slices in a folder of their own, under names that tell no order."""
    seed, split, number = plan.key
    rng = generator(seed, split, FILES, number)
    z_mm = slice_places(plan.build, rng)
    spacing_mm = field_of_view(plan.build) / SIZE
    thorax = Thorax(plan.build, Grid(z_mm, spacing_mm, SIZE), generator(seed, split, ANATOMY, number))
    lesion = draw_lesion(generator(seed, split, SHAPE, number), plan.cancer)
    add_lesions(thorax, lesion, generator(seed, split, PLACE, number))
    hu = scanned(thorax.hu, plan.build, rng)
    patient = folder / plan.patient_id
    patient.mkdir()
    for data in slices(hu, z_mm, plan, spacing_mm, rng):
        (patient / f"{rng.bytes(16).hex()}.dcm").write_bytes(data)


def slice_places(build: Build, rng: Generator) -> NDArray[np.float64]:
    """Slice centres along z in mm, ascending, even but for the scanner's rounding in some series."""
    count = round(between(build.slices, 25.5, 34.5))
    places = np.linspace(*Z_MM, count).round(2)
    jitter = rng.integers(-1, 2, count) * 0.01
    return places + jitter if build.names < 0.2 else places


def field_of_view(build: Build) -> float:
    """Side of the picture in mm: the patient's width and a margin."""
    return (2 * between(build.width, 142, 168) + 14) * between(build.pixel_spacing, 1.0, 1.06)


def scanned(hu: Volume, build: Build, rng: Generator) -> Volume:
    """What the scanner makes of it: the blur of its kernel, and noise."""
    kernel = between(build.sharpness, 0.3, 0.7)
    blurred = np.stack([cv2.GaussianBlur(plane, (0, 0), kernel) for plane in hu])
    return blurred + between(build.noise, 8, 30) * rng.standard_normal(hu.shape, dtype=np.float32)


def slices(hu: Volume, z_mm: NDArray[np.float64], plan: Plan, spacing_mm: float, rng: Generator) -> list[bytes]:
    """The files of one series, in no order: three kinds of scanner, some numbered downwards, some with one lost."""
    study, series_uid, frame, first, *instances = (uid(int.from_bytes(rng.bytes(16)) >> 1) for _ in range(4 + len(hu)))
    scanner, order = plan.build.scanner, plan.build.order
    signed = scanner < 0.75
    intercept = 0 if 0.5 <= scanner < 0.75 else -1024
    padding = (-2048 if intercept == 0 else -2000) if signed else None
    origin_mm = -spacing_mm * (SIZE - 1) / 2
    step_mm = float(z_mm[1] - z_mm[0])
    series = Series(
        plan.patient_id, (study, series_uid, frame, first), spacing_mm, step_mm, origin_mm, intercept, padding, signed
    )
    stored = np.rint(hu - intercept).clip(-1024 if signed else 0, 3071 + 1024).astype(np.int16)
    if padding is not None:
        radius = np.hypot(*np.meshgrid(*[np.arange(SIZE) - (SIZE - 1) / 2] * 2))
        stored[:, radius > SIZE / 2] = padding
    lost = int(rng.integers(5, len(hu) - 5))
    writer = SeriesWriter(series, SIZE)
    kept = [i for i in range(len(hu)) if not (order > 0.96 and i == lost)]
    return [
        writer.slice(
            stored[i],
            instance_uid=instances[i],
            number=len(hu) - i if order < 0.2 else i + 1,
            z_mm=float(z_mm[i]),
        )
        for i in kept
    ]
