"""A kill at any point of any stage, then the same command, ends in the same bytes.

There are 200: 150 of stages alone, 50 of whole runs; and 1,000 behind the marker `long`.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from stage_jobs import FLOW, RUN, Place, differing, job_of
from warm import Death, Ended, Warm, whole

KILLS = pytest.mark.parametrize(
    "kills", [pytest.param(200, marks=pytest.mark.slow), pytest.param(1000, marks=pytest.mark.long)]
)
HOW = ("event", "byte", "time")
IN_A_ROW = 3  # the same command is killed so often, at most, before it may end
SEED = 20170112


def a_stage(kills: int) -> int:
    """Of how many kills those that each stage alone gets."""
    return kills * 3 // 4 // len(FLOW)


def took(tiny: Path, stage: str) -> list[Ended]:
    """What the jobs of a stage took in the run of which ``tiny`` is the folder, or that run itself ("snakemake")."""
    return whole(tiny.with_suffix(".ended"), stage)


def killed(place: Place, times: int) -> Counter[tuple[str, str]]:
    """Kill a job so many times, at points drawn for its stage, each time with the same command after it."""
    draw = random.Random(f"{SEED} {place.job.stage}")
    place.begin()
    most = max(took(place.reference, place.job.stage), key=lambda ended: ended.events)
    sizes = [(place.reference / name).stat().st_size for name in place.job.outputs]
    amounts: dict[str, Callable[[], float]] = {
        "event": lambda: draw.randint(1, most.events),
        "byte": lambda: draw.randint(1, max(2, draw.choice(sizes) - 1)),
        "time": lambda: draw.uniform(0, most.seconds),
    }
    done: Counter[tuple[str, str]] = Counter()
    in_a_row = 0
    while done.total() < times:
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


@KILLS
def test_a_stage_killed_anywhere_ends_by_the_same_command_in_the_same_bytes(
    warm: Warm, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kills: int
) -> None:
    places = [Place(warm, tiny, job_of(stage, tiny), tmp_path / stage) for stage in FLOW]
    with ThreadPoolExecutor(2) as pool:
        done: Counter[tuple[str, str]] = sum(pool.map(lambda place: killed(place, a_stage(kills)), places), Counter())

    with capsys.disabled():
        tell("stage", HOW, done)
    assert done.total() == a_stage(kills) * len(FLOW) >= 15 * len(FLOW)


WHOM = ("self", "run", "all")  # the process itself, the Snakemake that leads it, the whole process group


def killed_runs(warm: Warm, tiny: Path, home: Path, draw: random.Random) -> Counter[tuple[str, str]]:
    """A whole run, killed by itself and then in each stage it comes to, each time with the same command after it."""
    home.mkdir()
    printed, once = home.with_suffix(".txt"), home.with_suffix(".once")
    done: Counter[tuple[str, str]] = Counter()
    for stage in ("snakemake", *FLOW):
        whom = draw.choice(WHOM if stage != "snakemake" else ("self", "all"))
        once.touch()
        events = [ended.events for ended in took(tiny, stage)]
        # Snakemake itself dies before the stages have run; of a stage whichever job comes first.
        last = max(events) // 8 if stage == "snakemake" else min(events)
        death = Death("event", draw.randint(1, last), whom, stage, str(once))
        code = warm.run("catscan.flow.front", RUN, home, printed=printed, death=death).code
        assert code in (-signal.SIGKILL, 0, 1 if whom == "self" else 0), f"{death}: {code}\n{printed.read_text()}"
        done[stage, whom] += bool(code)
    code = warm.run("catscan.flow.front", RUN, home, printed=printed).code
    assert code == 0, f"{code}\n{printed.read_text()}"
    assert differing(home, tiny) == []
    return done


@KILLS
def test_a_run_killed_anywhere_ends_by_the_same_command_in_the_same_bytes(
    warm: Warm, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kills: int
) -> None:
    def killed(number: int) -> Counter[tuple[str, str]]:
        return killed_runs(warm, tiny, tmp_path / f"run-{number}", random.Random(f"{SEED} {number}"))

    done: Counter[tuple[str, str]] = Counter()
    number = 0
    with ThreadPoolExecutor(2) as pool:
        while done.total() < kills // 4:  # where a job was killed alone, the rest has run by then
            done += sum(pool.map(killed, (number, number + 1)), Counter())
            number += 2

    with capsys.disabled():
        tell("within", WHOM, done)
