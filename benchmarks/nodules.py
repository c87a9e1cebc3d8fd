"""Does resnet-3d see a small nodule? Drawn nodules in crops of real lungs, patients apart, the AUC by diameter.

    python benchmarks/nodules.py FOLDER_OF_PATIENTS --work FOLDER [--crops 100] [--epochs 8] [--seed 1]
        [--within crop chest lungs lungs-fine] [--diameters MM MM] [--folds 4]

The folder holds one folder of DICOM files a patient (such as `stage1` of data-science-bowl-2017). From each patient,
read at 1.25 mm in the lung window, come as many crops of 40 mm (32 x 32 x 32 voxels) around places in the lungs. Into
each of them something is drawn, by the same means for both classes, so that no trace of the drawing tells them apart:

- half get a nodule of 6 to 14 mm: a ball with soft edges and an uneven surface, of -100 to 80 HU; one in three has
  spicules;
- the others get what is benign: a piece of vessel as thick and as dense as a nodule that runs through the crop, a
  calcified dot of 3 to 5 mm, or a ball of lung-like tissue (hardly denser than the lung around it).

`--within` says what the network is given of each: the crop; the whole chest, 64 x 64 x 64 voxels of 6.25 mm; the box of
the lungs, 80 x 60 x 80 voxels of 3.75 mm; or the same finer, 120 x 88 x 120 of 2.5 mm. But for the crop it learns only
whether there is a nodule, not where.

A fold is one patient: the network has never seen the lungs that it is tried on. The folds run by the stages themselves,
with resnet-3d as it is but for the epochs. Printed is the AUC of the nodules of each range of diameters
against all that is benign, out of fold, with a 95 % interval (bootstrap), and the same against each kind of mimic.
A fold that FOLDER holds is not trained again: keep to one set of numbers in it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from interval import stage
from numpy.typing import NDArray

from catscan.flow import config, stage_strings
from catscan.kinds.samples import Sample
from catscan.kinds.scans.reader import ScanReader
from catscan.kinds.scans.settings import ScanSettings
from catscan.raw.files import RawFiles
from catscan.scores.metrics import Problem, bootstrap_interval, score

ROOT = Path(__file__).resolve().parent.parent
SPACING_MM, SIDE = 1.25, 32
WIDEST_MM = 400.0
LOW, HIGH = -1350.0, 150.0  # HU, the lung window
LUNG_HU = -650.0  # the mean around a place in the lungs is below
AROUND = 9  # voxels a side
RANGES_MM = ((6.0, 8.0), (8.0, 10.0))  # beside those of the goals
GOALS = {(6.0, 10.0): 0.85, (10.0, 14.0): 0.95}
# What the network is given: depth, height and width in voxels, and how many of those of SPACING_MM make one in a row.
WITHIN = {
    "crop": ((SIDE,) * 3, 1),
    "chest": ((64,) * 3, 5),
    "lungs": ((80, 60, 80), 3),
    "lungs-fine": ((120, 88, 120), 2),
}
MIMICS = ("vessel", "calcified", "lung")
TISSUE_HU = (-100.0, 80.0)

Volume = NDArray[np.float32]
Generator = np.random.Generator
Diameters = tuple[float, float]


@dataclass(frozen=True)
class Wanted:
    """What to draw: how many of each patient, what the network is given of each, and the range of diameters."""

    count: int
    within: Sequence[str]
    diameters_mm: Diameters
    seed: int


def lungs_of(folder: Path) -> tuple[Volume, NDArray[np.int64]]:
    """A patient in HU (z, y, x), and the places (n, 3) in the lungs around which a crop lies wholly inside."""
    raw, sample = RawFiles(folder.parent), Sample(folder.name, "", folder.name)
    whole = ScanSettings(mode="iso", size=(round(WIDEST_MM / SPACING_MM),) * 3, spacing_mm=SPACING_MM)
    masked = ScanReader(raw, replace(whole, mask=True)).read(sample).array[..., 0]
    hu = ScanReader(raw, whole).read(sample).array[..., 0].astype(np.float32) / 255 * (HIGH - LOW) + LOW
    around = np.stack([cv2.blur(plane, (AROUND, AROUND)) for plane in hu])
    around = cv2.blur(around.reshape(len(hu), -1), (1, AROUND)).reshape(hu.shape)
    inside = (masked > masked.min()) & (around < LUNG_HU)  # what is not lung was made air
    half = SIDE // 2
    inside[:half] = inside[-half:] = False
    inside[:, :half] = inside[:, -half:] = False
    inside[:, :, :half] = inside[:, :, -half:] = False
    return hu, np.argwhere(inside)


def offsets(rng: Generator) -> Volume:
    """(side, side, side, 3) mm from a centre that lies up to 4 mm off the crop's own, along axes turned at random."""
    axes, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    steps = (np.arange(SIDE) - (SIDE - 1) / 2) * SPACING_MM
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1) - rng.uniform(-4, 4, 3)
    return (grid @ axes).astype(np.float32)


