"""How long a run takes on so many machines: its schedule simulated, with slow nodes and lost ones.

    python benchmarks/schedule.py [--seeds 20] [--slow 0.3] [--losses 0.05] [--gpu-speed 30]

Two competitions on paper, 37,500 pictures and 2,101 patients of 190 GB (to 64 x 64 x 64 voxels), both from scratch with
five folds, and the pictures once more with a sweep of 40 points; by unit costs that were measured on two cores of an
AMD EPYC (Zen 3, fp32), each in `COSTS` with where it comes from. That a GPU trains as fast as `--gpu-speed` of these
cores is an assumption: none was at hand. A job begins when all that it reads is there and a place is free, in the order
of the flow, as Snakemake hands them out. Jobs are slower by a log-normal factor of the deviation `--slow`; each place
is lost `--losses` times an hour, and its job begins anew, a training from its last whole epoch. Printed are hours: all
the work on one place; what no schedule can be below (the longest chain of jobs, all the work shared out); without slow
and lost places; then the median and the worst of the seeds.
"""

from __future__ import annotations

import argparse
import heapq
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# CPU seconds of one core.
COSTS = {
    "start": 7.0,  # a job on a cluster: Snakemake and the workflow twice (benchmarks/controller.py), then the stage
    "tensorflow": 4.0,  # its import
    "index a sample": 6 / 9_000,  # docs/accuracy.md, near-duplicates among them
    "picture to an array": 24 / 9_000,  # docs/accuracy.md
    "picture learnt from": 0.0099,  # 64 x 64, resnet-2d (flow/opening.py)
    "picture predicted": 0.0099 / 3 * 2,  # forward alone, twice: with its mirror image
    "scan to an array": 0.023,  # benchmarks/scans.py
    "scan learnt from": 65 / (80 * 18) * 64**3 / (24 * 48 * 48),  # docs/accuracy.md, by voxels
    "scan predicted": 65 / (80 * 18) * 64**3 / (24 * 48 * 48) / 3 * 2,
    "the rest": 60.0,  # evaluate, submission, explain, report
}
DISK = 150e6  # bytes a second that a job reads a source with: a shared disk, or S3 to one machine
CORES = 2  # of a job, as `train.threads`
HOUR = 3600.0


@dataclass(frozen=True)
class Job:
    """One job: seconds on `CORES` cores, those after which it is saved, what it waits for."""

    name: str
    seconds: float
    needs: tuple[int, ...] = ()
    saved_every: float = 0.0
    gpu: bool = False


@dataclass(frozen=True)
class Data:
    """A competition on paper."""

    name: str
    kind: str
    train: int
    test: int
    size: float  # bytes
    epochs: int
    shards: int
    folds: int = 5
    points: int = 1  # of a sweep


PAPER = (
    Data("37,500 pictures", "picture", 25_000, 12_500, 0.9e9, epochs=40, shards=16),
    Data("2,101 patients, 190 GB", "scan", 1_595, 506, 190e9, epochs=30, shards=64),
    Data("37,500 pictures, 40 points", "picture", 25_000, 12_500, 0.9e9, epochs=40, shards=16, points=40),
)


def jobs_of(data: Data, gpu_speed: float) -> list[Job]:
    """The run, job by job, each after what it needs."""
    n, kind, start = data.train + data.test, data.kind, COSTS["start"] / CORES
    found = [Job("download", data.size / DISK), Job("index", start + COSTS["index a sample"] * n / CORES, (0,))]
    arrays: dict[str, tuple[int, ...]] = {}
    for split, samples in (("train", data.train), ("test", data.test)):
        share = samples / n * data.size / data.shards / DISK
        seconds = start + max(share, COSTS[f"{kind} to an array"] * samples / data.shards / CORES)
        arrays[split] = tuple(range(len(found), len(found) + data.shards))
        found += [Job("preprocess", seconds, (1,))] * data.shards
    speed = gpu_speed or CORES
    begin = start + COSTS["tensorflow"] / CORES
    for _ in range(data.folds * data.points):
        epoch = COSTS[f"{kind} learnt from"] * data.train * (1 - 1 / data.folds) / speed
        found.append(Job("train", begin + data.epochs * epoch, arrays["train"], epoch, gpu=gpu_speed > 0))
        answers = COSTS[f"{kind} predicted"] * data.test / speed
        found.append(Job("predict", begin + answers, (*arrays["test"], len(found) - 1), gpu=gpu_speed > 0))
    return [*found, Job("evaluate to report", COSTS["the rest"], tuple(range(len(found))))]


