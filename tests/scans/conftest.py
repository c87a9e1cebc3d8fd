"""Real scans, unpacked once a session, and small generated ones."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import py7zr
import pytest


@pytest.fixture(scope="session")
def patients(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four patients of the Data Science Bowl 2017, one folder each."""
    folder = tmp_path_factory.mktemp("patients")
    with py7zr.SevenZipFile(shared_data / "data-science-bowl-2017" / "stage1.7z") as archive:
        archive.extractall(folder)
    return folder / "stage1"


@pytest.fixture(scope="session")
def heads(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two head scans with a tilted gantry (neurolabusc/dcm_qa_ct)."""
    folder = tmp_path_factory.mktemp("heads")
    with zipfile.ZipFile(shared_data / "head-ct" / "head-ct.zip") as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def golden(shared_data: Path) -> dict[str, np.ndarray]:
    """The tutorial's own volumes by patient, float64 (20, 50, 50), made by the tutorial's code."""
    folder = shared_data / "data-science-bowl-2017"
    ids = (folder / "tutorial-20x50x50.ids.txt").read_text().split()
    return dict(zip(ids, np.load(folder / "tutorial-20x50x50.npy", allow_pickle=False), strict=True))
