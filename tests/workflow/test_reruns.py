"""Change X: exactly what depends on X runs again, of that competition alone."""

import os
import re
import shutil
import subprocess
import time

import pytest
from training_process import checkpoint_in, slow_steps, wait_until

AFTER_SUBMISSION = {"explain_network", "render_report"}
AFTER_PREPROCESS = {"train_fold", "predict_test", "evaluate_folds", "write_submission", *AFTER_SUBMISSION}
AFTER_INDEX = {"preprocess_shard", *AFTER_PREPROCESS}
AFTER_DOWNLOAD = {"index_samples", *AFTER_INDEX}


def cats(block: str) -> str:
    return f"competitions: {{dogs-vs-cats: {block}}}\n"


def slow(*row: object) -> object:
    """A row that tests/flow/test_stage_strings.py or tests/common/test_fingerprint.py holds too, without a plan."""
    return pytest.param(*row, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("block", "rules"),
    [
        slow("{preprocess: {picture: {size: [16, 16]}}}", AFTER_INDEX),
        slow("{preprocess: {scan: {size: [9, 9, 9]}}}", set()),
        slow("{source: {seed: 2}}", {"download_files", *AFTER_DOWNLOAD}),
        slow("{predict: {flips: false}}", AFTER_PREPROCESS),
        slow("{submission: {aggregate: max}}", {"write_submission", *AFTER_SUBMISSION}),
        slow("{index: {shards: 3}}", {"index_samples", *AFTER_INDEX}),
        slow("{train: {device: cpu}}", set()),
        slow("{preprocess: {on_bad: skip}}", set()),
        slow("{preprocess: {tolerated_share: 0.2}}", set()),
        ("{preprocess: {tolerated_share: 0}}", AFTER_INDEX),
    ],
    ids=[
        *("picture size", "scan size", "seed", "flips", "aggregation", "shards", "device"),
        *("skip bad samples", "tolerate more", "tolerate none"),
    ],
)
def test_a_setting_reruns_what_reads_it_and_what_follows(project, block: str, rules: set[str]) -> None:
    project.overlay(cats(block))

    assert project.planned() == rules


def test_a_foreign_member_reruns_what_blends_and_what_follows(project) -> None:
    for name in ("own.csv", "own-test.csv"):
        (project.home / name).write_text("id,label\n")  # read by the jobs alone, of which none runs
    project.overlay(cats("{blend: [{name: own, out_of_fold: own.csv, test: own-test.csv}]}"))

    assert project.planned() == {"evaluate_folds", "write_submission", *AFTER_SUBMISSION}


def test_a_setting_reruns_what_reads_it_and_leaves_the_other_competition_alone(project) -> None:
    project.overlay(cats("{models: {resnet: {learning_rate: 0.0005}}}"))
    done = project.plan()

    jobs = re.findall(r"^Job \d+: (?!report)\w+ ([\w-]+)", done.stdout + done.stderr, re.MULTILINE)
    assert set(jobs) == {"dogs-vs-cats"}
    assert project.rules_in(done) == AFTER_PREPROCESS


@pytest.mark.parametrize(
    ("file", "old", "new", "rules"),
    [
        slow("src/catscan/common/arrays.py", "from __future__", "# a comment\nfrom __future__", set()),
        ("src/catscan/common/arrays.py", '"""Shards:', '"""Shards, that is:', set()),
        slow("src/catscan/stages/explain/choice.py", "CLASSES_SHOWN = 2", "CLASSES_SHOWN = 3", AFTER_SUBMISSION),
        slow(
            "src/catscan/stages/report/explorer/windows.js", "SHOWN_INPUTS = 4", "SHOWN_INPUTS = 5", {"render_report"}
        ),
        slow("src/catscan/stages/report/__init__.py", "ROWS_SHOWN = 5", "ROWS_SHOWN = 6", {"render_report"}),
        (
            "src/catscan/networks/resnets.py",
            "from __future__ import annotations",
            "from __future__ import annotations\nA = 1",
            AFTER_PREPROCESS,
        ),
        slow(
            "src/catscan/kinds/pictures/decode.py",
            "from __future__ import annotations",
            "from __future__ import annotations\nA = 1",
            {"index_samples", *AFTER_INDEX},
        ),
    ],
    ids=["comment", "docstring", "explain", "explorer", "report", "network", "picture decoding"],
)
def test_code_reruns_the_stages_that_import_it(project, file: str, old: str, new: str, rules: set[str]) -> None:
    project.edit(file, lambda text: text.replace(old, new, 1))

    assert project.planned() == rules


@pytest.mark.slow
def test_touching_all_sources_and_raw_files_reruns_nothing(project) -> None:
    later = time.time() + 5
    for path in [*project.home.glob("src/**/*.py"), *project.home.glob("results/*/raw/**/*")]:
        os.utime(path, (later, later))

    assert project.planned() == set()


def test_a_lost_snakemake_folder_reruns_nothing(project) -> None:
    shutil.rmtree(project.home / ".snakemake")

    assert project.planned() == set()


def test_results_copied_into_another_folder_rerun_what_their_settings_differ_in(copied) -> None:
    copied.overlay(cats("{preprocess: {picture: {size: [16, 16]}}}"))
    copied.overlay("competitions: {ct-scans: {models: {resnet: {learning_rate: 0.0005}}}}\n")
    done = copied.plan()
    jobs = set(re.findall(r"^Job \d+: (\w+) ?([\w-]*)", done.stdout + done.stderr, re.MULTILINE))

    after_training = {"train", "predict", "evaluate", "submission", "explain"}
    assert jobs == {
        *((stage, "dogs-vs-cats") for stage in {"preprocess", *after_training}),
        *((stage, "ct-scans") for stage in after_training),
        ("report", ""),
    }


