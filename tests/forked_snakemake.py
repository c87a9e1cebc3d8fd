"""What `./run snakemake` and `catscan` do, in a child of a process that has imported Snakemake: a second less each."""

from __future__ import annotations

import gc
import os
import runpy
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

FORKS = get_context("forkserver")
# What a plan imports beyond them takes a third of a second.
BEYOND = ["jsonschema", "smart_open", "snakemake.report.html_reporter", "yte", "snakemake_executor_plugin_slurm"]
FORKS.set_forkserver_preload(["snakemake.cli", "pandas", *BEYOND])


def run(
    arguments: list[str], folder: Path, environment: dict[str, str], *, module: str = "catscan.flow.front"
) -> subprocess.CompletedProcess[str]:
    """What ``python -m MODULE ARGUMENTS`` does in ``folder``."""
    with TemporaryDirectory() as kept:
        printed = Path(kept) / "stdout", Path(kept) / "stderr"
        process = FORKS.Process(target=_run, args=(module, arguments, folder, environment, printed))
        process.start()
        process.join()
        assert process.exitcode is not None
        return subprocess.CompletedProcess(arguments, process.exitcode, *[path.read_text() for path in printed])


def _run(
    module: str, arguments: list[str], folder: Path, environment: dict[str, str], printed: tuple[Path, Path]
) -> None:
    for stream, path in enumerate(printed, start=1):
        with path.open("w") as out:
            os.dup2(out.fileno(), stream)
    gc.freeze()  # what has been imported is garbage never again: not to be looked through
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # What `python -m` sees: the folder and PYTHONPATH before what is installed.
    sys.path[:0] = [str(folder), *environment["PYTHONPATH"].split(os.pathsep)]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__")
