"""The heat maps of scans as files of their own, beside `explanation.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from catscan.common.contracts.explanation import Shown
from catscan.common.files import whole
from catscan.kinds.scans.nifti_file import nifti_of

FOLDER = "explanation"


def write_overlays(folder: Path, shown: Sequence[Shown], geometries: Mapping[str, Mapping[str, Any]]) -> int:
    """Write the heat map of each sample that lies somewhere in a patient, in place of those of before; how many.

    Parameters
    ----------
    geometries
        Of each sample as it is shown, by its id.
    """
    for path in folder.glob("*.nii"):
        path.unlink()
    written = 0
    for one in shown:
        affine = geometries[one.sample_id].get("affine")
        if one.heat is None or affine is None:
            continue
        folder.mkdir(exist_ok=True)
        with whole(folder / f"{quote(one.sample_id, safe=' ')}.nii") as partial:
            partial.write_bytes(nifti_of(one.heat.array(), affine, one.pixels.shape[:3]))
        written += 1
    return written
