"""Fixtures that every test may use."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from kaggle_server import only_loopback

from catscan.cli import main

ROOT = Path(__file__).resolve().parents[1]

# How fast examples are made is a matter of the machine and of what else it does, not of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure() -> None:
    """Hear Ctrl-C: a script's background jobs ignore it, and so would every process that a test starts.

    NumPy's products take one thread: those of two workers wait for each other by spinning. The user's store of results
    is neither read nor written.
    """
    gc.disable()  # until all is imported
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ["CATSCAN_CACHE"] = "off"


def pytest_collection_finish() -> None:
    """What is there before the first test is never garbage: not to be looked through a hundred times."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest come first, then whole runs of the workflow: while one worker has those, the other has all else."""
    items.sort(key=lambda item: (item.get_closest_marker("accuracy") is None, "workflow" not in item.path.parts))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data in Kaggle's layout: $CATSCAN_DATA, or ../shared/data beside the checkout."""
    folder = Path(os.environ.get("CATSCAN_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("the real data are not here; set CATSCAN_DATA to their folder")
    return folder


@pytest.fixture(scope="session", autouse=True)
def no_host_but_this_one() -> Iterator[None]:
    """No test reaches another machine; the processes it starts are kept from it by proxies that lead nowhere."""
    with only_loopback():
        yield


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """``made_once(name, make)``: a folder that ``make`` fills, once for all of xdist's workers; to be read only."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # what a worker left that failed
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder that this process may not enter; root, who may enter any, is nobody for the time of the test."""
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked").chmod(0)
    if root := os.geteuid() == 0:
        os.seteuid(65534)
    yield tmp_path / "locked"
    if root:
        os.seteuid(0)
    (tmp_path / "locked").chmod(0o700)


@pytest.fixture(scope="session")
def real_stage_1(shared_data: Path, made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The raw folder that the download makes of the real archive of the Data Science Bowl 2017, four patients."""

    def make(folder: Path) -> None:
        (folder / "source").mkdir()
        (folder / "source" / "stage1.7z").symlink_to(shared_data / "data-science-bowl-2017" / "stage1.7z")
        source = json.dumps({"kind": "directory", "path": str(folder / "source")})
        folders = ["--raw", str(folder / "raw"), "--truth", str(folder / "truth")]
        assert main(["download", "--settings", source, *folders]) == 0

    return made_once("stage 1", make) / "raw"
