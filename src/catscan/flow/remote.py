"""Results that lie in Snakemake's default storage, a bucket: for jobs on machines that have no disk in common.

Snakemake moves the inputs and outputs; here is what it leaves open. Its records of what an output was made from lie in
one object beside the results, so that a run from any folder plans as the one that made them would.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from catscan.common.files import read_json, write_json

RECORDS = "results/.records.json"  # below the prefix
INTERVAL = 60.0  # seconds between two uploads of the records while jobs end


def is_used(workflow: Any) -> bool:
    """Whether the results of this run lie in a storage, not on the disk."""
    return workflow.storage_settings.default_storage_provider is not None


def tell(workflow: Any) -> None:
    """Say at a run's end where its results are, when they are not on the disk."""
    if is_used(workflow):
        print(f"The results lie in {prefix_of(workflow)}results/", file=sys.stderr)


def holds(file: Any) -> bool:
    """Whether a file of a job lies there, and on this disk only while a job needs it."""
    return bool(getattr(file, "is_storage", False))


def prefix_of(workflow: Any) -> str:
    """Where they lie: "s3://bucket/run/"."""
    return str(workflow.storage_settings.default_storage_prefix).rstrip("/") + "/"


def as_written(workflow: Any, patterns: Any) -> list[Any]:
    """Output patterns as the rule files have them, which Snakemake has turned into places in the storage.

    Parameters
    ----------
    patterns
        One or many, of `rules.NAME.output`.
    """
    some: Iterable[Any] = [patterns] if isinstance(patterns, str) else patterns
    if not is_used(workflow):
        return list(some)
    return [one.flags["storage_object"].query.removeprefix(prefix_of(workflow)) for one in some]


class Records:
    """What each output in the storage was made from: Snakemake's records, by address, as one object beside the results.

    Parameters
    ----------
    workflow
        The `workflow` of the Snakefile.
    interval
        Seconds between two uploads, so that a killed run loses no more.
    """

    def __init__(self, workflow: Any, *, interval: float = INTERVAL) -> None:
        provider = workflow.storage_registry.default_storage_provider
        self._object = provider.object(prefix_of(workflow) + RECORDS)
        self._interval = interval
        self._sent, self._is_new = time.monotonic(), False

    @cached_property
    def by_address(self) -> dict[str, Any]:
        """The records that are there, asked for once."""
        if not self._object.exists():
            return {}
        with _local(self._object.local_path()) as path:
            self._object.retrieve_object()
            return dict(read_json(path))

    def keep(self, address: str, record: dict[str, Any] | None) -> None:
        """Take a new record, or forget one; it is sent with the others before long."""
        if record is None:
            self._is_new |= self.by_address.pop(address, None) is not None
        else:
            self.by_address[address] = record
            self._is_new = True
        if time.monotonic() - self._sent >= self._interval:
            self.send()

    def send(self) -> None:
        """Upload what is new."""
        if self._is_new:
            with _local(self._object.local_path()) as path:
                write_json(path, self.by_address)
                self._object.store_object()
            self._sent, self._is_new = time.monotonic(), False


@contextmanager
def _local(path: Path) -> Iterator[Path]:
    """A place for a copy that goes again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
