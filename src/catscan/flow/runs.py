"""Print the runs of each competition, and in which settings two of them differ.

Each run that ended well is a line of `results/<competition>/runs.csv`, which no later run takes away; the settings that
it had stand beside it in `runs/<digest>.json`. A run that changed neither the settings nor the submission adds none.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catscan import __version__
from catscan.common.contracts.check import Check
from catscan.common.contracts.metrics import Metrics
from catscan.common.errors import CatscanError, listed
from catscan.common.files import read_json, write_json
from catscan.common.settings import canonical
from catscan.common.tables import read_table, write_table
from catscan.flow.run_time import seconds_of

TABLE, FOLDER = "runs.csv", "runs"
DIGITS = 8  # hexadecimal digits that name settings and submissions
NOTHING = "nothing"


@dataclass(frozen=True)
class Run:
    """One line: what ran and what came of it, as text.

    Attributes
    ----------
    time
        When it ended, UTC.
    code
        The commit of the code, or catscan's version.
    settings, submission
        The first digits of the digests of both.
    models
        By name, with their weight in the blend.
    out_of_fold, expected, true, public
        Losses and scores; "" where they are not known.
    minutes
        That the jobs took together which made what lies there.
    """

    time: str
    code: str
    settings: str
    models: str
    out_of_fold: str
    expected: str
    true: str
    public: str
    minutes: str
    submission: str


COLUMNS = [field.name for field in fields(Run)]


def register(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("competition", nargs="?", help="whose runs; without it, those of all")
    parser.add_argument(
        "runs", nargs="*", type=int, help="the numbers of two runs to compare; without them, the last two"
    )
    parser.add_argument("--results", type=Path, default=Path("results"), help="the folder of results")


def run(args: argparse.Namespace) -> None:
    """Print the tables and the differences."""
    tables = sorted(args.results.glob(f"{args.competition or '*'}/{TABLE}"))
    if not tables:
        raise CatscanError(
            "There is no run to tell of.",
            where=str(args.results / (args.competition or "")),
            do="A run that ended well leaves a line: ./run snakemake --cores 8",
        )
    for path in tables:
        known = read(path)
        print(f"{path.parent.name}\n{laid_out(known)}")
        print("\n".join([*told(known, _pair(args.runs, known, path), path.parent), ""]))


def _pair(asked: Sequence[int], known: Sequence[Run], path: Path) -> tuple[int, int] | None:
    """The two runs to compare, by number from 1; None where there is only one."""
    if not asked:
        return (len(known) - 1, len(known)) if len(known) > 1 else None
    if len(asked) != 2 or not all(1 <= number <= len(known) for number in asked):
        raise CatscanError(
            "Two runs are compared, by their numbers.",
            where=str(path),
            found=f"{listed([str(number) for number in asked])}; there are 1 to {len(known)}",
            do=f"./run catscan runs {path.parent.name} 1 {len(known)}",
        )
    return asked[0], asked[1]


def read(path: Path) -> list[Run]:
    """The lines of a table, the oldest first."""
    table = read_table(path, columns=COLUMNS, only=True)
    return [Run(*map(str, row)) for row in table[COLUMNS].to_numpy().tolist()]


def laid_out(known: Sequence[Run]) -> str:
    """The table for people: a number a run, columns as wide as they need be."""
    rows = [
        ["", *(name.replace("_", " ") for name in COLUMNS)],
        *([str(n), *astuple(one)] for n, one in enumerate(known, 1)),
    ]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def told(known: Sequence[Run], pair: tuple[int, int] | None, folder: Path) -> Iterator[str]:
    """What differs between two runs: the scores, then each setting."""
    if pair is None:
        return
    one, other = known[pair[0] - 1], known[pair[1] - 1]
    yield f"From run {pair[0]} to run {pair[1]}: out of fold {one.out_of_fold} to {other.out_of_fold}."
    if one.code != other.code:
        yield f"  code: {one.code} -> {other.code}"
    before, after = (read_json(folder / FOLDER / f"{digest}.json") for digest in (one.settings, other.settings))
    changed = list(differences(before, after))
    yield from (f"  {key}: {_shown(old)} -> {_shown(new)}" for key, old, new in changed)
    if not changed:
        yield "  no setting differs"


def differences(before: Any, after: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each setting that is another, as (dotted key, old, new); one that is not there is `NOTHING`.

    Lists of as many blocks, such as layers, are compared block by block: the first one is 1.
    """
    if _blocks(before) and _blocks(after) and len(before) == len(after):
        before, after = (dict(enumerate(blocks, start=1)) for blocks in (before, after))
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            yield from differences(
                before.get(name, NOTHING), after.get(name, NOTHING), f"{key}.{name}" if key else name
            )
    elif before != after:
        yield key, before, after


def _blocks(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


def _shown(value: Any) -> str:
    return value if value == NOTHING else json.dumps(value, ensure_ascii=False)


def record(config: Mapping[str, Any], results: Path, home: Path) -> None:
    """Add a line for each competition of the run that ended now.

    Parameters
    ----------
    home
        Where the code lies.
    """
    for name in config["run"]:
        folder = results / name
        if not (folder / "submission.json").is_file() or not (folder / "evaluation" / "metrics.json").is_file():
            continue
        try:
            _record(folder, json.loads(canonical(config["competitions"][name])), code_of(home))
        except CatscanError as error:  # an edited table is no reason for a run to fail that has all results
            print(f"catscan: {error}", file=sys.stderr)


def _record(folder: Path, settings: dict[str, Any], code: str) -> None:
    import pandas as pd

    digest = hashlib.sha256(canonical(settings).encode()).hexdigest()[:DIGITS]
    known = read(folder / TABLE) if (folder / TABLE).is_file() else []
    latest = _line(folder, digest, code)
    if known and (known[-1].settings, known[-1].submission) == (latest.settings, latest.submission):
        known[-1] = replace(known[-1], public=latest.public)  # it may have been submitted since
    else:
        known.append(latest)
    write_json(folder / FOLDER / f"{digest}.json", settings)
    write_table(folder / TABLE, pd.DataFrame([astuple(one) for one in known], columns=COLUMNS))


def _line(folder: Path, settings: str, code: str) -> Run:
    metrics, check = Metrics.read(folder / "evaluation" / "metrics.json"), Check.read(folder / "submission.json")
    return Run(
        time=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        code=code,
        settings=settings,
        models=" ".join(f"{name}:{model.weight:.2f}" for name, model in metrics.models.items()),
        out_of_fold=f"{metrics.loss.value:.4f}",
        expected=_score(check.expected_score),
        true=_score(check.true_score),
        public=_score(_public(folder / "submitted.json", check.sha256)),
        minutes=f"{sum(seconds_of(path) or 0 for path in folder.glob('benchmarks/*.tsv')) / 60:.1f}",
        submission=check.sha256[:DIGITS],
    )


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _public(path: Path, sha256: str) -> float | None:
    """Kaggle's score of this very submission, if it is known."""
    told = read_json(path) if path.is_file() else {}
    score = told.get("public_score") if told.get("submission_sha256") == sha256 else None
    return score if isinstance(score, float) else None


def code_of(home: Path) -> str:
    """The commit that lies in ``home``, with a + when files differ from it; catscan's version where there is none."""
    try:
        asked = ["git", "-C", str(home), "describe", "--always", "--dirty=+", "--exclude=*"]
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return __version__
