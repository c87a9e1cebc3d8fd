"""What Snakemake refuses, in catscan's words.

Snakemake tells most of what a person can do wrong by a Python traceback or a sentence about its own insides. Here each
becomes a block; what is none of these stays as Snakemake says it.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from pathlib import Path

from catscan.common.errors import CatscanError, did_you_mean, listed
from catscan.flow.schema import ROOT

MISSING_PLUGIN = re.compile(r"snakemake-storage-plugin-(s3) is not installed|invalid choice: '(kubernetes)'")
FULL = (errno.ENOSPC, errno.EDQUOT)


def explained(error: BaseException) -> CatscanError | None:
    """The block for what Snakemake met, None when it is something else (a mistake of its own, or of ours).

    By the names of its exceptions, since importing them takes two seconds.
    """
    for one in _chain(error):
        if isinstance(one, CatscanError):
            return one
    names = {kind.__name__ for kind in type(error).__mro__}
    if "MissingRuleException" in names:
        return no_target(str(error).removeprefix("No rule to produce ").split(" (if you use input")[0])
    if "ProtectedOutputException" in names:
        return _protected(str(error).partition("affected files:")[2].split())
    if names & {"ApiError", "CliException"}:
        return _option(str(error))
    return next((_file(one) for one in _chain(error) if isinstance(one, OSError) and _is_told(one)), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those that it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def targets() -> list[str]:
    """The stages that can be asked for by name; `all` is what runs when none is."""
    return ["all", *(path.stem for path in (ROOT / "workflow" / "rules").glob("*.smk") if path.stem != "common")]


def no_target(name: str) -> CatscanError:
    """The block for a target that no rule makes."""
    if "/" in name:
        do = "results/README.md tells of every file, in a folder named as the competition is in the config."
    else:
        do = did_you_mean(name, targets())
    return CatscanError("Nothing makes this target.", where="command line", found=repr(name), do=do)


def _protected(files: list[str]) -> CatscanError:
    """The block for results that a job would make anew, and that nobody may write."""
    return CatscanError(
        "Results that would be made anew are write-protected.",
        where=listed(files),
        do="Give yourself the right to write them (chmod u+w), or run in another folder:\n"
        "./run snakemake --directory ELSEWHERE",
    )


def without_plugin(said: str) -> CatscanError | None:
    """The block for S3 or Kubernetes where ``said`` tells that Snakemake has no plugin for it; else None."""
    missing = MISSING_PLUGIN.search(said)
    return missing and CatscanError(
        f"Snakemake's plugin for {missing[1] or missing[2]} is not installed.",
        where="command line or profile",
        do="Write CATSCAN_CLOUD=1 before the command: `./run` then installs it, once.",
    )


def _option(text: str) -> CatscanError:
    """The block for an option that is missing, or that Snakemake takes no part of."""
    text = text.removeprefix("Error: ").strip()
    if text.startswith("cores have to be specified"):
        return CatscanError(
            "How many cores may be used is not said.",
            where="command line",
            do="./run snakemake --cores 8, or --cores all",
        )
    return without_plugin(text) or CatscanError("Snakemake refuses an option.", where="command line", found=text)


def _is_told(error: OSError) -> bool:
    """Whether it is about the disk, and not about a process or the network."""
    return error.filename is not None or error.errno in FULL


def _file(error: OSError) -> CatscanError:
    name = str(error.filename or Path.cwd())
    if error.errno in FULL:
        return CatscanError(
            "The disk is full.",
            where=name,
            found=error.strerror or str(error),
            do="Free some space and run the same command again.",
        )
    return CatscanError(
        "A file or folder cannot be used.",
        where=name,
        found=error.strerror or str(error),
        do="Check the rights of its folder. Results and Snakemake's own notes (.snakemake) go below the working\n"
        "folder: ./run snakemake --directory ELSEWHERE works in another.",
    )
