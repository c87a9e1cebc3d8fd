"""Tell why jobs would run: which setting, function or file has changed, root causes first.

`catscan why` makes Snakemake's plan, with its arguments, and runs nothing; a dry run ends with the same sentences. What
a result was made from lies beside it (`records`); what the functions of its code were, in `results/.code`
(`code_history`). A run keeps with each result what had changed since the one before, for the report.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from catscan.common.errors import listed
from catscan.common.words import duration, number_of
from catscan.flow.run_time import seconds_of

ABSENT = "nothing"
DIGEST = re.compile(r"(\w+:)?[0-9a-f]{16,64}")


def register(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("targets", nargs="*", help="stages or files, as for snakemake; without any, the whole run")
    parser.add_argument("--configfile", nargs="+", default=[], help="as for snakemake")
    parser.add_argument("--directory", help="as for snakemake")


def run(args: argparse.Namespace) -> None:
    """Plan and tell."""
    from catscan.flow import front

    arguments = ["--dry-run", "--cores", "1", *args.targets]
    arguments += ["--directory", args.directory] if args.directory else []
    arguments += ["--configfile", *args.configfile] if args.configfile else []
    with tempfile.TemporaryFile("w+") as said:
        with redirect_stdout(said), redirect_stderr(said):
            code, told = front.run(arguments)
        if code:  # what stopped the plan
            said.seek(0)
            sys.stderr.write(said.read())
            raise SystemExit(code)
    print("\n".join(told))


def tell_of_plans(told: list[str]) -> None:
    """Have the lines about each plan added to ``told`` as soon as it is made, in the folder that it is of."""
    from catscan.flow import records

    records.PLANNED.append(lambda dag: told.extend(explained(dag)))


def keep_changes(dag: Any) -> None:
    """Keep with each result that the plan makes anew what has changed since the one before."""
    from catscan.flow import records

    if not (dag.workflow.dryrun or dag.workflow.touch):
        running = _running(dag)
        for job in filter(dag.needrun, dag.jobs):
            changed = list(_changes(dag, job, running))
            records.CHANGED.update({str(path): changed for path in job.output})


@dataclass(frozen=True)
class Cause:
    """Why jobs of one rule and competition run: the same words for all of them."""

    what: str
    words: str


def explained(dag: Any) -> list[str]:
    """The lines about a plan: the root causes, what follows from them, what it takes."""
    order = [rule.name for rule in dag.workflow.rules]  # of the flow
    needed = [job for job in dag.jobs if dag.needrun(job) and job.output]
    jobs = sorted(needed, key=lambda job: (order.index(job.rule.name), str(job.output[0])))
    if not jobs:
        return ["Nothing would run: every result is of today's settings, code and inputs."]
    running = _running(dag)
    causes: dict[Cause, int] = Counter()
    following: dict[str, int] = Counter()
    for job in jobs:
        roots = [*_states(dag, job), *_changes(dag, job, running)]
        for words in roots:
            causes[Cause(_named(job), words)] += 1
        if not roots:
            following[stage_of(job)] += 1
    lines = []
    by_words: dict[str, list[str]] = defaultdict(list)
    for cause, count in causes.items():
        by_words[cause.words].append(cause.what + (f" ({number_of(count, 'job')})" if count > 1 else ""))
    lines += [f"{words}\n    runs {listed(named)}" for words, named in by_words.items()]
    if following:
        lines.append("and what follows: " + ", ".join(f"{name} {count}" for name, count in following.items()))
    return [*lines, cost(jobs)]


def stage_of(job: Any) -> str:
    """The stage of a job, by its message's first word."""
    return str(job.message or job.rule.name).split()[0]


def _named(job: Any) -> str:
    wildcards = job.wildcards_dict
    named = [wildcards[key] for key in ("competition", "model", "network", "split") if key in wildcards]
    return " ".join([stage_of(job), *named])


def _running(dag: Any) -> set[str]:
    """All files that the plan makes."""
    return {str(path) for job in dag.jobs if dag.needrun(job) for path in job.output}


def _kept(job: Any) -> Any:
    """What is known of the job's last result."""
    from catscan.flow.records import kept_of

    return next((kept for path in job.output if (kept := kept_of(str(path))) is not None), None)


def _states(dag: Any, job: Any) -> Iterator[str]:
    """Why a job runs though nothing has changed: its result is not there, not whole, not wanted, not known."""
    reason, kept = dag.reason(job), _kept(job)
    missing = [str(path) for path in reason.missing_output]
    cut_off = dag.workflow.persistence._filter_incomplete_keys([str(path) for path in job.output])
    if cut_off:
        yield "its last run was cut off"
    elif missing:
        yield f"{listed(missing)} was deleted" if kept else "not made yet"
    elif reason.forced:
        yield "asked for"
    if kept is None and reason.updated_input:
        newer = [str(path) for path in reason.updated_input]
        yield f"{listed(newer)} is newer than the result, and nothing says what that was made from"


