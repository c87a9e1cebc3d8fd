"""What the notebook does at Kaggle: it finds what is attached, and lets the stages predict the samples that are there.

The text of this module is a cell of the notebook; it runs there by Kaggle's own Python, before any package of catscan
is found.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INPUT = Path("/kaggle/input")  # the competition's files and the attached data sets; it is only read
WORKING = Path("/kaggle/working")  # Kaggle takes submission.csv from here
SCRATCH = Path("/kaggle/temp")


def main(run: dict[str, Any]) -> None:
    """Predict the test samples that are attached now, and write the submission."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if here != run["python"]:
        raise RuntimeError(
            f"The packages are those of Python {run['python']}, and this is Python {here}. Make the notebook again by "
            f"`CATSCAN_PYTHON=python{here} ./run snakemake --cores 8 notebook --configfile ...`."
        )
    SCRATCH.mkdir(parents=True, exist_ok=True)
    raw = competition_folder(run["competition"])
    packages, models = (attached(name, beside=raw) for name in ("catscan-packages", "catscan-models"))
    environment = {**os.environ, "PYTHONPATH": str(packages), "PYTHONPYCACHEPREFIX": str(SCRATCH / "compiled")}
    for command in commands(run, raw, models):
        print("catscan", *command[:1], flush=True)
        # -S: nothing of what Kaggle has installed; -P: nor what lies in the folder that relative paths start from.
        subprocess.run([sys.executable, "-S", "-P", "-m", "catscan", *command], cwd=models, env=environment, check=True)


def competition_folder(name: str) -> Path:
    """The competition's own files."""
    for place in (INPUT / name, INPUT / "competitions" / name):
        if place.is_dir():
            return place
    raise RuntimeError(f"Attach the competition {name}: Add Input, Competitions. There is no {INPUT / name}.")


def attached(name: str, *, beside: Path) -> Path:
    """The folder ``name`` of an attached data set; a zip that Kaggle has left as it is is unpacked."""
    for place in sorted(INPUT.iterdir()):
        if place in (beside, beside.parent):  # it may hold millions of files
            continue
        for found in place.rglob(name):
            if found.is_dir():
                return found
        for found in place.rglob(f"{name}.zip"):
            with zipfile.ZipFile(found) as archive:
                archive.extractall(SCRATCH)
            return SCRATCH / name
    raise RuntimeError(f"Attach the data set that holds {name}.zip: Add Input, Datasets.")


def commands(run: dict[str, Any], raw: Path, models: Path) -> Iterator[list[str]]:
    """The stages from the files to the submission, each as the words of its command line.

    Parameters
    ----------
    run
        What the notebook knows of the run that trained the networks: the settings of the stages `index` and
        `submission`; the `shards`, each with its stage, settings and weights; the `networks`, each with its shards.
    raw
        The competition's files.
    models
        What the run has made: networks, evaluation, index.
    """
    index, threads = SCRATCH / "index.csv", str(os.cpu_count() or 1)
    files = ["--raw", str(raw), "--index", str(index)]
    yield [
        *("index", "--settings", json.dumps(run["index"]), "--layout", json.dumps(run["layout"]), *files),
        *("--summary", str(SCRATCH / "index.json"), "--known", str(models / "index.csv")),
    ]
    # What cannot be read gets the prior: nobody sees the hidden test samples.
    tolerant = ["--bad-samples", json.dumps({"on_bad": "skip", "tolerated_share": 1})]
    arrays = [str(SCRATCH / f"shard-{number}.npy") for number in range(len(run["shards"]))]
    for shard, array in zip(run["shards"], arrays, strict=True):
        compute = {"preprocess": ["--threads", threads], "features": ["--device", "cpu"]}[shard["stage"]]
        weights = ["--weights", *shard["weights"]] if shard["weights"] else []
        yield [
            *(shard["stage"], "--settings", json.dumps(shard["settings"]), *files, "--split", "test", "--shard", "1"),
            *(*tolerant, *weights, *compute, "--array", array),
        ]
    predictions = []
    for network in run["networks"]:
        place = f"{network['model']}/{network['fold']}"
        predictions.append(str(SCRATCH / "predictions" / f"{place}.csv"))
        looked_at = [arrays[number] for number in network["shards"]]
        out = ["--out", predictions[-1], "--device", "cpu"]
        yield ["predict", "--model", str(models / "models" / place), "--arrays", *looked_at, *out]
    evaluation = models / "evaluation"
    yield [
        *("submission", "--settings", json.dumps(run["submission"]), *files),
        *("--summary", str(SCRATCH / "index.json"), "--metrics", str(evaluation / "metrics.json")),
        *("--out-of-fold", str(evaluation / "out-of-fold.csv"), "--predictions", *predictions),
        *("--models", *(network["model"] for network in run["networks"])),
        *("--out", str(WORKING / "submission.csv"), "--check", str(SCRATCH / "submission.json")),
    ]
