from __future__ import annotations

import fcntl
import threading
import time

import pytest

from catscan.common.errors import CatscanError
from catscan.networks import device


@pytest.fixture(autouse=True)
def _no_cuda_setting(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(device, "SECONDS_BETWEEN_TRIES", 0.01)
    monkeypatch.setattr(device, "_tensorflow_has_cuda", lambda: True)


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


def test_second_job_takes_the_second_gpu(tmp_path):
    with device.one_device("auto", ["0", "1"], locks=tmp_path) as first:
        taken = device.os.environ["CUDA_VISIBLE_DEVICES"]
        with device.one_device("auto", ["0", "1"], locks=tmp_path) as second:
            assert (first, second) == (True, True)
            assert (taken, device.os.environ["CUDA_VISIBLE_DEVICES"]) == ("0", "1")


def test_job_waits_until_the_only_gpu_is_free(tmp_path, capsys):
    path = tmp_path / "catscan-gpu-0.lock"
    holder = path.open("a")
    fcntl.flock(holder, fcntl.LOCK_EX)
    release = threading.Timer(0.1, holder.close)
    began = time.monotonic()
    release.start()

    with device.one_device("auto", ["0"], locks=tmp_path) as gpu:
        waited = time.monotonic() - began

    assert gpu is True
    assert waited >= 0.09
    assert "waiting for a GPU" in capsys.readouterr().err


def test_tensorflow_without_cuda_says_so_and_takes_the_cpu(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(device, "_tensorflow_has_cuda", lambda: False)

    with device.one_device("auto", ["0"], locks=tmp_path) as gpu:
        assert gpu is False
    assert "built for the CPU only" in capsys.readouterr().err


def test_gpu_that_tensorflow_cannot_use_is_refused_when_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(device, "_tensorflow_has_cuda", lambda: False)

    with pytest.raises(CatscanError, match="built for the CPU only"), device.one_device("gpu", ["0"], locks=tmp_path):
        pass
