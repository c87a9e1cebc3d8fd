"""What Snakemake says on the terminal, put into few words: a failed job is its stage's block and its log."""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from catscan.common.errors import CatscanError
from catscan.common.progress import HOW_FAR
from catscan.common.words import duration
from catscan.flow import interrupt
from catscan.flow.bar import Bar
from catscan.flow.refusals import explained
from catscan.flow.run_time import USUAL, RunTime, measured

LOGGER = "snakemake.logging"
# What tells a person nothing about the run at hand.
NOISE = re.compile(
    r"Assuming unrestricted shared filesystem usage\.|Using shell: |Rules claiming more threads will be scaled down\.|"
    r"Provided resources: |Singularity containers: ignored|Select jobs to execute|Execute \d+ jobs|"
    r"Exiting because a job execution failed|Complete log\(s\): |Elapsed time: |"
    r"Retrieving .*from storage|Finished retrieval|Storing in storage|Finished upload\.|Removing local copy of storage|"
    r"Ignoring source file \S*/source-cache/|"  # a copy of what is sent by its own name
    r"Get status with: kubectl|Job snakejob-\S+ succeeded"
)
AT_REST = "Nothing to be done"
CALLED = re.compile(r'--job "([^"]*)"')
OF_A_FAILED_JOB = re.compile(r"CalledProcessError|At least one job did not complete successfully")


class Words(logging.Filter):
    """Snakemake's records in catscan's words; `--verbose` leaves them as they are.

    Attributes
    ----------
    logs
        The logs of the jobs that failed, in the order of their failing.
    refusal
        What the run was refused for; None when nothing.
    at_rest
        Called when there is nothing to be done.
    came_back
        The numbers of the jobs whose results came back from the store.
    """

    def __init__(self) -> None:
        super().__init__()
        self.logs: list[str] = []
        self.refusal: CatscanError | None = None
        self.at_rest: Callable[[], object] = lambda: None
        self.came_back: set[int] = set()
        self._jobs: dict[int, str] = {}
        self._counts: dict[str, int] = {}
        self._time: RunTime | None = None
        self._bar: Bar | None = None

    def begin(self, results: Path) -> None:
        """The first job is about to begin: from now on a line a job that is done, and the bar.

        Parameters
        ----------
        results
            The folder with what earlier runs took.
        """
        counts = {rule: count for rule, count in self._counts.items() if rule != "total"}
        self._time = RunTime(counts, measured(results))
        if _plain():
            notes = tempfile.mkdtemp(prefix="catscan-")
            atexit.register(shutil.rmtree, notes, ignore_errors=True)
            os.environ[HOW_FAR] = notes
            self._bar = Bar(partial(_how_far, self._time, Path(notes)))
            self._bar.start()

    def end(self) -> None:
        """Give the last line of the terminal back."""
        if self._bar:
            self._bar.stop()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be shown; its words may be changed."""
        plain = _plain()
        event = str(getattr(record, "event", None))
        if event == "run_info":
            self._counts = dict(record.stats)  # type: ignore[attr-defined]
        elif event == "job_info":
            self._begun(record)
            return not (plain and self._time)
        elif event == "job_finished":
            return self._finished(record, plain)
        elif event == "progress" and plain:
            return False
        elif event == "job_error":
            self._failed(record, plain)
        elif event == "error":
            return self._refused(record) or not plain
        elif str(record.msg).startswith(AT_REST):
            self.at_rest()
        return not (plain and NOISE.match(str(record.msg)))

    def _begun(self, record: logging.LogRecord) -> None:
        number, rule = record.jobid, record.rule_name  # type: ignore[attr-defined]
        self._jobs[number] = record.rule_msg or rule  # type: ignore[attr-defined]
        if self._time:
            called = CALLED.search(str(getattr(record, "shellcmd", "")))
            self._time.start(number, rule, self._jobs[number], called[1] if called else "")

    def _finished(self, record: logging.LogRecord, plain: bool) -> bool:
        """Whether a finished job is told: in a line with the time left, but not that all targets are there."""
        number = record.job_id  # type: ignore[attr-defined]
        came_back = number in self.came_back
        job = self._time.finish(number, came_back=came_back) if self._time else None
        if not plain or not self._time:
            return True
        if job is None or job.rule not in USUAL:
            return False
        how = "from the store" if came_back else duration(self._time.clock() - job.began)
        record.msg = f"done: {job.name} ({how}); {self._time.line()}"
        record.event = None
        return True

    def _failed(self, record: logging.LogRecord, plain: bool) -> None:
        logs = [str(log) for log in record.log]  # type: ignore[attr-defined]
        self.logs += [log for log in logs if log not in self.logs]
        if plain:
            number = record.jobid  # type: ignore[attr-defined]
            record.msg = f"Job {number} failed: {self._jobs.get(number, record.rule_name)}"  # type: ignore[attr-defined]
            record.msg += f"\n    log: {', '.join(logs)}" if logs else ""
            record.event = None

    def _refused(self, record: logging.LogRecord) -> bool:
        """Whether what Snakemake met is to be shown, as a block where there is one."""
        error = sys.exc_info()[1]
        self.refusal = explained(error) if error else None
        if self.refusal:
            record.msg = f"catscan: {self.refusal}"
            return True
        return not OF_A_FAILED_JOB.search(str(record.msg))


def _plain() -> bool:
    """Whether Snakemake's own words are left out: without `--verbose`."""
    return not logging.getLogger(LOGGER).isEnabledFor(logging.DEBUG)


def _how_far(time: RunTime, notes: Path) -> tuple[float, str]:
    time.read_notes(notes)
    return time.share(), f"{time.line()}: {time.doing()}"


WORDS = Words()


def speak() -> None:
    """Have Snakemake's records pass through `WORDS`, and Ctrl-C end without a traceback."""
    logging.getLogger(LOGGER).addFilter(WORDS)  # once: a filter that is there already is not added again
    logging.raiseExceptions = False  # a log that a full disk cannot take is no reason for a traceback a line
    interrupt.end_quietly()
