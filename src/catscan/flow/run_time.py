"""How far a run is, and how long it still takes: by what its jobs cost, not by how many they are."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from catscan.common.words import duration

# Seconds of a job of the default run on two slow cores (AMD EPYC, Zen 3), until one of its rule is known from an
# earlier run or from this one: only what they are to each other counts then. Others are targets: no work.
USUAL = {
    "download_files": 17.0,
    "index_samples": 3.0,
    "preprocess_shard": 3.0,
    "features_of_shard": 60.0,
    "train_fold": 75.0,
    "predict_test": 6.0,
    "evaluate_folds": 6.0,
    "write_submission": 4.0,
    "explain_network": 15.0,
    "render_report": 6.0,
    "submit_submission": 5.0,
    "write_notebook": 45.0,
}
TICK = 0.01  # seconds by which the times of files lie behind the clock, at most
FILES = {  # the rule -> how the names of its benchmark files begin
    "download_files": "download",
    "index_samples": "index",
    "preprocess_shard": "preprocess-",
    "features_of_shard": "features-",
    "train_fold": "train-",
    "predict_test": "predict-",
    "evaluate_folds": "evaluate",
    "write_submission": "submission",
    "explain_network": "explain",
    "render_report": "report",
    "write_notebook": "notebook",
}


def measured(results: Path) -> dict[str, float]:
    """The mean seconds of a rule's jobs as earlier runs took them; without rules that never ran."""
    found = {}
    for rule, begin in FILES.items():
        files = [*results.glob(f"*/benchmarks/{begin}*.tsv"), *results.glob(f"benchmarks/{begin}*.tsv")]
        seconds = [one for one in map(seconds_of, files) if one is not None]
        if seconds:
            found[rule] = sum(seconds) / len(seconds)
    return found


def seconds_of(benchmark: Path) -> float | None:
    """What a job took, by its benchmark file; None when that is missing, none, or being written."""
    try:
        return float(benchmark.read_text(encoding="utf-8", errors="replace").splitlines()[1].split("\t")[0])
    except (OSError, IndexError, ValueError):
        return None


@dataclass
class Job:
    """One that runs: its rule, its name for people, when it began.

    Attributes
    ----------
    called
        By which name it speaks and notes how far it is (`common.progress`).
    share
        What of it is done, if it tells.
    doing
        That in words.
    since
        When it began, by the clock of files: what an earlier job of that name has noted is not its own.
    """

    rule: str
    name: str
    began: float
    called: str = ""
    share: float = 0.0
    doing: str = ""
    since: float = field(default_factory=lambda: time.time() - TICK)


@dataclass
class RunTime:
    """The time of one run.

    Attributes
    ----------
    counts
        Jobs by rule.
    expected
        Seconds of a job by rule, before one has run.
    clock
        Seconds, for tests.
    """

    counts: Mapping[str, int]
    expected: Mapping[str, float]
    clock: Callable[[], float] = time.monotonic
    began: float = 0.0
    running: dict[int, Job] = field(default_factory=dict)
    finished: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    came_back: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # from the store: no work

    def __post_init__(self) -> None:
        self.began = self.clock()

    def start(self, number: int, rule: str, name: str, called: str = "") -> None:
        """A job begins."""
        self.running[number] = Job(rule, name, self.clock(), called)

    def read_notes(self, folder: Path) -> None:
        """Take in what the running jobs have noted."""
        for path in folder.iterdir():
            noted = path.stat().st_mtime
            done, total, text = (path.read_text(encoding="utf-8", errors="replace").split(" ", 2) + [""] * 3)[:3]
            for job in list(self.running.values()):
                # One that is read while it is written says nothing.
                own = job.called and text.startswith(f"{job.called}: ") and noted >= job.since
                if own and total.isdigit() and int(total):
                    job.share = max(job.share, min(int(done) / int(total), 1.0))  # a second part of it begins at 0
                    job.doing = f"{text}: {int(done):,} of {int(total):,}"

    def finish(self, number: int, *, came_back: bool = False) -> Job | None:
        """A job is done, or its result came back from the store; None when it was not known to run."""
        job = self.running.pop(number, None)
        if job and came_back:
            self.came_back[job.rule] += 1
        elif job and job.rule in USUAL:
            self.finished[job.rule].append(self.clock() - job.began)
        return job

    @property
    def jobs(self) -> tuple[int, int]:
        """How many are done, of how many."""
        of_work = {rule: count for rule, count in self.counts.items() if rule in USUAL}
        done = sum(map(len, list(self.finished.values()))) + sum(self.came_back.values())
        return done, sum(of_work.values())

    def cost(self, rule: str) -> float:
        """The seconds that a job of a rule takes."""
        seen = self.finished.get(rule)
        return sum(seen) / len(seen) if seen else self.expected.get(rule, USUAL.get(rule, 0.0))

    def share(self) -> float:
        """How much of the work is done or came back, 0 to 1."""
        whole = sum(self.cost(rule) * count for rule, count in self.counts.items())
        came_back = sum(self.cost(rule) * count for rule, count in list(self.came_back.items()))
        return min((self._done() + came_back) / whole, 1.0) if whole else 1.0

    def left(self) -> float | None:
        """Seconds until the end, as this run has gone so far; None before anything is known."""
        done, elapsed = self._done(), self.clock() - self.began
        whole = sum(self.cost(rule) * (count - self.came_back.get(rule, 0)) for rule, count in self.counts.items())
        return elapsed * max(whole / done - 1, 0) if done > 0.01 * whole and elapsed > 2 else None

    def _done(self) -> float:
        """Seconds' worth of work that was done, as jobs cost."""
        done = sum(self.cost(rule) * len(seen) for rule, seen in list(self.finished.items()))
        return done + sum(self._done_of(job) for job in list(self.running.values()))

    def _done_of(self, job: Job) -> float:
        cost = self.cost(job.rule)
        return cost * job.share if job.share else min(self.clock() - job.began, 0.9 * cost)

    def line(self) -> str:
        """How far it is, in words."""
        done, total = self.jobs
        left = self.left()
        ends = "" if left is None or left < 1 or done == total else f", about {duration(left)} left"
        return f"{done} of {total} jobs, {100 * self.share():.0f} %{ends}"

    def doing(self) -> str:
        """What the jobs that run are at, the longest one first."""
        return "; ".join(job.doing or job.name for job in sorted(self.running.values(), key=lambda job: job.began))
