"""What do the shapes of a set of filled volumes tell? Statistics of each, and a logistic regression on them.

    ./run snakemake --cores 2 index --configfile config/medmnist/adrenalmnist3d.yaml
    python benchmarks/shapes.py results/adrenalmnist3d --out FOLDER

Of each sample of a competition of two classes, whose voxels are empty or filled, come 259 numbers: its volume, the box
and the axes that it fills, how far its voxels lie from its surface, how much of it a line or a slice meets, and how
much is filled, and how steeply that changes, around its voxels at nine scales (Gaussian means, 1 to 8 voxels). The
regression is held to the folds of the run: standardised by the samples that it learns from, with the L2 penalty that
does best among these by themselves, each of their folds left out in turn (so there are three folds or more). Printed
are its scores out of fold.

FOLDER then holds `out-of-fold.csv` and `test.csv`, for the blend of that run:

    blend: [{name: shapes, out_of_fold: FOLDER/out-of-fold.csv, test: FOLDER/test.csv}]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import minimize
from scipy.special import expit

from catscan.common.contracts.summary import Summary
from catscan.kinds.arrays.places import split
from catscan.scores.metrics import Problem, bootstrap_interval, score

SHARES = (0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 100)  # percentiles of a distribution
SIGMAS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)  # voxels
STEEPNESS = (1.0, 1.5, 2.0, 3.0, 4.0)
WIDTH = 2.5  # in sigmas, of a Gaussian window to either side
PENALTIES = (5.0, 10.0, 20.0, 50.0, 100.0)
FARTHEST = 4.0  # standard deviations; what lies beyond counts as much
METRICS = ("auc", "accuracy", "log_loss")
AXES = (0, 1, 2)
FILLED = 127  # grey levels; a voxel above is filled

Values = NDArray[np.float64]
Filled = NDArray[np.bool_]


def statistics(volume: NDArray[np.uint8]) -> Values:
    """The numbers of one shape, of which some voxel is filled; lengths in voxels."""
    filled = volume > FILLED
    places = np.argwhere(filled)
    low, high = places.min(axis=0), places.max(axis=0) + 1
    filled = np.pad(filled[tuple(map(slice, low, high))], int(np.ceil(WIDTH * max(SIGMAS))))
    numbers = [*_of_size(places, high - low), *_of_surface(filled), *_of_profiles(filled), *_of_surroundings(filled)]
    return np.concatenate([np.atleast_1d(np.asarray(each, np.float64)) for each in numbers])


def _of_size(places: NDArray[np.int64], extent: NDArray[np.int64]) -> Iterator[Any]:
    """Volume, box, and the axes of the ellipsoid with the same moments."""
    volume = len(places)
    yield [volume, np.log(volume), volume ** (1 / 3), volume ** (2 / 3)]
    yield extent
    around = places - places.mean(axis=0)
    long, middle, short = np.sqrt(np.maximum(np.linalg.eigvalsh(around.T @ around / volume), 1e-9))[::-1]
    yield [long, middle, short, middle / long, short / long, long * middle * short / volume]


def _of_surface(filled: Filled) -> Iterator[Any]:
    """Faces between filled and empty voxels, by their direction, and how far the filled ones lie from the surface."""
    yield [np.abs(np.diff(filled.astype(np.int8), axis=axis)).sum() for axis in AXES]
    depth = ndimage.distance_transform_edt(filled)[filled]
    yield np.percentile(depth, SHARES)
    yield [depth.mean(), depth.std(), (depth**3).mean()]


def _of_profiles(filled: Filled) -> Iterator[Any]:
    """How many filled voxels the lines along each axis meet, and the slices across it."""
    for axis in AXES:
        lines = filled.sum(axis=axis)
        lines = lines[lines > 0]
        yield [*np.percentile(lines, [50, 75, 90, 95, 100]), len(lines), lines.mean(), lines.std()]
        slices = filled.sum(axis=tuple(other for other in AXES if other != axis))
        slices = slices[slices > 0]
        yield [*np.percentile(slices, [25, 50, 75, 90, 100]), len(slices), slices.std()]


def _of_surroundings(filled: Filled) -> Iterator[Any]:
    """How much is filled around each filled voxel, and how steeply that changes, scale by scale."""
    volume = filled.sum()
    for sigma in SIGMAS:
        share = ndimage.gaussian_filter(filled.astype(np.float32), sigma, mode="constant", truncate=WIDTH)
        inside = share[filled]
        yield np.percentile(inside, SHARES)
        yield [inside.mean(), inside.std(), ((inside - inside.mean()) ** 3).mean()]
        yield [(share > 0.5).sum() / volume, (share > 0.25).sum() / volume]
        if sigma in STEEPNESS:
            slope = np.sqrt(sum(part**2 for part in np.gradient(share)))
            steep = slope[filled]
            yield [*np.percentile(steep, SHARES[1::2]), steep.mean(), steep.std(), slope.sum() / volume]


def volumes_of(raw: Path, paths: pd.Series) -> Iterator[NDArray[np.uint8]]:
    """The samples of an index, as they lie in the raw files."""
    arrays: dict[str, NDArray[np.uint8]] = {}
    for path in paths:
        place, _, row = path.partition("#")
        if place not in arrays:
            file, name = split(place)
            arrays[place] = np.load(raw / file)[name]
        yield arrays[place][int(row)]


class Regression:
    """Logistic regression with an L2 penalty, on numbers standardised by those that it learnt from."""

    def __init__(self, numbers: Values, labels: Values, penalty: float) -> None:
        self._mean, self._deviation = numbers.mean(axis=0), np.maximum(numbers.std(axis=0), 1e-9)
        known = self._standardised(numbers)
        signs = 2 * labels - 1

        def loss(weights: Values) -> tuple[float, Values]:
            margins = signs * (known @ weights[1:] + weights[0])
            slopes = -signs * expit(-margins)
            gradient = np.concatenate([[slopes.sum()], known.T @ slopes + penalty * weights[1:]])
            return np.logaddexp(0, -margins).sum() + penalty / 2 * weights[1:] @ weights[1:], gradient

        self._weights = minimize(loss, np.zeros(known.shape[1] + 1), jac=True, method="L-BFGS-B").x

    def logits(self, numbers: Values) -> Values:
        """Of the second class."""
        return self._standardised(numbers) @ self._weights[1:] + self._weights[0]

    def _standardised(self, numbers: Values) -> Values:
        return np.clip((numbers - self._mean) / self._deviation, -FARTHEST, FARTHEST)


def best_penalty(numbers: Values, labels: Values, folds: NDArray[np.int64]) -> float:
    """That of the lowest log loss of these samples, each of their folds told by the others."""

    def loss(penalty: float) -> float:
        total = 0.0
        for fold in np.unique(folds):
            held = folds == fold
            logits = Regression(numbers[~held], labels[~held], penalty).logits(numbers[held])
            total += np.logaddexp(0, np.where(labels[held] == 1, -logits, logits)).sum()
        return total

    return min(PENALTIES, key=loss)


def told(numbers: Values, labels: Values, folds: NDArray[np.int64], tested: Values) -> tuple[Values, Values]:
    """The probability of the second class: out of fold, and of the test samples as the mean logit of all folds."""
    logits, of_test = np.empty(len(labels)), []
    for fold in np.unique(folds):
        held = folds == fold
        penalty = best_penalty(numbers[~held], labels[~held], folds[~held])
        regression = Regression(numbers[~held], labels[~held], penalty)
        logits[held] = regression.logits(numbers[held])
        of_test.append(regression.logits(tested))
        print(f"fold {fold}: penalty {penalty:g}", flush=True)
    return expit(logits), expit(np.mean(of_test, axis=0))


def print_scores(probabilities: Values, labels: Values) -> None:
    """A row a metric."""
    answers, problem = np.stack([1 - probabilities, probabilities], axis=1), Problem("binary", positive=1)
    truth = np.eye(2)[labels.astype(int)]
    print("\n| out of fold | | 95 % |\n| --- | --- | --- |")
    for metric in METRICS:
        low, high = bootstrap_interval(metric, answers, truth, problem)
        print(f"| {metric} | {score(metric, answers, truth, problem):.3f} | {low:.3f} to {high:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="of the competition: results/NAME")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the two CSVs")
    args = parser.parse_args()
    index = pd.read_csv(args.results / "index.csv", dtype=str, keep_default_na=False)
    classes = Summary.read(args.results / "index.json").classes
    with Pool() as pool:
        numbers = np.array(pool.map(statistics, volumes_of(args.results / "raw", index["path"]), chunksize=16))
    trained = (index["split"] == "train").to_numpy()
    labels = (index["label"] == classes[1]).to_numpy(np.float64)[trained]
    folds = index["fold"][trained].to_numpy(np.int64)
    held_out, tested = told(numbers[trained], labels, folds, numbers[~trained])
    print_scores(held_out, labels)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, rows, probabilities in (("out-of-fold", trained, held_out), ("test", ~trained, tested)):
        table = pd.DataFrame({"sample_id": index["sample_id"][rows], classes[0]: 1 - probabilities})
        table.assign(**{classes[1]: probabilities}).to_csv(args.out / f"{name}.csv", index=False)


if __name__ == "__main__":
    main()
