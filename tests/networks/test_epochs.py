"""What is kept of a training's epochs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catscan.common.errors import CatscanError
from catscan.networks import epochs
from catscan.networks.epochs import Epochs


def weights_of(epoch: int) -> dict[str, np.ndarray]:
    return {"bias": np.zeros(2), "first/W": np.full((3, 3, 1, 2), epoch), "second/W": np.zeros((5, 5, 2, 2))}


def after(many: int, *, held: int = 3) -> Epochs:
    """So many epochs, each of which answers its own number."""
    kept = Epochs.begun(weights_of(0), held=held, classes=2)
    for number in range(1, many + 1):
        kept = kept.after(number, weights_of(number), np.full((held, 2), number))
    return kept


@pytest.mark.parametrize(
    ("many", "numbers"),
    [
        (0, []),
        (3, [1, 2, 3]),
        (12, [*range(1, 13)]),
        (13, [2, 4, 6, 8, 10, 12, 13]),
        (30, [4, 8, 12, 16, 20, 24, 28, 30]),
    ],
)
def test_a_dozen_epochs_are_kept_at_most_evenly_and_the_last(many: int, numbers: list[int]) -> None:
    kept = after(many)

    assert kept.numbers.tolist() == numbers
    assert kept.windows[:, 0, 0, 0, 0].tolist() == [0, *numbers]
    assert kept.answers[:, 0, 0].tolist() == numbers


def test_they_come_back_from_their_file_and_equal_ones_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        after(5).write(tmp_path / name)
    back = Epochs.read(tmp_path / "one")

    assert (back.numbers.tolist(), back.name) == ([1, 2, 3, 4, 5], "first/W")
    np.testing.assert_array_equal(back.windows, after(5).windows)
    np.testing.assert_array_equal(back.answers, after(5).answers)
    assert (tmp_path / "one" / epochs.EPOCHS).read_bytes() == (tmp_path / "other" / epochs.EPOCHS).read_bytes()


def test_what_is_too_large_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epochs, "BYTES_OF_WINDOWS", 17 * 4)
    monkeypatch.setattr(epochs, "BYTES_OF_ANSWERS", 12 * 4 * 2 * 2)
    after(2).write(tmp_path)
    back = Epochs.read(tmp_path)

    assert (back.name, back.windows.size, back.answers.shape) == ("", 0, (2, 0, 2))
    assert after(2, held=2).answers.shape == (2, 2, 2)


def test_a_network_without_windows_keeps_its_answers() -> None:
    kept = Epochs.begun({"output/W": np.zeros((4, 2))}, held=1, classes=2).after(1, {}, np.ones((1, 2)))

    assert (kept.name, kept.answers.shape) == ("", (1, 1, 2))


def test_a_file_that_is_not_there_is_one_block(tmp_path: Path) -> None:
    with pytest.raises(CatscanError, match="damaged"):
        Epochs.read(tmp_path)
