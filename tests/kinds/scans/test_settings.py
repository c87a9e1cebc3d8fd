"""The block `preprocess.scan` is refused before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from catscan.common.errors import CatscanError
from catscan.common.settings import from_dict
from catscan.flow import config as catscan_config
from catscan.kinds.scans.settings import ScanSettings
from catscan.kinds.scans.windows import hu_window

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("block", "what"),
    [
        ({"mode": "cubes"}, "Unknown `mode`."),
        ({"crop": "lung"}, "Unknown `crop`."),
        ({"allow": ["gap"]}, "Unknown `allow`."),
        ({"hu_windows": ["lungs"]}, "The window 'lungs' is unknown."),
        ({"hu_windows": [[100, 100]]}, "A window's low end must be below its high end."),
        ({"hu_windows": [[1, 2, 3]]}, "A window cannot be understood."),
        ({"hu_windows": []}, "`hu_windows` must be a list of at least 1 value."),
        ({"size": [64, 64]}, "`size` must be [depth, height, width], or empty."),
        ({"size": [0, 64, 64]}, "`size` must be a whole number from 1 to 1,024."),
        ({"spacing_mm": 0}, "`spacing_mm` must be a number from 0.1 to 20."),
        ({"mode": "tutorial", "crop": "lungs"}, "`mode` must be neither crop nor mask in mode tutorial."),
        ({"modality": "PET"}, "Unknown `modality`."),
        ({"modality": "MR", "crop": "lungs"}, "`modality` must be CT for the mode tutorial and for lungs"),
        ({"modality": "any", "mask": True}, "`modality` must be CT for the mode tutorial and for lungs"),
        ({"modality": "MR", "mode": "tutorial"}, "`modality` must be CT for the mode tutorial and for lungs"),
        ({"modality": "any", "hu_windows": ["lung", "bone"]}, "`percentiles` must be as many as `hu_windows`"),
        ({"percentiles": []}, "`percentiles` must be a list of at least 1 value."),
        ({"percentiles": [[99, 1]]}, "Percentiles cannot be understood."),
        ({"percentiles": [[1, 101]]}, "`percentiles` must be a number from 0 to 100."),
        ({"percentiles": [1, 99]}, "`percentiles` must be a list of 2 values."),
        ({"sise": [8, 8, 8]}, "ScanSettings has no key 'sise'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_mistake_is_refused_by_its_key(block: dict[str, Any], what: str) -> None:
    with pytest.raises(CatscanError) as refused:
        from_dict(ScanSettings, block)

    assert refused.value.what.startswith(what)


@pytest.mark.parametrize(
    ("block", "shape"),
    [
        ({}, (64, 64, 64, 1)),
        ({"mode": "tutorial"}, (20, 50, 50, 1)),
        ({"mode": "iso", "hu_windows": ["lung", "bone", [-100, 100]]}, (160, 160, 160, 3)),
        ({"size": [8, 16, 32]}, (8, 16, 32, 1)),
        ({"modality": "MR", "hu_windows": ["lung", "bone"]}, (64, 64, 64, 1)),
        ({"modality": "MR", "percentiles": [[0, 50], [50, 100]]}, (64, 64, 64, 2)),
    ],
)
def test_the_shape_follows_from_the_block(block: dict[str, Any], shape: tuple[int, ...]) -> None:
    assert from_dict(ScanSettings, block).shape == shape


@pytest.mark.parametrize(
    ("choice", "ends"),
    [("lung", (-1350, 150)), ("mediastinum", (-160, 240)), ("bone", (-500, 1300)), ([-1000, 400], (-1000, 400))],
)
def test_windows_have_the_usual_width_and_level(choice: Any, ends: tuple[float, float]) -> None:
    assert hu_window(choice) == ends


@pytest.mark.parametrize(
    ("kind", "block", "key"),
    [("dicom_series", {"hu_windows": ["lungs"]}, "hu_windows"), ("nifti", {"modality": "any"}, "modality")],
)
def test_a_mistake_is_told_by_its_key_before_the_first_job(kind: str, block: dict[str, Any], key: str) -> None:
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    scans = config["competitions"]["ct-scans"]
    scans["data"]["kind"] = kind
    scans.setdefault("preprocess", {})["scan"] = block

    with pytest.raises(CatscanError) as refused:
        catscan_config.load(config, ROOT / "workflow" / "schemas" / "config.schema.yaml")

    assert refused.value.where == f"config key competitions.ct-scans.preprocess.scan.{key}"
