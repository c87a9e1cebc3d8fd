"""The area average as machine code: one pass over the picture, a row of the result after the other.

`benchmarks/pictures.py` measures what that gains.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from llvmlite import ir

from catscan.kinds.kernels import builder
from catscan.kinds.kernels.builder import BYTE, DOUBLE, LONG, SHORT, WORD, loop

ARGUMENTS = {
    "picture": BYTE.as_pointer(),  # (height, width, channels)
    "height": LONG,
    "width": LONG,
    "row_cuts": WORD.as_pointer(),  # (rows + 1,), see `catscan.kinds.kernels.area`
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
    """Machine code for pictures of 1 or 3 channels; it takes the `ARGUMENTS`, in their order."""

    def write(code: ir.IRBuilder, given: SimpleNamespace) -> None:
        """For each output row: the weighted sum of its rows, the sums of that line between the cuts, their averages."""
        totals = [code.alloca(WORD) for _ in range(channels)]
        with loop(code, LONG(0), given.rows) as row:
            _sum_rows(code, given, row, code.mul(given.width, LONG(channels)))
            _cumulate(code, given, totals)
            _divide(code, given, row, channels)

    return builder.compiled("area", ARGUMENTS, write)


def _sum_rows(code: ir.IRBuilder, given: SimpleNamespace, row: ir.Value, length: ir.Value) -> None:
    """line = rows * (sum of the pixels from the row's cut to the next), the parts at both cuts weighted."""
    after = code.add(row, LONG(1))
    top, bottom = (code.zext(given.row_cuts.at(cut), LONG) for cut in (row, after))
    with loop(code, LONG(0), length) as i:
        given.sums.put(SHORT(0), i)
    with loop(code, top, bottom) as y:
        start = code.mul(y, length)
        with loop(code, LONG(0), length) as i:
            value = code.zext(given.picture.at(start, i), SHORT)
            given.sums.put(code.add(given.sums.at(i), value), i)
    # Whole rows top .. bottom - 1, less the part of row top above its cut, plus the part of row bottom above the next.
    last = code.sub(given.height, LONG(1))
    inside = code.select(code.icmp_signed("<", bottom, last), bottom, last)
    ends = [(code.mul(y, length), given.row_parts.at(cut)) for y, cut in ((top, row), (inside, after))]
    weight = code.trunc(given.rows, WORD)
    with loop(code, LONG(0), length) as i:
        less, plus = (code.mul(part, code.zext(given.picture.at(start, i), WORD)) for start, part in ends)
        whole = code.mul(weight, code.zext(given.sums.at(i), WORD))
        given.line.put(code.add(code.sub(whole, less), plus), i)


def _cumulate(code: ir.IRBuilder, given: SimpleNamespace, totals: list[ir.Value]) -> None:
    """cumulated = columns * (total of the line up to each cut), the part at the cut weighted."""
    channels, weight = LONG(len(totals)), code.trunc(given.columns, WORD)
    for total in totals:
        code.store(WORD(0), total)
    with loop(code, LONG(0), given.columns) as column:
        after = code.add(column, LONG(1))
        left, right = (code.zext(given.column_cuts.at(cut), LONG) for cut in (column, after))
        with loop(code, left, right) as x:
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
    with loop(code, LONG(0), length) as i:
        total = code.sub(given.cumulated.at(i, LONG(channels)), given.cumulated.at(i))
        average = code.fmul(code.fadd(code.uitofp(total, DOUBLE), half), inverse)
        given.out.put(code.trunc(code.fptosi(average, WORD), BYTE), start, i)