def share_within(distance: Volume, radius: float | Volume, soft_mm: float) -> Volume:
    """1 inside, 0 outside, with an edge like that of a Gaussian kernel."""
    return 1 / (1 + np.exp(np.clip((distance - radius) / (0.4 * soft_mm), -30, 30)))


def uneven(direction: Volume, lobes: float, rng: Generator) -> Volume:
    """A factor for the radius by the direction."""
    waves = rng.standard_normal((6, 3)).astype(np.float32)
    return 1 + lobes * np.sin(2.5 * direction @ waves.T + rng.uniform(0, 6.28, 6)).mean(axis=-1)


def nodule(diameter_mm: float, rng: Generator) -> tuple[Volume, float]:
    """Share of each voxel that becomes tissue, and its HU."""
    offset = offsets(rng)
    distance = np.linalg.norm(offset, axis=-1)
    direction = offset / np.maximum(distance, 0.5)[..., None]
    radius = diameter_mm / 2 * uneven(direction, 0.4, rng)
    share = share_within(distance, radius, rng.uniform(0.8, 2))
    if rng.random() < 1 / 3:
        rays = rng.standard_normal((8, 3)).astype(np.float32)
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        for ray, length in zip(rays, rng.uniform(1.3, 2, 8), strict=True):
            along = offset @ ray
            aside = np.sqrt(np.maximum(distance**2 - along**2, 0))
            spicule = share_within(aside, 0.7, 0.8) * share_within(along, length * diameter_mm / 2, 1.5) * (along > 0)
            share = np.maximum(share, 0.8 * spicule)
    return share, rng.uniform(*TISSUE_HU)


def mimic(kind: str, diameters_mm: Diameters, rng: Generator) -> tuple[Volume, float]:
    """The same of something benign."""
    offset = offsets(rng)
    if kind == "vessel":
        thickness = rng.uniform(*diameters_mm) * 0.6
        bend = rng.uniform(-0.015, 0.015, 2)
        aside = np.hypot(offset[..., 0] - bend[0] * offset[..., 2] ** 2, offset[..., 1] - bend[1] * offset[..., 2] ** 2)
        taper = 1 + rng.uniform(-0.01, 0.01) * offset[..., 2]
        return share_within(aside, thickness / 2 * taper, rng.uniform(0.8, 2)), rng.uniform(*TISSUE_HU)
    distance = np.linalg.norm(offset, axis=-1)
    if kind == "calcified":
        return share_within(distance, rng.uniform(1.5, 2.5), 0.8), rng.uniform(300, 700)
    direction = offset / np.maximum(distance, 0.5)[..., None]
    radius = rng.uniform(*diameters_mm) / 2 * uneven(direction, 0.4, rng)
    return share_within(distance, radius, rng.uniform(0.8, 2)), rng.uniform(-850, -700)


