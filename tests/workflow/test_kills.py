"""A kill at any point of any stage, then the same command, ends in the same bytes.

`CATSCAN_KILLS` says how many there are; where it is not set 200: 150 of stages alone, 50 of whole runs.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from warm import STAGES, Death, Warm

ROOT = Path(__file__).resolve().parents[2]
RUN = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(Path(__file__).parent / "tiny.yaml"), "--cores", "2"]
KILLS = int(os.environ.get("CATSCAN_KILLS", "200"))
FLOW = (*STAGES, "report")
A_STAGE = KILLS * 3 // 4 // len(FLOW)
HOW = ("event", "byte", "time")
IN_A_ROW = 3  # the same command is killed so often, at most, before it may end
SEED = 20170112
# Written below the working folder and not asked to be the same: what tells of the run, and of when and how long.
OF_THE_RUN = ("logs", "benchmarks", ".snakemake", "runs.csv")
# What the report tells of times and memory.
OF_TIMES = re.compile(rb'aria-label="(Models|Minutes and memory of the stages)".*?</table>', re.DOTALL)
# What a job makes beside its outputs; it starts without.
BESIDE = {"download": ["raw", "truth"], "train": ["models/resnet/fold-0"]}


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    with Warm(tmp_path_factory.mktemp("warm")) as found:
        yield found


@pytest.fixture(scope="module")
def reference(warm: Warm, made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The folder of a run that nobody killed; to be read only."""

    def make(folder: Path) -> None:
        printed = folder.with_suffix(".txt")
        assert warm.run("catscan.flow.front", RUN, folder, printed=printed).code == 0, printed.read_text()

    return made_once("tiny run", make)


def files_of(folder: Path) -> dict[str, str]:
    """The digest of each file, "" of a folder, by its path; without what tells of the run."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not any(part in OF_THE_RUN for part in path.parts) and not name.endswith(".stage.json"):
            content = OF_TIMES.sub(b"", path.read_bytes()) if path.is_file() else b""
            found[name] = hashlib.sha256(content).hexdigest() if path.is_file() else ""
    return found


@dataclass(frozen=True)
class Job:
    """One stage's command as the workflow gives it, and the files it makes."""

    stage: str
    arguments: list[str]
    outputs: list[str]


def job_of(stage: str, folder: Path) -> Job:
    """The first job of a stage, from the records beside its outputs; of train the network's own."""
    outputs: dict[str, list[str]] = {}
    for path in sorted(folder.rglob(".*.stage.json")):
        command = json.loads(path.read_text())["record"]["shellcmd"]
        if f"catscan {stage} " in command and (stage != "train" or "resnet" in command):
            output = path.with_name(path.name[1 : -len(".stage.json")])
            outputs.setdefault(command, []).append(output.relative_to(folder).as_posix())
    command = min(outputs)
    shell = f'catscan() {{ printf "%s\\0" "$@" >&3; }}; tee() {{ :; }}; exec 3>&1; {command}'
    said = subprocess.run(["bash", "-c", shell], cwd=folder, capture_output=True, text=True, check=True).stdout
    return Job(stage, said.split("\0")[:-1], outputs[command])


