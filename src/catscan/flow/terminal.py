"""What Snakemake says on the terminal, put into few words: a failed job is its stage's block and its log."""

from __future__ import annotations

import logging
import re
import sys

from catscan.common.errors import CatscanError
from catscan.flow import interrupt
from catscan.flow.refusals import explained

LOGGER = "snakemake.logging"
# What tells a person nothing about the run at hand.
NOISE = re.compile(
    r"Assuming unrestricted shared filesystem usage\.|Using shell: |Rules claiming more threads will be scaled down\.|"
    r"Provided resources: |Singularity containers: ignored|Select jobs to execute|Execute \d+ jobs|"
    r"Exiting because a job execution failed"
)
OF_A_FAILED_JOB = re.compile(r"CalledProcessError|At least one job did not complete successfully")


class Words(logging.Filter):
    """Snakemake's records in catscan's words; `--verbose` leaves them as they are.

    Attributes
    ----------
    logs
        The logs of the jobs that failed, in the order of their failing.
    refusal
        What the run was refused for; None when nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.logs: list[str] = []
        self.refusal: CatscanError | None = None
        self._jobs: dict[int, str] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be shown; its words may be changed."""
        plain = not logging.getLogger(LOGGER).isEnabledFor(logging.DEBUG)
        event = str(getattr(record, "event", None))
        if event == "job_info":
            self._jobs[record.jobid] = record.rule_msg or record.rule_name  # type: ignore[attr-defined]
        elif event == "job_error":
            self._failed(record, plain)
        elif event == "error":
            return self._refused(record) or not plain
        return not (plain and NOISE.match(str(record.msg)))

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


WORDS = Words()


def speak() -> None:
    """Have Snakemake's records pass through `WORDS`, and Ctrl-C end without a traceback."""
    logging.getLogger(LOGGER).addFilter(WORDS)  # once: a filter that is there already is not added again
    logging.raiseExceptions = False  # a log that a full disk cannot take is no reason for a traceback a line
    interrupt.end_quietly()