def box(middle: NDArray[np.integer[Any]], sides: Sequence[int], within: Sequence[int]) -> tuple[slice, ...]:
    """The voxels of a box around ``middle``, moved to lie inside an array of shape ``within``."""
    starts = [min(max(at - side // 2, 0), whole - side) for at, side, whole in zip(middle, sides, within, strict=True)]
    return tuple(slice(start, start + side) for start, side in zip(starts, sides, strict=True))


def seen(hu: NDArray[np.float64], middle: NDArray[np.integer[Any]], within: str) -> NDArray[np.uint8]:
    """What the network is given: grey levels of the box around ``middle``, voxels averaged."""
    (depth, height, width), merged = WITHIN[within]
    part = hu[box(middle, [side * merged for side in (depth, height, width)], hu.shape)]
    mean = part.reshape(depth, merged, height, merged, width, merged).mean(axis=(1, 3, 5))
    return np.rint(np.clip((mean - LOW) / (HIGH - LOW), 0, 1) * 255).astype(np.uint8)


def samples_of(folder: Path, wanted: Wanted, rng: Generator) -> tuple[dict[str, NDArray[np.uint8]], pd.DataFrame]:
    """(count, depth, height, width) grey levels by what is given, and what was drawn: label, what, diameter_mm.

    Half are nodules.
    """
    hu, places = lungs_of(folder)
    changed = hu.astype(np.float64)
    arrays = {name: np.empty((wanted.count, *WITHIN[name][0]), np.uint8) for name in wanted.within}
    middles = {"chest": np.array(hu.shape) // 2, "lungs": (places.min(axis=0) + places.max(axis=0)) // 2}
    middles["lungs-fine"] = middles["lungs"]
    rows = list[dict[str, Any]]()
    for number, place in enumerate(places[rng.choice(len(places), wanted.count, replace=False)]):
        where = box(place, [SIDE] * 3, hu.shape)
        crop = hu[where]
        label, what = number % 2, "nodule" if number % 2 else MIMICS[number // 2 % len(MIMICS)]
        diameter = float(rng.uniform(*wanted.diameters_mm)) if label else np.nan
        share, value = nodule(diameter, rng) if label else mimic(what, wanted.diameters_mm, rng)
        value += 20 * rng.standard_normal(crop.shape)  # the scanner's noise
        changed[where] = crop * (1 - share) + value * share
        for name in wanted.within:
            arrays[name][number] = seen(changed, middles.get(name, place), name)
        changed[where] = crop
        rows.append({"label": label, "what": what, "diameter_mm": diameter})
    return arrays, pd.DataFrame(rows)


def drawn(patients: Path, work: Path, wanted: Wanted) -> pd.DataFrame:
    """Write `crop/raw/nodules.npz` and its like: per patient samples and labels; a row a sample, by its id."""
    arrays, tables = {name: dict[str, Any]() for name in wanted.within}, []
    for number, folder in enumerate(sorted(path for path in patients.iterdir() if path.is_dir())):
        found, table = samples_of(folder, wanted, np.random.default_rng([wanted.seed, number]))
        for name, some in found.items():
            arrays[name] |= {f"{folder.name}_images": some, f"{folder.name}_labels": table["label"].to_numpy(np.uint8)}
            arrays[name].setdefault("test", some[:1])  # a competition has a test sample
        ids = [f"{folder.name}.{row}" for row in range(wanted.count)]
        tables.append(table.assign(patient=folder.name, sample_id=ids))
    for name, some in arrays.items():
        (work / name / "raw").mkdir(parents=True, exist_ok=True)
        np.savez_compressed(work / name / "raw" / "nodules.npz", **some)
    return pd.concat(tables).set_index("sample_id")


def competition_of(raw: Path, within: str, patients: int, epochs: int, seed: int) -> dict[str, Any]:
    """The samples as a competition: a fold a patient."""
    competition = {
        "source": {"kind": "directory", "path": str(raw)},
        "data": {
            "kind": "arrays",
            "train": "nodules.npz/{patient}_images",
            "test": "nodules.npz/test",
            "classes": ["benign", "nodule"],
            "group_column": "patient",
            "test_ids": "files",
        },
        "submission": {"sample": ""},
        "index": {"folds": patients, "shards": 1, "near_duplicates": False},
        "preprocess": {"array": {"size": list(WITHIN[within][0])}},
        "models": {"resnet": {"epochs": epochs, "seeds": [seed]}},
        "train": {"threads": 1},
    }
    whole = {"run": ["nodules"], "competitions": {"nodules": competition}}
    return config.load(whole, ROOT / "workflow" / "schemas" / "config.schema.yaml")["competitions"]["nodules"]


def out_of_fold(competition: dict[str, Any], work: Path, folds: int) -> pd.Series:
    """The probability of a nodule of each sample of these folds, by the network that never saw its patient."""
    log, told = work / "log", ["--index", work / "index.csv", "--summary", work / "index.json"]
    given = ["--settings", stage_strings.index(competition), "--layout", stage_strings.layout(competition)]
    stage(log, "index", *given, "--raw", work / "raw", *told)
    given = ["--raw", work / "raw", "--index", work / "index.csv", "--shard", 1, "--split", "train"]
    array = work / "train.npy"
    stage(log, "preprocess", "--settings", stage_strings.preprocess(competition), *given, "--array", array)
    parts = []
    for fold in range(folds):
        given = ["--settings", stage_strings.train(competition, "resnet"), "--arrays", array, *told]
        out = work / f"fold-{fold}"
        if not (out / "model.json").is_file():
            stage(log, "train", *given, "--fold", fold, "--out", out)
        parts.append(pd.read_csv(out / "out-of-fold.csv", index_col="sample_id")["nodule"])
        print(f"fold {fold} is done", flush=True)
    return pd.concat(parts)


def print_table(found: pd.DataFrame) -> None:
    """A row a range of diameters and a kind of mimic, and whether the goals are met."""
    print("\n| nodules | against | AUC | 95 % | samples |\n| --- | --- | --- | --- | --- |")
    nodules, benign = found[found["label"] == 1], found[found["label"] == 0]
    within = {ends: nodules[nodules["diameter_mm"].between(*ends)] for ends in (*RANGES_MM, *GOALS)}
    drawn = {ends: some for ends, some in within.items() if len(some)}
    values = {ends: print_row("{:g} to {:g} mm".format(*ends), some, "all", benign) for ends, some in drawn.items()}
    print_row("all", nodules, "all", benign)
    for kind in MIMICS:
        print_row("all", nodules, kind, benign[benign["what"] == kind])
    for ends, value in values.items():
        if goal := GOALS.get(ends):
            print("{:g} to {:g} mm: goal {}: ".format(*ends, goal) + ("met" if value >= goal else "MISSED"))


def print_row(which: str, nodules: pd.DataFrame, against: str, benign: pd.DataFrame) -> float:
    """Print a row of the table; the AUC."""
    both = pd.concat([nodules, benign])
    told = np.stack([1 - both["told"], both["told"]], axis=1)
    truth = np.eye(2)[both["label"].to_numpy(int)]
    problem = Problem("binary", positive=1)
    value = score("auc", told, truth, problem)
    low, high = bootstrap_interval("auc", told, truth, problem)
    print(f"| {which} | {against} | {value:.3f} | {low:.3f} to {high:.3f} | {len(nodules)} + {len(benign)} |")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patients", type=Path, help="a folder with one folder a patient")
    parser.add_argument("--work", type=Path, required=True, help="the folder for all that is made")
    parser.add_argument("--within", nargs="+", choices=list(WITHIN), default=["crop"], help="what the network is given")
    parser.add_argument("--diameters", nargs=2, type=float, default=(6.0, 14.0), metavar="MM", help="of the nodules")
    parser.add_argument("--crops", type=int, default=100, help="of each patient; of a chest as many drawings")
    parser.add_argument("--folds", type=int, help="how many patients to try it on; all, where it is not said")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    table = drawn(args.patients, args.work, Wanted(args.crops, args.within, tuple(args.diameters), args.seed))
    patients = table["patient"].nunique()
    for within in args.within:
        print(f"\n{within}", flush=True)
        competition = competition_of(args.work / within / "raw", within, patients, args.epochs, args.seed)
        told = out_of_fold(competition, args.work / within, args.folds or patients)
        found = table.assign(told=told).dropna(subset="told")
        found.to_csv(args.work / within / "samples.csv")
        print_table(found)


if __name__ == "__main__":
    main()
