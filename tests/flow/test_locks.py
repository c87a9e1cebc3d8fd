"""Two runs on the same files: the second waits for the first, unless that is dead."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catscan.common.errors import TryAgain
from catscan.flow import locks as flow_locks
from catscan.flow.locks import Locks, Run, living

RUN = """
import sys, time
from catscan.flow.locks import Locks
locks = Locks(path=sys.argv[1])
locks.all_inputfiles, locks.all_outputfiles = lambda: ["a"], lambda: ["b"]
with locks.lock():
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def locks(inputs: list[str], outputs: list[str]) -> Locks:
    found = Locks(path=Path(".snakemake").absolute())
    found.all_inputfiles, found.all_outputfiles = lambda: inputs, lambda: outputs
    return found


@contextmanager
def other_run() -> Iterator[subprocess.Popen[str]]:
    """Another process that has locked its input a and its output b."""
    with subprocess.Popen([sys.executable, "-c", RUN, ".snakemake"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "locked\n"
            yield process
        finally:
            process.kill()


def held() -> list[Path]:
    return list(Path(".snakemake/locks").iterdir())


def test_a_living_run_is_told_with_its_process_and_a_killed_one_is_taken_over(here: Path) -> None:
    with other_run() as other:
        for inputs, outputs in (([], ["b"]), (["b"], []), ([], ["a"])):
            with pytest.raises(TryAgain) as told, locks(inputs, outputs).lock():
                pass
            assert told.value.where == str(here)
            assert re.fullmatch(rf"process {other.pid} on this machine, since \d{{4}}-.*", told.value.found)
            assert told.value.do == f"Wait for it to end, or end it: kill {other.pid}"
        with locks(["a"], ["c"]).lock():  # they read the same file, and write others
            assert len(held()) == 2
        assert len(held()) == 1

    with locks(["a"], ["b"]).lock():
        assert [path.name.split("-")[-1] for path in held()] == [f"{os.getpid()}.json"]
    assert held() == []


def test_a_run_on_another_machine_is_told_with_the_command_that_lifts_its_lock(here: Path) -> None:
    folder = here / ".snakemake" / "locks"
    folder.mkdir(parents=True)
    lock = '{"pid": 7, "host": "node 3", "since": "2020-02-02 02:02:02", "input": [], "output": ["b"]}'
    (folder / "node 3-7.json").write_text(lock)
    with pytest.raises(TryAgain) as told, locks([], ["b"]).lock():
        pass

    assert told.value.found == "process 7 on node 3, since 2020-02-02 02:02:02"
    assert f"./run snakemake --unlock --directory {here}\n" in told.value.do
    locks([], []).unlock()
    with locks([], ["b"]).lock():
        pass


@pytest.mark.parametrize("text", ["", '{"pid": 7', "[]"])
def test_a_lock_that_a_kill_left_half_written_keeps_nobody_out(here: Path, text: str) -> None:
    folder = here / ".snakemake" / "locks"
    folder.mkdir(parents=True)
    (folder / "here-7.json").write_text(text)
    with locks([], ["b"]).lock():
        assert len(held()) == 1


def test_a_run_that_ends_while_another_looks_keeps_nobody_out(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = here / ".snakemake" / "locks" / "here-7.json"
    path.parent.mkdir(parents=True)
    run = Run(7, socket.gethostname(), "today", [], ["b"])
    monkeypatch.setattr(flow_locks, "_read", lambda path: (path.unlink(), run)[1])
    path.touch()
    assert living(here) == []
    path.touch()
    with locks([], ["b"]).lock():
        assert len(held()) == 1


def test_the_lock_goes_when_the_run_fails() -> None:
    with pytest.raises(ValueError, match="failed"), locks([], ["b"]).lock():
        raise ValueError("failed")

    assert held() == []