@pytest.mark.slow
def test_copied_results_of_another_sample_count_are_made_anew_from_the_start(copied) -> None:
    copied.overlay(cats("{source: {train: 90}}"))

    assert copied.planned() == {"download_files", *AFTER_DOWNLOAD}


@pytest.mark.slow
def test_what_a_rerun_has_made_is_taken_as_it_is_from_then_on(copied) -> None:
    copied.overlay(cats("{title: Cats}"))
    done = copied.snakemake()

    assert copied.rules_in(done) == {"render_report"}
    assert copied.planned() == set()


@pytest.mark.slow
def test_touch_vouches_for_results_of_other_settings(copied) -> None:
    copied.overlay(cats("{models: {resnet: {learning_rate: 0.0005}}}"))
    copied.snakemake("--touch")
    shutil.rmtree(copied.home / ".snakemake")

    assert copied.planned() == set()


def test_results_without_a_record_of_their_own_are_told_and_kept(copied) -> None:
    results = copied.home / "results"
    (results / "dogs-vs-cats" / ".index.csv.stage.json").unlink()
    (results / "dogs-vs-cats" / ".submission.csv.stage.json").unlink()
    (results / "ct-scans" / ".index.csv.stage.json").write_text('{"output": {"bytes"')
    metrics = results / "dogs-vs-cats" / "evaluation" / "metrics.json"
    metrics.write_text(metrics.read_text() + " ")
    os.utime(metrics, (0, 0))  # older than what was made from other metrics, as one brought from elsewhere may be
    done = copied.plan()

    assert copied.rules_in(done) == {"write_submission", *AFTER_SUBMISSION}
    assert [block.splitlines()[1:3] for block in done.stderr.split("catscan: ")[1:]] == [
        [
            "  where  results/dogs-vs-cats/index.csv",
            "  found  no record beside them (.NAME.stage.json, hidden)",
        ],
        [
            "  where  results/ct-scans/index.csv, results/dogs-vs-cats/evaluation/metrics.json",
            "  found  the record beside them (.NAME.stage.json) is of other files: they were edited or brought here",
        ],
    ]


def test_a_command_laid_out_anew_reruns_nothing_and_one_of_other_words_its_rule(project) -> None:
    project.edit("workflow/rules/train.smk", lambda text: text.replace("catscan train \\", "catscan   train \\"))
    assert project.planned() == set()

    project.edit("workflow/rules/train.smk", lambda text: text.replace("catscan   train", "catscan -u train"))
    assert project.planned() == AFTER_PREPROCESS


@pytest.mark.slow
def test_a_lost_sidecar_is_made_again_for_the_stage_that_reads_it(project) -> None:
    (project.home / "results" / "dogs-vs-cats" / "arrays" / "train-1-of-2.json").unlink()
    project.overlay(cats("{models: {resnet: {learning_rate: 0.0005}}}"))

    assert project.planned() == AFTER_INDEX


def test_a_model_added_trains_that_model_alone(project) -> None:
    project.overlay(cats("{models: {second: {network: [{global_pooling: {kind: max}}], epochs: 1}}}"))
    done = project.plan()

    assert set(re.findall(r"model (\w+)", done.stdout + done.stderr)) == {"second"}
    assert project.planned() == AFTER_PREPROCESS


@pytest.mark.slow
def test_a_model_on_features_added_looks_at_each_shard_once_and_trains_that_model_alone(project) -> None:
    project.overlay(cats("{models: {seer: {network: auto, features: [efficientnet-lite0]}}}"))
    done = project.plan()

    told = done.stdout + done.stderr
    assert project.rules_in(done) == {"features_of_shard", *AFTER_PREPROCESS}
    assert set(re.findall(r"model (\w+)", told)) == {"seer"}
    assert sorted(re.findall(r"features dogs-vs-cats: efficientnet-lite0, (\w+ shard \d of \d)", told)) == [
        f"{split} shard {shard} of 2" for split in ("test", "train") for shard in (1, 2)
    ]


@pytest.mark.slow
def test_features_are_not_made_again_for_arrays_of_another_size(project) -> None:
    project.overlay(cats("{models: {seer: {network: auto, features: [efficientnet-lite0]}}}"))
    features = project.home / "results" / "dogs-vs-cats" / "features" / "efficientnet-lite0"
    features.mkdir(parents=True)
    for split in ("train", "test"):
        for shard in (1, 2):
            for ending in ("npy", "json"):  # files without a record are taken as they are
                (features / f"{split}-{shard}-of-2.{ending}").touch()
    project.overlay(cats("{preprocess: {picture: {size: [16, 16]}}}"))

    assert project.planned() == AFTER_INDEX
    assert project.planned("features") == set()


@pytest.mark.slow
def test_a_kill_amid_a_training_other_cores_and_other_shards_end_in_the_same_submission(project, tmp_path) -> None:
    folder = project.home / "results" / "ct-scans"
    wanted = (folder / "submission.csv").read_bytes()
    project.overlay("competitions: {ct-scans: {index: {shards: 2}}}\n")
    path = f"{slow_steps(tmp_path / 'slow', 1.0)}{os.pathsep}{project.environment['PYTHONPATH']}"
    process = subprocess.Popen(
        project.command("submission"),
        cwd=project.home,
        env={**project.environment, "PYTHONPATH": path},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    wait_until(checkpoint_in(folder / "models/resnet/fold-0"), process, folder / "logs/train-resnet-fold-0.log")
    process.kill()  # snakemake alone: its job is still at work
    process.wait()
    project.snakemake("--cores", "1", "submission")

    assert (folder / "submission.csv").read_bytes() == wanted
    assert not list(folder.rglob("*.partial"))
