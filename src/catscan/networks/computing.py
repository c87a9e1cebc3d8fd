"""What a user can choose about how networks compute: keys of the block `train` of the config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from catscan.common.keys import between, one_of


@dataclass(frozen=True, kw_only=True)
class Computing:
    """How networks compute, where that moves their results."""

    threads: Annotated[int, between(1, 1024)] = 2
    """Threads of one job. The sums are split by it, so it is a setting and not what the scheduler gives; fewer
    cores give the same bytes, more slowly."""

    precision: Annotated[str, one_of("auto", "fp32", "bf16")] = "auto"
    """`auto` takes bf16 on processors that have it (avx512_bf16 or amx_bf16) and compute this network's convolutions to
    the same bytes each time, fp32 elsewhere (TF32 on GPUs that have it)."""
