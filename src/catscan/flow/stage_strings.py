"""What each stage reads of the config, as the one canonical JSON string that is its rule's only `params` entry.

It holds the settings that the stage reads, the digest of its code, and the versions of the packages that shape its
result: a stage runs again when its string is another. What cannot change a result (threads, the device, where files
lie) is not part of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from catscan.common import fingerprint
from catscan.common.settings import canonical
from catscan.common.tables import read_header
from catscan.flow.checks import kind_of, layout_of, network_of
from catscan.flow.config import model_named, models, readings
from catscan.flow.sweeps import POINT
from catscan.networks.pretrained.registry import PRETRAINED
from catscan.networks.registry import Network
from catscan.raw.source import located, seven_zips, solution_of
from catscan.stages.report.page import WHOLE

Config = dict[str, Any]

# The source kind -> the keys of `source` that it reads.
SOURCE_KEYS = {
    "sample": ("kind", "sample", "train", "test", "seed"),
    "directory": ("kind", "path", "solution", "password_files"),
    "kaggle": ("kind", "competition", "files", "password_files"),
}
# What the download stage imports only for one kind of source: its code does not count where another kind is read.
SOURCES = {
    "sample": ("stages.download.sample",),
    "directory": ("stages.download.directory",),
    "kaggle": ("stages.download.kaggle", "stages.download.fetch", "kaggle"),
}
# What the train stage imports only for a network that begins with pretrained weights.
BEGUN_WITH = ("networks.pretrained.fine_tuned", "networks.pretrained.weights")
# The stages that a notebook runs at Kaggle.
AT_KAGGLE = ("stages.index", "stages.preprocess", "stages.features", "stages.predict", "stages.submission")
TABLES = ("kinds.registry", "networks.pretrained.registry")


def stage_string(stage: str, values: Config, *, without: Iterable[str] = (), also: Iterable[str] = ()) -> str:
    """The canonical string of a stage: its settings, its code's digest, the versions that shape its result.

    The tables of the kinds of data and of the pretrained networks count for none, so that a new row reruns nothing;
    ``also`` names the modules of the kind at hand.
    """
    code, versions = _code(stage, tuple(without), tuple(also))
    return canonical({**values, "code": code, "versions": versions})


@cache  # the workflow asks for each of ten thousand jobs
def _code(stage: str, without: tuple[str, ...], also: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    closure = f"stages.{stage}", (*TABLES, *without), also
    return fingerprint.code_of(*closure), fingerprint.versions_of(*closure)


def download(competition: Config) -> str:
    """What the download stage reads: the keys of its kind of source, and of a folder the archives that it unpacks.

    What else lies in a folder does not change what the stage does, and is looked at by `sources.py`.
    """
    source = competition["source"]
    values = {key: source[key] for key in SOURCE_KEYS[source["kind"]]}
    if source["kind"] == "directory":
        from catscan.raw.manifest import digest

        values["path"] = str(located(source["path"]).resolve())
        values["archives"] = {path.name: digest(path) for path in seven_zips(source["path"])}
    others = [module for kind, modules in SOURCES.items() if kind != source["kind"] for module in modules]
    return stage_string("download", values, without=others)


def index(competition: Config) -> str:
    """What the index stage reads: the data block, the index block, and which ids the submission asks for."""
    submission = competition["submission"]
    values = {**competition["data"], **competition["index"]}
    values |= {"sample": submission["sample"], "id_column": submission["id_column"]}
    return stage_string("index", values, also=kind_of(competition).code_of_finding)


def layout(competition: Config) -> str:
    """What the index compares with what it found; nothing it writes depends on it, so nothing reruns for it."""
    source, solution = competition["source"], list[str]()
    if source["kind"] == "directory" and source["solution"]:
        solution = read_header(solution_of(source["path"], source["solution"]))
    values = {**asdict(layout_of(competition)), "solution": solution}
    if competition["blend"]:
        files = {"train": "out_of_fold", "test": "test"}
        values["foreign"] = {split: [member[file] for member in competition["blend"]] for split, file in files.items()}
    return canonical(values)


def reader(competition: Config, reading: str = "") -> Config:
    """The kind of data and its reader's settings, those of the config or of one of a sweep's readings."""
    kind = kind_of(competition)
    return {"kind": kind.name, "reader": readings(competition)[reading][kind.block]}


def preprocess(competition: Config, reading: str = "") -> str:
    """What the preprocess stage reads: the reader's settings."""
    return stage_string("preprocess", reader(competition, reading), also=kind_of(competition).code_of_reading)


def bad_samples(competition: Config) -> str:
    """Which samples that cannot be read are tolerated; no shard depends on it (`tolerance.py`)."""
    return canonical({key: competition["preprocess"][key] for key in ("on_bad", "tolerated_share")})


def features(competition: Config, network: str, reading: str = "") -> str:
    """What the features stage reads: the network and its weights, the reader's settings at its size, how to compute."""
    kind, own = kind_of(competition), competition["weights"].get(network)
    block = readings(competition, of_features=True)[reading]
    values: Config = {"network": network, "kind": kind.name}
    # A file of one's own is an input of the job, and counts by its content.
    values |= {"architecture": own["network"]} if own else {"weights": PRETRAINED[network].sha256}
    values["reader"] = kind.block_seen_at(block[kind.block], own["side"] if own else PRETRAINED[network].side)
    also = kind.code_of_reading
    return stage_string("features", {**values, **_computing(competition)}, also=also)