def schedule(jobs: Sequence[Job], nodes: int, gpus: int, *, slow: float, losses: float, seed: int) -> float:
    """Seconds until all is done.

    Parameters
    ----------
    nodes, gpus
        Places for one job each; a job for a GPU takes one of those, where there are any.
    slow
        Deviation of the logarithm of how much slower a job is.
    losses
        How often a place is lost in an hour.
    """
    draw, free = random.Random(seed), {True: gpus, False: nodes}
    missing = [len(job.needs) for job in jobs]
    waiting_for: dict[int, list[int]] = {}
    for number, job in enumerate(jobs):
        for need in job.needs:
            waiting_for.setdefault(need, []).append(number)
    ready = {number for number, count in enumerate(missing) if not count}
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        for number in sorted(ready):
            on_gpu = jobs[number].gpu and gpus > 0
            if free[on_gpu]:
                free[on_gpu] -= 1
                ready.remove(number)
                heapq.heappush(running, (now + _took(jobs[number], draw, slow, losses), number))
        now, number = heapq.heappop(running)
        free[jobs[number].gpu and gpus > 0] += 1
        for later in waiting_for.get(number, ()):
            missing[later] -= 1
            if not missing[later]:
                ready.add(later)
    return now


def _took(job: Job, draw: random.Random, slow: float, losses: float) -> float:
    """The seconds of a job with what it loses: all since it was saved, as often as its machine goes."""
    factor = max(1.0, draw.lognormvariate(0.0, slow)) if slow else 1.0
    left, took = job.seconds * factor, 0.0
    while losses:
        lost = draw.expovariate(losses / HOUR)
        if lost >= left:
            break
        every = job.saved_every * factor
        left -= lost // every * every if every else 0.0
        took += lost
    return took + left


def longest_chain(jobs: Sequence[Job]) -> float:
    """The seconds of the jobs that must follow each other."""
    ends: list[float] = []
    for job in jobs:
        ends.append(job.seconds + max((ends[need] for need in job.needs), default=0.0))
    return max(ends)


def main() -> None:
    """Print a row for each competition and fleet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--slow", type=float, default=0.3)
    parser.add_argument("--losses", type=float, default=0.05)
    parser.add_argument("--gpu-speed", type=float, default=30)
    args = parser.parse_args()
    fleets = {"1 machine, 8 cores": (4, 0), "10 nodes, 80 cores": (40, 0), "the same, 5 GPUs": (40, 5)}
    print(f"{'hours':<46} {'work':>6} {'least':>6} {'ideal':>6} {'median':>7} {'worst':>6}")
    for data in PAPER:
        for name, (places, gpus) in fleets.items():
            jobs = jobs_of(data, args.gpu_speed if gpus else 0)
            work = sum(job.seconds for job in jobs)
            least = max(longest_chain(jobs), work / (places + gpus))
            ideal = schedule(jobs, places, gpus, slow=0, losses=0, seed=0)
            drawn = [
                schedule(jobs, places, gpus, slow=args.slow, losses=args.losses, seed=seed)
                for seed in range(args.seeds)
            ]
            hours = [value / HOUR for value in (work, least, ideal, statistics.median(drawn), max(drawn))]
            told = " ".join(f"{value:{width}.1f}" for value, width in zip(hours, (6, 6, 6, 7, 6), strict=True))
            print(f"{f'{data.name}: {name}':<46} {told}")


if __name__ == "__main__":
    main()
