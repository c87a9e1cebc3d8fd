"""What is refused of a competition before its first job, beyond the schema: each mistake with its key."""

from __future__ import annotations

from typing import Any

from catscan.common.errors import CatscanError
from catscan.kinds.registry import Kind, kind_named
from catscan.networks.registry import check_network
from catscan.scores.metrics import metric_named

Config = dict[str, Any]

NEEDED = {"sample": "sample", "directory": "path", "kaggle": "competition"}  # the key that a kind of source needs
WEIGHS_POSITIVES = ("weighted_log_loss", "multilabel")


def check_competition(name: str, competition: Config) -> None:
    """Refuse what the schema cannot: what spans several keys, and names of files, networks and metrics.

    Raises
    ------
    CatscanError
        For the first mistake, with its key.
    """
    source, data = competition["source"], competition["data"]
    needed = NEEDED[source["kind"]]
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
