"""How far a download or an unpacking is."""

from __future__ import annotations

import itertools

import pytest

from catscan.common import meter


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (67_000_000_000, "67.0 GB"), (5e12, "5.0 TB")],
)
def test_sizes_are_told_in_the_units_of_disks(count: float, text: str) -> None:
    assert meter.size(count) == text


def test_a_log_gets_a_line_every_ten_seconds_with_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = itertools.count(0, 4)  # seconds: each look at the clock is 4 later
    monkeypatch.setattr(meter.time, "monotonic", lambda: next(clock))
    with meter.Meter("train.zip", 100_000_000, done=40_000_000) as counter:
        for _ in range(6):
            counter.add(6_000_000)

    assert capsys.readouterr().err.splitlines() == [
        "train.zip: 58.0 MB of 100.0 MB, 1.5 MB/s, 28 s left",
        "train.zip: 76.0 MB of 100.0 MB, 1.5 MB/s, 16 s left",
    ]


def test_an_unknown_total_is_told_as_such(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0, 10])
    monkeypatch.setattr(meter.time, "monotonic", lambda: next(clock))
    with meter.Meter("train.zip", 0) as counter:
        counter.add(1_000_000)

    assert capsys.readouterr().err == "train.zip: 1.0 MB of ?, 100.0 kB/s\n"
