"""A sweep is expanded into ordinary models, each by its own settings alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from catscan.common.errors import CatscanError
from catscan.flow import stage_strings, sweeps
from catscan.flow.config import model_named, models, reading, readings

Config = dict[str, Any]
Load = Callable[..., Config]

RATES = {"learning_rate": [0.01, 0.001]}
SIZES = {"preprocess.picture.size": [[64, 64], [96, 96]]}


def swept(load: Load, over: Config, *, members: Config | None = None, **more: Any) -> Config:
    """Cats and dogs with a sweep."""

    def change(competition: Config) -> None:
        competition["sweep"] = {"over": over, **more}
        if members:
            competition["models"] = members

    competition: Config = load(change)["competitions"]["dogs-vs-cats"]
    return competition


def test_without_a_sweep_the_models_stay_as_they_are(load: Load) -> None:
    assert list(swept(load, {})["models"]) == ["resnet"]


def test_each_model_becomes_a_model_for_every_combination_named_by_it(load: Load) -> None:
    members = {"resnet": {"epochs": 3}, "head": {"features": ["efficientnet-lite0"]}}
    competition = swept(load, RATES | {"augment.flip": [True, False]}, members=members)

    assert list(competition["models"]) == [
        f"{base}-flip-{flip}-learning_rate-{rate}"
        for base in ("resnet", "head")
        for flip in ("true", "false")
        for rate in ("0.01", "0.001")
    ]
    one = competition["models"]["resnet-flip-false-learning_rate-0.01"]
    assert (one["learning_rate"], one["augment"], one["epochs"]) == (0.01, {"flip": False}, 3)


def test_a_point_trains_as_the_same_model_written_out(load: Load) -> None:
    competition = swept(load, RATES)
    written = load(lambda one: one["models"]["resnet"].update(learning_rate=0.001))["competitions"]["dogs-vs-cats"]

    name = "resnet-learning_rate-0.001"
    assert stage_strings.train(competition, name) == stage_strings.train(written, "resnet")
    assert stage_strings.preprocess(competition) == stage_strings.preprocess(written)


def test_a_training_key_shares_the_arrays_and_a_reading_has_its_own(load: Load) -> None:
    competition = swept(load, RATES | SIZES)
    small, large = (competition["models"][f"resnet-learning_rate-0.01-size-{size}"] for size in ("64x64", "96x96"))

    assert list(readings(competition)) == ["", "-size-96x96"]  # 64 x 64 is what the config reads anyway
    assert (reading(competition, small), reading(competition, large)) == ("", "-size-96x96")
    assert stage_strings.reader(competition, "-size-96x96")["reader"]["size"] == [96, 96]
    assert stage_strings.preprocess(competition, "-size-96x96") != stage_strings.preprocess(competition)


def test_what_a_pretrained_network_sees_does_not_hang_on_the_size(load: Load) -> None:
    over = SIZES | {"preprocess.picture.fit": ["stretch", "pad"]}
    competition = swept(load, over, members={"head": {"features": ["efficientnet-lite0"]}})

    assert {reading(competition, one) for one in competition["models"].values()} == {"", "-fit-pad"}


def test_points_of_several_seeds_are_trained_once_for_each(load: Load) -> None:
    competition = swept(load, RATES, members={"resnet": {"seeds": [1, 2]}})

    assert list(models(competition)) == [
        f"resnet-learning_rate-{rate}-seed-{seed}" for rate in ("0.01", "0.001") for seed in (1, 2)
    ]


DRAWN = {"learning_rate": {"low": 0.0001, "high": 0.1, "scale": "log"}, "epochs": {"low": 3, "high": 9}}


def test_more_points_of_a_seed_are_those_there_and_new_ones(load: Load) -> None:
    few, many = (list(swept(load, DRAWN, points=points)["models"]) for points in (8, 12))

    assert (len(few), len(set(many))) == (8, 12)
    assert many[:8] == few
    assert list(swept(load, DRAWN, points=8, seed=2)["models"]) != few


def test_what_is_drawn_lies_within_its_range_and_is_short(load: Load) -> None:
    drawn = swept(load, DRAWN, points=40)["models"].values()

    assert all(0.0001 <= one["learning_rate"] <= 0.1 for one in drawn)
    assert sum(one["learning_rate"] < 0.003 for one in drawn) in range(10, 31)  # half of them, on a log scale
    assert {one["epochs"] for one in drawn} <= set(range(3, 10))
    assert max(len(name) for name in swept(load, DRAWN, points=40)["models"]) < 45


def test_no_more_points_are_drawn_than_there_are(load: Load) -> None:
    assert len(swept(load, RATES | {"augment.flip": [True, False]}, points=100)["models"]) == 4


def test_a_value_that_is_no_word_is_named_by_a_digest(load: Load) -> None:
    layers = [[{"convolution": {"feature_maps": maps, "window": 3}}, {"pooling": {"window": 2}}] for maps in (4, 8)]
    names = list(swept(load, {"network": layers})["models"])

    assert len(set(names)) == 2
    assert all(len(name) == len("resnet-network-") + 8 for name in names)


@pytest.mark.parametrize(
    ("over", "what", "where", "do"),
    [
        ({"learning_rat": [1]}, "cannot vary 'learning_rat'", "over.learning_rat", '"learning_rate"'),
        ({"seeds": [[1]]}, "cannot vary 'seeds'", "over.seeds", "`models.NAME.seeds`"),
        ({"preprocess.scan.size": [[1]]}, "cannot vary", "over.preprocess.scan.size", "preprocess.picture.size"),
        ({"learning_rate": 0.1}, "a list of values, or a range", "over.learning_rate", "[0.01, 0.1]"),
        ({"learning_rate": []}, "a list of values, or a range", "over.learning_rate", "[0.01, 0.1]"),
        ({"learning_rate": [-1]}, "does not fit", "over.learning_rate", "highest learning rate"),
        ({"optimizer": ["adm"]}, "one of the choices", "over.optimizer", '"adam"'),
        ({"learning_rate": {"low": 0, "high": 1, "scale": "log"}}, "low and a higher end", "over.learning_rate", "log"),
        ({"learning_rate": {"low": 2, "high": 1}}, "low and a higher end", "over.learning_rate", "low: 0.001"),
        ({"optimizer": {"low": 0, "high": 1}}, "Only a number has a range", "over.optimizer", "a list of values"),
        ({"learning_rate": {"low": 0.1, "high": 1}}, "needs a number of points", "points", "`points: 12`"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_key(load: Load, over: Config, what: str, where: str, do: str) -> None:
    with pytest.raises(CatscanError) as refusal:
        swept(load, over)

    assert what in refusal.value.what
    assert refusal.value.where == f"config key competitions.dogs-vs-cats.sweep.{where}"
    assert do in refusal.value.do


def test_a_reading_that_cannot_be_is_told_with_its_key(load: Load) -> None:
    with pytest.raises(CatscanError) as refusal:
        swept(load, {"preprocess.picture.size": [[64, 64], [-1, 64]]})

    assert refusal.value.where.startswith("config key competitions.dogs-vs-cats.sweep.over.preprocess.picture.size")


def test_a_line_tells_the_sweep(load: Load) -> None:
    told = sweeps.told(swept(load, RATES | SIZES, members={"resnet": {"seeds": [1, 2]}}, best=2))

    assert told == "a sweep of 4 points over learning_rate, preprocess.picture.size, of which the best 2 are blended"


def test_a_model_is_found_by_its_name_as_among_all(load: Load) -> None:
    for seeds in ([3], [1, 2]):
        competition = swept(load, RATES, members={"resnet-seed-1": {"seeds": seeds}})

        assert {name: model_named(competition, name) for name in models(competition)} == models(competition)
