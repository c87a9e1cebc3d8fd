"""How many pixels the scans of a progressive JPEG can hold at most (ITU-T T.81, annexes B and G).

Its coefficients are all in memory before the first pixel is decoded, so a file that promises more than it holds must be
known without the decoder. Every block of 8 x 8 has at least one bit in the first scan of its mean value (DC), whatever
follows; no comment, no other scan and nothing after the end of the picture can stand in for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a stuffed 0xff nor a restart, which are part of a scan
START_OF_SCAN, END = 0xDA, 0xD9


def least_bytes(height: int, width: int, sampling: Sequence[tuple[int, int]]) -> int:
    """The bytes that the first DC scans have at least.

    Parameters
    ----------
    sampling
        For each component its factors, (across, down).
    """
    across, down = (max(1, *factors) for factors in zip(*sampling, (1, 1), strict=True))
    blocks = sum(-(-width * h // (8 * across)) * -(-height * v // (8 * down)) for h, v in sampling)
    return -(-blocks // 8)


def bytes_of_first_scans(data: bytes, at: int) -> int:
    """The bytes of all first DC scans of a JPEG, whose segments are walked from byte ``at`` on."""
    return sum(end - start for first, start, end in _scans(data, at) if first)


def _scans(data: bytes, at: int) -> Iterator[tuple[bool, int, int]]:
    """Of each scan, whether it is the first of its components' DC, and where its bytes begin and end."""
    while found := MARKER.search(data, at):
        marker, start = data[found.start() + 1], found.end()
        if marker == END:
            return
        at = start + int.from_bytes(data[start : start + 2], "big")
        if marker == START_OF_SCAN:
            spectral, _, successive = data[at - 3 : at] if at - 3 > start and at <= len(data) else (1, 0, 0)
            following = MARKER.search(data, at)
            end = following.start() if following else len(data)
            yield spectral == 0 and successive >> 4 == 0, at, end
            at = end
