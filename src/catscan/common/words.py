"""Small words for messages."""

from __future__ import annotations


def number_of(count: int, noun: str) -> str:
    """A count with its noun in the right number.

    >>> number_of(1, "sample"), number_of(1200, "sample")
    ('1 sample', '1,200 samples')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def duration(seconds: float) -> str:
    """A time for people.

    >>> duration(42.4), duration(252), duration(8000)
    ('42 s', '4 min', '2 h 13 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return (f"{hours} h " if hours else "") + f"{minutes} min"
