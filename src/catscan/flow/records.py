"""What each output was made from, kept beside it: `weights.npz` has `.weights.npz.stage.json`.

Snakemake keeps such records too (the stage string among the params, the command, the inputs), but all of them in
`.snakemake`: where that folder is gone, or the results were copied without it, results of other settings would pass for
today's. Here its records lie beside the outputs, so that they are deleted, moved and copied with them. A record tells
by size and digest of which file it speaks: for any other one, edited or brought from elsewhere, it does not vouch. It
tells the same of the inputs, so that a result is made anew when they are not what it was made from.

`keep_beside_outputs` puts this in place of Snakemake's own store; what is compared, when and why a job reruns stay
Snakemake's. A record is written when a job has ended well, by the one process that plans.
"""

from __future__ import annotations

import ast
import hashlib
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import snakemake.api  # and by it snakemake.workflow, which cannot be imported first
from snakemake.io import _IOFile
from snakemake.persistence import RECORD_FORMAT_VERSION, MetadataRecord
from snakemake_interface_executor_plugins.settings import ExecMode

from catscan.common.errors import CatscanError, listed
from catscan.common.files import read_json, write_json
from catscan.common.provenance import CHANGES, ENDING, place_of
from catscan.flow import remote, sources
from catscan.flow.code_history import remember
from catscan.flow.locks import Locks
from catscan.flow.tolerance import exceeded

BLOCK, BLOCKS = 1 << 14, 64  # of larger files that many blocks are read, evenly spread: 1 MiB in all
PLANNED: list[Callable[[Any], None]] = []  # called with each plan that is made
VOUCHED = "catscan:vouched"
IS_SAME_CHECKSUM = _IOFile.is_same_checksum
CHANGED: dict[str, list[str]] = {}  # by output, what has changed since its last result; kept with its record


def keep_beside_outputs(workflow: Any) -> None:
    """Have Snakemake keep its records beside the outputs, and tell of outputs without one once the plan is made.

    Parameters
    ----------
    workflow
        The `workflow` of the Snakefile.
    """
    snakemake.workflow.FilePersistence = BesideOutputs
    if workflow.exec_mode != ExecMode.DEFAULT:
        return  # a process that runs one job for the one that plans
    build = workflow._build_dag

    _IOFile.is_same_checksum = _is_same_checksum

    def build_and_tell() -> None:
        workflow.dag.max_checksum_file_size = sys.maxsize  # `input_checksums` reads no file, however large
        build()
        tell_of(unrecorded(workflow.dag))
        for planned in PLANNED:
            planned(workflow.dag)

    workflow._build_dag = build_and_tell


async def _is_same_checksum(file: _IOFile, checksum: str | None, *limits: Any, **how: Any) -> bool:
    return checksum == VOUCHED or await IS_SAME_CHECKSUM(file, checksum, *limits, **how)


class BesideOutputs(Locks):
    """Snakemake's store of records, each beside its output; what runs now and what was cut off stay in `.snakemake`."""

    def __init__(self, *, dag: Any = None, nolock: bool = False, **paths: Any) -> None:
        super().__init__(dag=dag, nolock=nolock, **paths)
        self._remote: remote.Records | None = None
        if dag is not None and remote.is_used(dag.workflow) and dag.workflow.is_main_process:
            # Without a lock nothing tells the end of the run, at which the last ones are sent.
            self._remote = remote.Records(dag.workflow, interval=0 if nolock else remote.INTERVAL)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """As `Locks`; at the end the records of what lies in the storage are sent there."""
        with super().lock():
            try:
                yield
            finally:
                if self._remote:
                    self._remote.send()

    def _read_record(self, key: str) -> MetadataRecord | None:
        """The record of the output ``key``; None without one, or when it speaks of another file."""
        if self._remote:
            kept = self._remote.by_address.get(key)
            return MetadataRecord.model_validate(kept) if kept else None
        if not place_of(key).is_file():
            return super()._read_record(key)  # made before records lay beside the outputs
        kept = kept_of(key)
        if kept is None or (Path(key).exists() and not is_same(key, kept.output)):
            return None
        return kept.record

    def _write_record(self, key: str, record: MetadataRecord) -> None:
        if self._remote:
            self._remote.keep(key, record.model_dump())
            return
        if not Path(key).exists():
            return  # the job failed
        inputs = {path: asdict(trace(path)) for path in record.input or () if Path(path).exists()}
        values = {"output": asdict(trace(key)), "inputs": inputs, "record": record.model_dump()}
        values[CHANGES] = CHANGED.get(key, [])
        try:
            remember(str(settings_of(record.params or []).get("code")))
            write_json(place_of(key), values)
        except CatscanError as error:
            raise OSError(str(error)) from error  # which Snakemake tells
        super()._delete_record(key)

    def _delete_record(self, key: str) -> bool:
        if self._remote:
            self._remote.keep(key, None)
            return True
        place = place_of(key)
        found = place.is_file()
        place.unlink(missing_ok=True)
        return super()._delete_record(key) or found

    # Snakemake's planner asks this first, and where it is False compares neither settings nor inputs.
    def has_metadata(self, job: Any) -> bool:
        """Whether one of the job's outputs has its record: what that tells counts, also when another's was lost.

        A target such as `index` has no output, and lacks no record.
        """
        return not job.output or any(self.metadata(output) is not None for output in job.output)

    # Asked of an input newer than the output. Of large files Snakemake knows none, and any copy of them were a change.
    def input_checksums(self, job: Any, input_path: Any) -> set[str]:
        """What the input's checksum may be: `VOUCHED` where it is the file that the output was made from."""
        traces = [kept.inputs.get(str(input_path)) for path in job.output if (kept := kept_of(str(path)))]
        if traces and all(traced and is_same(str(input_path), traced) for traced in traces):
            return {VOUCHED}
        return {known for known in super().input_checksums(job, input_path) if known}

    def _code_changed(self, job: Any, file: str | None = None) -> bool:
        """Whether the rule's command has other words; another layout is the same command."""
        recorded = self.code(file)
        return super()._code_changed(job, file) and words_of(recorded) != words_of(self._code(job.rule))

    def _input_changed(self, job: Any, file: str) -> bool:
        """Whether the inputs are others, by name or by content, than those that the output was made from.

        Or whether a folder's files are, or more samples could not be read than are tolerated by now.
        """
        if super()._input_changed(job, file) or exceeded(job) or sources.changed(job):
            return True
        kept = kept_of(file)
        inputs = kept.inputs if kept else {}
        return any(Path(path).exists() and not is_same(path, traced) for path, traced in inputs.items())