@dataclass
class Place:
    """A copy of the reference in which a job is killed."""

    warm: Warm
    reference: Path
    job: Job
    home: Path

    def __post_init__(self) -> None:
        self.wanted = files_of(self.reference)
        self.printed = self.home.with_suffix(".txt")

    def begin(self) -> None:
        """A new copy, without what the job makes."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.reference, self.home, ignore=shutil.ignore_patterns(".snakemake"))
        for name in BESIDE.get(self.job.stage, []):
            shutil.rmtree(self.home / "results/dogs-vs-cats" / name)
        for name in self.job.outputs:
            (self.home / name).unlink(missing_ok=True)

    def run(self, death: Death | None = None) -> int:
        """The job's command; its exit code, minus the signal's number."""
        return self.warm.run("catscan.cli", self.job.arguments, self.home, printed=self.printed, death=death).code

    def end(self) -> None:
        """The same command once more, and what is there is the reference."""
        code = self.run()
        assert code == 0, f"{self.job.stage}: exit code {code}\n{self.printed.read_text()[-3000:]}"
        found = files_of(self.home)
        differing = [name for name in found | self.wanted if found.get(name) != self.wanted.get(name)]
        assert not differing, f"{self.job.stage}: {differing}"


def killed(place: Place) -> Counter[tuple[str, str]]:
    """Kill a job `A_STAGE` times, at points drawn for its stage, each time with the same command after it."""
    draw = random.Random(f"{SEED} {place.job.stage}")
    place.begin()
    whole = next(ended for stage, ended in place.warm.ended() if stage == place.job.stage)
    sizes = [(place.reference / name).stat().st_size for name in place.job.outputs]
    amounts: dict[str, Callable[[], float]] = {
        "event": lambda: draw.randint(1, whole.events),
        "byte": lambda: draw.randint(1, max(2, draw.choice(sizes) - 1)),
        "time": lambda: draw.uniform(0, whole.seconds),
    }
    done: Counter[tuple[str, str]] = Counter()
    in_a_row = 0
    while done.total() < A_STAGE:
        how = HOW[done.total() % len(HOW)]
        death = Death(how, amounts[how]())
        code = place.run(death)
        assert code in (0, -signal.SIGKILL, -signal.SIGXFSZ, -signal.SIGPROF), (
            f"{place.job.stage}, {death}: exit code {code}\n{place.printed.read_text()[-3000:]}"
        )
        if code:
            done[place.job.stage, how] += 1
            in_a_row += 1
        if not code or in_a_row == IN_A_ROW:
            place.end()
            place.begin()
            in_a_row = 0
    place.end()
    return done


def tell(first: str, columns: Sequence[str], done: Counter[tuple[str, str]]) -> None:
    """Print a table of what was killed."""
    print(f"\n{done.total()} kills\n{first:<10}" + "".join(f"{column:>10}" for column in columns))
    for row in dict.fromkeys(row for row, _ in done):
        print(f"{row:<10}" + "".join(f"{done[row, column]:>10}" for column in columns))


@pytest.mark.slow
def test_a_stage_killed_anywhere_ends_by_the_same_command_in_the_same_bytes(
    warm: Warm, reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [Place(warm, reference, job_of(stage, reference), tmp_path / stage) for stage in FLOW]
    with ThreadPoolExecutor(2) as pool:
        done: Counter[tuple[str, str]] = sum(pool.map(killed, places), Counter())

    with capsys.disabled():
        tell("stage", HOW, done)
    assert done.total() == A_STAGE * len(FLOW)


WHOM = ("self", "run", "all")  # the process itself, the Snakemake that leads it, the whole process group
A_RUN = 1 + len(FLOW)  # kills of one run: of Snakemake itself, then within each stage


def killed_runs(warm: Warm, reference: Path, home: Path, draw: random.Random) -> Counter[tuple[str, str]]:
    """A whole run, killed once in each stage it comes to, each time with the same command after it."""
    home.mkdir()
    printed, once = home.with_suffix(".txt"), home.with_suffix(".once")
    done: Counter[tuple[str, str]] = Counter()
    events = {stage: ended.events for stage, ended in reversed(warm.ended()) if not ended.code}
    for stage in ("snakemake", *FLOW):
        whom = draw.choice(WHOM if stage != "snakemake" else ("self", "all"))
        once.touch()
        death = Death("event", draw.randint(1, events[stage] * 3 // 4), whom, stage, str(once))
        code = warm.run("catscan.flow.front", RUN, home, printed=printed, death=death).code
        assert code in (-signal.SIGKILL, *([1] if whom == "self" else [0])), f"{death}: {code}\n{printed.read_text()}"
        done[stage, whom] += bool(code)
    code = warm.run("catscan.flow.front", RUN, home, printed=printed).code
    assert code == 0, f"{code}\n{printed.read_text()}"
    wanted, found = files_of(reference), files_of(home)
    assert [name for name in found | wanted if found.get(name) != wanted.get(name)] == []
    return done


@pytest.mark.slow
def test_a_run_killed_anywhere_ends_by_the_same_command_in_the_same_bytes(
    warm: Warm, reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def killed(number: int) -> Counter[tuple[str, str]]:
        return killed_runs(warm, reference, tmp_path / f"run-{number}", random.Random(f"{SEED} {number}"))

    with ThreadPoolExecutor(2) as pool:
        done: Counter[tuple[str, str]] = sum(pool.map(killed, range(math.ceil(KILLS / 4 / A_RUN))), Counter())

    with capsys.disabled():
        tell("within", WHOM, done)
    assert done.total() >= KILLS // 4
