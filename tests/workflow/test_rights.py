"""A user who is not root, with what such a user may not do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

USER = 65534  # nobody
TINY = Path(__file__).parent / "tiny.yaml"


@pytest.fixture
def own(fresh):
    """A project that belongs to a user who is not root; without a home that can be written to."""
    fresh.overlays = [TINY]
    if os.getuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root needs setpriv to become another user")
        for path in (fresh.home, *fresh.home.rglob("*")):
            os.chown(path, USER, USER)
    return fresh


def run(project, *arguments: str) -> tuple[int, str]:
    """Snakemake as that user, who may read all that root may: Python may lie below root's home."""
    become = []
    if os.getuid() == 0:
        read = "+dac_read_search"
        become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        become += [f"--inh-caps=-all,{read}", f"--ambient-caps=-all,{read}", "--bounding-set=-all," + read]
    done = subprocess.run(
        [*become, *project.command(*arguments)],
        cwd=project.home,
        env={**project.environment, "HOME": "/nowhere", "XDG_CACHE_HOME": str(project.home / "caches")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_lost_rights_are_one_block_nothing_is_lost_and_the_same_command_goes_on(own) -> None:
    code, said = run(own, "index")
    assert code == 0, said
    folder = own.home / "results" / "dogs-vs-cats"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    own.overlay("competitions: {dogs-vs-cats: {index: {folds: 3}}}\n")
    folder.chmod(0o555)
    code, said = run(own, "index")

    assert code == 2
    assert "Traceback" not in said
    assert "Permission denied" in said
    assert str(folder.relative_to(own.home)) in said
    assert {path: path.read_bytes() for path in before} == before

    folder.chmod(0o755)
    code, said = run(own, "index")
    assert code == 0, said
