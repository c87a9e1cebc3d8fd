"""A slice onto the grid's rows and columns: every voxel is the weighted sum of the pixels below it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from catscan.kinds.kernels.machine_code import Kernel, MachineCode

AT_ONCE = 32  # columns whose sums the machine code keeps in registers
SMALLEST = {"i": -(1 << 15), "u": 0}

Stored = NDArray[np.integer[Any]]
Plane = NDArray[np.float32]


def _make(signed: int) -> Kernel:
    from catscan.kinds.kernels.plane_code import compiled

    return compiled(AT_ONCE, signed=bool(signed))


machine_code = MachineCode(_make, without="scans are resampled more slowly")  # one variant for int16, one for uint16


class PlaneWeights:
    """How the pixels of a slice make the voxels of a plane; for one thread.

    Parameters
    ----------
    down, along
        (voxel rows, rows) and (voxel columns, columns), sparse, float32.

    Attributes
    ----------
    covered
        float32, (voxel rows, voxel columns): the share of each voxel that lies within the slice.
    clamps
        Whether slices are wide enough for `clamped`.
    """

    def __init__(self, down: csr_array, along: csr_array) -> None:
        self.down, self.along = down, along
        self.covered = np.outer(down.sum(axis=1), along.sum(axis=1)).astype(np.float32)
        self.clamps = along.shape[1] >= AT_ONCE
        # Held, since addresses alone keep nothing alive.
        self._tables = [
            array
            for weights in (down, along)
            for array in (weights.indptr.astype(np.int32), weights.indices.astype(np.int32), weights.data)
        ]
        self._line = np.empty(along.shape[1], np.float32)
        self._addresses = [array.ctypes.data for array in (*self._tables, self._line)]

    def apply(self, values: Plane) -> Plane:
        """``down @ values @ along.T``, (rows, columns) to (voxel rows, voxel columns), float32."""
        plane: Plane = cv2.transpose(self.along @ cv2.transpose(self.down @ values))
        return plane

    def clamped(self, values: Stored, low: int) -> Plane:
        """``down @ max(values, low) @ along.T``.

        Parameters
        ----------
        values
            int16 or uint16, (rows, columns), C-contiguous; at least `AT_ONCE` columns.
        low
            Smaller values count as this one; below 32768.

        Returns
        -------
        ndarray
            float32, (voxel rows, voxel columns): the same bits from machine code and, where there is none, from SciPy.
        """
        kernel = machine_code(values.dtype.kind == "i")
        return self.by_scipy(values, low) if kernel is None else self.by_machine_code(kernel, values, low)

    def by_scipy(self, values: Stored, low: int) -> Plane:
        """The definition of `clamped`."""
        return self.apply(np.maximum(values.astype(np.float32), np.float32(low)))

    def by_machine_code(self, kernel: Kernel, values: Stored, low: int) -> Plane:
        """`clamped` by `catscan.kinds.kernels.plane_code`."""
        shape = self.down.shape[1], self.along.shape[1]
        if values.shape != shape or values.dtype.itemsize != 2 or not values.flags.c_contiguous or not self.clamps:
            raise AssertionError(f"{values.dtype} of shape {values.shape} for {shape}")
        out = np.empty(self.covered.shape, np.float32)
        kernel(
            values.ctypes.data,
            values.shape[1],
            max(low, SMALLEST[values.dtype.kind]),
            *out.shape,
            *self._addresses,
            out.ctypes.data,
        )
        return out
