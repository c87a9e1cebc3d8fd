"""The `catscan` command."""

import argparse
import importlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from catscan import cli
from catscan.common.errors import CatscanError, TryAgain
from catscan.common.progress import say


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_the_help_line_is_the_first_line_of_the_module(command: str) -> None:
    module = importlib.import_module(cli.module_of(command))

    assert (module.__doc__ or "").splitlines()[0] == cli.COMMANDS[command]


def test_the_commands_stand_in_the_order_of_the_flow() -> None:
    snakefile = (Path(__file__).resolve().parents[1] / "Snakefile").read_text()
    included = re.findall(r'^include: "workflow/rules/(\w+)\.smk"', snakefile, re.MULTILINE)

    beside = ("export", *cli.BESIDE)

    assert [name for name in cli.COMMANDS if name not in beside] == included[1:]  # the first is common


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_of_every_command_is_given(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"])

    assert stopped.value.code == 0
    assert cli.COMMANDS[command][:40] in capsys.readouterr().out.replace("\n", " ")


def test_a_misspelt_command_is_answered_by_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trian", "--fold", "1"]) == 2

    said = capsys.readouterr().err
    assert said.startswith("catscan: There is no command 'trian'.\n")
    assert 'Did you mean "train"?' in said


def test_a_stages_help_points_at_the_workflow(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])

    assert "./run snakemake --cores 8 train" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("arguments", [["--help"], ["download", "--help"], ["submission", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom catscan.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'tensorflow', 'tflearn', 'cv2', 'matplotlib', 'pydicom', 'sklearn', 'kaggle'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )

    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.parametrize(
    ("error", "code"), [(CatscanError("No.", do="Mend it."), 2), (TryAgain("Busy."), 75)], ids=["user", "try again"]
)
def test_a_mistake_is_one_block_and_its_exit_code(
    error: CatscanError, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: argparse.Namespace) -> None:
        raise error

    monkeypatch.setattr("catscan.stages.report.run", fail)

    assert cli.main(["report", "--settings", "{}", "--results", "r", "--out", "o"]) == code
    assert capsys.readouterr().err == f"catscan report: {error}\n"


def test_lines_of_a_named_job_begin_with_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("catscan.stages.report.run", lambda _: say("epoch 1 of 2\nepoch 2 of 2"))
    stage = ["report", "--settings", "{}", "--results", "r", "--out", "o"]

    cli.main([*stage, "--job", "dogs-vs-cats resnet fold 1"])
    cli.main(stage)

    assert capsys.readouterr().err.splitlines() == [
        "dogs-vs-cats resnet fold 1: epoch 1 of 2",
        "dogs-vs-cats resnet fold 1: epoch 2 of 2",
        "epoch 1 of 2",
        "epoch 2 of 2",
    ]


def test_the_block_of_a_named_job_ends_with_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: object) -> None:
        raise CatscanError("A file is missing.", where="index.csv")

    monkeypatch.setattr("catscan.stages.report.run", run)

    cli.main(["report", "--settings", "{}", "--results", "r", "--out", "o", "--job", "ct-scans"])
    assert capsys.readouterr().err == "catscan report: A file is missing.\n  where  index.csv\n  job    ct-scans\n"


def test_a_path_that_one_may_not_enter_is_one_block(
    locked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("catscan.stages.report.run", lambda _: (locked / "index.csv").stat())

    assert cli.main(["report", "--settings", "{}", "--results", "r", "--out", "o"]) == 2
    assert capsys.readouterr().err == (
        "catscan report: A file or folder may not be used.\n"
        f"  where  {locked / 'index.csv'}\n  found  Permission denied\n  do     Check its rights.\n"
    )


def test_a_stage_that_nobody_listens_to_has_not_succeeded(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("catscan.stages.report.run", run)

    assert cli.main(["report", "--settings", "{}", "--results", "r", "--out", "o"]) == 128 + signal.SIGPIPE


@pytest.mark.parametrize(("given", "expected"), [("3", "3"), (None, None)])
def test_opencv_has_as_many_threads_as_snakemake_gives_the_job(
    given: str | None, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCV_FOR_THREADS_NUM", "")
    monkeypatch.delenv("OPENCV_FOR_THREADS_NUM")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    with pytest.raises(SystemExit):
        cli.main(["--version"])

    assert os.environ.get("OPENCV_FOR_THREADS_NUM") == expected
