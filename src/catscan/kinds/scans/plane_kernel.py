"""The compiled form of "clamp to air, then weigh the rows, then the columns": one pass over a slice's stored values.

The general way (`planes`) makes a float32 copy of the slice and multiplies it by sparse weights twice: many passes over
more memory than the slice itself. Machine code goes over it once, for one row of voxels after the other, and gives the
same bits, since it adds the same products in the same order. LLVM makes it in a tenth of a second, once a process.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from catscan.kinds import machine_code

AT_ONCE = 32  # columns whose sums stay in registers
SMALLEST = {"i": -(1 << 15), "u": 0}

# for v in voxel rows:
#     line[x] = sum of down_weights[q] * max(values[down_sources[q], x], low), q in [down_starts[v], down_starts[v + 1])
#     out[v, c] = sum of along_weights[q] * line[along_sources[q]], q in [along_starts[c], along_starts[c + 1])
# Columns are taken AT_ONCE; the last of them go over columns that were done before, with the same result.
CODE = """
define void @weigh(ptr noalias readonly %values, i64 %columns, i32 %low_32, i64 %voxel_rows, i64 %voxel_columns,
                   ptr noalias readonly %down_starts, ptr noalias readonly %down_sources,
                   ptr noalias readonly %down_weights, ptr noalias readonly %along_starts,
                   ptr noalias readonly %along_sources, ptr noalias readonly %along_weights,
                   ptr noalias %line, ptr noalias %out) {
entry:
  %low = trunc i32 %low_32 to i16
  %low_first = insertelement <AT_ONCE x i16> undef, i16 %low, i32 0
  %lows = shufflevector <AT_ONCE x i16> %low_first, <AT_ONCE x i16> undef, <AT_ONCE x i32> zeroinitializer
  %last_start = sub i64 %columns, AT_ONCE
  br label %row_head
row_head:
  %v = phi i64 [0, %entry], [%v_next, %row_end]
  %more_rows = icmp slt i64 %v, %voxel_rows
  br i1 %more_rows, label %row, label %done
row:
  %v_next = add i64 %v, 1
  %first_at = getelementptr i32, ptr %down_starts, i64 %v
  %beyond_at = getelementptr i32, ptr %down_starts, i64 %v_next
  %first_32 = load i32, ptr %first_at
  %beyond_32 = load i32, ptr %beyond_at
  %first = sext i32 %first_32 to i64
  %beyond = sext i32 %beyond_32 to i64
  br label %chunk_head
chunk_head:
  %x = phi i64 [0, %row], [%x_next, %chunk_end]
  %more_chunks = icmp slt i64 %x, %columns
  br i1 %more_chunks, label %chunk, label %column_head
chunk:
  %x_next = add i64 %x, AT_ONCE
  %early = icmp slt i64 %x, %last_start
  %start = select i1 %early, i64 %x, i64 %last_start
  br label %down_head
down_head:
  %q = phi i64 [%first, %chunk], [%q_next, %down]
  %sums = phi <AT_ONCE x float> [zeroinitializer, %chunk], [%new_sums, %down]
  %more_down = icmp slt i64 %q, %beyond
  br i1 %more_down, label %down, label %chunk_end
down:
  %q_next = add i64 %q, 1
  %source_at = getelementptr i32, ptr %down_sources, i64 %q
  %source_32 = load i32, ptr %source_at
  %source = sext i32 %source_32 to i64
  %source_row = mul i64 %source, %columns
  %source_start = add i64 %source_row, %start
  %stored_at = getelementptr i16, ptr %values, i64 %source_start
  %stored = load <AT_ONCE x i16>, ptr %stored_at, align 2
  %clamped = call <AT_ONCE x i16> @llvm.SIGNmax.vAT_ONCEi16(<AT_ONCE x i16> %stored, <AT_ONCE x i16> %lows)
  %whole = EXTEND <AT_ONCE x i16> %clamped to <AT_ONCE x i32>
  %numbers = sitofp <AT_ONCE x i32> %whole to <AT_ONCE x float>
  %weight_at = getelementptr float, ptr %down_weights, i64 %q
  %weight = load float, ptr %weight_at
  %weight_first = insertelement <AT_ONCE x float> undef, float %weight, i32 0
  %weights = shufflevector <AT_ONCE x float> %weight_first, <AT_ONCE x float> undef, <AT_ONCE x i32> zeroinitializer
  %products = fmul <AT_ONCE x float> %numbers, %weights
  %new_sums = fadd <AT_ONCE x float> %sums, %products
  br label %down_head
chunk_end:
  %line_at = getelementptr float, ptr %line, i64 %start
  store <AT_ONCE x float> %sums, ptr %line_at, align 4
  br label %chunk_head
column_head:
  %c = phi i64 [0, %chunk_head], [%c_next, %column_end]
  %more_columns = icmp slt i64 %c, %voxel_columns
  br i1 %more_columns, label %column, label %row_end
column:
  %c_next = add i64 %c, 1
  %left_at = getelementptr i32, ptr %along_starts, i64 %c
  %right_at = getelementptr i32, ptr %along_starts, i64 %c_next
  %left_32 = load i32, ptr %left_at
  %right_32 = load i32, ptr %right_at
  %left = sext i32 %left_32 to i64
  %right = sext i32 %right_32 to i64
  br label %along_head
along_head:
  %r = phi i64 [%left, %column], [%r_next, %along]
  %sum = phi float [0.0, %column], [%new_sum, %along]
  %more_along = icmp slt i64 %r, %right
  br i1 %more_along, label %along, label %column_end
along:
  %r_next = add i64 %r, 1
  %from_at = getelementptr i32, ptr %along_sources, i64 %r
  %from_32 = load i32, ptr %from_at
  %from = sext i32 %from_32 to i64
  %value_at = getelementptr float, ptr %line, i64 %from
  %value = load float, ptr %value_at
  %share_at = getelementptr float, ptr %along_weights, i64 %r
  %share = load float, ptr %share_at
  %product = fmul float %value, %share
  %new_sum = fadd float %sum, %product
  br label %along_head
column_end:
  %out_row = mul i64 %v, %voxel_columns
  %out_index = add i64 %out_row, %c
  %out_at = getelementptr float, ptr %out, i64 %out_index
  store float %sum, ptr %out_at
  br label %column_head
row_end:
  br label %row_head
done:
  ret void
}
declare <AT_ONCE x i16> @llvm.SIGNmax.vAT_ONCEi16(<AT_ONCE x i16>, <AT_ONCE x i16>)
"""


@lru_cache(maxsize=2)
def _compiled(signed: bool) -> Callable[..., None]:
    """The machine code for int16 or uint16; it runs without the interpreter's lock."""
    number, place = ctypes.c_int64, ctypes.c_void_p
    kinds = [place, number, ctypes.c_int32, number, number, *[place] * 8]
    code = CODE.replace("AT_ONCE", str(AT_ONCE))
    code = code.replace("SIGN", "s" if signed else "u").replace("EXTEND", "sext" if signed else "zext")
    return machine_code.compiled(code, "weigh", kinds)


