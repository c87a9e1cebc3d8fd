"""The configuration: checked against the schema, completed by its defaults, and cut into what each stage reads.

The Snakefile calls `load`, and each rule one of the functions below it, which give the rule's only `params` entry: one
canonical JSON string of the settings that the stage reads, the digest of its code, and the versions of the packages
that shape its result. What cannot change a result (threads, the device, where files lie) is not part of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from catscan.common import fingerprint
from catscan.common.errors import CatscanError, did_you_mean
from catscan.common.settings import canonical
from catscan.kinds.registry import Kind, kind_named
from catscan.networks.registry import check_network
from catscan.scores.metrics import metric_named

Config = dict[str, Any]

# The source kind -> the keys of `source` that it reads.
SOURCE_KEYS = {
    "sample": ("kind", "sample", "train", "test", "seed"),
    "directory": ("kind", "path", "solution", "password_files"),
    "kaggle": ("kind", "competition", "files", "password_files"),
}


WEIGHS_POSITIVES = ("weighted_log_loss", "multilabel")

# What the download stage imports only for one kind of source: its code does not count where another kind is read.
SOURCES = {
    "sample": ("stages.download.sample",),
    "directory": ("stages.download.directory",),
    "kaggle": ("stages.download.kaggle", "stages.download.fetch", "kaggle"),
}


def load(config: Config, schema_path: Path | str) -> Config:
    """Check ``config`` against the schema and complete it by the defaults.

    Returns
    -------
    Config
        A new mapping: `run`, the names of the competitions to run, and `competitions`, all of them.

    Raises
    ------
    CatscanError
        For the first mistake, with the key where it stands and, for an unknown one, the nearest known.
    """
    schema = read_schema(schema_path)
    config = deepcopy(config)
    check(config, schema)
    fill(config, schema)
    for name in config["run"]:
        if name not in config["competitions"]:
            known = list(config["competitions"])
            raise CatscanError(
                f"`run` names a competition that is not described: {name!r}.",
                where="config key run",
                do=f"Describe it under `competitions`. {did_you_mean(name, known)}",
            )
        _check_competition(name, config["competitions"][name])
    return config


@cache
def read_schema(path: Path | str) -> Config:
    """The JSON schema of the configuration, written as YAML."""
    schema: Config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    return schema


def check(config: Config, schema: Config) -> None:
    """Raise the mistake that stands deepest in ``config``, as one block."""
    from jsonschema import Draft202012Validator

    errors = sorted(
        Draft202012Validator(schema).iter_errors(config), key=lambda error: (len(error.path), str(error.path))
    )
    if errors:
        raise _explained(errors[0])


def _explained(error: Any) -> CatscanError:
    """One schema error, in the words of the person who wrote the config."""
    while error.validator in ("anyOf", "oneOf") and error.context:
        deepest = max(error.context, key=lambda inner: len(inner.path))
        if len(deepest.path) == 0:
            break
        error = deepest
    where = "config key " + (".".join(map(str, error.absolute_path)) or "(top)")
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = next(key for key in error.instance if key not in known)
        prefix = ".".join(map(str, error.absolute_path))
        return CatscanError(
            f"The config has an unknown key: {unknown!r}.",
            where=f"config key {prefix}.{unknown}" if prefix else f"config key {unknown}",
            do=did_you_mean(str(unknown), known),
        )
    if error.validator == "enum":
        known = [str(value) for value in error.validator_value]
        return CatscanError(
            "A config value is not one of the choices.",
            where=where,
            found=repr(error.instance),
            do=did_you_mean(str(error.instance), known),
        )
    if error.validator == "pattern":  # of a name: it becomes a folder and a word of a command line
        return CatscanError(
            "A name cannot be used.",
            where=where,
            found=repr(error.instance),
            do="Begin with a letter or digit, and go on with these, `.`, `_` and `-`; a `title` may be anything.",
        )
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return CatscanError(
            f"The config lacks the key {missing[0]!r}.", where=where, do="config/README.md explains it."
        )
    return CatscanError(
        "A config value does not fit.",
        where=where,
        found=f"{error.instance!r}: {error.message}" if len(repr(error.instance)) < 80 else error.message,
        do=str(error.schema.get("description", "config/README.md explains every key.")),
    )


def fill(value: Any, schema: Config) -> None:
    """Complete ``value`` by the defaults of ``schema``, at every depth, in place."""
    if not isinstance(value, dict):
        return
    for key, inner in schema.get("properties", {}).items():
        if key not in value and "default" in inner:
            value[key] = deepcopy(inner["default"])
        if key in value:
            fill(value[key], inner)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        for key in value.keys() - schema.get("properties", {}).keys():
            fill(value[key], extra)


def _check_competition(name: str, competition: Config) -> None:
    source, data = competition["source"], competition["data"]
    needed = {"sample": "sample", "directory": "path", "kaggle": "competition"}[source["kind"]]
    if not source[needed]:
        raise CatscanError(
            f"`source.kind: {source['kind']}` needs `source.{needed}`.", where=f"config key competitions.{name}.source"
        )
    if not data["train"]:
        raise CatscanError(
            "The config does not say where the training samples are.",
            where=f"config key competitions.{name}.data.train",
            do='Give a pattern such as "train/{label}.{id}.jpg".',
        )
    if data["task"] == "binary" and data["classes"] and len(data["classes"]) != 2:
        raise CatscanError(
            "A binary task has two classes.",
            where=f"config key competitions.{name}.data.classes",
            found=", ".join(map(repr, data["classes"])),
        )
    where = f"competitions.{name}"
    _check_metric(competition, where)
    _check_kind(competition, where)
    if source["kind"] == "directory":
        from catscan.raw.source import check as check_folder

        check_folder(source["path"], source["solution"])
    if source["kind"] == "kaggle":
        from catscan.kaggle.refusals import check_name

        check_name(source["competition"])
    shape = sample_shape(competition)
    for model, settings in competition["models"].items():
        try:
            check_network(settings["network"], shape)
        except CatscanError as error:
            error.where = f"config key competitions.{name}.models.{model}.network"
            raise


def _check_metric(competition: Config, where: str) -> None:
    data = competition["data"]
    metric_named(competition["metric"], data["task"], key=f"{where}.metric")
    weights = competition["metric_weights"]
    if weights and data["classes"] and len(weights) != len(data["classes"]):
        raise CatscanError(
            "The metric has another number of weights than there are classes.",
            where=f"config key {where}.metric_weights",
            found=f"{len(weights)} weights, {len(data['classes'])} classes",
            do="Give one number a class, in the order of data.classes.",
        )
    if competition["metric_positive_weight"] != 1 and (competition["metric"], data["task"]) != WEIGHS_POSITIVES:
        raise CatscanError(
            "Only the weighted log loss of a multilabel task can weigh positives more.",
            where=f"config key {where}.metric_positive_weight",
            found=f"{competition['metric']} of a {data['task']} task",
            do="Leave the key out, or set `metric: weighted_log_loss` and `data.task: multilabel`.",
        )


def _check_kind(competition: Config, where: str) -> None:
    """Where the samples lie, and the settings of their kind."""
    data, kind = competition["data"], kind_of(competition)
    for key in ("train", "test"):
        if data[key]:
            kind.open_finder(data[key], key=f"{where}.data.{key}")
    try:
        kind.settings_of(competition["preprocess"][kind.block])
    except CatscanError as error:
        error.where = f"config key {where}.{error.where}"
        raise


def kind_of(competition: Config) -> Kind:
    """The kind of data of a competition."""
    return kind_named(competition["data"]["kind"])


def sample_shape(competition: Config) -> tuple[int, ...]:
    """The shape of one sample's array: (height, width, channels) or (depth, height, width, channels)."""
    kind = kind_of(competition)
    return kind.settings_of(competition["preprocess"][kind.block]).shape


