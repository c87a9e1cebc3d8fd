"""Upload a checked submission to Kaggle and show its score beside the expected one.

In: `submission.csv`, what its check found (`submission.json`), raw/manifest.json. Out: `submitted.json`, with the
scores and what they belong to: the digests of the submission, the config and the raw files.
Settings: the competition, whether it takes files, the digest of its config.
It runs on request only. A file that was uploaded before is not uploaded again, also when its upload was cut short:
Kaggle's list of submissions tells, by a part of the file's digest in the description.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from catscan.common import settings
from catscan.common.contracts.check import Check
from catscan.common.errors import CatscanError, TryAgain
from catscan.common.files import write_json
from catscan.common.keys import one_of
from catscan.common.progress import say
from catscan.kaggle import api as kaggle_api
from catscan.kaggle.api import Kaggle
from catscan.kaggle.refusals import SITE
from catscan.raw.files import MANIFEST

# Seconds between looks at the score, ten minutes in all; most files of these sizes are scored within one.
LOOKS = (2, 3, 5, 5, 5, 10, 10, 20, 30, 30, 60, 60, 60, 60, 120, 120)
DIGITS = 16  # hexadecimal digits of the digest that the description carries


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What Kaggle takes."""

    kind: Annotated[str, one_of("file", "notebook")] = "file"
    """Whether Kaggle takes an uploaded CSV, or only a notebook's output (then `submit` explains and stops, and
    `notebook` writes one)."""


@dataclass(frozen=True, kw_only=True)
class Settings(Upload):
    """What the submit stage reads."""

    competition: str
    """Its name in its address at Kaggle."""

    config: str = ""
    """SHA-256 of the competition's whole config, for the record."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `catscan submit`."""
    parser.add_argument("--settings", required=True, metavar="JSON", help="the stage's settings")
    parser.add_argument("--raw", required=True, type=Path, help="the raw folder")
    parser.add_argument("--submission", required=True, type=Path, help="the submission to upload")
    parser.add_argument("--check", required=True, type=Path, help="what its check found, JSON")
    parser.add_argument("--out", required=True, type=Path, help="the record to write")


def run(args: argparse.Namespace) -> None:
    """Check that the file may go, upload it, wait for its score, and write the record."""
    stage = settings.parse(Settings, args.settings)
    if stage.kind == "notebook":
        raise takes_notebooks(stage.competition, args.submission)
    check = Check.read(args.check)
    digest = check_unchanged(args.submission, check)
    kaggle = Kaggle(stage.competition)
    ref = _uploaded_before(kaggle, digest)
    if ref is None:
        check_open(kaggle.about(), stage.competition, args.submission)
        left = check_limits(kaggle.limits())
        ref = kaggle.upload(
            args.submission, description(digest, metric=check.metric, expected_score=check.expected_score)
        )
        say(f"uploaded as submission {ref}{left}; waiting for its score")
    scored = wait_for_score(kaggle, ref)
    record = {
        "competition": stage.competition,
        "user": kaggle.user,
        "ref": ref,
        "date": str(scored.date or ""),
        "submission_sha256": digest,
        "config_sha256": stage.config,
        "data_sha256": hashlib.sha256((args.raw / MANIFEST).read_bytes()).hexdigest(),
        "public_score": _number(scored.public_score),
        "private_score": _number(scored.private_score),
        "metric": check.metric,
        "expected_score": check.expected_score,
    }
    write_json(args.out, record)
    say(_in_words(record))


def check_unchanged(submission: Path, check: Check) -> str:
    """The digest of the submission; it must be the file that the submission stage has checked.

    Raises
    ------
    CatscanError
        When it was changed since.
    """
    digest = hashlib.sha256(submission.read_bytes()).hexdigest()
    if digest != check.sha256 or not check.valid:
        raise CatscanError(
            "The submission is not the one that was checked.",
            where=str(submission),
            found=f"SHA-256 {digest[:DIGITS]}, checked was {check.sha256[:DIGITS]}",
            do="Run `snakemake submission` again; do not edit the file by hand.",
        )
    return digest


