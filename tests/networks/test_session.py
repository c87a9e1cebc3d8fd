from __future__ import annotations

import pytest

from catscan.common.errors import CatscanError
from catscan.networks import session


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx512f avx512_bf16", True), ("fpu amx_bf16", True), ("fpu avx2 avx512f", False), ("", False)],
)
def test_bf16_is_known_by_the_cpus_flags(tmp_path, flags, expected):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\n")

    assert session.cpu_has_bf16(tmp_path / "cpuinfo") is expected


def test_machine_without_cpuinfo_has_no_bf16(tmp_path):
    assert session.cpu_has_bf16(tmp_path / "absent") is False


@pytest.mark.parametrize(
    ("has_bf16", "gpu", "expected"), [(True, False, "bf16"), (False, False, "fp32"), (True, True, "fp32")]
)
def test_auto_takes_bf16_only_on_cpus_that_have_it(monkeypatch, has_bf16, gpu, expected):
    monkeypatch.setattr(session, "cpu_has_bf16", lambda: has_bf16)

    assert session.resolve_precision("auto", gpu=gpu) == expected


@pytest.mark.parametrize("gpu", [False, True])
def test_bf16_is_refused_where_it_is_not(monkeypatch, gpu):
    monkeypatch.setattr(session, "cpu_has_bf16", lambda: False)

    with pytest.raises(CatscanError, match="bf16 is not available"):
        session.resolve_precision("bf16", gpu=gpu)


def test_gpu_session_takes_memory_as_it_grows_and_cpu_session_hides_gpus():
    with_gpu = session.session_config(session.Compute(threads=3, gpu=True))
    without = session.session_config(session.Compute(threads=3))

    assert with_gpu.gpu_options.allow_growth
    assert "GPU" not in with_gpu.device_count
    assert without.device_count["GPU"] == 0
    assert without.intra_op_parallelism_threads == 3
