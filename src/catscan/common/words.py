"""Small words for messages."""

from __future__ import annotations


def number_of(count: int, noun: str) -> str:
    """A count with its noun in the right number.

    >>> number_of(1, "sample"), number_of(1200, "sample")
    ('1 sample', '1,200 samples')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
