"""Take the result of a job from the store instead of computing it, and keep there what was computed.

Who goes back to earlier settings, changes the branch, works in a second clone or beside others with one store gets the
result of every stage without its work. A job's key says all that its result can depend on: the stage string, the words
of the rule's command, the wildcards, the params, the names and the contents of the inputs. What is not in the stage
string by intent (threads, device, which bad samples are tolerated) is not in the key.

All rules go through here, where Snakemake's executor runs a job. Whatever goes wrong with the store is told, once, and
the job computes as if there were none.
"""

from __future__ import annotations

import json
import os
import string
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

import snakemake.api  # noqa: F401  # and by it snakemake.executors, which cannot be imported first
from snakemake.executors.local import Executor
from snakemake_interface_executor_plugins.settings import SharedFSUsage

from catscan.common import fingerprint
from catscan.common.errors import CatscanError
from catscan.common.files import PARTIAL, read_json
from catscan.common.settings import canonical
from catscan.common.words import number_of
from catscan.flow import remote, terminal
from catscan.flow.records import words_of
from catscan.flow.run_time import USUAL
from catscan.flow.store import (
    GIGABYTE,
    OFF,
    VARIABLE,
    Broken,
    Entry,
    Key,
    Store,
    digest_of,
    name_of,
    place_of,
    store_at,
)
from catscan.flow.tolerance import exceeded
from catscan.raw.listing import Listing, found_at
from catscan.raw.manifest import Manifest
from catscan.stages.download.folder import JOURNAL, RawFolder, remove

FORMAT = 1  # of keys and entries: with another, those of an older catscan are never looked for
THREADS = 2  # that read raw files
# Rules that are never taken from the store: what they do happens elsewhere, or what they read no input tells.
NEVER = {
    "submit_submission": "uploads",
    "write_notebook": "holds this environment's packages, half a gigabyte",
    "render_report": "shows what lies in results/ now, in three seconds",
}
# Files that a rule's jobs read, or make, besides their inputs and outputs, as patterns of the wildcards.
READ_TOO = {"write_submission": ("results/{competition}/truth/solution.csv",)}
MADE_TOO = {"download_files": ("results/{competition}/truth/solution.csv",)}
# Folders likewise: what of an earlier job is there goes. A training leaves no checkpoint when it is through.
FOLDERS = {
    "train_fold": (
        "results/{competition}/models/{model}/fold-{fold}/events",
        "results/{competition}/models/{model}/fold-{fold}/checkpoint",
    ),
    "explain_network": ("results/{competition}/explanation",),
}
RAW = {"download_files": "results/{competition}/raw"}
SAID = {"input", "output", "log", "threads", "resources", "params", "wildcards"}  # what a command may name
OF_SETTINGS = ("rule", "command", "wildcards", "params")  # of a job's key
FORCED = "CATSCAN_FORCED"  # the variable that tells jobs on other machines which rules a person has asked to compute
COMPUTE = Executor.cached_or_run
NAMES: dict[str, str] = {}  # of a rule where ours are a module: the name in its own file
IN_USE: list[Run] = []  # of this process's workflow, if it uses a store
LOOKED_AT = 2000  # results that a plan looks at, those used last: 0.3 ms each


def use(workflow: Any, block: dict[str, Any]) -> Run:
    """Have the jobs of this run go through the store; where there is none, they compute.

    Parameters
    ----------
    workflow
        The `workflow` of the Snakefile.
    block
        `cache` of the config.
    """
    limit = round(block["gigabytes"] * GIGABYTE)
    store = store_at(place_of(block["path"]), limit)
    run = Run(store or Store(Path(), limit), _code())

    def take_or_compute(executor: Any, job: Any, *how: Any) -> None:
        forced = workflow.dag.reason(job).forced if workflow.is_main_process else job.rule.name in _forced()
        run.serve(job, partial(COMPUTE, executor, job, *how), forced=forced, stopped=lambda: _is_shut(executor))

    is_on = store is not None and limit > 0 and _may_serve(workflow)
    Executor.cached_or_run = take_or_compute if is_on else COMPUTE
    IN_USE[:] = [run] if is_on else []
    NAMES.update({workflow.modifier.modify_rulename(name): name for name in USUAL})
    return run


