"""What `train.precision: auto` becomes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catscan.common.errors import CatscanError
from catscan.networks import repeatability, session
from catscan.networks.compat import tflearn
from catscan.networks.repeatability import Convolution
from catscan.stages.train.checkpoints import Checkpoints
from catscan.stages.train.precision import Shapes, settled


def beyond_its_map(pixels: Any, classes: int) -> Any:
    return tflearn.fully_connected(tflearn.conv_2d(pixels, 4, 5), classes)


SHAPES = Shapes(beyond_its_map, (1, 1, 3), classes=2, batch=8)  # one convolution that is at risk
SAFE = Shapes(beyond_its_map, (9, 9, 3), classes=2, batch=8)
IDENTITY = {"settings": {}, "data": "d"}


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[Convolution]:
    """The convolutions that are tried, on a processor with bf16 where each of them changes."""
    tried: list[Convolution] = []
    monkeypatch.setattr(session, "cpu_has_bf16", lambda: True)
    monkeypatch.setattr(repeatability, "is_repeatable", lambda shape, _: bool(tried.append(shape)))
    return tried


def settle(wanted: str, folder: Path, shapes: Shapes = SHAPES) -> str:
    return settled(wanted, shapes, Checkpoints(folder, IDENTITY), threads=2, gpu=False)


def begin(folder: Path, **identity: str) -> None:
    """Leave the checkpoint of a training that was stopped."""
    Checkpoints(folder, {**IDENTITY, **identity}).save(3, {"w": np.zeros(2)}, {})


def test_auto_takes_fp32_and_says_so_where_a_convolution_changes(
    tried: list[Convolution], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert settle("auto", tmp_path) == "fp32"
    assert capsys.readouterr().err == (
        "fp32, not bf16: a window of 5 x 5 on maps of 1 x 1 (3 to 4 maps, 8 samples) may not be computed to the same "
        "bytes each time on this processor\n"
    )
    assert len(tried) == 1


def test_tflearns_own_fit_takes_fp32_for_any_at_risk(tried: list[Convolution], tmp_path: Path) -> None:
    assert settle("auto", tmp_path, replace(SHAPES, tflearns_own=True)) == "fp32"
    assert settle("auto", tmp_path, replace(SAFE, tflearns_own=True)) == "bf16"
    assert tried == []  # batches of other sizes would have to be, too


def test_auto_stays_bf16_where_the_convolutions_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "cpu_has_bf16", lambda: True)  # each is tried for real

    assert settle("auto", tmp_path) == "bf16"
    assert capsys.readouterr().err == ""


def test_a_network_without_a_convolution_at_risk_tries_none(tried: list[Convolution], tmp_path: Path) -> None:
    assert settle("auto", tmp_path, SAFE) == "bf16"
    assert tried == []


@pytest.mark.parametrize("wanted", ["fp32", "bf16"])
def test_a_precision_that_is_asked_for_is_taken_untried(wanted: str, tried: list[Convolution], tmp_path: Path) -> None:
    assert settle(wanted, tmp_path) == wanted
    assert tried == []


@pytest.mark.parametrize("begun", ["fp32", "bf16"])
def test_a_training_that_goes_on_keeps_the_precision_it_began_with(
    begun: str, tried: list[Convolution], tmp_path: Path
) -> None:
    begin(tmp_path, precision=begun)

    assert settle("auto", tmp_path) == begun
    assert tried == []


def test_a_training_that_starts_again_is_settled_anew(tried: list[Convolution], tmp_path: Path) -> None:
    begin(tmp_path, data="other", precision="bf16")

    assert settle("auto", tmp_path) == "fp32"
    assert len(tried) == 1


def test_a_processor_without_bf16_computes_in_fp32_whatever_began(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(session, "cpu_has_bf16", lambda: False)
    begin(tmp_path, precision="bf16")

    assert settle("auto", tmp_path) == "fp32"
    with pytest.raises(CatscanError, match="bf16 is not available here"):
        settle("bf16", tmp_path)
