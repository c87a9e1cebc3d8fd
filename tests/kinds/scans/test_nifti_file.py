"""What is found in a scan lies where it is in the patient, when it is written as NIfTI."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import Dataset

from catscan.kinds.samples import Reading
from catscan.kinds.scans.nifti_file import nifti_of

LESION_MM = np.array([31.0, -14.0, 58.0])  # x to the left, y to the back, z up
AROUND = {"axial": (1, 0, 0, 0, 1, 0), "coronal": (1, 0, 0, 0, 0, -1), "from the feet": (-1, 0, 0, 0, 1, 0)}


def slices(orientation: tuple[int, ...], slice_at: Callable[..., Dataset]) -> list[Dataset]:
    """A series 40 pixels of 2.5 mm wide and high, 36 slices of 3 mm, with a ball of 9 mm around the lesion's place."""
    along, down = np.reshape(orientation, (2, 3)).astype(float)
    normal = np.cross(along, down)
    made = []
    centre = np.array([10.0, -10.0, 40.0])
    rows, columns = np.mgrid[0:40, 0:40]
    for k in range(36):
        corner = centre + normal * 3.0 * (k - 17.5) - 2.5 * 19.5 * (along + down)
        places = corner + 2.5 * (columns[..., None] * along + rows[..., None] * down)
        ball = np.linalg.norm(places - LESION_MM, axis=-1) < 9
        pixels = np.where(ball, 1064, 100).astype(np.int16)
        made.append(slice_at(corner, pixels, PixelSpacing=[2.5, 2.5], ImageOrientationPatient=list(orientation)))
    return made


@pytest.mark.parametrize("parts", [(12, 12, 12), (6, 6, 6)], ids=["the scan's grid", "coarser"])
@pytest.mark.parametrize("orientation", AROUND.values(), ids=AROUND)
def test_the_middle_of_what_is_bright_is_that_of_the_lesion_in_the_patient(
    orientation: tuple[int, ...],
    parts: tuple[int, int, int],
    slice_at: Callable[..., Dataset],
    save: Callable[..., Path],
    read: Callable[..., Reading],
) -> None:
    folder = save(slices(orientation, slice_at), "series")
    reading = read(folder, mode="cube", size=(12, 12, 12))
    levels = reading.array[..., 0].astype(float) - reading.array.min()
    coarse = [len(levels) // n for n in parts]
    heat = levels.reshape(parts[0], coarse[0], parts[1], coarse[1], parts[2], coarse[2]).mean(axis=(1, 3, 5))
    values = np.round(heat * 255 / heat.max()).astype(np.uint8)
    (folder.parent / "heat.nii").write_bytes(nifti_of(values, reading.geometry["affine"], reading.array.shape[:3]))
    image = nib.load(folder.parent / "heat.nii")
    weights = np.asarray(image.dataobj, float)
    middle = [float((weights * place).sum() / weights.sum()) for place in np.indices(weights.shape)]
    right, front, up = nib.affines.apply_affine(image.affine, middle)

    np.testing.assert_allclose([-right, -front, up], LESION_MM, atol=2.0)  # mm, of coarse values 17 wide
