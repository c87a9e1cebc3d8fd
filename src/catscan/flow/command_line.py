"""Snakemake's command line: what is wrong with it, told in a block before anything is planned."""

from __future__ import annotations

import io
import re
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from catscan.common.errors import CatscanError, did_you_mean
from catscan.flow import config_files, refusals

HELP = "./run snakemake --help explains all options."
OWN_PROFILE = "Using workflow specific profile profiles/default for setting default command line arguments.\n"


def parsed(arguments: list[str]) -> tuple[Any, Any]:
    """Snakemake's parser and what it made of the command line.

    Raises
    ------
    CatscanError
        When it refuses the command line or a profile; of its own it prints a hundred lines of usage.
    """
    from snakemake import cli

    said = io.StringIO()
    try:
        with redirect_stderr(said):
            parsed: tuple[Any, Any] = cli.parse_args(arguments)
    except SystemExit as stopped:
        if stopped.code:
            raise refusals.without_plugin(said.getvalue()) or _misspelt(said.getvalue()) from None
        raise
    except Exception as error:
        raise refusals.explained(error) or CatscanError(
            "Snakemake refuses an option.", where="command line or profile", found=str(error), do=HELP
        ) from error
    sys.stderr.write(said.getvalue().replace(OWN_PROFILE, ""))
    return parsed


def _misspelt(said: str) -> CatscanError:
    """The block for what argparse printed: the usage with all options, then what is wrong."""
    usage, _, message = said.rpartition("rror: ")
    unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
    known = re.findall(r"--[\w-]+", usage)
    return CatscanError(
        "Snakemake refuses the command line.",
        where="command line",
        found=message.strip(),
        do=(did_you_mean(unknown[1], known) if unknown and len(known) else "")[:80] or HELP,
    )


def check(options: Any, arguments: list[str]) -> None:
    """Refuse what Snakemake would answer by a traceback, by silence, or by waiting for ever.

    Raises
    ------
    CatscanError
        For the first mistake of the command line or of a config file named there.
    """
    from snakemake import cli

    named = [word.split("=")[0] for word in arguments]
    if named.count("--configfile") + named.count("--configfiles") > 1:
        raise CatscanError(
            "`--configfile` is given twice: only the last would count.",
            where="command line",
            do="Name all files after one `--configfile`, the stronger ones later.",
        )
    for path in options.configfile:
        try:
            config_files.read(path)
        except CatscanError as error:
            missing = isinstance(error.__cause__, FileNotFoundError | NotADirectoryError)
            if missing and path.suffix not in (".yaml", ".yml", ".json"):
                raise _swallowed("--configfile", str(path)) from error
            raise
    try:
        cli.parse_config(options.config)
    except ValueError as error:
        wrong = next((word for word in options.config if "=" not in word), None)
        if wrong:
            raise _swallowed("--config", wrong) from error
        raise CatscanError(
            "`--config` cannot set this.",
            where="command line",
            found=", ".join(options.config),
            do="Write it into a YAML file, and give this by `--configfile`.",
        ) from error
    if options.cores is not None and options.cores < 1:
        raise CatscanError(
            "A run needs a core.",
            where="command line",
            found=f"--cores {options.cores}",
            do="./run snakemake --cores 8",
        )
    if options.default_storage_provider and not options.default_storage_prefix:
        raise CatscanError(
            "Where in the storage the results go is not said.",
            where="command line or profile",
            found=f"--default-storage-provider {options.default_storage_provider}, and no prefix",
            do="Add --default-storage-prefix s3://BUCKET/RUN, with a folder of its own for each run.",
        )
    if options.directory:
        _make(Path(options.directory))


def _swallowed(option: str, word: str) -> CatscanError:
    """The block for a word after an option that takes every word up to the next."""
    return CatscanError(
        f"`{option}` takes every word after it, and one of them does not fit.",
        where="command line",
        found=repr(word),
        do=f"Put what is to be made before it: ./run snakemake --cores 8 {word} {option} ..."
        if word in refusals.targets() or "/" in word
        else "Check its spelling; what is to be made (a stage, a file) is written before the option.",
    )


def _make(folder: Path) -> None:
    """Make the working folder, as Snakemake would."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CatscanError(
            "The working folder cannot be made.",
            where=f"--directory {folder}",
            found=error.strerror or str(error),
            do="Name another.",
        ) from error
