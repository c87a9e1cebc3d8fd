"""What is refused of a competition before its first job, beyond the schema: each mistake with its key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from catscan.common.errors import CatscanError, did_you_mean, listed
from catscan.common.settings import canonical
from catscan.flow import presets, sweeps
from catscan.kinds.registry import Kind, kind_named
from catscan.networks.pretrained.own import check_own_weights
from catscan.networks.pretrained.registry import FEATURES, PRETRAINED, slices_of
from catscan.networks.registry import Network, find
from catscan.raw.row_ids import Rows, check_template
from catscan.raw.sample_submission import Layout, check_columns
from catscan.raw.walk import is_ordinary
from catscan.scores.foreign import check_header
from catscan.scores.metrics import METRICS, metric_named
from catscan.scores.tasks import REGRESSION

Config = dict[str, Any]

NEEDED = {"sample": "sample", "directory": "path", "kaggle": "competition"}  # the key that a kind of source needs
SEPARATOR = " "  # the default of `data.labels.separator`
COLUMNS = {"binary": 2, REGRESSION: 1}  # of a network's answer, where the task says how many
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
    presets.check(competition, where)
    if data["task"] == REGRESSION:
        _check_regression(competition, where)
    _check_metric(competition, where)
    _check_kind(competition, where)
    _check_labels(competition, where)
    _check_folds(competition, where)
    _check_sheet(competition, where)
    if source["kind"] == "directory":
        from catscan.raw.source import check as check_folder

        check_folder(source["path"], source["solution"])
    if source["kind"] == "kaggle":
        from catscan.kaggle.refusals import check_name

        check_name(source["competition"])
    _check_networks(competition, where)
    _check_blend(competition, where)


def _check_regression(competition: Config, where: str) -> None:
    """Refuse what only classes have."""
    data, sheet = competition["data"], competition["submission"]
    given = {
        "data.classes": data["classes"],
        "data.positive": data["positive"],
        "submission.value": sheet["value"] != "probability" and sheet["value"],
        "submission.aggregate": sheet["aggregate"] == "noisy_or" and sheet["aggregate"],
    }
    for name, model in competition["models"].items():
        balanced = model["class_weights"] != "none" and model["class_weights"]
        given[f"models.{name}.class_weights"] = balanced
    for key, value in given.items():
        if value:
            raise CatscanError(
                "A regression tells an amount, and this key is about classes.",
                where=f"config key {where}.{key}",
                found=f"{value!r}, and `data.task: {REGRESSION}`",
                do="Leave the key out.",
            )


def _check_labels(competition: Config, where: str) -> None:
    data = competition["data"]
    if data["positive"] and data["classes"] and data["positive"] not in data["classes"]:
        raise CatscanError(
            "The positive class is not among the classes.",
            where=f"config key {where}.data.positive",
            found=repr(data["positive"]),
            do=did_you_mean(data["positive"], data["classes"]),
        )
    labels = data["labels"]
    given = [key for key in ("id_column", "columns", "separator") if labels[key] not in ("", [], SEPARATOR)]
    table = labels["csv"] or kind_of(competition).open_finder(data["train"], key=f"{where}.data.train").own_labels
    if given and not table:
        raise CatscanError(
            f"`labels.{given[0]}` is about a table of labels, and none is named.",
            where=f"config key {where}.data.labels.{given[0]}",
            found=repr(labels[given[0]]),
            do="Name the table by `labels.csv`, or leave the key out.",
        )
    if "separator" in given and data["task"] != "multilabel":
        raise CatscanError(
            "Only a multilabel task has several names in a cell.",
            where=f"config key {where}.data.labels.separator",
            found=f"{labels['separator']!r}, and `data.task: {data['task']}`",
            do="Leave the key out, or set `data.task: multilabel`.",
        )


def _check_folds(competition: Config, where: str) -> None:
    folds = competition["index"]["folds"]
    beyond = [fold for fold in competition["train"]["folds"] if fold >= folds]
    if beyond:
        raise CatscanError(
            "`train.folds` names a fold that is not made.",
            where=f"config key {where}.train.folds",
            found=f"fold {beyond[0]}; `index.folds: {folds}` makes the folds 0 to {folds - 1}",
            do="Name folds of these, or leave the key out to train all.",
        )


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
    if weights and not METRICS[competition["metric"]].weighs_classes:
        raise CatscanError(
            f"The metric {competition['metric']} takes no weights.",
            where=f"config key {where}.metric_weights",
            found=repr(weights),
            do="Leave the key out, or take one of "
            + ", ".join(name for name, one in METRICS.items() if one.weighs_classes and data["task"] in one.tasks)
            + ".",
        )
    if weights and not any(weights):
        raise CatscanError(
            "All classes have the weight 0.",
            where=f"config key {where}.metric_weights",
            found=repr(weights),
            do="Give at least one class a weight above 0, or leave the key out to weigh all alike.",
        )
    if competition["metric_positive_weight"] != 1 and (competition["metric"], data["task"]) != WEIGHS_POSITIVES:
        raise CatscanError(
            "Only the weighted log loss of a multilabel task can weigh positives more.",
            where=f"config key {where}.metric_positive_weight",
            found=f"{competition['metric']} of a {data['task']} task",
            do="Leave the key out, or set `metric: weighted_log_loss` and `data.task: multilabel`.",
        )


def _check_sheet(competition: Config, where: str) -> None:
    """What the submission's rows and columns can be."""
    sheet, classes = competition["submission"], number_of_classes(competition["data"])
    if not sheet["sample"] and competition["data"]["test_ids"] != "files":
        raise CatscanError(
            "Without a sample submission it is not said which samples are to be predicted.",
            where=f"config key {where}.data.test_ids",
            found=f"`data.test_ids: {competition['data']['test_ids']}`, and `submission.sample` is empty",
            do="Set `data.test_ids: files` to predict all that match data.test, or name the sample submission.",
        )
    with _below(where):
        check_template(sheet["row_id"], more_fields=bool(sheet["rows"]["csv"]))
        check_columns(layout_of(competition), task=competition["data"]["task"], classes=classes)


