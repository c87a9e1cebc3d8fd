"""What `./run snakemake` runs, with a stand-in for Snakemake."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catscan.flow.schema import ROOT

CLI = """
from pathlib import Path
from types import SimpleNamespace
def parse_args(arguments):
    files = [Path(word) for word in arguments]
    options = {{"config": None, "cores": 1, "directory": None, "dryrun": False, "default_storage_provider": None}}
    return None, SimpleNamespace(configfile=files, **options)
def parse_config(entries): pass
def args_to_api(options, parser):
    {does}
"""


def front(folder: Path, does: str, *arguments: str, imports: str = "") -> tuple[int, str]:
    """The exit code and the words of the front, where Snakemake ``does`` something."""
    package = folder / "stand-in" / "snakemake"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(imports)
    (package / "cli.py").write_text(CLI.format(does=does))
    done = subprocess.run(
        [sys.executable, "-m", "catscan.flow.front", *arguments],
        env={**os.environ, "PYTHONPATH": f"{package.parent}{os.pathsep}{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("done", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_tells_whether_all_was_done(tmp_path: Path, done: bool, code: int) -> None:
    assert front(tmp_path, f"return {done}") == (code, "")


def test_a_refusal_of_the_command_line_is_one_block(tmp_path: Path) -> None:
    code, told = front(tmp_path, "return True", str(tmp_path / "none.yaml"))

    assert (code, told.splitlines()[0]) == (2, "catscan: A config file is missing.")


def test_ctrl_c_in_the_first_seconds_is_one_line(tmp_path: Path) -> None:
    code, told = front(tmp_path, "pass", imports="raise KeyboardInterrupt")

    assert (code, told) == (-2, "catscan: stopped; run the same command to go on.\n")


def test_what_snakemake_refuses_is_one_block_with_its_exit_code(tmp_path: Path) -> None:
    does = """
    import logging
    from catscan.common.errors import TryAgain
    logging.lastResort.setLevel("ERROR")
    try:
        raise TryAgain("Another run is at work on the same files.")
    except Exception as error:
        logging.getLogger("snakemake.logging").error(str(error), extra={"event": "error"})
        return False
"""
    code, told = front(tmp_path, does.strip())

    assert code == 75
    assert told.startswith("catscan: Another run is at work on the same files")
    assert "Traceback" not in told
