"""What a user can do wrong ends in one clear block and a non-zero exit, and nothing is lost."""

import os
import shutil
import signal
import subprocess
import sys

import pytest
from training_process import text_of, wait_until


def stopped(project, *arguments: str) -> str:
    done = project.snakemake(*arguments, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def results_of(project) -> list[str]:
    return [path.name for path in (project.home / "results").iterdir()]


def test_a_wrong_config_key_is_refused_before_anything_runs(fresh) -> None:
    fresh.overlay("competitions: {dogs-vs-cats: {preproces: {on_bad: skip}}}\n")
    told = stopped(fresh)

    assert told.split("catscan: ", 1)[1].splitlines() == [
        "The config has an unknown key: 'preproces'.",
        "  where  config key competitions.dogs-vs-cats.preproces",
        '  do     Did you mean "preprocess"?',
    ]
    assert results_of(fresh) == ["README.md"]


def test_a_missing_folder_is_refused_before_anything_runs(fresh) -> None:
    fresh.overlay(
        "run: [mine]\n"
        "competitions: {mine: {source: {kind: directory, path: nowhere}, data: {train: 'train/{label}.{id}.jpg'}}}\n"
    )

    assert "source.path: nowhere" in stopped(fresh)
    assert results_of(fresh) == ["README.md"]


def test_a_failed_job_is_told_by_its_block_and_its_log_and_not_by_its_command(fresh) -> None:
    data = fresh.home / "data"
    data.mkdir()
    (data / "sample_submission.csv").write_text("id,label\n1,0.5\n")
    fresh.overlay(
        "run: [mine]\n"
        "competitions: {mine: {source: {kind: directory, path: data}, data: {train: 'train/{label}.{id}.jpg'}}}\n"
    )
    told = stopped(fresh)

    block = "catscan index: No file matches the pattern 'train/{label}.{id}.jpg'."
    assert told.count(block) == 2  # by the job, and as the last words
    assert "failed: index mine\n    log: results/mine/logs/index.log" in told
    assert told.rstrip().endswith("\n  log    results/mine/logs/index.log")
    assert "--settings" not in told
    assert "Error" not in told


def test_a_bare_snakemake_tells_its_refusals_in_blocks_too(fresh) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "trian"],
        cwd=fresh.home,
        env=fresh.environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout.split("catscan: ")[1].splitlines() == [
        "Nothing makes this target.",
        "  where  command line",
        "  found  'trian'",
        '  do     Did you mean "train"?',
    ]


def test_more_unreadable_files_than_tolerated_stop_with_their_names(project) -> None:
    project.overlay("competitions: {dogs-vs-cats: {preprocess: {tolerated_share: 0}}}\n")
    told = stopped(project, "preprocess")

    assert "catscan preprocess:" in told
    assert "on_bad: skip" in told
    assert (project.home / "results" / "ct-scans" / "submission.csv").is_file()


@pytest.mark.parametrize("name", ["raw/train.zip"])
def test_an_archive_deleted_after_the_download_is_told_with_the_way_out(project, name: str) -> None:
    (project.home / "results" / "dogs-vs-cats" / name).unlink()
    project.overlay("competitions: {dogs-vs-cats: {preprocess: {picture: {size: [16, 16]}}}}\n")
    told = stopped(project, "preprocess")

    assert "An archive is missing." in told
    assert "download" in told


@pytest.mark.slow
def test_ctrl_c_saves_every_training_and_says_how_to_go_on(project) -> None:
    """Ctrl-C reaches all processes of the terminal at once: the one that writes the log must outlive the training."""
    folder = project.home / "results" / "dogs-vs-cats"
    shutil.rmtree(folder / "models")
    project.overlay("competitions: {dogs-vs-cats: {models: {resnet: {epochs: 5000}}}}\n")
    process = subprocess.Popen(
        project.command("results/dogs-vs-cats/models/resnet/fold-0/weights.npz"),
        cwd=project.home,
        env=project.environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log = folder / "logs" / "train-resnet-fold-0.log"
    wait_until(lambda: "epoch 2 of" in text_of(log), process, log)
    os.killpg(process.pid, signal.SIGINT)
    told, _ = process.communicate()

    assert "Training was asked to stop; it is saved." in told
    assert "Run the same command to continue from there." in told
    assert len(list((folder / "models" / "resnet" / "fold-0" / "checkpoint").glob("step-*.npz"))) == 1
