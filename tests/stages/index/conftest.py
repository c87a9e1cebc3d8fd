"""Small raw folders for the index stage."""

from __future__ import annotations

from pathlib import Path

import pytest
from index_stage import Stage


@pytest.fixture
def stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Stage:
    return Stage(tmp_path, capsys)


@pytest.fixture
def cats_and_dogs(stage: Stage) -> Stage:
    stage.files(
        *(f"train/{kind}.{n}.jpg" for kind in ("cat", "dog") for n in range(4)),
        "test/1.jpg",
        "test/10.jpg",
        "test/2.jpg",
    )
    stage.table("sample_submission.csv", "id,label", "1,0.5", "2,0.5", "10,0.5")
    return stage


@pytest.fixture
def bowl(stage: Stage) -> Stage:
    """Three labelled patients and one to predict, in one folder."""
    stage.files(*(f"stage1/{patient}/{n}.dcm" for patient in ("0a", "0b", "0c", "0d") for n in range(3)))
    stage.table("labels.csv", "id,cancer", "0a,0", "0b,1", "0c,0")
    stage.table("sample_submission.csv", "id,cancer", "0d,0.5")
    return stage
