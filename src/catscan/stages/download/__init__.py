"""Bring a competition's own files into its raw folder.

A sample is generated, a folder linked, a Kaggle competition downloaded.

Out: the raw folder with the competition's own files (zips stay zips, a 7z is unpacked once) and, last and whole,
`manifest.json`, which names each entry with its size and digest (those of every single file are in `.listing.json`);
beside it, where the source has one, the truth of the test samples as `truth/solution.csv`, which no stage but the
evaluation of the score reads.
Settings: the `source` block of the competition (`settings.py` beside this).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from catscan.common.settings import parse
from catscan.raw.listing import LISTING
from catscan.raw.packed import pack
from catscan.stages.download.folder import JOURNAL, RawFolder, remove
from catscan.stages.download.settings import Settings

__all__ = ["Settings", "register", "run"]


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `catscan download`."""
    parser.add_argument("--settings", required=True, metavar="JSON", help="the source block of the competition")
    parser.add_argument("--raw", required=True, type=Path, help="folder to fill; its manifest.json is written last")
    parser.add_argument("--truth", required=True, type=Path, help="folder for solution.csv, where the source has one")
    parser.add_argument(
        "--packed", type=Path, nargs="?", help="file for all of these, for jobs that run where the folders are not"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="cores to generate a sample with, and to read the files with"
    )


def run(args: argparse.Namespace) -> None:
    """Fill the raw folder from the source, then write its manifest."""
    source = parse(Settings, args.settings)
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
    raw.finish(threads=args.threads)
    if args.packed:
        pack(args.raw, args.truth / "solution.csv", args.packed, also=(JOURNAL, LISTING))


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
