"""Jobs end with the run that started them."""

import os
import signal
import subprocess
import sys
import time

import pytest

from catscan.common import leader
from catscan.common.leader import VARIABLE, follow, lead
from catscan.stages.train.interruptions import stop_requests

JOB = """
import sys, time
from catscan.cli import main, parser_of
import catscan.stages.download as stage
stage.run = lambda args: (print("at work", flush=True), time.sleep(600))
sys.exit(main(["download", "--settings", "{}", "--raw", "a", "--truth", "b"]))
"""
RUN = f"""
import subprocess, sys, time
from catscan.common.leader import lead
lead()
subprocess.Popen([sys.executable, "-c", {JOB!r}])
time.sleep(600)
"""


def test_a_job_ends_when_its_run_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        assert run.stdout is not None
        first = run.stdout.readline()
        run.kill()  # and nothing else: the pipe stays open as long as the job lives
        said = run.stdout.read().decode()

    assert first == b"at work\n"
    assert said == f"catscan download: snakemake (process {run.pid}) is gone; stopped, the same command goes on.\n"


@pytest.mark.parametrize("leader", ["", "none", "4194305"], ids=["none", "no number", "not seen from here"])
def test_a_job_that_nobody_leads_goes_on(leader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, leader)
    stopped = []
    before = signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    try:
        follow("catscan train")
        time.sleep(0.05)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert not stopped


def test_a_job_that_is_stopping_already_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """SLURM ends the run and the job at once: a second SIGTERM would cut short the saving of a training."""
    heard = []
    with subprocess.Popen(["sleep", "600"]) as run:
        monkeypatch.setenv(VARIABLE, str(run.pid))
        monkeypatch.setattr(leader, "EVERY", 0.01)
        before = signal.signal(signal.SIGTERM, lambda *_: heard.append(True))
        try:
            with stop_requests():
                follow("catscan train")
                os.kill(os.getpid(), signal.SIGTERM)
                run.kill()
            time.sleep(0.1)
        finally:
            signal.signal(signal.SIGTERM, before)
            leader.STOPPING.clear()

    assert not heard


def test_the_leader_is_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    lead()

    assert os.environ[VARIABLE] == str(os.getpid())