def train(competition: Config, model: str) -> str:
    """What the train stage reads: the model's block, and the competition's task, metric, how to compute and predict."""
    settings = model_named(competition, model)
    found = network_of(competition, settings)
    values = _beyond_the_recipe(found, settings)
    common = {"task": competition["data"]["task"], **_metric(competition)}
    compute = _computing(competition) | competition["predict"]
    network = values["network"]
    if found.starts_from:
        values["weights"] = PRETRAINED[found.starts_from].sha256
    if isinstance(network, str) and network.endswith(".py"):
        values["network_digest"] = fingerprint.file_of(Path(network))
    return stage_string("train", {**values, **common, **compute}, without=() if found.starts_from else BEGUN_WITH)


def _beyond_the_recipe(found: Network, settings: Config) -> Config:
    """A model's settings without those that say what its network's recipe says anyway: they change nothing."""
    recipe = asdict(found.recipe)
    if found.penalty:
        del recipe["weight_decay"], recipe["epochs"]  # they depend on the samples
    told = {key: value for key, value in settings.items() if value is not None and key != POINT}
    augment = {key: value for key, value in (told.pop("augment", None) or {}).items() if value is not None}
    beyond = {key: value for key, value in augment.items() if value != recipe["augment"][key]}
    return {key: value for key, value in told.items() if key not in recipe or value != recipe[key]} | {
        "augment": beyond
    }


def predict() -> str:
    """What the predict stage reads: nothing of the config, since the model says how it predicts."""
    return stage_string("predict", {})


def evaluate(competition: Config) -> str:
    """What the evaluate stage reads: the metric and its weights, foreign members, the sweep, the table of the labels.

    A table that holds the samples' pixels too is not looked at for other columns.
    """
    values = {**_metric(competition), **_foreign(competition)}
    labels = competition["data"]["labels"]
    if labels["csv"] and competition["data"]["kind"] != "csv_pixels":
        values |= {"labels": labels["csv"], "id_column": labels["id_column"]}
    if competition["sweep"]["over"]:
        values |= {"best": competition["sweep"]["best"]}
        values |= {"points": {name: model[POINT] for name, model in models(competition).items()}}
    return stage_string("evaluate", values)


def submission(competition: Config) -> str:
    """What the submission stage reads: the submission block but its kind, the metric, foreign members, the solution."""
    block = {key: value for key, value in competition["submission"].items() if key != "kind"}
    return stage_string("submission", {**block, **_metric(competition), **_foreign(competition), **_truth(competition)})


def _truth(competition: Config) -> Config:
    """The digest of a folder's solution, which is read to score the submission."""
    source = competition["source"]
    if source["kind"] != "directory" or not source["solution"]:
        return {}
    return {"solution": fingerprint.file_of(solution_of(source["path"], source["solution"]))}


def _foreign(competition: Config) -> Config:
    names = [member["name"] for member in competition["blend"]]
    return {"blend": names} if names else {}


def _computing(competition: Config) -> Config:
    return {key: competition["train"][key] for key in ("precision", "threads")}


def _metric(competition: Config) -> Config:
    return {key: competition[key] for key in ("metric", "metric_weights", "metric_positive_weight")}


def explain() -> str:
    """What the explain stage reads: nothing of the config, since models and evaluation say all."""
    return stage_string("explain", {})


def report(config: Config) -> str:
    """What the report reads: the names and titles of the competitions that run, its template, styles and scripts.

    And which others have results, of what content: they are no inputs, since this run does not make them anew.
    """
    titles = [[name, config["competitions"][name]["title"] or name] for name in config["run"]]
    page = hashlib.sha256(WHOLE.encode()).hexdigest()
    return stage_string("report", {"titles": titles, "page": page, "others": list(_others(config))})


def _others(config: Config) -> Iterator[list[str]]:
    """Name, title and digest of each competition that does not run, and has results."""
    for folder in sorted(path.parent for path in Path("results").glob("*/index.json")):
        if folder.name not in config["run"]:
            files = [folder / name for name in ("index.json", "submission.json", "explanation.json")]
            files += sorted((folder / "evaluation").glob("*.json"))
            digest = hashlib.sha256(b"".join(path.read_bytes() for path in files if path.is_file())).hexdigest()
            title = config["competitions"].get(folder.name, {}).get("title")
            yield [folder.name, title or folder.name, digest]


def submit(competition: Config) -> str:
    """What the submit stage reads: the competition's name on Kaggle, the kind of submission, the config's digest."""
    values = {"competition": competition["source"]["competition"], "kind": competition["submission"]["kind"]}
    said_by_models = ("preset", "sweep")
    described = {key: value for key, value in competition.items() if key not in said_by_models}
    if competition["sweep"]["over"]:
        described["best"] = competition["sweep"]["best"]
    values["config"] = hashlib.sha256(canonical(described).encode()).hexdigest()
    return stage_string("submit", values)


def notebook(competition: Config) -> str:
    """What the notebook stage reads: the competition's names, and what the notebook lets the stages read again.

    The code is that of all these stages: the notebook takes it along.
    """
    kind = kind_of(competition)
    values: Config = {"competition": competition["source"]["competition"], "title": competition["title"]}
    values |= {"index": index(competition), "layout": layout(competition), "submission": submission(competition)}
    return stage_string("notebook", values, also=(*AT_KAGGLE, *kind.code_of_finding, *kind.code_of_reading))