def _may_serve(workflow: Any) -> bool:
    """Whether this process runs jobs and sees their files: the one that plans, and in a cluster the one of the job."""
    if remote.is_used(workflow):  # the files are on this disk only while a job needs them
        return False
    shared = SharedFSUsage.INPUT_OUTPUT in workflow.storage_settings.shared_fs_usage
    return workflow.is_main_process or (workflow.remote_exec and shared)


def tell_jobs_what_is_forced(dag: Any) -> None:
    """Let jobs on other machines know which rules a person has asked to compute; Snakemake forces every job there.

    Parameters
    ----------
    dag
        Snakemake's plan.
    """
    forced = {job.rule.name for job in dag.needrun_jobs() if dag.reason(job).forced}
    os.environ[FORCED] = ",".join(sorted(forced))


def _forced() -> list[str]:
    return os.environ.get(FORCED, "").split(",")


def known(jobs: Sequence[Any]) -> int:
    """Of how many jobs the store holds a result of the same settings and code.

    Whether it is of the same inputs too is only known when these are there, and a plan does not read them all. Nor does
    it ask a bucket, where each result is a request.
    """
    kept = set[str]()
    for run in IN_USE:
        if run.store.is_near:
            kept.update(run.tried(_settings_in, run.store) or ())
    if not kept:  # of ten thousand jobs nothing has to be known then
        return 0
    return sum(_is_json(dict(job.params.items())) and canonical(_settings_of(job)) in kept for job in jobs)


def _settings_in(store: Store) -> set[str]:
    """The settings of which a store holds results, as `_settings_of` tells them."""
    found = set()
    for name in store.names()[-LOOKED_AT:]:
        with suppress(OSError, Broken):
            if entry := store.entry(name):
                found.add(canonical({part: entry.key.get(part) for part in OF_SETTINGS}))
    return found


def _is_shut(executor: Any) -> bool:
    """Whether the run is about to end, and only waits for the jobs that are at work."""
    return bool(executor.pool._shutdown)