class PlaneKernel:
    """The weights of rows and columns, ready for the machine code; for one thread.

    Parameters
    ----------
    down, along
        (voxel rows, rows) and (voxel columns, columns), sparse, float32.
    """

    def __init__(self, down: csr_array, along: csr_array) -> None:
        self._rows, self._columns = down.shape[1], along.shape[1]
        self._shape = down.shape[0], along.shape[0]
        self._arrays = [np.empty(self._columns, np.float32)]
        for weights in (down, along):
            self._arrays += [weights.indptr.astype(np.int32), weights.indices.astype(np.int32), weights.data]
        line, *tables = (array.ctypes.data for array in self._arrays)
        self._addresses = *tables, line

    @property
    def fits(self) -> bool:
        """Whether slices are wide enough for it."""
        return self._columns >= AT_ONCE

    def apply(self, values: NDArray[np.integer[Any]], low: int) -> NDArray[np.float32]:
        """``down @ max(values, low) @ along.T``.

        Parameters
        ----------
        values
            int16 or uint16, (rows, columns), C-contiguous.
        low
            Smaller values count as this one; below 32768.

        Returns
        -------
        ndarray
            float32, (voxel rows, voxel columns).
        """
        if values.shape != (self._rows, self._columns) or values.dtype.itemsize != 2 or not values.flags.c_contiguous:
            raise AssertionError(f"{values.dtype} of shape {values.shape} for {self._rows} x {self._columns}")
        out = np.empty(self._shape, np.float32)
        kind = values.dtype.kind
        _compiled(kind == "i")(
            values.ctypes.data,
            self._columns,
            max(low, SMALLEST[kind]),
            *self._shape,
            *self._addresses,
            out.ctypes.data,
        )
        return out
