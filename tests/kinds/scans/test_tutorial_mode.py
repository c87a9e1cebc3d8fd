"""Mode `tutorial` gives the tutorial's own numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catscan.kinds.samples import Sample
from catscan.kinds.scans import tutorial
from catscan.kinds.scans.reader import ScanReader
from catscan.kinds.scans.settings import ScanSettings
from catscan.raw.files import RawFiles

PATIENTS = [
    "00cba091fa4ad62cc3200a657aeb957e",
    "00edff4f51a893d80dae2d42a7f45ad1",
    "0a38e7597ca26f9374f8ea2770ba870d",
    "0c0de3749d4fe175b7a5098b060982a1",
]


@pytest.mark.parametrize("patient", PATIENTS)
def test_stored_means_equal_the_tutorials_array(patient: str, patients: Path, golden: dict[str, np.ndarray]) -> None:
    reader = ScanReader(RawFiles(patients), ScanSettings(mode="tutorial"))
    scan = reader.prepare(Sample(patient, "", patient))

    means = tutorial.stored_means(scan, (20, 50, 50))

    np.testing.assert_allclose(means, golden[patient], atol=1e-9)  # stored values
