"""Bring a competition's own files into its raw folder.

A sample is generated, a folder linked, a Kaggle competition downloaded.

Out: the raw folder with the competition's own files (zips stay zips, a 7z is unpacked once) and, last and whole,
`manifest.json`, which names each entry with its size and digest; beside it, where the source has one, the truth of the
test samples as `truth/solution.csv`, which no stage but the evaluation of the score reads.
Settings: the `source` block of the competition.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

from catscan.common import settings
from catscan.common.errors import CatscanError, did_you_mean
from catscan.stages.download.folder import RawFolder, remove

KINDS = ("sample", "directory", "kaggle")


@dataclass(frozen=True)
class Settings:
    """The `source` block; keys that only another kind reads are absent.

    Attributes
    ----------
    kind
        sample, directory or kaggle.
    sample, train, test, seed
        Of a sample: pictures or series, the number of train and test samples, and the seed they are drawn from.
    path, solution
        Of a directory: the folder (or archive), and in it the table with the truth of the test samples.
    competition, files
        Of Kaggle: the competition's name in its address, and the files to fetch (none: all).
    password_files
        For an encrypted 7z: its name, and the path of a file that holds the password, or "$NAME" of a variable.
    digest
        Of a directory: what lay in it when the workflow was read. It is there to make the stage run again.
    """

    kind: str
    sample: str = ""
    train: int = 0
    test: int = 0
    seed: int = 0
    path: str = ""
    solution: str = ""
    competition: str = ""
    files: tuple[str, ...] = ()
    password_files: dict[str, str] = field(default_factory=dict)
    digest: str = ""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `catscan download`."""
    parser.add_argument("--settings", required=True, metavar="JSON", help="the source block of the competition")
    parser.add_argument("--raw", required=True, type=Path, help="folder to fill; its manifest.json is written last")
    parser.add_argument("--truth", required=True, type=Path, help="folder for solution.csv, where the source has one")
    parser.add_argument("--threads", type=int, default=1, help="cores to generate a sample with")


def run(args: argparse.Namespace) -> None:
    """Fill the raw folder from the source, then write its manifest."""
    source = settings.parse(Settings, args.settings)
    if source.kind not in KINDS:
        raise CatscanError(
            f"No source is called {source.kind!r}.", where="source.kind", do=did_you_mean(source.kind, list(KINDS))
        )
    raw = RawFolder(args.raw)
    if not (source.kind == "sample" or source.solution):
        remove(args.truth / "solution.csv")
    if source.kind == "sample":
        _generate(raw, args.truth, source, threads=args.threads)
    elif source.kind == "directory":
        from catscan.stages.download import directory

        directory.fill(raw, args.truth, source.path, source.solution, source.password_files)
    else:
        from catscan.stages.download import kaggle

        kaggle.fill(raw, source.competition, source.files, source.password_files)
    raw.finish()


def _generate(raw: RawFolder, truth: Path, source: Settings, *, threads: int) -> None:
    """Generate beside the raw folder's entries, then put all in place."""
    from catscan.stages.download.sample import generate

    with raw.scratch("sample") as scratch:
        files, answers = scratch / "raw", scratch / "truth"
        files.mkdir()
        answers.mkdir()
        generate(source.sample, files, answers, train=source.train, test=source.test, seed=source.seed, threads=threads)
        truth.mkdir(parents=True, exist_ok=True)
        (answers / "solution.csv").replace(truth / "solution.csv")
        raw.put(files.iterdir())
