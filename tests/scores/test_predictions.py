"""Predictions come back from their file as they went, and nothing else is taken for predictions."""

from pathlib import Path

import numpy as np
import pytest

from catscan.common.errors import CatscanError
from catscan.scores.predictions import as_read, read_all, read_predictions, write_predictions


def test_a_float32_comes_back_as_it_was(tmp_path: Path) -> None:
    found = np.random.default_rng(0).random((50, 2), np.float32) ** 9
    ids = [f"{n:03}" for n in range(50)]
    write_predictions(tmp_path / "a.csv", ids, found, ["cat", "dog"])

    table = read_predictions(tmp_path / "a.csv", ["dog", "cat"], "binary")

    assert list(table.index) == ids
    assert (table[["cat", "dog"]].to_numpy(np.float32) == found).all()


def test_what_a_table_will_give_back_is_known_before_it_is_written(tmp_path: Path) -> None:
    found = np.random.default_rng(0).random((50, 2), np.float32) ** 9
    write_predictions(tmp_path / "a.csv", [str(n) for n in range(50)], found, ["cat", "dog"])

    assert (read_predictions(tmp_path / "a.csv", ["cat", "dog"], "binary").to_numpy() == as_read(found)).all()


def test_a_sample_named_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sample_id,cat,dog\n7,0.5,0.5\n8,0.5,0.5\n7,0.1,0.9\n")

    with pytest.raises(CatscanError, match=r"predicted twice[\s\S]*a.csv, line 4[\s\S]*'7'"):
        read_predictions(tmp_path / "a.csv", ["cat", "dog"], "binary")


def test_files_and_model_names_go_in_pairs(tmp_path: Path) -> None:
    with pytest.raises(CatscanError, match=r"`--models`[\s\S]*1 name for 2 files"):
        read_all([tmp_path / "a.csv", tmp_path / "b.csv"], ["resnet"], ["cat", "dog"], "binary")
