"""The config as the Snakefile has it: checked, completed by its defaults, and what there is to train."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from catscan.common.errors import CatscanError, did_you_mean
from catscan.flow import presets, schema, sweeps
from catscan.flow.checks import check_competition, kind_of
from catscan.networks.pretrained.registry import PRETRAINED
from catscan.scores.metrics import default_metric
from catscan.scores.tasks import TASKS

Config = dict[str, Any]

ANY_SIDE = 224  # pixels; what is read alike at one size is so at any


def load(config: Config, schema_path: Path | str) -> Config:
    """Check ``config`` against the schema and complete it by the defaults.

    Returns
    -------
    Config
        A new mapping: `run`, the names of the competitions to run, and `competitions`, all of them, each with the
        models of its preset where it has one, and of its sweep.

    Raises
    ------
    CatscanError
        For the first mistake, with the key where it stands and, for an unknown one, the nearest known.
    """
    config = complete(config, schema_path)
    for name in config["run"]:
        if name not in config["competitions"]:
            raise CatscanError(
                f"`run` names a competition that is not described: {name!r}.",
                where="config key run",
                do=f"Describe it under `competitions`. {did_you_mean(name, list(config['competitions']))}",
            )
        check_competition(name, config["competitions"][name])
    return config


def complete(config: Config, schema_path: Path | str) -> Config:
    """``config`` as `load` gives it, checked by the schema alone: its folders and files need not be there."""
    known = schema.read(schema_path)
    config = deepcopy(config)
    schema.check(config, known)
    presets.expand(config)
    for competition in config["competitions"].values():
        competition.setdefault("metric", default_metric(competition["data"].get("task", TASKS[0])))
    schema.fill(config, known)
    sweeps.expand(config, known)
    return config


def models(competition: Config) -> dict[str, Config]:
    """The models to train: each of the config once, or once a seed when it has several (`NAME-seed-2`)."""
    return dict(_models(competition))


def _models(competition: Config) -> Iterator[tuple[str, Config]]:
    for name, model in competition["models"].items():
        for seed in model["seeds"]:
            yield (f"{name}-seed-{seed}" if len(model["seeds"]) > 1 else name), _with_seed(model, seed)


def model_named(competition: Config, name: str) -> Config:
    """One of `models`, found without the others: a plan asks for each of thousands."""
    model = competition["models"].get(name)
    if model and len(model["seeds"]) == 1:
        return _with_seed(model, model["seeds"][0])
    base, _, seed = name.rpartition("-seed-")
    return _with_seed(competition["models"][base], int(seed))


def _with_seed(model: Config, seed: int) -> Config:
    return {**{key: value for key, value in model.items() if key != "seeds"}, "seed": seed}


def reading(competition: Config, model: Config) -> str:
    """By which end of its name the folder is known of what a model learns from: "" but where a sweep reads anew.

    What a pretrained network sees at its own size is the same for every size of the config.
    """
    point, kind, block = model.get(sweeps.POINT, {}), kind_of(competition), competition["preprocess"]

    def read(changed: Config) -> Config:
        of_kind: Config = sweeps.read_with(block, changed)[kind.block]
        return kind.block_seen_at(of_kind, ANY_SIDE) if model["features"] else of_kind

    differs = {
        key: point[key] for key in point if key.startswith(sweeps.READING) and read({key: point[key]}) != read({})
    }
    return f"-{sweeps.named(differs)}" if differs else ""


def readings(competition: Config, *, of_features: bool = False) -> dict[str, Config]:
    """By `reading` the block `preprocess` of each way in which samples are read, that of the config first.

    Parameters
    ----------
    of_features
        Of the models that learn from features, in place of those that learn from the samples themselves.
    """
    found = {"": competition["preprocess"]}
    for model in competition["models"].values():
        if sweeps.POINT in model and bool(model["features"]) is of_features:
            found.setdefault(reading(competition, model), sweeps.read_with(found[""], model[sweeps.POINT]))
    return found


def reading_names(config: Config) -> set[str]:
    """All that `reading` can tell of the models of all competitions."""
    described = config["competitions"].values()
    return {
        "",
        *(reading(one, model) for one in described for model in one["models"].values() if sweeps.POINT in model),
    }


def pretrained(competition: Config) -> list[str]:
    """The pretrained networks whose features some model learns from, each once."""
    named = [network for model in competition["models"].values() for network in model["features"]]
    return list(dict.fromkeys(named))


def pretrained_names(config: Config) -> set[str]:
    """The names of all pretrained networks, those with a user's own weights too."""
    return {*PRETRAINED, *(name for one in config["competitions"].values() for name in one["weights"])}


def folds(competition: Config) -> list[int]:
    """The folds to train: those of `train.folds`, or all."""
    return competition["train"]["folds"] or list(range(competition["index"]["folds"]))


def one_of(names: Iterable[str]) -> str:
    """A regular expression that matches exactly the given names; of none but "" it is no empty text, which is none."""
    return f"(?:{'|'.join(re.escape(name) for name in sorted(names))})"
