"""The first words of a run: what a preset trains, and about how long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from factories import summary_of

from catscan.flow import opening
from catscan.networks.pretrained.registry import PRETRAINED

Config = dict[str, Any]
Load = Callable[..., Config]

PROBE = opening._products_a_second


@pytest.fixture(autouse=True)
def processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor of the constants, with four cores."""
    monkeypatch.setattr(opening, "_products_a_second", lambda: opening.PRODUCTS_A_SECOND)
    monkeypatch.setattr(opening, "cpu_has_bf16", lambda: False)
    monkeypatch.setattr(opening.os, "sched_getaffinity", lambda _: {0, 1, 2, 3})


def with_preset(load: Load, **more: Any) -> Config:
    """The default config, its dogs-vs-cats with a preset in place of its models."""

    def change(cats: Config) -> None:
        del cats["models"]
        cats.update(more)

    return load(change)


def line(config: Config, folder: Path, cores: int | None = 2) -> str:
    return opening.line(config["competitions"]["dogs-vs-cats"], folder, cores)


def test_only_competitions_with_a_preset_have_a_line(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opening.tell(load(), tmp_path, 2)
    assert capsys.readouterr().err == ""
    opening.tell(with_preset(load, preset="quick"), tmp_path, 2)

    assert capsys.readouterr().err == (
        "dogs-vs-cats: preset quick: lite0 pretrained: efficientnet-lite0. "
        "About 2 minutes on 2 cores, from nothing, for 1,800 pictures.\n"
    )


@pytest.mark.parametrize(
    ("is_for_gpus", "gpus", "cores", "lines"), [(True, 0, 2, 1), (True, 1, 2, 0), (True, 0, None, 0), (False, 0, 2, 0)]
)
def test_a_build_for_gpus_without_one_is_told_in_one_line_but_not_of_a_login_node(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_for_gpus: bool,
    gpus: int,
    cores: int | None,
    lines: int,
) -> None:
    monkeypatch.setattr(opening.gpus, "tensorflow_is_for_gpus", lambda: is_for_gpus)
    monkeypatch.setattr(opening.gpus, "count", lambda: gpus)
    opening.tell({"run": []}, Path("results"), cores)

    assert capsys.readouterr().err.count("No GPU answers here") == lines


def test_of_a_cluster_the_time_on_one_core_is_told(load: Load, tmp_path: Path) -> None:
    told = line(with_preset(load, preset="quick"), tmp_path, None)

    assert told.endswith("About 3 minutes on one core like this machine's, from nothing, for 1,800 pictures.")


def test_each_member_is_told_with_its_origin(load: Load, tmp_path: Path) -> None:
    pretrained = line(with_preset(load, preset="standard"), tmp_path)
    from_scratch = line(with_preset(load, preset="standard", pretrained=False), tmp_path)

    assert (
        "lite0-288 pretrained: efficientnet-lite0-288; lite2-320 pretrained: efficientnet-lite2-320. About"
        in pretrained
    )
    assert "preset standard: resnet from scratch. About" in from_scratch


def test_the_index_tells_the_pictures_where_there_is_one(load: Load, tmp_path: Path) -> None:
    summary_of(("cat", "dog"), n_train=20_000, n_test=5_000).write(tmp_path / "index.json")

    assert line(with_preset(load, preset="quick"), tmp_path).endswith("for 25,000 pictures.")


def test_the_names_in_a_folder_tell_the_pictures_before_there_is_an_index(load: Load, tmp_path: Path) -> None:
    for name in ("train/cat.0.jpg", "train/dog.0.jpg", "train/dog.1.jpg", "test/1.jpg", "train.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    source = {"kind": "directory", "path": str(tmp_path)}

    assert line(with_preset(load, preset="quick", source=source), tmp_path / "none").endswith("for 4 pictures.")


def test_a_folder_without_such_names_is_for_the_index_to_refuse(load: Load, tmp_path: Path) -> None:
    (tmp_path / "all.7z").touch()
    source = {"kind": "directory", "path": str(tmp_path)}

    assert line(with_preset(load, preset="quick", source=source), tmp_path).endswith("more in proportion.")


def test_what_lies_at_kaggle_is_told_for_a_thousand_pictures(load: Load, tmp_path: Path) -> None:
    source = {"kind": "kaggle", "competition": "dogs"}

    assert line(with_preset(load, preset="quick", source=source), tmp_path).endswith(
        "for 1,000 pictures to learn from, more in proportion."
    )


def test_more_cores_take_less_time_but_not_more_than_the_machine_has(load: Load, tmp_path: Path) -> None:
    summary_of(("cat", "dog"), n_train=100_000, n_test=0).write(tmp_path / "index.json")
    config = with_preset(load, preset="quick")
    minutes = {cores: int(line(config, tmp_path, cores).split("About ")[1].split()[0]) for cores in (1, 2, 4, 8)}

    assert minutes[1] == pytest.approx(2 * minutes[2], abs=1)
    assert minutes[2] == pytest.approx(2 * minutes[4], abs=1)
    assert minutes[4] == minutes[8]


def test_bf16_takes_less_time_where_the_processor_has_it(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = with_preset(load, preset="strong")
    slow = line(config, tmp_path)
    monkeypatch.setattr(opening, "cpu_has_bf16", lambda: True)
    fast = line(config, tmp_path)

    assert slow != fast
    assert line(with_preset(load, preset="strong", train={"precision": "fp32"}), tmp_path) == slow


def test_larger_pictures_take_longer_from_scratch_and_the_same_pretrained(load: Load) -> None:
    def seconds(**more: Any) -> float:
        return opening.seconds(with_preset(load, **more)["competitions"]["dogs-vs-cats"], 1000, 100)

    large = {"picture": {"size": [128, 128]}}
    assert seconds(preset="standard", preprocess=large) == seconds(preset="standard")
    small = {"picture": {"size": [64, 64]}}
    from_scratch = seconds(preset="standard", pretrained=False, preprocess=small)
    assert seconds(preset="standard", pretrained=False, preprocess=large) > 2 * from_scratch
    assert seconds(preset="standard", pretrained=False) > 1.5 * from_scratch  # of 96 pixels


@pytest.mark.parametrize("name", PRETRAINED)
def test_each_pretrained_network_has_its_time(name: str) -> None:
    assert PRETRAINED[name].package in opening.LOOK


def test_the_probe_is_short_and_of_the_right_order() -> None:
    """From a slow virtual core to the fastest there are."""
    assert 1e9 < PROBE(times=100) < 1e12