# --- what each stage reads -------------------------------------------------------------------------------------------


def stage_string(stage: str, values: Config, *, without: Iterable[str] = (), also: Iterable[str] = ()) -> str:
    """The canonical string of a stage: its settings, its code's digest, the versions that shape its result.

    The table of the kinds of data counts for none, so that a new kind reruns nothing; ``also`` names the modules of
    the kind at hand.
    """
    closure = f"stages.{stage}", ("kinds.registry", *without), tuple(also)
    code, versions = fingerprint.code_of(*closure), fingerprint.versions_of(*closure)
    return canonical({**values, "code": code, "versions": versions})


def download(competition: Config) -> str:
    """What the download stage reads: the keys of its kind of source, and for a folder what lies in it now."""
    source = competition["source"]
    values = {key: source[key] for key in SOURCE_KEYS[source["kind"]]}
    if source["kind"] == "directory":
        from catscan.raw.manifest import source_digest

        values["path"] = str(Path(source["path"]).expanduser().resolve())
        values["digest"] = source_digest(Path(values["path"]))
    others = [module for kind, modules in SOURCES.items() if kind != source["kind"] for module in modules]
    return stage_string("download", values, without=others)


def index(competition: Config) -> str:
    """What the index stage reads: the data block, the index block, and which ids the submission asks for."""
    submission = competition["submission"]
    values = {**competition["data"], **competition["index"]}
    values |= {"sample": submission["sample"], "id_column": submission["id_column"]}
    return stage_string("index", values, also=kind_of(competition).code_of_finding)


