"""What a disk can do to a run: each stage tells it in one block, and nothing that was whole is gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pytest
from stage_jobs import FLOW, RUN, Place, differing, files_of, job_of
from warm import Death, Warm

DAMAGE = {
    "missing": lambda path: path.unlink(),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "garbage": lambda path: path.write_bytes(b"\xff\x00" * (path.stat().st_size // 2)),
}
# Inputs of which a stage reads nothing, or only what it shows (the epochs of one network): with these damaged it may
# end well, too.
HARDLY_READ = ("raw/manifest.json", "submission.csv", "models/head/fold-0/epochs.npz")


def of_all_stages(warm: Warm, tiny: Path, folder: Path) -> list[Place]:
    return [Place(warm, tiny, job_of(stage, tiny), folder / stage) for stage in FLOW]


def told(place: Place, code: int) -> list[str]:
    """What is wrong with how a job ended that had to be refused; nothing when it is one block and exit code 2."""
    said = place.printed.read_text()
    blocks = said.count(f"catscan {place.job.stage}: ")
    return [] if (code, blocks, "Traceback" in said) == (2, 1, False) else [f"exit code {code}: {said[-1000:]}"]


def damaged(place: Place) -> list[str]:
    """Damage each input of a job in each way; what was not told as it has to be."""
    wrong = []
    for name in place.job.inputs:
        for how, damage in DAMAGE.items():
            place.begin()
            damage(place.home / name)
            code = place.run()
            if code or not name.endswith(HARDLY_READ):
                wrong += [f"{place.job.stage}: {name} {how}: {one}" for one in told(place, code)]
    return wrong


@pytest.mark.slow
def test_an_input_that_is_missing_cut_off_or_garbage_is_one_block(warm: Warm, tiny: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        wrong = list(chain.from_iterable(pool.map(damaged, of_all_stages(warm, tiny, tmp_path))))

    assert not wrong, "\n".join(wrong)


def filled(place: Place) -> list[str]:
    """Let the disk be full when a job has written so much, over earlier results; what was not as it has to be."""
    shutil.copytree(place.reference, place.home, ignore=shutil.ignore_patterns(".snakemake"))
    sizes = [(place.home / name).stat().st_size for name in place.job.outputs]
    code = place.run(Death("full", max(sizes) // 2))
    wrong = told(place, code)
    wanted, found = files_of(place.reference), files_of(place.home)
    whole = [name for name in place.job.outputs if not name.endswith("manifest.json")]  # it says that all is there
    wrong += [f"{name} is gone" for name in whole if found.get(name) != wanted[name]]
    if not wrong:
        place.end()
    return [f"{place.job.stage}: {one}" for one in wrong]


@pytest.mark.slow
def test_a_full_disk_is_one_block_earlier_results_stay_and_the_same_command_goes_on(
    warm: Warm, tiny: Path, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(2) as pool:
        wrong = list(chain.from_iterable(pool.map(filled, of_all_stages(warm, tiny, tmp_path))))

    assert not wrong, "\n".join(wrong)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 700 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no disk may be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.slow
def test_a_run_on_a_disk_that_fills_and_on_one_that_is_read_only_goes_on_by_the_same_command(
    warm: Warm, tiny: Path, disk: Path
) -> None:
    printed = disk.with_suffix(".txt")

    def run() -> tuple[int, str]:
        code = warm.run("catscan.flow.front", RUN, disk, printed=printed).code
        return code, printed.read_text()

    def remount(options: str) -> None:
        """A job that outlives its run for a moment may hold a file open; so it is tried again."""
        until = time.monotonic() + 60
        while subprocess.run(["mount", "-o", f"remount,{options}", disk], check=False).returncode:
            assert time.monotonic() < until
            time.sleep(0.2)

    code, said = run()
    assert (code, "Traceback" in said) in ((2, False), (1, False))
    assert "No space left on device" in said
    remount("size=30m,ro")
    code, said = run()
    assert (code, "Traceback" in said) == (2, False)
    assert "Read-only file system" in said
    remount("size=30m,rw")
    code, said = run()
    assert code == 0, said
    assert differing(disk, tiny) == []


@pytest.mark.slow
def test_files_of_the_future_rerun_nothing(warm: Warm, tiny: Path, tmp_path: Path) -> None:
    """As after a clock that was set back."""
    shutil.copytree(tiny, tmp_path / "run")
    for path in (tmp_path / "run" / "results").rglob("*"):
        os.utime(path, (4e9, 4e9 - hash(path) % 1000), follow_symlinks=False)
    printed = tmp_path / "printed.txt"
    for _ in range(2):
        assert warm.run("catscan.flow.front", [*RUN, "--dry-run"], tmp_path / "run", printed=printed).code == 0
        assert "Nothing to be done" in printed.read_text()