@dataclass(frozen=True)
class Trace:
    """By what a file is known again: its size, when it was written (ns), and its content's digest."""

    bytes: int
    time: int
    digest: str


@dataclass(frozen=True)
class Kept:
    """What lies beside an output: its own trace, those of its inputs, Snakemake's record."""

    output: Trace
    inputs: dict[str, Trace]
    record: MetadataRecord


def kept_of(output: str) -> Kept | None:
    """What lies beside ``output``; None when nothing does, and when it is no record of this Snakemake."""
    place = place_of(output)
    return _kept(place, _version(place)) if place.is_file() else None


@cache
def _kept(place: Path, version: tuple[int, ...]) -> Kept | None:
    del version
    try:
        values = read_json(place)
        inputs = {path: Trace(**traced) for path, traced in values["inputs"].items()}
        kept = Kept(Trace(**values["output"]), inputs, MetadataRecord.model_validate(values["record"]))
    except (CatscanError, AttributeError, KeyError, TypeError, ValueError):
        return None
    return kept if kept.record.record_format_version == RECORD_FORMAT_VERSION else None


def trace(path: str) -> Trace:
    """The trace of a file as it is now."""
    size, time, _ = version = _version(Path(path))
    return Trace(size, time, _digest(path, version))


def is_same(path: str, traced: Trace) -> bool:
    """Whether a file is the one that was traced; it is read only if its time is another, as a copy's may be."""
    size, time, _ = version = _version(Path(path))
    return size == traced.bytes and (time == traced.time or _digest(path, version) == traced.digest)


def _version(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


@cache
def _digest(path: str, version: tuple[int, int, int]) -> str:
    """Digest (32 hex digits) of a file; of a large one its blocks alone are read, so that a plan stays fast."""
    size, digest = version[0], hashlib.sha256()
    with Path(path).open("rb") as file:
        if size <= BLOCK * BLOCKS:
            digest.update(file.read())
        else:
            for number in range(BLOCKS):
                file.seek((size - BLOCK) * number // (BLOCKS - 1))
                digest.update(file.read(BLOCK))
    return digest.hexdigest()[:32]


def settings_of(params: Sequence[str]) -> dict[str, Any]:
    """The stage string among the params of a job, as Snakemake writes them down; empty without one."""
    for text in params:
        try:
            found = json.loads(ast.literal_eval(text))
        except (ValueError, SyntaxError, TypeError):
            continue
        if isinstance(found, dict) and "code" in found:
            return found
    return {}


def words_of(command: str | None) -> list[list[str]]:
    """The words of a shell command, line by line (a line that ends in a backslash goes on in the next), quotes kept.

    >>> words_of("catscan index   --out {output} | tee 'a  b'")
    [['catscan', 'index', '--out', '{output}', '|', 'tee', "'a  b'"]]
    """
    lines = (command or "").replace("\\\n", " ").splitlines()
    if any("\\" in line for line in lines):  # what it protects may be a blank
        return [lines]
    try:
        return [words for line in lines if (words := _words(line))]
    except ValueError:  # a quote that goes on in the next line
        return [lines]


def _words(line: str) -> list[str]:
    words = shlex.shlex(line, posix=False)  # POSIX would take away the quotes, and "$x" and '$x' are not the same
    words.whitespace_split, words.commenters = True, ""
    return list(words)


def unrecorded(dag: Any) -> dict[str, str]:
    """The outputs that a plan takes as they are though no record vouches for them, each with the rule that makes it."""
    return {
        str(output): job.rule.name
        for job in dag.jobs
        if not dag.needrun(job)
        for output in job.output
        if (remote.holds(output) or Path(output).exists()) and dag.workflow.persistence.metadata(output) is None
    }


def tell_of(outputs: dict[str, str]) -> None:
    """Say which outputs (each with its rule) are taken as they are, and what can be done about it."""
    replaced = {output: rule for output, rule in outputs.items() if place_of(output).is_file()}
    bare = {output: rule for output, rule in outputs.items() if output not in replaced}
    for some, found in (
        (bare, f"no record beside them (.NAME{ENDING}, hidden)"),
        (replaced, f"the record beside them (.NAME{ENDING}) is of other files: they were edited or brought here"),
    ):
        if some:
            rules = " ".join(sorted(set(some.values())))
            note = CatscanError(
                "Results are taken as they are, though nothing says from which settings they were made.",
                where=listed(sorted(some)),
                found=found,
                do=f"Add `--forcerun {rules}` to the command to make them anew;\n"
                f"add `--touch --forcerun {rules}` to vouch for them and for all made from them.",
            )
            print(f"catscan: {note}", file=sys.stderr)
