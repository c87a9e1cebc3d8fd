"""Each stage reads its own part of the config, as one string that changes when, and only when, something of it does."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from catscan.common.settings import parse
from catscan.flow import stage_strings
from catscan.flow.config import load as load_config
from catscan.flow.config import models, pretrained
from catscan.flow.schema import ROOT, SCHEMA
from catscan.networks.pretrained.registry import PRETRAINED
from catscan.raw.row_ids import Rows
from catscan.stages import report
from catscan.stages.index.settings import Compared

Config = dict[str, Any]
Load = Callable[..., Config]

RULES = sorted({path.stem for path in ROOT.glob("workflow/rules/*.smk")} - {"common"})
# The stages that read the config of one competition.
STAGES = [stage for stage in RULES if "competition" in signature(getattr(stage_strings, stage)).parameters]
SETTINGS = {stage: importlib.import_module(f"catscan.stages.{stage}").Settings for stage in STAGES}


def strings(config: Config, name: str) -> dict[str, str]:
    """The strings of a competition's stages but those that hold more than what the stage itself reads."""
    competition = config["competitions"][name]
    apart = ("features", "train", "submit", "notebook")
    made = {stage: getattr(stage_strings, stage)(competition) for stage in SETTINGS if stage not in apart}
    made |= {f"features {network}": stage_strings.features(competition, network) for network in pretrained(competition)}
    return made | {f"train {model}": stage_strings.train(competition, model) for model in models(competition)}


def changed(load: Load, change: Callable[[Config], object], name: str = "dogs-vs-cats") -> set[str]:
    """The stages of a competition that read something else after a change to dogs-vs-cats."""
    before, after = strings(load(), name), strings(load(change), name)
    return {stage for stage in before.keys() | after.keys() if before.get(stage) != after.get(stage)}


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        (lambda cats: cats["models"]["resnet"].update(learning_rate=0.01), {"train resnet"}),
        (lambda cats: cats["preprocess"].update(picture={"size": [32, 32]}), {"preprocess"}),
        (lambda cats: cats["preprocess"].update(scan={"size": [8, 8, 8]}), set()),
        (lambda cats: cats.update(train={"device": "cpu", "folds": [0]}), set()),
        (lambda cats: cats.update(predict={"flips": False}), {"train resnet"}),
        (lambda cats: cats["source"].update(seed=2), {"download"}),
        (lambda cats: cats["source"].update(competition="dogs"), set()),
        (lambda cats: cats["index"].update(folds=4), {"index"}),
        (lambda cats: cats.update(submission={"columns": ["label"]}), {"submission"}),
        (
            lambda cats: cats["models"]["resnet"].update(network="auto", features=["efficientnet-lite0"]),
            {"features efficientnet-lite0", "train resnet"},
        ),
    ],
    ids=[
        "learning rate",
        "picture size",
        "scan size",
        "device, folds",
        "flips",
        "seed",
        "other source",
        "folds",
        "columns",
        "features",
    ],
)
def test_a_key_changes_the_stages_that_read_it(load: Load, change: Any, stages: set[str]) -> None:
    assert changed(load, change) == stages


@pytest.mark.parametrize(
    ("block", "stages"),
    [
        ({"preprocess": {"picture": {"size": [32, 32]}}}, {"preprocess"}),
        ({"preprocess": {"picture": {"channels": "gray"}}}, {"preprocess", "features efficientnet-lite0"}),
        ({"preprocess": {"on_bad": "skip", "tolerated_share": 0.5}}, set()),
        ({"train": {"precision": "fp32"}}, {"features efficientnet-lite0", "train resnet", "train seer"}),
        ({"train": {"device": "cpu", "folds": [0]}}, set()),
        (
            {"models": {"seer": {"features": ["efficientnet-lite0", "efficientnet-lite1"]}}},
            {"features efficientnet-lite1", "train seer"},
        ),
    ],
    ids=["picture size", "channels", "bad samples", "precision", "device, folds", "another network"],
)
def test_features_change_with_what_the_pretrained_network_sees(load: Load, block: Config, stages: set[str]) -> None:
    def with_features(cats: Config) -> None:
        cats["models"]["seer"] = {"features": ["efficientnet-lite0"]}

    def with_the_change_too(cats: Config) -> None:
        with_features(cats)
        for name, values in block.items():
            cats[name] = {**cats.get(name, {}), **values}

    before, after = (strings(load(change), "dogs-vs-cats") for change in (with_features, with_the_change_too))
    assert {stage for stage in after if before.get(stage) != after[stage]} == stages


@pytest.mark.parametrize(
    "model",
    [
        {"learning_rate": 0.03},
        {"epochs": 6.0},
        {"augment": {"flip": True, "rotation": 8}},
        {"batch_size": 64, "optimizer": "muon", "ema": 0.99},
    ],
    ids=["rate", "as a float", "augmentation", "several"],
)
def test_what_the_recipe_says_anyway_changes_nothing(load: Load, model: Config) -> None:
    assert changed(load, lambda cats: cats["models"]["resnet"].update(model)) == set()


