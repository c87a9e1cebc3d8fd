from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from catscan.common.errors import CatscanError
from catscan.flow import gpus
from catscan.networks import device


@pytest.fixture(autouse=True)
def _no_cuda_setting(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(device, "SECONDS_BETWEEN_TRIES", 0.01)
    monkeypatch.setattr(device, "_obstacle", lambda: None)


@pytest.mark.parametrize(
    ("named", "expected"),
    [("0,1", ["0", "1"]), ("", []), ("-1", []), ("1,-1,0", ["1"]), ("GPU-4ce, 2", ["GPU-4ce", "2"])],
)
def test_gpus_are_those_that_the_environment_names(monkeypatch, named, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)

    assert device.visible_gpus() == expected


def test_without_the_environment_the_device_files_count(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    for name in ("nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()

    assert device.visible_gpus(tmp_path) == ["2", "10"]


def test_gpu_that_is_asked_for_and_not_there_is_refused(tmp_path):
    with pytest.raises(CatscanError, match="no GPU here"), device.one_device("gpu", [], locks=tmp_path):
        pass


@pytest.mark.parametrize("wanted", ["auto", "cpu"])
def test_without_a_gpu_the_cpu_computes(tmp_path, wanted):
    gpus = ["0"] if wanted == "cpu" else []

    with device.one_device(wanted, gpus, locks=tmp_path) as gpu:
        assert gpu is False


def test_gpus_that_slurm_counts_from_0_in_each_job_are_locked_by_their_numbers_on_the_node(tmp_path, monkeypatch):
    for number in ("2", "3"):
        monkeypatch.setenv("SLURM_STEP_GPUS", number)
        with device.one_device("auto", ["0"], locks=tmp_path) as gpu:
            assert gpu
            assert device.os.environ["CUDA_VISIBLE_DEVICES"] == "0"

    assert {path.name for path in tmp_path.iterdir()} == {"catscan-gpu-2.lock", "catscan-gpu-3.lock"}


def test_second_job_takes_the_second_gpu(tmp_path):
    with device.one_device("auto", ["0", "1"], locks=tmp_path) as first:
        taken = device.os.environ["CUDA_VISIBLE_DEVICES"]
        with device.one_device("auto", ["0", "1"], locks=tmp_path) as second:
            assert (first, second) == (True, True)
            assert (taken, device.os.environ["CUDA_VISIBLE_DEVICES"]) == ("0", "1")


def test_job_waits_until_the_only_gpu_is_free(tmp_path, monkeypatch):
    holder = (tmp_path / "catscan-gpu-0.lock").open("a")
    fcntl.flock(holder, fcntl.LOCK_EX)
    said, tries = [], iter(range(9))
    monkeypatch.setattr(device, "say", lambda text: (said.append(text), holder.close()))
    monkeypatch.setattr(device.time, "monotonic", lambda: 1.0)  # the machine has just booted
    monkeypatch.setattr(device.time, "sleep", lambda _: next(tries))

    with device.one_device("auto", ["0"], locks=tmp_path) as gpu:
        assert gpu is True

    assert said == ["waiting for a GPU: another job has 0"]


def hold(started: Path, locks: Path) -> None:
    """What a job of some run does: it takes a device and notes when it has it, and when no more."""
    with device.one_device("auto", ["0", "1"], locks=locks), started.open("a") as log:
        name = device.os.environ["CUDA_VISIBLE_DEVICES"]
        for mark in ("+", "-"):
            os.write(log.fileno(), f"{mark}{name} ".encode())
            time.sleep(0.05)


def test_more_jobs_than_devices_have_each_device_one_after_the_other(tmp_path):
    """As jobs of several runs, or of one that was told `--resources gpu=6`."""
    jobs = [get_context("fork").Process(target=hold, args=(tmp_path / "log", tmp_path)) for _ in range(6)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()

    events = (tmp_path / "log").read_text().split()
    assert len(events) == 12
    of_each = {name: "".join(event[0] for event in events if event[1] == name) for name in "01"}
    assert all(marks == "+-" * (len(marks) // 2) for marks in of_each.values())


@pytest.fixture
def of_everybody() -> Iterator[Path]:
    """A folder like /tmp."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
def test_a_lock_that_another_user_made_is_locked_too(of_everybody):
    before = os.umask(0o077)
    os.seteuid(65534)
    try:
        with device.one_device("auto", ["0"], locks=of_everybody):
            pass
        os.seteuid(0)
        os.seteuid(65533)
        with device.one_device("auto", ["0", "1"], locks=of_everybody):
            taken = device.os.environ["CUDA_VISIBLE_DEVICES"]
    finally:
        os.seteuid(0)
        os.umask(before)

    assert taken == "0"


@pytest.mark.parametrize(("visible", "expected"), [(None, 2), ("1", 1), ("", 0), ("0,1,2", 2)])
def test_the_scheduler_counts_the_gpus_that_are_visible(monkeypatch, tmp_path, visible, expected):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 'GPU 0: NVIDIA'; echo 'GPU 1: NVIDIA'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert gpus.count() == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("NVIDIA H100, 550.54.15, 81559, 80000", ["NVIDIA H100, driver 550.54.15, 79.6 GiB, 78.1 GiB of it free"]),
        ("Tesla T4, 535.1, [N/A], [N/A]", []),
        ("Unable to determine the device handle", []),
    ],
)
def test_a_gpu_is_described_by_its_driver_and_memory_where_it_answers(monkeypatch, tmp_path, answer, expected):
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\necho '{answer}'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    assert gpus.described() == expected


OBSTACLES = pytest.mark.parametrize(
    ("obstacle", "told"), [(device.CPU_BUILD, "is built for the CPU only"), (device.UNSEEN, "sees none")]
)


@OBSTACLES
def test_tensorflow_that_cannot_use_the_gpu_says_so_and_takes_the_cpu(monkeypatch, tmp_path, capsys, obstacle, told):
    monkeypatch.setattr(device, "_obstacle", lambda: obstacle)

    with device.one_device("auto", ["0"], locks=tmp_path) as gpu:
        assert gpu is False
    assert f"the CPU computes: this TensorFlow {told}" in capsys.readouterr().err


@OBSTACLES
def test_gpu_that_tensorflow_cannot_use_is_refused_when_asked_for(monkeypatch, tmp_path, obstacle, told):
    monkeypatch.setattr(device, "_obstacle", lambda: obstacle)

    with pytest.raises(CatscanError, match=told), device.one_device("gpu", ["0"], locks=tmp_path):
        pass


@pytest.mark.parametrize(
    ("is_for_cuda", "seen", "expected"),
    [(False, [], device.CPU_BUILD), (True, [], device.UNSEEN), (True, ["GPU:0"], None)],
)
@pytest.mark.slow
def test_a_build_for_the_cpu_and_a_gpu_that_is_not_seen_are_told_apart(monkeypatch, is_for_cuda, seen, expected):
    from catscan.networks.compat import tf

    monkeypatch.undo()
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: is_for_cuda)
    monkeypatch.setattr(tf.config.experimental, "list_physical_devices", lambda _: seen)

    assert device._obstacle() == expected
