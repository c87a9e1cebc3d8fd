"""`./run`, the one script of the set-up, with a stand-in for the installer: no network, no packages."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from training_process import wait_until

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ["sh", "dirname", "cat", "sed", "cksum", "grep", "rm", "mkdir", "sleep", "env"]
# Makes an environment without packages, and notes each call; FAIL and PAUSE in its folder change what it does.
UV = """#!/bin/sh
here=$(dirname "$0")
echo "$*" >>"$here/calls"
case $1 in
    venv) while [ $# -gt 1 ]; do shift; done; {python} -m venv --without-pip "$1" ;;
    pip)
        [ ! -f "$here/PAUSE" ] || sleep 2
        [ ! -f "$here/FAIL" ] || {{ rm "$here/FAIL"; echo "no such package" >&2; exit 1; }} ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with nothing but what `./run` reads, in a path with a space."""
    home = tmp_path / "my projects" / "cat scan"
    home.mkdir(parents=True)
    for name in ("run", "pyproject.toml"):
        shutil.copy2(ROOT / name, home / name)
    (home / "requirements.txt").write_text("one==1 \\\n    --hash=sha256:00\n")
    (home / "requirements-cloud.txt").write_text("cloud==1 \\\n    --hash=sha256:00\n")
    (home / "requirements-cuda.txt").write_text("cuda==1 \\\n    --hash=sha256:00\n")
    return home


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder that is the whole PATH: the few commands the script needs, this Python, the stand-in for uv."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NEEDED:
        (folder / name).symlink_to(shutil.which(name) or name)
    program(folder / "python3", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    program(folder / "uv", UV.format(python=f'"{sys.executable}"'))
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def start(project: Path, tools: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("CATSCAN", "VIRTUAL", "PYTHON", "UV"))
    }
    return subprocess.Popen(
        [str(project / "run"), *arguments],
        env={**kept, "PATH": str(tools), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(project: Path, tools: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    process = start(project, tools, *arguments, **environment)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def calls(tools: Path) -> list[str]:
    return (tools / "calls").read_text().splitlines() if (tools / "calls").exists() else []


WHERE = ("python", "-c", "import sys; print(sys.prefix)")


def test_the_first_call_makes_the_environment_and_runs_inside_it(project: Path, tools: Path) -> None:
    code, out, err = run(project, tools, *WHERE)

    assert (code, out.strip()) == (0, str(project / ".venv"))
    assert "setting up" in err
    assert calls(tools)[1] == f"pip install --require-hashes -r {project / 'requirements.txt'}"
    assert calls(tools)[2] == f"pip install --quiet --no-deps --no-build-isolation -e {project}"


def test_the_second_call_installs_nothing_and_says_nothing(project: Path, tools: Path) -> None:
    run(project, tools, *WHERE)
    before = calls(tools)
    code, _, err = run(project, tools, *WHERE)

    assert (code, err, calls(tools)) == (0, "", before)


def test_an_interrupted_set_up_heals_itself(project: Path, tools: Path) -> None:
    (tools / "FAIL").touch()
    code, _, err = run(project, tools, *WHERE)
    assert code != 0
    assert err.rstrip().endswith("Run the same command again: it starts afresh.")

    code, out, _ = run(project, tools, *WHERE)
    assert (code, out.strip()) == (0, str(project / ".venv"))


def test_a_killed_set_up_heals_itself_and_leaves_no_lock(project: Path, tools: Path) -> None:
    (tools / "PAUSE").touch()
    process = start(project, tools, *WHERE)
    wait_until(lambda: len(calls(tools)) >= 2, process)
    process.kill()
    process.communicate()
    (tools / "PAUSE").unlink()

    code, out, _ = run(project, tools, *WHERE)
    assert (code, out.strip()) == (0, str(project / ".venv"))


def test_two_first_calls_at_once_make_one_environment(project: Path, tools: Path) -> None:
    (tools / "PAUSE").touch()
    both = [start(project, tools, *WHERE) for _ in range(2)]
    answers = [process.communicate(timeout=60)[0].strip() for process in both]

    assert answers == [str(project / ".venv")] * 2
    assert sum(call.startswith("venv") for call in calls(tools)) == 1


@pytest.mark.parametrize("changed", ["requirements.txt", "pyproject.toml"])
def test_a_changed_lock_or_project_makes_it_anew(project: Path, tools: Path, changed: str) -> None:
    run(project, tools, *WHERE)
    path = project / changed
    path.write_text("# new\n" + path.read_text())
    run(project, tools, *WHERE)

    assert sum(call.startswith("venv") for call in calls(tools)) == 2


def test_a_changed_setting_of_a_linter_does_not(project: Path, tools: Path) -> None:
    run(project, tools, *WHERE)
    path = project / "pyproject.toml"
    path.write_text(path.read_text() + "\n[tool.other]\na = 1\n")
    run(project, tools, *WHERE)

    assert sum(call.startswith("venv") for call in calls(tools)) == 1


def test_a_moved_project_makes_it_anew(project: Path, tools: Path) -> None:
    run(project, tools, *WHERE)
    moved = project.rename(project.with_name("moved"))
    code, out, _ = run(moved, tools, *WHERE)

    assert (code, out.strip()) == (0, str(moved / ".venv"))


def test_a_gpu_that_answers_chooses_the_cuda_lock(project: Path, tools: Path) -> None:
    program(tools / "nvidia-smi", "#!/bin/sh\necho 'GPU 0: Some GPU'\n")
    run(project, tools, *WHERE)

    assert calls(tools)[1] == f"pip install --require-hashes -r {project / 'requirements-cuda.txt'}"


def test_a_driver_without_a_gpu_does_not(project: Path, tools: Path) -> None:
    program(tools / "nvidia-smi", "#!/bin/sh\necho 'No devices were found'; exit 6\n")
    run(project, tools, *WHERE)

    assert calls(tools)[1] == f"pip install --require-hashes -r {project / 'requirements.txt'}"


def test_an_environment_for_gpus_stays_one_where_none_answers(project: Path, tools: Path) -> None:
    program(tools / "nvidia-smi", "#!/bin/sh\necho 'GPU 0: Some GPU'\n")
    run(project, tools, *WHERE)
    before = calls(tools)
    (tools / "nvidia-smi").unlink()
    code, _, err = run(project, tools, *WHERE)
    assert (code, err, calls(tools)) == (0, "", before)

    lock = project / "requirements-cuda.txt"
    lock.write_text(f"# new\n{lock.read_text()}")
    run(project, tools, *WHERE)
    assert calls(tools)[len(before) + 1] == f"pip install --require-hashes -r {lock}"


def test_what_the_cloud_takes_is_added_once_when_asked_for_and_stays(project: Path, tools: Path) -> None:
    run(project, tools, *WHERE)
    before = len(calls(tools))
    _, _, err = run(project, tools, *WHERE, CATSCAN_CLOUD="1")
    run(project, tools, *WHERE, CATSCAN_CLOUD="1")
    run(project, tools, *WHERE)

    assert "adding 1 packages for S3 and Kubernetes" in err
    assert calls(tools)[before:] == [f"pip install --require-hashes -r {project / 'requirements-cloud.txt'}"]


def test_no_fitting_python_is_one_clear_line(project: Path, tools: Path) -> None:
    (tools / "python3").unlink()
    program(tools / "python3.12", "#!/bin/sh\necho 'python3.12: command not found' >&2; exit 127\n")  # a shim
    code, _, err = run(project, tools, *WHERE)

    assert code == 2
    assert err.startswith("catscan: no Python 3.11, 3.12 or 3.13 found.")
    assert "apt install python3 python3-venv" in err
    assert len(err.splitlines()) == 1


def test_a_chosen_python_that_does_not_work_is_named(project: Path, tools: Path) -> None:
    code, _, err = run(project, tools, *WHERE, CATSCAN_PYTHON="python3.10")

    assert code == 2
    assert err.strip() == "catscan: CATSCAN_PYTHON=python3.10 is not a working Python 3.11, 3.12 or 3.13."


def test_a_missing_venv_module_names_the_package(project: Path, tools: Path) -> None:
    (tools / "uv").unlink()
    program(tools / "python3", f'#!/bin/sh\n[ "$2" != venv ] || exit 1\nexec "{sys.executable}" "$@"\n')
    code, _, err = run(project, tools, *WHERE)

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert code == 2
    assert f"apt install python{version}-venv" in err
    assert not (project / ".venv").exists()


def test_no_command_shows_the_two_that_matter(project: Path, tools: Path) -> None:
    code, _, err = run(project, tools)

    assert code == 2
    assert "./run snakemake --cores 8" in err
    assert "./run pytest" in err


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_shows_the_usage_and_makes_no_environment(project: Path, tools: Path, flag: str) -> None:
    code, out, err = run(project, tools, flag)

    assert (code, err) == (0, "")
    assert "usage: ./run COMMAND [ARGUMENTS]" in out
    assert calls(tools) == []


def test_help_after_a_command_is_the_commands_own(project: Path, tools: Path) -> None:
    code, out, _ = run(project, tools, "python", "--help")

    assert code == 0
    assert "python" in out.splitlines()[0]


def test_snakemake_is_started_by_the_front_that_looks_at_its_command_line(project: Path, tools: Path) -> None:
    run(project, tools, *WHERE)
    python = project / ".venv" / "bin" / "python"
    python.unlink()
    program(python, '#!/bin/sh\nprintf "%s|" "$@"\n')

    assert run(project, tools, "snakemake", "--configfile", "my cats.yaml")[1] == (
        "-m|catscan.flow.front|--configfile|my cats.yaml|"
    )


def test_the_exit_code_is_the_commands_own(project: Path, tools: Path) -> None:
    assert run(project, tools, "python", "-c", "raise SystemExit(7)")[0] == 7


@pytest.mark.parametrize("writable", [True, False])
def test_caches_move_into_the_environment_where_home_cannot_be_written(
    project: Path, tools: Path, tmp_path: Path, writable: bool
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    if not writable:
        (home / ".cache").write_text("a file in the way, which stops root too")

    code, out, err = run(project, tools, "sh", "-c", 'echo "${XDG_CACHE_HOME:-}|${MPLCONFIGDIR:-}"', HOME=str(home))

    cache = "" if writable else str(project / ".venv" / "cache")
    assert (code, out) == (0, f"{cache}|{cache and cache + '/matplotlib'}\n"), err