def reader(competition: Config) -> Config:
    """The kind of data and its reader's settings."""
    kind = kind_of(competition)
    return {"kind": kind.name, "reader": competition["preprocess"][kind.block]}


def preprocess(competition: Config) -> str:
    """What the preprocess stage reads: the reader's settings and what to do about bad samples."""
    block = competition["preprocess"]
    bad = {key: block[key] for key in ("on_bad", "tolerated_share")}
    values = {**reader(competition), **bad}
    return stage_string("preprocess", values, also=kind_of(competition).code_of_reading)


def models(competition: Config) -> dict[str, Config]:
    """The models to train: each of the config once, or once a seed when it has several (`NAME-seed-2`)."""
    return dict(_models(competition))


def _models(competition: Config) -> Iterator[tuple[str, Config]]:
    for name, model in competition["models"].items():
        rest = {key: value for key, value in model.items() if key != "seeds"}
        for seed in model["seeds"]:
            yield (f"{name}-seed-{seed}" if len(model["seeds"]) > 1 else name), {**rest, "seed": seed}


def folds(competition: Config) -> list[int]:
    """The folds to train: those of `train.folds`, or all."""
    return competition["train"]["folds"] or list(range(competition["index"]["folds"]))


def train(competition: Config, model: str) -> str:
    """What the train stage reads: the model's block, and of the competition the task, the metric and how to compute."""
    values = {key: value for key, value in models(competition)[model].items() if value is not None}
    common = {"task": competition["data"]["task"], **_metric(competition)}
    compute = {key: competition["train"][key] for key in ("precision", "threads")}
    network = values["network"]
    if isinstance(network, str) and network.endswith(".py"):
        values["network_digest"] = fingerprint.file_of(Path(network))
    return stage_string("train", {**values, **common, **compute})


def predict(competition: Config) -> str:
    """What the predict stage reads."""
    return stage_string("predict", competition["predict"])


def evaluate(competition: Config) -> str:
    """What the evaluate stage reads: the metric and its weights."""
    return stage_string("evaluate", _metric(competition))


def submission(competition: Config) -> str:
    """What the submission stage reads: the submission block but its kind, and the metric."""
    block = {key: value for key, value in competition["submission"].items() if key != "kind"}
    return stage_string("submission", {**block, **_metric(competition)})


def _metric(competition: Config) -> Config:
    return {key: competition[key] for key in ("metric", "metric_weights", "metric_positive_weight")}


def report(config: Config) -> str:
    """What the report reads: the names and titles of the competitions that run."""
    titles = [[name, config["competitions"][name]["title"] or name] for name in config["run"]]
    return stage_string("report", {"titles": titles})


def submit(competition: Config) -> str:
    """What the submit stage reads: the competition's name on Kaggle, the kind of submission, the config's digest."""
    values = {"competition": competition["source"]["competition"], "kind": competition["submission"]["kind"]}
    values["config"] = hashlib.sha256(canonical(competition).encode()).hexdigest()
    return stage_string("submit", values)


def one_of(names: Config) -> str:
    """A regular expression that matches exactly the given names."""
    return "|".join(re.escape(name) for name in sorted(names))