def check_open(about: Any, competition: str, submission: Path) -> None:
    """Refuse what Kaggle would refuse, by what it tells about the competition.

    Raises
    ------
    CatscanError
        When it takes notebooks only, takes nothing any more, or its rules are not accepted.
    """
    page = f"{SITE}/competitions/{competition}"
    where = f"source.competition: {competition}"
    if about.is_kernels_submissions_only:
        raise takes_notebooks(competition, submission)
    if about.submissions_disabled:
        raise CatscanError("The competition takes no submissions any more.", where=where, do=f"Look at {page}.")
    if not about.user_has_entered:
        raise CatscanError(
            "You have not accepted the competition's rules.",
            where=where,
            do=f"Open {page}/rules, log in, accept them (in an old competition by its button Late Submission), and run "
            "the same command again.",
        )


def takes_notebooks(competition: str, submission: Path) -> CatscanError:
    """The block for a competition that runs notebooks and takes no files."""
    return CatscanError(
        "This competition takes notebooks, not files: Kaggle would refuse the upload.",
        where="submission.kind: notebook",
        found=f"nothing was uploaded; {submission} is a valid file all the same",
        do="`./run snakemake --cores 8 notebook --configfile ...` writes a notebook that predicts at Kaggle;\n"
        f"docs/notebook.md says how it gets to {SITE}/competitions/{competition}/code.",
    )


def check_limits(limits: Any) -> str:
    """What is left after this try, in words; nobody has a limit before the first try of all.

    Raises
    ------
    CatscanError
        When no try is left at all.
    TryAgain
        When none is left today.
    """
    if limits.num_allowed_now > 0:
        return f", {limits.num_allowed_now - 1} more today"
    if limits.limited_by_total:
        raise CatscanError(
            "No submissions are left in this competition.", found=f"{limits.num_total} were made; nothing was uploaded"
        )
    if limits.num_today > 0:
        raise TryAgain(
            "No submissions are left today.",
            found=f"{limits.num_today} were made; nothing was uploaded",
            do="Run the same command again after midnight UTC.",
        )
    return ""


def description(digest: str, *, metric: str, expected_score: float | None) -> str:
    """What stands beside the submission at Kaggle: how to know it again, and what was expected of it."""
    expected = f", expected {metric} {expected_score:.5f}" if expected_score is not None else ""
    return f"catscan sha256:{digest[:DIGITS]}{expected}"


def _uploaded_before(kaggle: Kaggle, digest: str) -> int | None:
    """The number of an earlier submission of the same bytes."""
    for entry in kaggle.submissions():
        found = re.search(r"sha256:([0-9a-f]+)", entry.description or "")
        if found and found[1] == digest[:DIGITS]:
            say(f"this very file was uploaded before, as submission {entry.ref}: it is not uploaded again")
            return int(entry.ref)
    return None


def wait_for_score(kaggle: Kaggle, ref: int) -> Any:
    """The submission, scored.

    Raises
    ------
    CatscanError
        When Kaggle cannot score it, with Kaggle's reason.
    TryAgain
        When it is not scored within ten minutes.
    """
    for seconds in (*LOOKS, 0):
        entry = kaggle.submission(ref)
        if entry.status.name == "COMPLETE":
            return entry
        if entry.status.name == "ERROR":
            raise CatscanError(
                "Kaggle could not score the submission.",
                where=f"submission {ref} of {kaggle.competition}",
                found=entry.error_description or "Kaggle gives no reason",
                do=f"Compare the file with the competition's page {SITE}/competitions/{kaggle.competition}.",
            )
        kaggle_api.sleep(seconds)
    raise TryAgain(
        "Kaggle has not scored the submission yet.",
        where=f"submission {ref} of {kaggle.competition}",
        found=f"it was asked for {sum(LOOKS) // 60} minutes",
        do="Run the same command again later: the file is not uploaded a second time.",
    )


def _number(score: str | None) -> float | None:
    return float(score) if score else None


def _in_words(record: dict[str, Any]) -> str:
    scores = [("public score", "public_score"), ("private score", "private_score"), ("expected", "expected_score")]
    told = [f"{name} {record[key]:.5f}" for name, key in scores if record[key] is not None]
    return f"submission {record['ref']} of {record['competition']}: {', '.join(told)} ({record['metric']})"
