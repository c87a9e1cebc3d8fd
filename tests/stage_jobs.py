"""A tiny whole run, and single jobs of it in copies of its folder."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from warm import STAGES, Death, Warm

ROOT = Path(__file__).resolve().parents[1]
TINY = Path(__file__).parent / "workflow" / "tiny.yaml"
RUN = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(TINY), "--cores", "2"]
FLOW = (*STAGES, "report")
# Written below the working folder and not asked to be the same: what tells of the run, and of when and how long.
OF_THE_RUN = ("logs", "benchmarks", ".snakemake", "runs.csv")
# What the report tells of times and memory.
OF_TIMES = re.compile(rb'aria-label="(Models|Minutes and memory of the stages)".*?</table>', re.DOTALL)
# What a job makes beside its outputs; it starts without.
BESIDE = {"download": ["raw", "truth"], "train": ["models/resnet/fold-0"]}


def files_of(folder: Path) -> dict[str, str]:
    """The digest of each file, "" of a folder, by its path; without what tells of the run."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not any(part in OF_THE_RUN for part in path.parts) and not name.endswith((".stage.json", ".listing.json")):
            content = OF_TIMES.sub(b"", path.read_bytes()) if path.is_file() else b""
            found[name] = hashlib.sha256(content).hexdigest() if path.is_file() else ""
    return found


def differing(folder: Path, reference: Path) -> list[str]:
    """The files that are not the same, or not in both."""
    found, wanted = files_of(folder), files_of(reference)
    return [name for name in found | wanted if found.get(name) != wanted.get(name)]


@dataclass(frozen=True)
class Job:
    """One stage's command as the workflow gives it, the files it reads and those it makes."""

    stage: str
    arguments: list[str]
    inputs: list[str]
    outputs: list[str]


def job_of(stage: str, folder: Path) -> Job:
    """The first job of a stage, from the records beside its outputs; of train the network's own."""
    outputs: dict[str, list[str]] = {}
    inputs: dict[str, list[str]] = {}
    for path in sorted(folder.rglob(".*.stage.json")):
        record = json.loads(path.read_text())["record"]
        command = record["shellcmd"]
        inputs[command] = record["input"]
        if f"catscan {stage} " in command and (stage != "train" or "resnet" in command):
            output = path.with_name(path.name[1 : -len(".stage.json")])
            outputs.setdefault(command, []).append(output.relative_to(folder).as_posix())
    command = min(outputs)
    shell = f'catscan() {{ printf "%s\\0" "$@" >&3; }}; tee() {{ :; }}; exec 3>&1; {command}'
    said = subprocess.run(["bash", "-c", shell], cwd=folder, capture_output=True, text=True, check=True).stdout
    return Job(stage, said.split("\0")[:-1], inputs[command], outputs[command])


@dataclass
class Place:
    """A copy of the reference in which a job is killed."""

    warm: Warm
    reference: Path
    job: Job
    home: Path

    def __post_init__(self) -> None:
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
        command = {"CATSCAN_COMMAND": shlex.join(["./run", "snakemake", *RUN])}  # which the report shows
        how = {"printed": self.printed, "death": death, "also": command}
        return self.warm.run("catscan.cli", self.job.arguments, self.home, **how).code

    def end(self) -> None:
        """The same command once more, and what is there is the reference."""
        code = self.run()
        assert code == 0, f"{self.job.stage}: exit code {code}\n{self.printed.read_text()[-3000:]}"
        wrong = differing(self.home, self.reference)
        assert not wrong, f"{self.job.stage}: {wrong}"
