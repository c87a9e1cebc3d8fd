"""What is wrong with Snakemake's command line is one block."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from catscan.common.errors import CatscanError
from catscan.flow.command_line import check, parsed
from catscan.flow.schema import ROOT


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def refusal(*arguments: str) -> CatscanError:
    with pytest.raises(CatscanError) as raised:
        check(parsed(list(arguments))[1], list(arguments))
    return raised.value


def test_a_command_line_in_order_passes_in_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.yaml").write_text("run: [mine]\n")
    arguments = ["--cores", "2", "index", "--configfile", str(tmp_path / "mine.yaml"), "--config", "run=[other]"]
    check(parsed(arguments)[1], arguments)

    assert capsys.readouterr() == ("", "")


def test_help_is_snakemakes_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parsed(["--help"])

    assert stopped.value.code == 0
    assert "--configfile" in capsys.readouterr().out


def test_a_misspelt_option_is_told_with_the_nearest() -> None:
    error = refusal("--cores", "2", "--forcrun", "train_fold")

    assert (error.found, error.do) == ("unrecognized arguments: --forcrun", 'Did you mean "--forcerun"?')


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--configfile"], "argument --configfile/--configfiles: expected at least one argument"),
        (["--cores", "many"], "must be integer or 'all'"),
        (["--profile", "nowhere"], "profile directory given (nowhere), but no profile.yaml"),
        (["--set-threads", "x"], "RULE=THREADS"),
    ],
    ids=["no file", "cores", "profile", "threads"],
)
def test_a_refused_option_is_told_without_the_usage(arguments: list[str], found: str) -> None:
    error = refusal(*arguments)

    assert found in error.found
    assert "usage:" not in str(error)


def test_a_broken_profile_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("cores: [\n")

    assert str(tmp_path / "config.yaml") in str(refusal("--profile", str(tmp_path)))


def test_a_storage_without_a_place_in_it_is_told() -> None:
    arguments = ["--cores", "2"]
    options = parsed(arguments)[1]
    options.default_storage_provider = "s3"
    with pytest.raises(CatscanError) as raised:
        check(options, arguments)

    assert raised.value.what == "Where in the storage the results go is not said."
    assert "--default-storage-prefix s3://BUCKET/RUN" in raised.value.do


@pytest.mark.parametrize("target", ["index", "results/dogs-vs-cats/index.csv"])
def test_a_target_swallowed_by_configfile_is_told_to_go_first(tmp_path: Path, target: str) -> None:
    (tmp_path / "mine.yaml").write_text("run: [mine]\n")
    error = refusal("--configfile", str(tmp_path / "mine.yaml"), target)

    assert error.what == "`--configfile` takes every word after it, and one of them does not fit."
    assert error.found == repr(target)
    assert error.do == f"Put what is to be made before it: ./run snakemake --cores 8 {target} --configfile ..."


@pytest.mark.parametrize("name", ["mine.yaml", "mine"])
def test_a_config_file_in_a_folder_that_one_may_not_enter_is_told(locked: Path, name: str) -> None:
    error = refusal("--configfile", str(locked / name))

    assert (error.what, error.where) == ("A config file cannot be read.", str(locked / name))
    assert (error.found, error.do) == ("Permission denied", "Check its rights.")


def test_a_config_file_that_is_missing_or_broken_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("run: [\n")

    assert refusal("--configfile", str(tmp_path / "mine.yaml")).where == f"{tmp_path}/mine.yaml, line 1"
    assert refusal("--configfile", str(tmp_path / "other.yaml")).what == "A config file is missing."


def test_configfile_given_twice_is_told_since_only_the_last_would_count(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("run: [mine]\n")
    error = refusal("--configfile", str(tmp_path / "a.yaml"), f"--configfile={tmp_path / 'b.yaml'}")

    assert error.what == "`--configfile` is given twice: only the last would count."


def test_a_target_swallowed_by_config_is_told_to_go_first() -> None:
    error = refusal("--config", "run=[mine]", "train")

    assert error.do == "Put what is to be made before it: ./run snakemake --cores 8 train --config ..."


def test_a_key_that_config_cannot_set_is_told_to_go_into_a_file() -> None:
    assert "YAML file" in refusal("--config", "competitions.mine=1").do


def test_no_core_at_all_is_told_since_the_run_would_wait_for_ever() -> None:
    assert refusal("--cores", "0").what == "A run needs a core."


def test_a_working_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = refusal("--directory", str(tmp_path / "file" / "below"))

    assert (error.what, error.found) == ("The working folder cannot be made.", "Not a directory")


def test_options_that_are_not_given_are_not_checked() -> None:
    given = {"configfile": [], "config": None, "cores": None, "default_storage_provider": None, "directory": None}
    check(SimpleNamespace(**given), [])