def _check_blend(competition: Config, where: str) -> None:
    """The foreign members: their names, and whether their files can be theirs."""
    data, taken = competition["data"], list(competition["models"])
    seeds = tuple(f"{name}-seed-" for name in taken)
    for place, member in enumerate(competition["blend"]):
        key = f"config key {where}.blend.{place}"
        if not member["name"] or member["name"] in taken or member["name"].startswith(seeds):
            raise CatscanError(
                "Each member of the blend has a name of its own.",
                where=f"{key}.name",
                found=repr(member["name"]),
                do=f"Taken are {listed(taken)}.",
            )
        taken.append(member["name"])
        for file in ("out_of_fold", "test"):
            path = Path(member[file])
            if not (path.is_file() and is_ordinary(path)):
                raise CatscanError("A file of a foreign member is not there.", where=f"{key}.{file}", found=str(path))
            check_header(path, data["classes"] or None, data["task"])


def _check_networks(competition: Config, where: str) -> None:
    with _below(where):
        check_own_weights(competition["weights"])
        for name, own in competition["weights"].items():
            if not is_ordinary(Path(own["file"])):
                raise CatscanError(
                    "The file of weights is not there.",
                    where=f"weights.{name}.file",
                    found=own["file"],
                    do="Give the path of a file on a disk.",
                )
    known = [*PRETRAINED, *competition["weights"]]
    for model, settings in competition["models"].items():
        with _below(f"{where}.models.{model}"):
            strangers = [name for name in settings["features"] if name not in known]
            if strangers:
                raise CatscanError(
                    f"There is no pretrained network {strangers[0]!r}.",
                    where="features",
                    do=did_you_mean(strangers[0], known),
                )
            starts_from = network_of(competition, settings).starts_from
            if (settings["features"] or starts_from) and not competition["pretrained"]:
                key = "network" if starts_from else "features"
                raise CatscanError(
                    "A model learns from pretrained networks, and this competition does without them.",
                    where=key,
                    found=f"{starts_from or listed(settings['features'])}, and `pretrained: false`",
                    do=f"Leave `{key}` out, or the key `pretrained` where outside data are allowed.",
                )


def network_of(competition: Config, model: Config) -> Network:
    """The network of a model and its recipe.

    Raises
    ------
    CatscanError
        See `networks.registry.find`.
    """
    return find(model["network"], shape_seen(competition, model), number_of_classes(competition["data"]))


def shape_seen(competition: Config, model: Config) -> tuple[int, ...]:
    """The shape of what a model learns from: of one sample's array, or (slices, width) of its features.

    The width of a user's own network is not known before it is built; it counts as one of ours.
    """
    shape = sample_shape(competition, model)
    if not model["features"]:
        return shape
    return slices_of(shape), FEATURES * len(model["features"])


def number_of_classes(data: Config) -> int | None:
    """How many classes the block `data` names (of a regression 1); None where only the labels will tell."""
    if data["task"] in COLUMNS:
        return COLUMNS[data["task"]]
    columns = data["labels"]["columns"]
    return len(data["classes"]) or (len(columns) if len(columns) > 1 else None)


def _check_kind(competition: Config, where: str) -> None:
    """Where the samples lie, and the settings of their kind."""
    data, kind = competition["data"], kind_of(competition)
    for key in ("train", "test"):
        if data[key]:
            kind.open_finder(data[key], key=f"{where}.data.{key}")
    with _below(where):
        kind.settings_of(competition["preprocess"][kind.block])
    for model in competition["models"].values():
        with _below(f"{where}.sweep.over"):
            kind.settings_of(sweeps.read_with(competition["preprocess"], model.get(sweeps.POINT, {}))[kind.block])


@contextmanager
def _below(block: str) -> Iterator[None]:
    """Name the whole key of what is refused within, which knows only the end of it."""
    try:
        yield
    except CatscanError as error:
        error.where = f"config key {block}.{error.where}"
        raise


def kind_of(competition: Config) -> Kind:
    """The kind of data of a competition."""
    return kind_named(competition["data"]["kind"])


def layout_of(competition: Config) -> Layout:
    """What the rows and columns of the submission mean."""
    sheet = competition["submission"]
    rows = Rows(**sheet["rows"])
    return Layout(columns=tuple(sheet["columns"]), value=sheet["value"], row_id=sheet["row_id"], rows=rows)


def sample_shape(competition: Config, model: Config | None = None) -> tuple[int, ...]:
    """The shape of one sample's array: (height, width, channels) or (depth, height, width, channels).

    That of the config, or as a model of a sweep has it.
    """
    kind, point = kind_of(competition), (model or {}).get(sweeps.POINT, {})
    return _shape_of(kind.name, canonical(sweeps.read_with(competition["preprocess"], point)[kind.block]))


@cache  # asked of each job
def _shape_of(kind: str, block: str) -> tuple[int, ...]:
    return kind_named(kind).settings_of(json.loads(block)).shape
