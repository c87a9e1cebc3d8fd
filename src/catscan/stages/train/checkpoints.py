"""Checkpoints: one file that holds all that is needed to go on, whole or not there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.arrays import DAMAGED
from catscan.common.errors import CatscanError
from catscan.common.files import sweep, whole

KEPT = 2
MANIFEST = "manifest"  # the entry of the file that holds the rest as JSON; no variable has this name


@dataclass(frozen=True)
class Checkpoint:
    """A training in the middle.

    Attributes
    ----------
    arrays
        Every variable by name; those of the best weights so far under "best/".
    manifest
        `step` (updates done), `identity` (see `Checkpoints`), and what the loop needs beside the arrays.
    """

    arrays: dict[str, NDArray[Any]]
    manifest: dict[str, Any]


class Checkpoints:
    """The checkpoints of one training in ``folder``.

    Parameters
    ----------
    identity
        What shapes the result, in groups: `settings` (the config's), and others such as `data` or `code`.
    """

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        self.folder = folder
        self.identity = json.loads(json.dumps(identity))  # as it comes back from a file
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)

    def save(self, step: int, arrays: dict[str, NDArray[Any]], manifest: dict[str, Any]) -> None:
        """Write a checkpoint after ``step`` updates and delete all but the newest two."""
        text = json.dumps({**manifest, "step": step, "identity": self.identity})
        with whole(self.folder / f"step-{step:09}.npz") as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **{MANIFEST: np.array(text)}, **arrays)
        for old in self._paths()[KEPT:]:
            old.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        """Newest first."""
        return sorted(self.folder.glob("step-*.npz"), reverse=True)

    def newest(self) -> tuple[Checkpoint | None, str]:
        """The newest readable checkpoint of this very training, and a remark when there is one that cannot be used.

        Raises
        ------
        CatscanError
            When it was made with other settings; the differing keys are named.
        """
        for path in self._paths():
            checkpoint = _read(path)
            if checkpoint is None:
                continue
            theirs = checkpoint.manifest["identity"]
            self._refuse_other_settings(theirs["settings"], path)
            changed = sorted(key for key in self.identity if theirs.get(key) != self.identity[key])
            if changed:
                return None, f"the checkpoint in {self.folder} is of other {', '.join(changed)}: training starts again"
            return checkpoint, ""
        return None, ""

    def _refuse_other_settings(self, theirs: dict[str, Any], path: Path) -> None:
        ours = self.identity["settings"]
        keys = sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))
        if keys:
            raise CatscanError(
                "An unfinished training with other settings is here.",
                where=str(path),
                found="\n".join(f"{key}: {theirs.get(key)!r} in the checkpoint, {ours.get(key)!r} now" for key in keys),
                do=f"Put the settings back to go on with it, or delete {path.parent} to start afresh.",
            )


def _read(path: Path) -> Checkpoint | None:
    """None for a damaged file: the one before it is as good."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        manifest = json.loads(str(arrays.pop(MANIFEST)))
    except DAMAGED:
        return None
    return Checkpoint(arrays=arrays, manifest=manifest)