def _changes(dag: Any, job: Any, running: set[str]) -> Iterator[str]:
    """What has changed since the job's last result, of its own; nothing where it only follows another."""
    from catscan.flow import sources
    from catscan.flow.records import settings_of
    from catscan.flow.tolerance import exceeded

    kept = _kept(job)
    if kept is None:
        return
    old, new = settings_of(kept.record.params or []), settings_of([repr(value) for value in job.params])
    if old and new:
        yield from changes(old, new)
    if any(dag.workflow.persistence.code_changed(job)):
        yield f"the command of the rule {job.rule.name}"
    if exceeded(job):
        yield "preprocess.on_bad, preprocess.tolerated_share: more samples could not be read than are tolerated now"
    by_change: dict[str, list[str]] = defaultdict(list)
    for name, what in sources.changed(job).items():
        by_change[what].append(name)
    yield from (f"the source: {listed(names)} {what}" for what, names in by_change.items())
    yield from _inputs(kept.inputs, [str(path) for path in job.input], running)


def _inputs(traced: Mapping[str, Any], now: Sequence[str], running: set[str]) -> Iterator[str]:
    """Inputs that are others than they were; those that the plan is about to make, and that they replace, follow."""
    from catscan.flow.records import is_same

    came, went = [path for path in now if path not in traced], [path for path in traced if path not in now]
    if not running.isdisjoint(came):
        came, went = [path for path in came if path not in running], []
    if came:
        yield f"new input {listed(came)}"
    if went:
        yield f"{listed(went)} is no input any more"
    edited = [path for path in now if path in traced and path not in running and Path(path).exists()]
    other = [path for path in edited if not is_same(path, traced[path])]
    if other:
        yield f"{listed(other)} is another file than the one it was made from"


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two stage strings, a sentence each: settings, packages, code.

    >>> changes({"epochs": 1, "code": "a", "versions": {}}, {"epochs": 2, "code": "a", "versions": {"cv2": "5"}})
    ['epochs: 1 -> 2', 'the version of cv2: nothing -> 5']
    """
    plain = [{key: value for key, value in one.items() if key not in ("code", "versions")} for one in (old, new)]
    told = [_sentence(*one) for one in _differing(*map(flat, plain))]
    versions = _differing(old.get("versions", {}), new.get("versions", {}))
    told += [f"the version of {name}: {before} -> {after}" for name, before, after in versions]
    if old.get("code") != new.get("code"):
        told.append(code_changes(str(old.get("code")), str(new.get("code"))))
    return told


def _sentence(key: str, before: str, after: str) -> str:
    """What became of a setting; of a file that it names by its digest only that it holds something else."""
    are_digests = DIGEST.fullmatch(before) and DIGEST.fullmatch(after)
    return f"{key}: another content" if are_digests else f"{key}: {before} -> {after}"


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The keys whose values differ, with the old and the new one."""
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key) or (key in old) != (key in new):
            yield key, _shown(old, key), _shown(new, key)


def flat(block: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Blocks within blocks as dotted keys.

    >>> flat({"augment": {"flip": True}, "epochs": 3})
    {'augment.flip': True, 'epochs': 3}
    """
    found: dict[str, Any] = {}
    for key, value in block.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _shown(block: Mapping[str, Any], key: str) -> str:
    """A value as JSON has it, a text without its quotes."""
    if key not in block:
        return ABSENT
    return block[key] if isinstance(block[key], str) else json.dumps(block[key])


@cache  # the jobs of a stage share it
def code_changes(old: str, new: str) -> str:
    """Which functions differ between two digests of a stage's code."""
    from catscan.flow.code_history import parts_of

    before, after = parts_of(old), parts_of(new)
    if before is None or after is None:
        return "its code; which function is not known, since it was made before results/.code was kept"
    found = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return f"code: {listed(found or ['the order of the definitions in a file'])}"


def cost(jobs: Sequence[Any]) -> str:
    """How many jobs run, and the minutes of work that they took the last time."""
    from catscan.flow.going_back import known

    times = [seconds for job in jobs if (seconds := last_time(job)) is not None]
    unknown, from_store = len(jobs) - len(times), known(jobs)
    told = f"{number_of(len(jobs), 'job')}; by the times of their last run {duration(sum(times))} one after another"
    if not times:
        told = f"{number_of(len(jobs), 'job')}; none of them has run before"
    elif unknown:
        told += f", {number_of(unknown, 'job')} without one"
    return told + (f"; up to {number_of(from_store, 'result')} may come back from the store" if from_store else "")


def last_time(job: Any) -> float | None:
    """The seconds that a job took the last time, by its benchmark file; None without one."""
    return seconds_of(Path(str(job.benchmark))) if job.benchmark else None
