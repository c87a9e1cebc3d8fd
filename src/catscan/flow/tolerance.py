"""Whether a shard that was read may stand, by what is tolerated now.

Which bad samples are tolerated changes no byte of a shard, so that other tolerances read nothing again. Only a shard
that holds more bad samples than are tolerated now does not stand: its job runs again, and says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catscan.common.contracts.features import FeaturesSidecar
from catscan.common.contracts.sidecar import Sidecar
from catscan.common.errors import CatscanError
from catscan.common.settings import parse
from catscan.kinds.shard import BadSamples

RESOURCE = "bad_samples"  # of the rules that read samples


def exceeded(job: Any) -> bool:
    """Whether a job's shard, which is there, holds more bad samples than its job would tolerate."""
    told = job.resources.get(RESOURCE)
    place = next((Path(path) for path in job.output if str(path).endswith(".json")), None)
    if not isinstance(told, str) or place is None or not place.is_file():
        return False
    try:
        sidecar = (FeaturesSidecar if place.parts[-3].startswith("features") else Sidecar).read(place)
    except CatscanError:  # the stage that reads it says so
        return False
    return parse(BadSamples, told).are_too_many(len(sidecar.bad), len(sidecar.bad) + len(sidecar.ids))
