"""The compiled form of "clamp to air, then weigh the rows": one pass over a slice's stored values.

The general way (`planes`) makes a float32 copy of the slice and multiplies it by sparse weights: three passes over more
memory than the slice itself. Machine code does it in one, and gives the same bits, since it adds the same products in
the same order. LLVM makes it in a tenth of a second, once a process.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from catscan import machine_code

# for y in rows: for q in [starts[y], starts[y + 1]): out[targets[q]] += weights[q] * max(values[y], low)
CODE = """
define void @weigh_rows(ptr noalias readonly %values, i64 %rows, i64 %columns, i32 %low, ptr noalias readonly %starts,
                        ptr noalias readonly %targets, ptr noalias readonly %weights, ptr noalias %out) {
entry:
  br label %row_head
row_head:
  %y = phi i64 [0, %entry], [%y_next, %row_end]
  %more_rows = icmp slt i64 %y, %rows
  br i1 %more_rows, label %row, label %done
row:
  %row_start = mul i64 %y, %columns
  %source = getelementptr i16, ptr %values, i64 %row_start
  %y_next = add i64 %y, 1
  %first_at = getelementptr i32, ptr %starts, i64 %y
  %beyond_at = getelementptr i32, ptr %starts, i64 %y_next
  %first_32 = load i32, ptr %first_at
  %beyond_32 = load i32, ptr %beyond_at
  %first = sext i32 %first_32 to i64
  %beyond = sext i32 %beyond_32 to i64
  br label %weight_head
weight_head:
  %q = phi i64 [%first, %row], [%q_next, %weight_end]
  %more_weights = icmp slt i64 %q, %beyond
  br i1 %more_weights, label %weight, label %row_end
weight:
  %target_at = getelementptr i32, ptr %targets, i64 %q
  %target_32 = load i32, ptr %target_at
  %target = sext i32 %target_32 to i64
  %weight_at = getelementptr float, ptr %weights, i64 %q
  %w = load float, ptr %weight_at
  %target_start = mul i64 %target, %columns
  %sums = getelementptr float, ptr %out, i64 %target_start
  br label %column_head
column_head:
  %x = phi i64 [0, %weight], [%x_next, %column]
  %more_columns = icmp slt i64 %x, %columns
  br i1 %more_columns, label %column, label %weight_end
column:
  %value_at = getelementptr i16, ptr %source, i64 %x
  %value_16 = load i16, ptr %value_at
  %value = EXTEND i16 %value_16 to i32
  %clamped = call i32 @llvm.smax.i32(i32 %value, i32 %low)
  %number = sitofp i32 %clamped to float
  %product = fmul float %number, %w
  %sum_at = getelementptr float, ptr %sums, i64 %x
  %sum = load float, ptr %sum_at
  %new_sum = fadd float %sum, %product
  store float %new_sum, ptr %sum_at
  %x_next = add i64 %x, 1
  br label %column_head
weight_end:
  %q_next = add i64 %q, 1
  br label %weight_head
row_end:
  br label %row_head
done:
  ret void
}
declare i32 @llvm.smax.i32(i32, i32)
"""


@lru_cache(maxsize=2)
def _compiled(signed: bool) -> Callable[..., None]:
    """The machine code for int16 or uint16; it runs without the interpreter's lock."""
    number, place = ctypes.c_int64, ctypes.c_void_p
    kinds = [place, number, number, ctypes.c_int32, place, place, place, place]
    return machine_code.compiled(CODE.replace("EXTEND", "sext" if signed else "zext"), "weigh_rows", kinds)


class RowWeights:
    """Weights of rows, ready for the machine code.

    Parameters
    ----------
    weights
        (voxels, rows), sparse, float32.
    """

    def __init__(self, weights: csr_array) -> None:
        by_row = weights.T.tocsr()
        self._shape = weights.shape
        self._starts = by_row.indptr.astype(np.int32)
        self._targets = by_row.indices.astype(np.int32)
        self._weights = by_row.data.astype(np.float32)

    def apply(self, values: NDArray[np.integer[Any]], low: int) -> NDArray[np.float32]:
        """``weights @ max(values, low)``.

        Parameters
        ----------
        values
            int16 or uint16, (rows, columns), C-contiguous.
        low
            Smaller values count as this one.

        Returns
        -------
        ndarray
            float32, (voxels, columns).
        """
        voxels, rows = self._shape
        if values.shape[0] != rows or values.dtype.itemsize != 2 or not values.flags.c_contiguous:
            raise AssertionError(f"{values.dtype} of shape {values.shape} for {rows} rows")
        out = np.zeros((voxels, values.shape[1]), np.float32)
        addresses = (array.ctypes.data for array in (self._starts, self._targets, self._weights, out))
        _compiled(values.dtype.kind == "i")(values.ctypes.data, rows, values.shape[1], low, *addresses)
        return out
