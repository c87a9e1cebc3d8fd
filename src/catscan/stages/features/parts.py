"""What is done of a shard, part by part, so that a stopped job goes on where it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catscan.common.arrays import DAMAGED
from catscan.common.files import read_json, sweep, whole, write_json
from catscan.kinds.shard import Outcome

IDENTITY = "identity.json"
OUTCOMES = "outcomes"


@dataclass(frozen=True)
class Part:
    """Some samples in a row: what became of each, and the features of those that could be read."""

    outcomes: list[Outcome]
    features: NDArray[np.float32]


class Parts:
    """The parts of one shard in ``folder``; those that were made otherwise than ``identity`` says are removed."""

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder
        if folder.is_dir() and (not (folder / IDENTITY).is_file() or read_json(folder / IDENTITY) != identity):
            for old in folder.iterdir():
                old.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        write_json(folder / IDENTITY, identity)

    def save(self, part: Part) -> None:
        """Add the next part."""
        told = json.dumps([asdict(outcome) for outcome in part.outcomes])
        with whole(self._path(len(self))) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, features=part.features, **{OUTCOMES: np.array(told)})

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:06}.npz"

    def __len__(self) -> int:
        return len(list(self.folder.glob("part-*.npz")))

    def __iter__(self) -> Iterator[Part]:
        for number in range(len(self)):
            with np.load(self._path(number), allow_pickle=False) as archive:
                told = json.loads(str(archive[OUTCOMES]))
                yield Part([_outcome(one) for one in told], archive["features"])

    def drop_from_damaged(self) -> None:
        """Remove the first part that cannot be read, and all after it."""
        for number in range(len(self)):
            try:
                with np.load(self._path(number), allow_pickle=False) as archive:
                    readable = len(json.loads(str(archive[OUTCOMES]))) >= len(archive["features"])
            except DAMAGED:
                readable = False
            if not readable:
                for path in sorted(self.folder.glob("part-*.npz"))[number:]:
                    path.unlink()
                return

    def remove(self) -> None:
        """Remove the folder: the shard is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _outcome(told: dict[str, object]) -> Outcome:
    return Outcome(**{**told, "odd": tuple(told["odd"])})  # type: ignore[arg-type]
