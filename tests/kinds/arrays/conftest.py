"""What reads small real files of arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catscan.kinds.arrays.reader import ArrayReader
from catscan.kinds.arrays.settings import ArraySettings
from catscan.kinds.samples import Sample
from catscan.raw.files import RawFiles

Read = Callable[..., np.ndarray]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read one sample below the folder of the test, by its path in the index."""

    def read(path: str, archive: str = "", **settings: Any) -> np.ndarray:
        reader = ArrayReader(RawFiles(tmp_path), ArraySettings(**settings))
        try:
            return reader.read(Sample("1", archive, path)).array
        finally:
            reader.close()

    return read
