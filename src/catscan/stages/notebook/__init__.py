"""Write a Kaggle notebook that predicts hidden test samples by the trained networks, without internet.

In: the networks of a run with the evaluation and the index beside them, and files of one's own that they need. Out, in
one folder: `catscan.ipynb`; `catscan-models.zip`, what the run has made; `catscan-packages.zip`, the Python packages of
this environment. At Kaggle the two zips are attached as a data set; the notebook runs the stages from index to
submission with the settings of the run, on the test samples that are there then.
Settings: the competition's name at Kaggle, its title, and the stage strings of the stages that the notebook runs.
"""

from __future__ import annotations

import argparse
import inspect
import json
import pprint
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catscan.common.contracts.model import Model
from catscan.common.errors import CatscanError
from catscan.common.files import write_text
from catscan.common.meter import size
from catscan.common.progress import say
from catscan.common.settings import parse
from catscan.kinds.registry import kind_named
from catscan.networks.evaluated import METRICS, Evaluated, read_evaluated
from catscan.networks.model import DESCRIPTION, WEIGHTS
from catscan.networks.pretrained.own import side_of
from catscan.networks.pretrained.registry import PRETRAINED
from catscan.stages.notebook import at_kaggle
from catscan.stages.notebook.packages import check_machine, write_packages, write_zip

FOLDER = "catscan-models"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the stage reads of the config."""

    competition: str
    """`source.competition`; the name of the competition's folder at Kaggle."""

    title: str
    """What the notebook is headed by."""

    index: str
    layout: str
    submission: str
    """The stage strings of the two stages, and what the index compares. How samples are read the networks tell."""


def register(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--settings", required=True, metavar="JSON", help="the stage's settings")
    parser.add_argument("--models", required=True, type=Path, help="the folder of all models of the competition")
    parser.add_argument("--out", required=True, type=Path, help="the folder to write the three files into")


def run(args: argparse.Namespace) -> None:
    """Write the notebook and the two zips."""
    settings = parse(Settings, args.settings)
    if not settings.competition:
        raise CatscanError(
            "The config does not say what the competition is called at Kaggle.",
            where="config key source.competition",
            do="Set it to the name in the competition's address; the notebook finds its files by it.",
        )
    check_machine()
    evaluated = read_evaluated(args.models)
    own = dict(_own_files(evaluated))
    write_packages(args.out / "catscan-packages.zip", _weights(evaluated))
    write_zip(args.out / f"{FOLDER}.zip", {f"{FOLDER}/{name}": file for name, file in _made(evaluated, own)})
    write_text(args.out / "catscan.ipynb", notebook(settings, described(settings, evaluated)))
    sizes = [f"{path.name} {size(path.stat().st_size)}" for path in sorted(args.out.glob("catscan-*.zip"))]
    say(f"{args.out}: catscan.ipynb, {', '.join(sizes)}; docs/notebook.md says where they go")


def described(settings: Settings, evaluated: Evaluated) -> dict[str, Any]:
    """What the notebook knows of the run (`at_kaggle.commands`)."""
    shards = list[dict[str, Any]]()
    for model in evaluated.described.values():
        shards += [one for one in shards_of(model) if one not in shards]
    return {
        "competition": settings.competition,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "index": _plain(settings.index) | {"shards": 1},
        "layout": _plain(settings.layout),
        "shards": shards,
        "networks": [
            {
                "model": folder.parent.name,
                "fold": folder.name,
                "shards": [shards.index(one) for one in shards_of(model)],
            }
            for folder, model in evaluated.described.items()
        ],
        "submission": _plain(settings.submission),
    }


def shards_of(model: Model) -> list[dict[str, Any]]:
    """What a network learnt from: by which stage a shard of it is made, with which settings and weights of one's own.

    Features are made at the precision of those that it learnt from, whatever the processor is.
    """
    if not model.features:
        return [{"stage": "preprocess", "settings": {"kind": model.kind, "reader": model.reader}, "weights": []}]
    return [
        {
            "stage": "features",
            "settings": {
                "network": source.network,
                **(
                    {"architecture": source.architecture} if source.architecture else {"weights": source.weights_sha256}
                ),
                "kind": model.kind,
                "reader": kind_named(model.kind).block_seen_at(model.reader, side_of(source)),
                "precision": source.precision,
                "threads": model.threads,
            },
            "weights": [source.file] if source.file else [],
        }
        for source in model.features
    ]


def _plain(stage: str) -> dict[str, Any]:
    """The settings of a stage string, without what is there to make the stage run again."""
    return {key: value for key, value in json.loads(stage).items() if key not in ("code", "versions")}


def _weights(evaluated: Evaluated) -> list[str]:
    """The packages that bring the weights of pretrained networks."""
    sources = [source for model in evaluated.described.values() for source in model.features]
    return sorted({PRETRAINED[source.network].package for source in sources if not source.architecture})


def _made(evaluated: Evaluated, own: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """By its name in the zip each file that the notebook needs of the run."""
    folders = list(evaluated.described)
    models = folders[0].parents[1]
    for folder in folders:
        for name in (WEIGHTS, DESCRIPTION):
            yield f"models/{folder.parent.name}/{folder.name}/{name}", folder / name
    for name in ("index.csv", "index.json", METRICS.as_posix(), METRICS.with_name("out-of-fold.csv").as_posix()):
        yield name, models.parent / name
    yield from own.items()


def _own_files(evaluated: Evaluated) -> Iterator[tuple[str, Path]]:
    """The user's own networks and weights, by their paths as the config names them, from which they are found again.

    Raises
    ------
    CatscanError
        When such a path does not stay within the working directory.
    """
    for model in evaluated.described.values():
        for name in _paths(model):
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise CatscanError(
                    "A file that a model needs lies outside of the working directory.",
                    where=name,
                    found="the notebook has it at the same path, below its own folder",
                    do="Put it below the working directory, name it by its path from there, and train again.",
                )
            yield name, Path(name)


def _paths(model: Model) -> list[str]:
    network = [model.network] if isinstance(model.network, str) and model.network.endswith(".py") else []
    return [*network, *(source.file for source in model.features if source.file)]


def notebook(settings: Settings, known: Mapping[str, Any]) -> str:
    """The notebook as JSON."""
    title = settings.title or settings.competition
    cells = [
        (
            "markdown",
            f"# {title}\n\nPredicts the test samples by networks that catscan has trained, without internet. Attached "
            "are the competition, and a data set with `catscan-models.zip` and `catscan-packages.zip`.",
        ),
        ("code", f"run = {pprint.pformat(dict(known), width=110, sort_dicts=False)}"),
        ("code", inspect.getsource(at_kaggle).rstrip()),
        ("code", "main(run)"),
    ]
    return json.dumps(
        {
            "cells": [_cell(number, kind, text) for number, (kind, text) in enumerate(cells)],
            "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        },
        indent=1,
    )


def _cell(number: int, kind: str, text: str) -> dict[str, Any]:
    cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": text.splitlines(keepends=True)}
    return cell if kind == "markdown" else cell | {"execution_count": None, "outputs": []}
