"""A slice onto its grid as machine code: "clamp to air, then weigh the rows, then the columns" in one pass.

The plain way makes a float32 copy of the slice and multiplies it by sparse weights twice: many passes over more memory
than the slice itself. Here its rows are read once for each row of voxels, and the same products are added in the same
order, which gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from llvmlite import ir

from catscan.kinds.kernels import builder
from catscan.kinds.kernels.builder import FLOAT, LONG, SHORT, WORD, Array, loop

ARGUMENTS = {
    "values": SHORT.as_pointer(),  # (rows, columns), signed or not
    "columns": LONG,
    "low": LONG,  # smaller values count as this one
    "voxel_rows": LONG,
    "voxel_columns": LONG,
    "down_starts": WORD.as_pointer(),  # (voxel rows + 1,), as those of a sparse array by rows
    "down_sources": WORD.as_pointer(),
    "down_weights": FLOAT.as_pointer(),
    "along_starts": WORD.as_pointer(),  # (voxel columns + 1,)
    "along_sources": WORD.as_pointer(),
    "along_weights": FLOAT.as_pointer(),
    "line": FLOAT.as_pointer(),  # (columns,): the rows of one row of voxels, weighed
    "out": FLOAT.as_pointer(),  # (voxel rows, voxel columns)
}


def compiled(at_once: int, *, signed: bool) -> Callable[..., None]:
    """Machine code for int16 or uint16; it takes the `ARGUMENTS`, in their order.

    Columns are taken ``at_once``; the last of them go over columns that were done before, with the same result.
    """

    def write(code: ir.IRBuilder, given: SimpleNamespace) -> None:
        sums, total = code.alloca(ir.VectorType(FLOAT, at_once)), code.alloca(FLOAT)
        lows = _spread(code, code.trunc(given.low, SHORT), at_once)
        with loop(code, LONG(0), given.voxel_rows) as row:
            _weigh_rows(code, given, row, sums, lambda stored: _clamped(code, stored, lows, signed=signed))
            _weigh_columns(code, given, row, total)

    return builder.compiled("plane", ARGUMENTS, write)


def _weigh_rows(
    code: ir.IRBuilder,
    given: SimpleNamespace,
    row: ir.Value,
    sums: ir.Value,
    clamped: Callable[[ir.Value], ir.Value],
) -> None:
    """line = the sum of weight * clamped row over the sources of a row of voxels."""
    floats = sums.type.pointee
    last_start = code.sub(given.columns, LONG(floats.count))
    first, beyond = _range(code, given.down_starts, row)
    with loop(code, LONG(0), given.columns, floats.count) as x:
        start = code.select(code.icmp_signed("<", x, last_start), x, last_start)
        code.store(ir.Constant(floats, [0.0] * floats.count), sums)
        with loop(code, first, beyond) as q:
            source = code.mul(code.sext(given.down_sources.at(q), LONG), given.columns)
            values = code.sitofp(clamped(given.values.at(source, start, count=floats.count)), floats)
            weights = _spread(code, given.down_weights.at(q), floats.count)
            code.store(code.fadd(code.load(sums), code.fmul(values, weights)), sums)
        given.line.put(code.load(sums), start)


def _weigh_columns(code: ir.IRBuilder, given: SimpleNamespace, row: ir.Value, total: ir.Value) -> None:
    """A row of out = the sum of weight * line over the sources of each of its columns."""
    start = code.mul(row, given.voxel_columns)
    with loop(code, LONG(0), given.voxel_columns) as column:
        first, beyond = _range(code, given.along_starts, column)
        code.store(FLOAT(0.0), total)
        with loop(code, first, beyond) as q:
            value = given.line.at(code.sext(given.along_sources.at(q), LONG))
            code.store(code.fadd(code.load(total), code.fmul(value, given.along_weights.at(q))), total)
        given.out.put(code.load(total), start, column)


def _range(code: ir.IRBuilder, starts: Array, row: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Where the entries of a row of a sparse array begin, and where those of the next do."""
    return code.sext(starts.at(row), LONG), code.sext(starts.at(row, LONG(1)), LONG)


def _clamped(code: ir.IRBuilder, stored: ir.Value, lows: ir.Value, *, signed: bool) -> ir.Value:
    """The larger of both, in 32 bits."""
    above = code.icmp_signed(">", stored, lows) if signed else code.icmp_unsigned(">", stored, lows)
    larger, words = code.select(above, stored, lows), ir.VectorType(WORD, stored.type.count)
    return code.sext(larger, words) if signed else code.zext(larger, words)


def _spread(code: ir.IRBuilder, value: ir.Value, count: int) -> ir.Value:
    """A vector of ``count`` times the same value."""
    unset = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
    firsts = ir.Constant(ir.VectorType(WORD, count), [0] * count)
    return code.shuffle_vector(code.insert_element(unset, value, WORD(0)), unset, firsts)