@dataclass
class Run:
    """What came back in this run, and of how many jobs."""

    store: Store
    code: tuple[Any, ...]  # the state of the sources that the stage strings are of
    hits: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def serve(self, job: Any, compute: Callable[[], None], *, forced: bool, stopped: Callable[[], bool]) -> None:
        """Take the job's result from the store, or compute it and keep it there.

        Parameters
        ----------
        forced
            Whether a person has asked for it to be computed.
        stopped
            Whether to wait no more for another run that computes the same.
        """
        if not job.output:  # a target, such as `index`
            compute()
            return
        self.jobs.append(title(job))
        key = self.tried(key_of, job)
        if key is None:
            compute()
            return
        name, waits = name_of(key), iter([True])

        def waiting() -> None:
            if stopped():
                raise KeyboardInterrupt
            if next(waits, False):
                say(f"{title(job)}: another run computes the same, and its result is waited for")

        if not forced and self._took(job, name):
            return
        with self.store.alone(name, waiting):
            if not forced and self._took(job, name):  # that of another run, which was waited for
                return
            compute()
            self.tried(self._keep, job, key)

    def _took(self, job: Any, name: str) -> bool:
        """Whether the entry of this name is in place now as the job's result."""
        try:
            entry = self.tried(restore, self.store, job, name)
        except Broken as error:
            self.store.drop(name)
            say(f"{title(job)}: its result in the store is broken ({error}); it is dropped and computed anew")
            return False
        if entry is None or exceeded(job):
            return False
        self.hits.append(title(job))
        self.store.used(name)
        terminal.WORDS.came_back.add(job.jobid)
        return True

    def _keep(self, job: Any, key: Key) -> None:
        """Keep the job's result, unless what it was made from has changed meanwhile."""
        if _code() != self.code:
            self._tell("catscan's code has changed since the run began: what it computes is not kept in the store.")
        elif key_of(job) == key and not _network_changed(key):
            self.store.write(key, title(job), made_by(job))

    def tried(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """What ``work`` gives; None, told once, when the disk, or a right, stands in its way."""
        try:
            return work(*arguments)
        except (OSError, CatscanError) as error:
            why = error.found if isinstance(error, CatscanError) else error.strerror or str(error)
            self._tell(f"The store in {self.store.place} is passed over where it cannot be used: {why}.")
            return None

    def _tell(self, note: str) -> None:
        if note not in self.told:
            self.told.add(note)
            say(f"catscan: {note}")

    def sum_up(self) -> None:
        """Print how many jobs came back, if any."""
        if self.hits:
            came = f"{len(self.hits)} of {number_of(len(self.jobs), 'job')} came back from the store"
            print(f"{came}; {VARIABLE}={OFF} before the command computes them.", file=sys.stderr)


def say(line: str) -> None:
    """Print a line as Snakemake does."""
    from snakemake.logging import logger

    logger.info(line)


def title(job: Any) -> str:
    """What Snakemake calls the job on the terminal."""
    return str(job.message or job.rule.name)


def own_name(rule: Any) -> str:
    """The name of a rule in its own file, which a workflow that uses it as a module's may change."""
    return NAMES.get(str(rule.name), str(rule.name))


def key_of(job: Any) -> Key | None:
    """All that a job's result depends on; None for a job that never goes through the store.

    Raises
    ------
    OSError
        When an input cannot be read, or is a folder.
    """
    rule, command, wildcards = own_name(job.rule), job.rule.shellcmd, dict(job.wildcards_dict)
    params = dict(job.params.items())
    inputs = [[name, _paths(value)] for name, value in job.input.items()]
    # Without a name, one could not be told from another.
    named = len(params) == len(job.params) and sum(len(paths) for _, paths in inputs) == len(job.input)
    if rule in NEVER or not (command and named and _names_in(command) <= SAID and _is_json(params)):
        return None
    if "stage" not in params or (rule in RAW and json.loads(params["stage"])["kind"] != "sample"):
        return None  # a folder is linked, and Kaggle hands out its files itself
    if not all(_is_raw(Path(path).absolute(), digest_of(path)) for path in dict(inputs).get("manifest", ())):
        return None
    read = [Path(pattern.format(**wildcards)) for pattern in READ_TOO.get(rule, ())]
    return {
        "format": FORMAT,
        **_settings_of(job),
        "inputs": [[name, [[_place(path), digest_of(path)] for path in paths]] for name, paths in inputs],
        "read": [digest_of(path) if path.exists() else None for path in read],
    }


def _settings_of(job: Any) -> Key:
    """The part of a job's key that a plan knows: no input's content."""
    wildcards = {name: value for name, value in job.wildcards_dict.items() if value}  # "" says nothing
    told = (own_name(job.rule), words_of(job.rule.shellcmd), wildcards, dict(job.params.items()))
    return dict(zip(OF_SETTINGS, told, strict=True))


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


@cache
def _is_raw(manifest: Path, digest: str) -> bool:
    """Whether the raw files are those of their manifest still, as far as it tells: a person may have mended them."""
    del digest  # of the manifest as it is now
    folder, told = manifest.parent, Manifest.read(manifest).entries
    names = [entry.name for entry in told if (folder / entry.name).exists()]
    known = Listing.left_in(folder)
    there = found_at(folder / name for name in names)
    return told == Listing.of(there, known.linked, known, threads=THREADS).entries(names)


def _names_in(command: str) -> set[str]:
    """The first words of what a command has in braces: its value is known of none but `SAID`."""
    names = (name for _, name, _, _ in string.Formatter().parse(command) if name is not None)
    return {name.partition(".")[0].partition("[")[0] for name in names}


def _paths(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str) else [str(path) for path in value]


def _place(path: str) -> str | None:
    """A path that is the same in every clone; None for one that starts at the root."""
    return None if os.path.isabs(path) else path  # noqa: PTH117  on strings


def _network_changed(key: Key) -> bool:
    """Whether the Python file of a network is another by now than the one of the stage string."""
    stage = json.loads(key["params"]["stage"])
    digest = stage.get("network_digest")
    return digest is not None and fingerprint.file_of(Path(stage["network"])) != digest


def _code() -> tuple[Any, ...]:
    """The state of catscan's own files."""
    found = []
    for path in sorted(fingerprint.SOURCES.rglob("*")):
        if path.suffix in (".py", ".js"):
            with suppress(FileNotFoundError):  # an editor's, gone again
                state = path.stat()
                found.append((str(path), state.st_mtime_ns, state.st_size))
    return tuple(found)


def _files_of(job: Any) -> dict[str, Path]:
    """The files of a job by their names in its entry: outputs, logs, benchmark, and what `MADE_TOO` says."""
    raw = _raw_of(job)
    named = {f"output {number}": Path(str(path)) for number, path in enumerate(job.output)}
    if raw is not None:  # its manifest is written when all is in place
        named = {}
    named |= {f"log {number}": Path(str(path)) for number, path in enumerate(job.log)}
    named |= {"benchmark": Path(str(job.benchmark))} if job.benchmark else {}
    patterns = MADE_TOO.get(own_name(job.rule), ())
    return named | {f"too {i}": Path(pattern.format(**job.wildcards_dict)) for i, pattern in enumerate(patterns)}


def _raw_of(job: Any) -> Path | None:
    pattern = RAW.get(own_name(job.rule))
    return None if pattern is None else Path(pattern.format(**job.wildcards_dict))


def _folders_of(job: Any) -> dict[str, Path]:
    raw, patterns = _raw_of(job), FOLDERS.get(own_name(job.rule), ())
    folders = {f"folder {i}": Path(pattern.format(**job.wildcards_dict)) for i, pattern in enumerate(patterns)}
    return folders | ({} if raw is None else {"raw": raw})


def made_by(job: Any) -> dict[str, Path]:
    """All files that a job has made, by their names in its entry."""
    made = {name: path for name, path in _files_of(job).items() if name.startswith("output") or path.exists()}
    for name, folder in _folders_of(job).items():
        tops = read_json(folder / JOURNAL)["made"] if name == "raw" else [""]
        for path in (path for top in tops for path in _below(folder / top)):
            made[f"{name}/{path.relative_to(folder).as_posix()}"] = path
    return made


def _below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for folder, _, names in os.walk(path):
        yield from (Path(folder) / name for name in sorted(names))


def restore(store: Store, job: Any, name: str) -> Entry | None:
    """Put the files of an entry in the places of the job's, all of them or none.

    Raises
    ------
    Broken
        When one is not what its digest says, or is none of the job's.
    """
    files, folders = _files_of(job), _folders_of(job)
    beside = {one: _beside(path) for one, path in (files | folders).items()}

    def place(part: str) -> Path:
        head, _, rest = part.partition("/")
        path = beside[head] / rest if head in folders and is_below(rest) else beside.get(part)
        if path is None or part in folders:
            raise Broken(f"{part!r} is no file of this job")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    try:
        for path in beside.values():
            remove(path)  # of a killed run
        entry = store.read(name, place)
        if entry is None:
            return None
        names = {part.name for part in entry.parts}
        if not names.issuperset(one for one in files if one.startswith("output")):
            raise Broken("an output is missing")
        _settle({one: place(one) for one in names})
        for one, folder in folders.items():
            _put_folder(folder, beside[one], raw=one == "raw")
        for one in names.intersection(files):
            beside[one].replace(files[one])
    finally:
        for path in beside.values():
            remove(path)
    for log in job.log:
        with Path(str(log)).open("a") as out:
            out.write(f"This is the log of {_date(entry.made)}: the result came back from the store.\n")
    return entry


def _settle(paths: Mapping[str, Path]) -> None:
    """Have the copies, by their names in the entry, on the disk, so that a crash leaves no name without its bytes."""
    if any("/" in name for name in paths):
        os.sync()  # of thousands of raw files, one by one takes minutes
        return
    for path in paths.values():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def is_below(name: str) -> bool:
    """Whether a name leads to a file below its folder: not to the root, and not up."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.store{PARTIAL}")


def _put_folder(folder: Path, found: Path, *, raw: bool) -> None:
    """Have what was found, if anything was, take the place of what is in ``folder``."""
    if raw:
        made = RawFolder(folder)  # a person's own files stay
        made.put(found.iterdir())
        made.finish(threads=THREADS)
        return
    remove(folder)
    if found.is_dir():
        found.replace(folder)


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
