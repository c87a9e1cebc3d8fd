"""A preset is the models that a budget of time buys: the stages read the same as of those models written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from catscan.common.errors import CatscanError
from catscan.flow import stage_strings
from catscan.flow.config import load as load_config
from catscan.flow.config import models, pretrained
from catscan.flow.presets import PRESETS
from catscan.flow.schema import SCHEMA

Config = dict[str, Any]
Load = Callable[..., Config]


def taking(preset: str, **more: Any) -> Callable[[Config], object]:
    """The change of a competition that puts a preset in place of its models."""

    def change(competition: Config) -> None:
        del competition["models"]
        competition.update(preset=preset, **more)

    return change


def cats(load: Load, change: Callable[[Config], object]) -> Config:
    """The competition after a change."""
    competition: Config = load(change)["competitions"]["dogs-vs-cats"]
    return competition


@pytest.mark.parametrize("allowed", [True, False], ids=["pretrained", "from scratch"])
@pytest.mark.parametrize("preset", PRESETS)
def test_the_stages_read_the_same_as_of_the_models_written_out(load: Load, preset: str, allowed: bool) -> None:
    short = cats(load, taking(preset, pretrained=allowed))

    def write_out(competition: Config) -> None:
        competition.update(models=PRESETS[preset].models(pretrained=allowed), pretrained=allowed)
        if not allowed:
            competition["preprocess"]["picture"] = {"size": PRESETS[preset].size}

    written = cats(load, write_out)

    assert short["models"] == written["models"]
    for model in models(short):
        assert stage_strings.train(short, model) == stage_strings.train(written, model)
    for stage in ("download", "index", "preprocess", "evaluate", "submission", "submit"):
        read = getattr(stage_strings, stage)
        assert read(short) == read(written)


@pytest.mark.parametrize("preset", PRESETS)
def test_without_pretrained_networks_every_model_learns_from_scratch(load: Load, preset: str) -> None:
    assert pretrained(cats(load, taking(preset)))
    assert not pretrained(cats(load, taking(preset, pretrained=False)))


def test_networks_from_scratch_learn_from_the_presets_size_where_the_config_says_none(load: Load) -> None:
    def size(**more: Any) -> Any:
        return cats(load, taking("standard", **more))["preprocess"]["picture"]["size"]

    said = {"preprocess": {"picture": {"size": [80, 120]}}}
    assert size(pretrained=False) == [96, 96]
    assert size(pretrained=False, **said) == [80, 120]
    assert size() == [64, 64]  # that pretrained networks do not look at


def test_a_competition_without_preset_keeps_its_models(load: Load) -> None:
    competition = cats(load, lambda _: None)

    assert (competition["preset"], list(competition["models"])) == ("none", ["resnet"])


def test_what_is_loaded_twice_is_each_time_its_own(load: Load) -> None:
    cats(load, taking("quick"))["models"].clear()

    assert cats(load, taking("quick"))["models"]


def test_a_preset_beside_models_is_refused_with_both(load: Load) -> None:
    with pytest.raises(CatscanError, match="stands for `models`, and this competition has both") as refusal:
        load(lambda one: one.update(preset="quick"))

    assert refusal.value.where == "config key competitions.dogs-vs-cats.preset"
    assert refusal.value.found == "`preset: quick`, and the models resnet"
    assert "give a competition of your own another name" in refusal.value.do


def test_a_preset_for_scans_is_refused_with_what_to_write(default: Config) -> None:
    taking("strong")(default["competitions"]["ct-scans"])

    with pytest.raises(CatscanError, match="Presets are for photographs in files") as refusal:
        load_config(default, SCHEMA)
    assert refusal.value.where == "config key competitions.ct-scans.preset"
    assert refusal.value.found == "`preset: strong`, and `data.kind: dicom_series`"


@pytest.mark.parametrize("written", ["models: {main: {}}", "models: {main: {features: [efficientnet-lite0]}}"])
def test_what_stands_in_its_place_is_told_and_accepted(default: Config, written: str) -> None:
    scans = default["competitions"]["ct-scans"]
    taking("strong")(scans)
    with pytest.raises(CatscanError) as refusal:
        load_config(default, SCHEMA)
    del scans["preset"]
    scans.update(yaml.safe_load(written))

    assert f"`{written}`" in refusal.value.do
    assert load_config(default, SCHEMA)


def test_a_preset_misspelt_is_told_the_nearest(load: Load) -> None:
    with pytest.raises(CatscanError, match="one of the choices") as refusal:
        load(taking("standart"))

    assert refusal.value.where == "config key competitions.dogs-vs-cats.preset"
    assert refusal.value.do == 'Did you mean "standard"?'