def test_a_fine_tuned_network_is_trained_anew_when_its_first_weights_are_others(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    competition = load(lambda cats: cats["models"]["resnet"].update(network="efficientnet-lite0"))
    before = strings(competition, "dogs-vs-cats")
    others = replace(PRETRAINED["efficientnet-lite0"], sha256="0" * 64)
    monkeypatch.setitem(PRETRAINED, "efficientnet-lite0", others)

    after = strings(competition, "dogs-vs-cats")
    assert {stage for stage in after if before[stage] != after[stage]} == {"train resnet"}
    assert parse(SETTINGS["train"], after["train resnet"]).weights == "0" * 64


def test_no_weight_decay_is_another_training_where_the_recipe_has_one_a_sample(load: Load) -> None:
    def seer(**given: Any) -> dict[str, str]:
        def add(cats: Config) -> None:
            cats["models"]["seer"] = {"features": ["efficientnet-lite0"], **given}

        return strings(load(add), "dogs-vs-cats")

    assert seer(weight_decay=0)["train seer"] != seer()["train seer"]
    assert seer(batch_size=64)["train seer"] == seer()["train seer"]


@pytest.mark.parametrize(
    ("source", "change"),
    [
        ({"kind": "kaggle", "competition": "dogs"}, {"competition": "cats"}),
        ({"kind": "kaggle", "competition": "dogs"}, {"files": ["train.zip"]}),
        ({"kind": "directory", "path": "one"}, {"path": "another"}),
        ({"kind": "directory", "path": "one", "solution": "a.csv"}, {"solution": "b.csv"}),
    ],
    ids=["competition", "files", "folder", "solution"],
)
def test_files_from_elsewhere_are_brought_anew(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Config, change: Config
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("one", "another"):
        (tmp_path / folder).mkdir()
        for name in ("a.csv", "b.csv"):
            (tmp_path / folder / name).write_text("id,label\n")
    before = strings(load(lambda cats: cats.update(source=source)), "dogs-vs-cats")
    after = strings(load(lambda cats: cats.update(source=source | change)), "dogs-vs-cats")

    assert {stage for stage in after if before[stage] != after[stage]} == {"download"}


def test_a_key_of_one_competition_changes_nothing_of_the_other(load: Load) -> None:
    assert changed(load, lambda cats: cats["source"].update(seed=2), name="ct-scans") == set()


def test_the_order_of_keys_changes_nothing(default: Config) -> None:
    turned = json.loads(json.dumps(default), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    before, after = load_config(default, SCHEMA), load_config(turned, SCHEMA)

    assert strings(before, "dogs-vs-cats") == strings(after, "dogs-vs-cats")


def test_several_seeds_are_several_models(load: Load) -> None:
    config = load(lambda cats: cats["models"]["resnet"].update(seeds=[1, 7]))
    found = models(config["competitions"]["dogs-vs-cats"])

    assert {name: model["seed"] for name, model in found.items()} == {"resnet-seed-1": 1, "resnet-seed-7": 7}


def test_a_users_network_file_is_part_of_the_training(load: Load, tmp_path: Path) -> None:
    network = tmp_path / "mine.py"
    network.write_text("def network(pixels, classes): ...\n")
    config = load(lambda cats: cats["models"]["resnet"].update(network=str(network)))
    before = strings(config, "dogs-vs-cats")
    network.write_text("def network(pixels, classes): return pixels\n")

    assert strings(config, "dogs-vs-cats")["train resnet"] != before["train resnet"]


@pytest.mark.parametrize("name", ["dogs-vs-cats", "ct-scans"])
@pytest.mark.parametrize("stage", SETTINGS)
def test_a_stage_takes_its_string(load: Load, stage: str, name: str) -> None:
    which = {"train": ["resnet"], "features": ["efficientnet-lite0"]}.get(stage, [])
    text = getattr(stage_strings, stage)(load()["competitions"][name], *which)

    assert isinstance(parse(SETTINGS[stage], text), SETTINGS[stage])


def test_the_index_is_told_the_columns_of_the_submission_and_of_a_solution(load: Load, tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("id,label,Usage\n1,0,Public\n")
    source = {"kind": "directory", "path": str(tmp_path), "solution": "truth.csv"}
    sheet = {"row_id": "{id}-{side}", "rows": {"csv": "test.csv"}}
    config = load(lambda cats: cats.update(source=source, submission=sheet))["competitions"]

    told = parse(Compared, stage_strings.layout(config["dogs-vs-cats"]))
    assert told == Compared(row_id="{id}-{side}", rows=Rows(csv="test.csv"), solution=("id", "label", "Usage"))
    assert parse(Compared, stage_strings.layout(config["ct-scans"])) == Compared()


def test_the_report_takes_its_string_and_another_one_when_an_earlier_competition_has_other_results(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = []
    for score in ("0.2", "0.3", "0.3"):
        for name in ("ct-scans", "earlier"):
            (tmp_path / "results" / name / "evaluation").mkdir(parents=True, exist_ok=True)
            (tmp_path / "results" / name / "index.json").write_text("{}")
        (tmp_path / "results" / "earlier" / "evaluation" / "metrics.json").write_text(score)
        told.append(parse(report.Settings, stage_strings.report(load())).others)

    assert [name for name, *_ in told[0]] == ["earlier"]
    assert told[0] != told[1] == told[2]


def test_the_report_takes_its_string(load: Load) -> None:
    assert dict(parse(report.Settings, stage_strings.report(load())).titles).keys() == {"dogs-vs-cats", "ct-scans"}
