"""Writes values found in a scan as a NIfTI file in the patient's coordinates, to be laid over the series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

TO_NIFTI = np.diag([-1.0, -1.0, 1.0, 1.0])  # which counts x to the right and y to the front, unlike DICOM


def nifti_of(values: NDArray[np.uint8], affine: ArrayLike, sizes: Sequence[int]) -> bytes:
    """The file's bytes, uncompressed.

    Parameters
    ----------
    values
        (depth, height, width) uint8: z up, y to the back, x to the left. Their grid may be another than that of the
        scan, over the same field.
    affine
        (4, 4) of the scan's own grid: a voxel's index (z, y, x, 1) to the patient's (x, y, z, 1) in mm, as in
        `Reading.geometry`.
    sizes
        (depth, height, width) of the scan's own grid.
    """
    import nibabel as nib

    times = np.array(sizes) / values.shape
    to_scan = np.eye(4)
    to_scan[:3, :3] = np.diag(times)
    to_scan[:3, 3] = (times - 1) / 2  # of the first value, whose middle is that of the voxels it covers
    turned = np.eye(4)[[2, 1, 0, 3]]  # NIfTI's first axis is x
    matrix = TO_NIFTI @ np.asarray(affine, np.float64) @ to_scan @ turned
    return bytes(nib.Nifti1Image(np.ascontiguousarray(values.transpose()), matrix).to_bytes())
