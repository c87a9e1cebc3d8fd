"""Which class is taken for which: the whole table, and its largest cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MOST_CLASSES, PAIRS_SHOWN = 20, 10

Table = Mapping[str, Sequence[int]]


def confusion_table(table: Table, classes: Sequence[str]) -> dict[str, Any]:
    """Rows true, columns decided for; each cell with its share of the row. Empty where nobody could read it."""
    if not table or len(classes) > MOST_CLASSES:
        return {}
    rows = [
        (name, [(f"{count:,}", f"{count / max(sum(table[name]), 1):.2f}") for count in table[name]]) for name in classes
    ]
    return {"classes": classes, "rows": rows}


def most_confused(table: Table, classes: Sequence[str]) -> list[list[str]]:
    """The pairs (is, decided for) of the most samples, with their number and their share of the first."""
    pairs = [
        (count, sum(table[true]), true, told)
        for true in classes
        for told, count in zip(classes, table[true], strict=True)
        if count and true != told
    ]
    largest = sorted(pairs, key=lambda pair: -pair[0])[:PAIRS_SHOWN]
    return [[true, told, f"{count:,}", f"{100 * count / n:.1f} %"] for count, n, true, told in largest]
