"""What no config names any more is told and removed, and nothing else."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

import pytest

from catscan.cli import main
from catscan.flow import clean

Load = Callable[..., dict[str, Any]]

OF_TODAY = [
    "models/resnet/fold-0/weights.npz",
    "predictions/resnet/fold-2.csv",
    "arrays/train-1-of-2.npy",
    "arrays/train-1-of-2.json",
]
OF_OLD = [
    "models/main/fold-0/weights.npz",
    "models/main/fold-1/weights.npz",
    "models/resnet/fold-3/weights.npz",
    "predictions/main/fold-0.csv",
    "features/efficientnet-lite0/train-1-of-2.npy",
    "arrays/train-1-of-3.npy",
]
NEVER = ["raw/train.zip", "truth/solution.csv", "submission.csv", "models/notes.txt", "models/own/fold-0/weights.npz"]
TOLD = [
    "arrays/train-1-of-3.npy",
    "features/efficientnet-lite0",
    "models/main",
    "models/resnet/fold-3",
    "predictions/main",
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which two runs were, the first with other models, folds and shards."""
    monkeypatch.chdir(tmp_path)
    clean._texts.cache_clear()
    folder = tmp_path / "results" / "dogs-vs-cats"
    for name in OF_TODAY + OF_OLD + NEVER:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(1000))
    for name in OF_TODAY + OF_OLD:
        path = folder / name
        path.with_name(f".{path.name}.stage.json").write_text("{}")
    return folder


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_lists_what_is_left_over_and_removes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(home)
    assert main(["clean"]) == 0

    *lines, total, last = capsys.readouterr().out.splitlines()
    assert [line.split("results/dogs-vs-cats/")[1] for line in lines] == TOLD
    assert lines[2].split()[:2] == ["2.0", "kB"]
    assert total.endswith("in all: no config of this folder names it")
    assert last == "Nothing is removed without --remove."
    assert files(home) == before


def test_removed_is_what_a_job_made_and_nothing_else(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean", "--remove"]) == 0

    kept = {name for name in files(home) if not name.endswith(".stage.json")}
    assert kept == {*OF_TODAY, *NEVER}
    assert len(files(home)) == len(kept) + len(OF_TODAY)
    capsys.readouterr()
    assert main(["clean"]) == 0
    assert capsys.readouterr().out.startswith("Nothing is left over")


@pytest.mark.parametrize("place", ["mine.yaml", "config/deep/mine.yml"])
def test_what_another_config_of_the_folder_names_stays(home: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text("competitions: {dogs-vs-cats: {models: {main: {}}, index: {shards: 3}}}\n")
    (tmp_path / "other.yaml").write_text("services: {web: {}}\n")
    assert main(["clean", "--remove"]) == 0

    assert {"models/main/fold-0/weights.npz", "predictions/main/fold-0.csv", "arrays/train-1-of-3.npy"} <= files(home)
    assert "features/efficientnet-lite0/train-1-of-2.npy" not in files(home)


def test_what_can_be_no_config_is_not_read(home: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "kernel.yaml").symlink_to("/proc/kmsg")  # which is waited for
    (tmp_path / "itself.yaml").symlink_to("itself.yaml")
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(1 << 40)
    assert main(["clean", "--remove"]) == 0

    assert files(home).isdisjoint(OF_OLD)


@pytest.mark.parametrize("text", ["competitions: {dogs-vs-cats: [", "competitions: {dogs-vs-cats: {modles: {}}}"])
def test_a_broken_config_of_the_folder_may_name_anything(
    home: Path, load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    before = files(home)
    assert main(["clean", "--remove"]) == 2
    assert "mine.yaml" in capsys.readouterr().err
    clean.tell(load())

    assert capsys.readouterr().err == ""
    assert files(home) == before


@pytest.mark.usefixtures("home")
def test_a_run_ends_with_one_line(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    clean.tell(load())

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("left over, as no config names it: results/dogs-vs-cats/arrays/train-1-of-3.npy, results/")
    assert line.endswith(" kB); `catscan clean` says more")


def test_nothing_is_removed_while_a_run_is_at_work(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / ".snakemake" / "locks" / "here-7.json"
    lock.parent.mkdir(parents=True)
    run = {"pid": os.getpid(), "host": socket.gethostname(), "since": "today", "input": [], "output": []}
    lock.write_text(json.dumps(run))
    before = files(home)
    with lock.open() as held:
        flock(held, LOCK_EX)
        assert main(["clean", "--remove"]) == 75

    assert "Another run is at work" in capsys.readouterr().err
    assert files(home) == before
