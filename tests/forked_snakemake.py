"""Snakemake in a child of a process that has imported it already: a plan takes a second less of each core."""

from __future__ import annotations

import os
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["snakemake.cli", "pandas"])


def run(arguments: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What ``python -m snakemake ARGUMENTS`` does in ``folder``."""
    with TemporaryDirectory() as kept:
        printed = Path(kept) / "stdout", Path(kept) / "stderr"
        process = FORKS.Process(target=_snakemake, args=(arguments, folder, environment, printed))
        process.start()
        process.join()
        assert process.exitcode is not None
        return subprocess.CompletedProcess(arguments, process.exitcode, *[path.read_text() for path in printed])


def _snakemake(arguments: list[str], folder: Path, environment: dict[str, str], printed: tuple[Path, Path]) -> None:
    for stream, path in enumerate(printed, start=1):
        with path.open("w") as out:
            os.dup2(out.fileno(), stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # What `python -m` sees: the folder and PYTHONPATH before what is installed.
    sys.path[:0] = [str(folder), *environment["PYTHONPATH"].split(os.pathsep)]
    from snakemake.cli import main

    main(arguments)
