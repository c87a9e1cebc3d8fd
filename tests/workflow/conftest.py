"""One small run of the whole workflow, made once; each test gets a copy of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import forked_snakemake
import pytest
from stage_jobs import RUN
from warm import Warm

ROOT = Path(__file__).resolve().parents[2]
SMALL = Path(__file__).parent / "small.yaml"
PARTS = ["Snakefile", "workflow", "config", "profiles", "src", "results/README.md"]


@dataclass
class Project:
    """A copy of the project in which snakemake runs; ``home`` may be changed at will."""

    home: Path
    overlays: list[Path] = field(default_factory=lambda: [SMALL])
    options: tuple[str, ...] = ()  # of every call
    store: Path | None = None

    def command(self, *arguments: str) -> list[str]:
        """What `./run snakemake` runs."""
        return [sys.executable, "-m", "catscan.flow.front", *self.arguments(*arguments)]

    def arguments(self, *arguments: str) -> list[str]:
        """What follows ``snakemake``: the overlays first, since `--configfile` takes all words up to the next flag."""
        overlays = ["--configfile", *map(str, self.overlays)] if self.overlays else []
        return [*overlays, "--cores", "2", *self.options, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """The variables under which the copy's own code runs, not the installed one."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        store = {"CATSCAN_CACHE": str(self.store)} if self.store else {}
        return {**os.environ, "PATH": path, "PYTHONPATH": str(self.home / "src"), **store}

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run snakemake on the copy and wait for it."""
        done = forked_snakemake.run(self.arguments(*arguments), self.home, self.environment)
        if check and done.returncode:
            raise AssertionError(f"snakemake failed:\n{done.stdout}\n{done.stderr}")
        return done

    def planned(self, *arguments: str) -> set[str]:
        """The rules that snakemake would run now."""
        return self.rules_in(self.plan(*arguments))

    def rules_in(self, done: subprocess.CompletedProcess[str]) -> set[str]:
        """The rules in snakemake's table of the jobs that it ran or would run."""
        table = re.search(r"^job +count\n-+ +-+\n(.*?)^total ", done.stdout + done.stderr, re.MULTILINE | re.DOTALL)
        return {line.split()[0] for line in table[1].splitlines()} - TARGETS if table else set()

    def plan(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A dry run."""
        return self.snakemake("--dry-run", *arguments)

    def overlay(self, text: str) -> None:
        """Lay ``text`` over the configuration."""
        path = self.home / f"overlay-{len(self.overlays)}.yaml"
        path.write_text(text)
        self.overlays.append(path)

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Change one file of the project."""
        path = self.home / name
        text = path.read_text()
        assert change(text) != text
        path.write_text(change(text))


TARGETS = {"all", *(path.stem for path in ROOT.glob("workflow/rules/*.smk"))}


def copy_of_the_project(home: Path) -> Project:
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, home / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            (home / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, home / part)
    return Project(home)


@pytest.fixture(scope="session")
def copied_to() -> Callable[[Path], Project]:
    """``copied_to(home)``: a copy of the project in a new folder."""
    return copy_of_the_project


@pytest.fixture(scope="session")
def finished(made_once: Callable[[str, Callable[[Path], object]], Path]) -> tuple[Project, str]:
    """The whole run, finished, and what it printed; beside it the store that it has filled, and what
    each stage has opened. To be read only."""

    def make(folder: Path) -> None:
        project = copy_of_the_project(folder / "cat scan")
        project.store = folder / "store"
        environment = {**project.environment, "OPENED": str(folder / "opened.txt")}
        environment["PYTHONPATH"] += f"{os.pathsep}{Path(__file__).parent / 'opened'}"
        done = subprocess.run(
            project.command(), cwd=project.home, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"snakemake failed:\n{done.stdout}\n{done.stderr}"
        (folder / "printed.txt").write_text(done.stdout + done.stderr)

    folder = made_once("run with a space", make)
    return Project(folder / "cat scan"), (folder / "printed.txt").read_text()


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    """A copy in which nothing has run yet."""
    return copy_of_the_project(tmp_path / "fresh")


@pytest.fixture
def project(finished: tuple[Project, str], tmp_path: Path) -> Project:
    """A copy of the finished run, to be changed."""
    home = tmp_path / "copy"
    shutil.copytree(finished[0].home, home, symlinks=True)
    return Project(home)


@pytest.fixture
def stored(finished: tuple[Project, str], tmp_path: Path) -> Path:
    """A copy of the store that the finished run has filled."""
    return Path(shutil.copytree(finished[0].home.parent / "store", tmp_path / "a store"))


@pytest.fixture
def clones(tmp_path: Path) -> list[Project]:
    """Two copies in which nothing has run yet, with one empty store."""
    found = [copy_of_the_project(tmp_path / name) for name in ("one", "another")]
    for clone in found:
        clone.store = tmp_path / "store"
    return found


@pytest.fixture
def copied(finished: tuple[Project, str], tmp_path: Path) -> Project:
    """Another copy of the project with the finished run's results alone, as `cp -r results` brings them."""
    project = copy_of_the_project(tmp_path / "another")
    shutil.copytree(finished[0].home / "results", project.home / "results", symlinks=True, dirs_exist_ok=True)
    return project


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """The process that has imported all, and forks."""
    with Warm(tmp_path_factory.mktemp("warm")) as found:
        yield found


@pytest.fixture(scope="session")
def tiny(warm: Warm, made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The folder of the run of `tiny.yaml`, beside it what its jobs took; to be read only."""

    def make(folder: Path) -> None:
        printed, before = folder.with_suffix(".txt"), warm.ended()
        assert warm.run("catscan.flow.front", RUN, folder, printed=printed).code == 0, printed.read_text()
        # Of this run alone, and for those of xdist's workers too that have not made it.
        folder.with_suffix(".ended").write_text(warm.ended().removeprefix(before))

    return made_once("tiny run", make)
