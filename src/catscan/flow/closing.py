"""What a run ends with on the terminal: the box of scores, or the first mistake of each job that failed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from catscan.common.contracts.check import Check
from catscan.common.contracts.metrics import Metrics
from catscan.common.contracts.model import Model
from catscan.common.errors import listed
from catscan.common.words import number_of
from catscan.flow import runs


def end(config: dict[str, Any], results: Path, home: Path) -> None:
    """What a run ends with when all is there: its line in the table of runs, and the box."""
    runs.record(config, results, home)
    box(config, results)


def box(config: dict[str, Any], results: Path) -> None:
    """Print what a person wants to know after a run: scores, the submission's path, the report.

    Competitions of which the run made only some stages are passed over.
    """
    blocks = [lines for name in config["run"] if (lines := _competition(name, results / name))]
    report = results / "report.html"
    if not blocks or not report.is_file():
        return
    last = f"report        {report}"
    width = max(len(line) for line in [*(line for lines in blocks for line in lines), last]) + 2
    print(f"┌{'─' * width}┐", file=sys.stderr)
    for lines in blocks:
        for line in lines:
            print(f"│ {line:<{width - 1}}│", file=sys.stderr)
        print(f"├{'─' * width}┤", file=sys.stderr)
    print(f"│ {last:<{width - 1}}│", file=sys.stderr)
    print(f"└{'─' * width}┘", file=sys.stderr)


def _competition(name: str, folder: Path) -> list[str]:
    if not (folder / "submission.json").is_file() or not (folder / "evaluation" / "metrics.json").is_file():
        return []
    metrics, check = Metrics.read(folder / "evaluation" / "metrics.json"), Check.read(folder / "submission.json")
    return [name, *(f"  {label:<14} {text}" for label, text in summary(metrics, check, folder))]


def summary(metrics: Metrics, check: Check, folder: Path) -> list[tuple[str, str]]:
    """The lines about one competition as (label, text)."""
    loss = metrics.loss
    lines = [
        ("networks", origins(folder / "models", metrics)),
        ("out of fold", f"{loss.title} {loss.value:.4f} {metrics.spread}"),
        (
            "prior alone",
            f"{loss.title} {loss.prior:.4f}{'' if loss.beats_prior else ' (the networks do not beat it)'}",
        ),
    ]
    if check.expected:
        lines.append(("test, expected", check.expected))
    if check.true_score is not None:
        lines.append(("test, true", f"{check.metric.replace('_', ' ')} {check.true_score:.4f}"))
    verdict = f"valid: {check.rows:,} rows" if check.valid else "NOT VALID"
    lines.append(("submission", f"{folder / 'submission.csv'}  ({verdict})"))
    return lines


def origins(models: Path, metrics: Metrics) -> str:
    """Which models learnt from scratch or from pretrained networks, and which are foreign: "resnet from scratch".

    Of a sweep how many points are blended; the report names them.
    """
    first = {
        name: Model.read(models / name / f"fold-{scores.folds[0].fold}" / "model.json").origin
        for name, scores in metrics.trained.items()
        if name in metrics.blended
    }
    told = [f"{name} {origin}" for name, origin in first.items()]
    if metrics.sweep:
        best = sum(point.blended for point in metrics.sweep.points)
        points = number_of(len(metrics.sweep.points), "point")
        told = [f"the best {best} of {points} of a sweep, {listed(sorted(set(first.values())))}"]
    return "; ".join([*told, *(f"{name} foreign" for name in metrics.models if name not in metrics.trained)])


def failure(logs: list[str], home: Path) -> None:
    """Say again, at the very end, what the jobs that failed said: the lines of others bury it.

    Parameters
    ----------
    logs
        The logs of the jobs that failed.
    home
        The working directory, which their paths start from.
    """
    blocks = [f"{block}\n  log    {name}" for name in logs if (block := last_block(home / name))]
    silent = [name for name in logs if not last_block(home / name)]
    if silent:
        blocks.append(f"catscan: a stage stopped; its own words stand above and in {', '.join(silent)}")
    if not logs:
        blocks.append("catscan: the run was stopped and no stage failed; run the same command to continue.")
    print("\n" + "\n\n".join(blocks) + "\n", file=sys.stderr)


def last_block(log: Path) -> str:
    """The last block "catscan STAGE: ..." of a job's log, "" when there is none."""
    if not log.is_file():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("catscan ")]
    return "\n".join(lines[starts[-1] :]) if starts else ""
