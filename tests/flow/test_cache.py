"""`catscan cache`: what is kept is listed, verified and pruned."""

from __future__ import annotations

from pathlib import Path

import pytest

from catscan.cli import main
from catscan.flow.cache import ago
from catscan.flow.store import Store, name_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with two results."""
    store = Store(tmp_path / "a store", 10**6)
    (tmp_path / "weights").write_bytes(bytes(2000))
    for fold in range(2):
        store.write(
            {"fold": fold}, f"train cats: model resnet, all folds but {fold}", {"output 0": tmp_path / "weights"}
        )
    return store.folder


def test_what_is_kept_is_listed_by_stage_and_competition(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "list", "--path", str(folder)]) == 0
    head, row, total = capsys.readouterr().out.splitlines()

    assert head.split() == ["stage", "competition", "results", "size", "made", "last", "used"]
    assert row.split()[:3] == ["train", "cats", "2"]
    assert row.split()[5:] == ["0", "min", "0", "min"]
    assert total.startswith(f"{folder}: 2 results, 4.")


def test_an_empty_store_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "list", "--path", str(tmp_path / "none")]) == 0
    assert capsys.readouterr().out.endswith(f"{tmp_path}/none: 0 results, 0 bytes\n")


def test_a_whole_store_is_verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "verify", "--path", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}: 2 results, all whole\n"


def test_what_is_broken_is_named_and_a_mistake(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / name_of({"fold": 1})
    path.write_bytes(path.read_bytes()[:-1] + b"1")

    assert main(["cache", "verify", "--path", str(folder)]) == 2
    assert f"{path.name}: output 0 is not what its digest says" in capsys.readouterr().err
    path.write_bytes(b"")
    main(["cache", "list", "--path", str(folder)])
    assert "1 file there cannot be read" in capsys.readouterr().out


def test_what_somebody_else_wrote_moves_no_cursor(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Store(folder, 10**6).write({"fold": 2}, "train \x1b[2Jdogs: model", {})
    main(["cache", "list", "--path", str(folder)])

    assert "?[2Jdogs" in capsys.readouterr().out


def test_it_is_pruned_to_a_number_of_gigabytes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "prune", "--gigabytes", "3e-6", "--path", str(folder)]) == 0
    assert capsys.readouterr().out.startswith(f"{folder}: removed 1 result, 2.")
    assert len(Store(folder, 0).names()) == 1


@pytest.mark.parametrize("gigabytes", ["-1", "nan", "much"])
def test_a_number_that_makes_no_sense_is_refused(gigabytes: str) -> None:
    with pytest.raises(SystemExit):
        main(["cache", "prune", f"--gigabytes={gigabytes}"])


def test_where_there_is_no_store_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "list"]) == 2  # the tests have none
    assert "Name its folder by --path." in capsys.readouterr().err


@pytest.mark.parametrize("words", [["list"], ["verify"], ["prune", "--gigabytes", "1"]])
def test_a_store_that_is_no_folder_is_one_block(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["cache", *words, "--path", str(tmp_path / "file")]) == 2

    assert capsys.readouterr().err.splitlines() == [
        "catscan cache: The store cannot be used.",
        f"  where  {tmp_path / 'file'}",
        "  found  Not a directory",
        "  do     Check its place and your rights there.",
    ]


@pytest.mark.parametrize(("seconds", "told"), [(20, "0 min"), (4000, "1 h"), (90_000, "1 d")])
def test_a_span_of_time_is_told_in_its_unit(seconds: float, told: str) -> None:
    assert ago(seconds) == told
