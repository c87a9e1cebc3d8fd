"""The compiled form of the area average: machine code made by LLVM in a tenth of a second, once a process.

The code is put together with llvmlite. numba, which stands on it, would let this be a plain Python function, but takes
1.4 CPU-seconds in every process before the first picture: more than it saves on a shard of 3,000 pictures. llvmlite
alone takes 0.13. `benchmarks/pictures.py` measures what that gains.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from llvmlite import ir

from catscan.kinds import machine_code

BYTE, SHORT, WORD, LONG = (ir.IntType(bits) for bits in (8, 16, 32, 64))
DOUBLE = ir.DoubleType()
ARGUMENTS = {
    "picture": BYTE.as_pointer(),  # (height, width, channels)
    "height": LONG,
    "width": LONG,
    "row_cuts": WORD.as_pointer(),  # (rows + 1,), see `catscan.kinds.pictures.area`
    "row_parts": WORD.as_pointer(),
    "column_cuts": WORD.as_pointer(),  # (columns + 1,)
    "column_parts": WORD.as_pointer(),
    "rows": LONG,
    "columns": LONG,
    "sums": SHORT.as_pointer(),  # (width, channels): of the rows of one output row
    "line": WORD.as_pointer(),  # (width + 1, channels): the same, weighted
    "cumulated": WORD.as_pointer(),  # (columns + 1, channels): the line's total up to each cut; begins with 0
    "out": BYTE.as_pointer(),  # (rows, columns, channels)
}


def compiled(channels: int) -> Callable[..., None]:
    """Machine code for pictures of so many channels.

    Returns
    -------
    callable
        It takes the `ARGUMENTS`, in their order: addresses and sizes, as integers. It runs without the interpreter's
        lock.
    """
    kinds = [ctypes.c_void_p if kind.is_pointer else ctypes.c_int64 for kind in ARGUMENTS.values()]
    return machine_code.compiled(str(_module(channels)), "area", kinds)


class _Array:
    """An array in the machine code: `at` loads and `put` stores what is ``index`` (plus ``offset``) from its start."""

    def __init__(self, code: ir.IRBuilder, pointer: ir.Value) -> None:
        self._code, self._pointer = code, pointer

    def _place(self, index: ir.Value, offset: ir.Value | None) -> ir.Value:
        place = index if offset is None else self._code.add(index, offset, flags=("nsw",))
        return self._code.gep(self._pointer, [place])

    def at(self, index: ir.Value, offset: ir.Value | None = None) -> ir.Value:
        return self._code.load(self._place(index, offset))

    def put(self, value: ir.Value, index: ir.Value, offset: ir.Value | None = None) -> None:
        self._code.store(value, self._place(index, offset))


@contextmanager
def _loop(code: ir.IRBuilder, start: ir.Value, end: ir.Value) -> Iterator[ir.Value]:
    """`for index in range(start, end)` around what is written inside the block."""
    before, head, body, after = code.block, *(code.append_basic_block(name) for name in ("head", "body", "after"))
    code.branch(head)
    code.position_at_end(head)
    index = code.phi(LONG)
    index.add_incoming(start, before)
    code.cbranch(code.icmp_signed("<", index, end), body, after)
    code.position_at_end(body)
    yield index
    index.add_incoming(code.add(index, LONG(1), flags=("nsw",)), code.block)
    code.branch(head)
    code.position_at_end(after)


def _module(channels: int) -> ir.Module:
    """For each output row: the weighted sum of its rows, the sums of that line between the cuts, their averages."""
    module = ir.Module("area")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), list(ARGUMENTS.values())), "area")
    code = ir.IRBuilder(function.append_basic_block("entry"))
    given = SimpleNamespace()
    for name, value in zip(ARGUMENTS, function.args, strict=True):
        if value.type.is_pointer:
            value.add_attribute("noalias")
        setattr(given, name, _Array(code, value) if value.type.is_pointer else value)
    totals = [code.alloca(WORD) for _ in range(channels)]
    with _loop(code, LONG(0), given.rows) as row:
        _sum_rows(code, given, row, code.mul(given.width, LONG(channels)))
        _cumulate(code, given, totals)
        _divide(code, given, row, channels)
    code.ret_void()
    return module


def _sum_rows(code: ir.IRBuilder, given: SimpleNamespace, row: ir.Value, length: ir.Value) -> None:
    """line = rows * (sum of the pixels from the row's cut to the next), the parts at both cuts weighted."""
    after = code.add(row, LONG(1))
    top, bottom = (code.zext(given.row_cuts.at(cut), LONG) for cut in (row, after))
    with _loop(code, LONG(0), length) as i:
        given.sums.put(SHORT(0), i)
    with _loop(code, top, bottom) as y:
        start = code.mul(y, length)
        with _loop(code, LONG(0), length) as i:
            value = code.zext(given.picture.at(start, i), SHORT)
            given.sums.put(code.add(given.sums.at(i), value), i)
    # Whole rows top .. bottom - 1, less the part of row top above its cut, plus the part of row bottom above the next.
    last = code.sub(given.height, LONG(1))
    inside = code.select(code.icmp_signed("<", bottom, last), bottom, last)
    ends = [(code.mul(y, length), given.row_parts.at(cut)) for y, cut in ((top, row), (inside, after))]
    weight = code.trunc(given.rows, WORD)
    with _loop(code, LONG(0), length) as i:
        less, plus = (code.mul(part, code.zext(given.picture.at(start, i), WORD)) for start, part in ends)
        whole = code.mul(weight, code.zext(given.sums.at(i), WORD))
        given.line.put(code.add(code.sub(whole, less), plus), i)


def _cumulate(code: ir.IRBuilder, given: SimpleNamespace, totals: list[ir.Value]) -> None:
    """cumulated = columns * (total of the line up to each cut), the part at the cut weighted."""
    channels, weight = LONG(len(totals)), code.trunc(given.columns, WORD)
    for total in totals:
        code.store(WORD(0), total)
    with _loop(code, LONG(0), given.columns) as column:
        after = code.add(column, LONG(1))
        left, right = (code.zext(given.column_cuts.at(cut), LONG) for cut in (column, after))
        with _loop(code, left, right) as x:
            for channel, total in enumerate(totals):
                value = given.line.at(code.mul(x, channels), LONG(channel))
                code.store(code.add(code.load(total), value), total)
        part = given.column_parts.at(after)
        for channel, total in enumerate(totals):
            partly = code.mul(part, given.line.at(code.mul(right, channels), LONG(channel)))
            up_to_cut = code.add(code.mul(weight, code.load(total)), partly)
            given.cumulated.put(up_to_cut, code.mul(after, channels), LONG(channel))


def _divide(code: ir.IRBuilder, given: SimpleNamespace, row: ir.Value, channels: int) -> None:
    """out = (the difference from cut to cut) / (height * width), rounded half up.

    floor((sum + n // 2) / n) is computed as (sum + n // 2 + 0.5) * (1 / n): the half keeps the product further from a
    whole number than float64 can be wrong.
    """
    length = code.mul(given.columns, LONG(channels))
    pixels = code.mul(given.height, given.width)
    half = code.fadd(code.uitofp(code.udiv(pixels, LONG(2)), DOUBLE), DOUBLE(0.5))
    inverse = code.fdiv(DOUBLE(1.0), code.uitofp(pixels, DOUBLE))
    start = code.mul(row, length)
    with _loop(code, LONG(0), length) as i:
        total = code.sub(given.cumulated.at(i, LONG(channels)), given.cumulated.at(i))
        average = code.fmul(code.fadd(code.uitofp(total, DOUBLE), half), inverse)
        given.out.put(code.trunc(code.fptosi(average, WORD), BYTE), start, i)
