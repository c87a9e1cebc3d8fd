"""Change X: exactly what depends on X runs again, of that competition alone, and the dry run names X."""

import os
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from training_process import checkpoint_in, slow_steps, wait_until

from catscan.common.provenance import changes_of

AFTER_SUBMISSION = {"explain_network", "render_report"}
AFTER_PREPROCESS = {"train_fold", "predict_test", "evaluate_folds", "write_submission", *AFTER_SUBMISSION}
AFTER_INDEX = {"preprocess_shard", *AFTER_PREPROCESS}
AFTER_DOWNLOAD = {"index_samples", *AFTER_INDEX}

CATS, SCANS = "dogs-vs-cats", "ct-scans"
# What follows a stage of one competition; the report follows all.
FOLLOWING = {"explain": (), "submission": ("explain",)}
FOLLOWING["evaluate"] = FOLLOWING["predict"] = ("submission", *FOLLOWING["submission"])
FOLLOWING["train"] = ("predict", "evaluate", *FOLLOWING["evaluate"])
FOLLOWING["preprocess"] = ("train", *FOLLOWING["train"])
FOLLOWING["index"] = ("preprocess", *FOLLOWING["preprocess"])
FOLLOWING["download"] = ("index", *FOLLOWING["index"])

FIRST = "from __future__ import annotations"
NOTHING = set[str]()


def since(stage: str, *competitions: str) -> set[str]:
    """The jobs of a stage and of all that follow, by stage and competition."""
    return {f"{one} {name}" for name in competitions for one in (stage, *FOLLOWING[stage])} | {"report"}


Change = Callable[[Any], object]


@dataclass(frozen=True)
class Row:
    """A change of a finished run: what must run again, and the causes that the dry run tells, all of them."""

    change: Change
    jobs: set[str]
    causes: tuple[str, ...] = ()
    quick: bool = False  # whether it is tried each time the tests run


def cats(block: str) -> str:
    return f"competitions: {{dogs-vs-cats: {block}}}\n"


def over(block: str) -> Change:
    """Lay a block over the configuration of dogs-vs-cats."""
    return lambda project: project.overlay(cats(block))


def edited(file: str, old: str, new: str) -> Change:
    return lambda project: project.edit(file, lambda text: text.replace(old, new, 1))


def logic(module: str) -> Change:
    """Add a line to a module of the package."""
    return edited(f"src/catscan/{module}", FIRST, f"{FIRST}\nA = 1")


def rest_of(module: str) -> str:
    return f"code: {module}: the rest"


def touched(*patterns: str) -> Change:
    def touch(project: Any) -> None:
        later = time.time() + 5
        for path in (path for pattern in patterns for path in project.home.glob(pattern)):
            os.utime(path, (later, later))

    return touch


def turned(project: Any) -> None:
    """Give what was made first the latest time, as a copy without times may."""
    files = [path for path in project.home.glob("results/**/*") if path.is_file() and not path.is_symlink()]
    now = time.time()
    for age, path in enumerate(sorted(files, key=lambda path: path.stat().st_mtime_ns)):
        os.utime(path, (now - age, now - age))


def option(*words: str) -> Change:
    return lambda project: setattr(project, "options", words)


def other_version(project: Any) -> None:
    """Have a package say that it is of another version."""
    told = project.home / "src" / "simplejpeg-99.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: simplejpeg\nVersion: 99.0\n")


def renamed_rule(project: Any) -> None:
    for path in project.home.glob("workflow/rules/*.smk"):
        path.write_text(path.read_text().replace("train_fold", "train_one"))


def more_scores(project: Any) -> None:
    """Edit a result by hand."""
    path = project.home / "results" / SCANS / "evaluation" / "metrics.json"
    path.write_text(path.read_text() + "\n")


def lost(*names: str) -> Change:
    """Delete files or folders below the project."""

    def delete(project: Any) -> None:
        for name in names:
            path = project.home / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return delete


def cut_off(project: Any) -> None:
    """Leave what a killed run leaves of a training: no outputs, and Snakemake's mark that it had begun."""
    import base64

    for name in ("weights.npz", "model.json", "history.csv", "out-of-fold.csv", "epochs.npz"):
        output = Path("results") / SCANS / "models" / "resnet" / "fold-0" / name
        (project.home / output).unlink()
        mark = project.home / ".snakemake" / "incomplete" / base64.urlsafe_b64encode(str(output).encode()).decode()
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def elsewhere(project: Any) -> None:
    """Move the results, and run there."""
    other = project.home / "elsewhere"
    other.mkdir()
    (project.home / "results").rename(other / "results")
    project.options = ("--directory", str(other))


def both(*changes: Change) -> Change:
    return lambda project: [change(project) for change in changes]


NETWORK = "[{{convolution: {{{}}}}}, {{pooling: {{{}}}}}]"
SMALL_NETWORK = NETWORK.format("feature_maps: 4, window: 3", "kind: max, window: 2")
OTHER_NETWORK = NETWORK.format("feature_maps: 3, window: 4", "kind: max, window: 2")
TURNED_NETWORK = NETWORK.format("window: 3, feature_maps: 4", "window: 2, kind: max")
JSON_NETWORK = (
    '[{{"convolution": {{"feature_maps": {}, "window": {}}}}}, {{"pooling": {{"kind": "max", "window": 2}}}}]'
)
TOLERATED = "preprocess.on_bad, preprocess.tolerated_share: more samples could not be read than are tolerated now"
WEIGHTS = f"results/{SCANS}/models/resnet/fold-0"

ROWS = {
    # Settings
    "nothing": Row(lambda _: None, NOTHING),
    "learning rate": Row(
        over("{models: {resnet: {learning_rate: 0.0005}}}"),
        since("train", CATS),
        ("learning_rate: nothing -> 0.0005",),
        quick=True,
    ),
    "values exchanged": Row(
        over(f"{{models: {{resnet: {{network: {OTHER_NETWORK}}}}}}}"),
        since("train", CATS),
        (f"network: {JSON_NETWORK.format(4, 3)} -> {JSON_NETWORK.format(3, 4)}",),
    ),
    "keys reordered": Row(
        over(f"{{models: {{resnet: {{epochs: 1, network: {TURNED_NETWORK}}}}}, index: {{shards: 2, folds: 2}}}}"),
        NOTHING,
    ),
    "epochs as a float": Row(over("{models: {resnet: {epochs: 1.0}}}"), NOTHING),
    "what the recipe says": Row(over("{models: {resnet: {learning_rate: 0.001}}}"), NOTHING),
    "picture size": Row(
        over("{preprocess: {picture: {size: [16, 16]}}}"),
        since("preprocess", CATS),
        ("reader.size: [24, 24] -> [16, 16]",),
    ),
    "scan size of pictures": Row(over("{preprocess: {scan: {size: [9, 9, 9]}}}"), NOTHING),
    "scan size": Row(
        lambda project: project.overlay("competitions: {ct-scans: {preprocess: {scan: {size: [16, 8, 16]}}}}\n"),
        since("preprocess", SCANS),
        ("reader.size: [8, 16, 16] -> [16, 8, 16]",),
    ),
    "seed of the data": Row(over("{source: {seed: 2}}"), since("download", CATS), ("seed: 1 -> 2",)),
    "flips": Row(over("{predict: {flips: false}}"), since("train", CATS), ("flips: true -> false",)),
    "aggregation": Row(over("{submission: {aggregate: max}}"), since("submission", CATS), ("aggregate: mean -> max",)),
    "shards": Row(
        over("{index: {shards: 3}}"),
        since("index", CATS),
        ("shards: 2 -> 3", "not made yet"),
    ),
    "device": Row(over("{train: {device: cpu}}"), NOTHING),
    "cores": Row(option("--cores", "1"), NOTHING),
    "bad samples skipped": Row(over("{preprocess: {on_bad: skip}}"), NOTHING),
    "more tolerated": Row(over("{preprocess: {tolerated_share: 0.2}}"), NOTHING),
    "none tolerated": Row(
        over("{preprocess: {tolerated_share: 0}}"), since("preprocess", CATS), (TOLERATED,), quick=True
    ),
    # Code
    "comment": Row(edited("src/catscan/common/arrays.py", FIRST, f"# a comment\n{FIRST}"), NOTHING),
    "docstring": Row(edited("src/catscan/common/arrays.py", '"""Shards:', '"""Shards, that is:'), NOTHING, quick=True),
    "sources touched": Row(touched("src/**/*.py", "results/*/raw/**/*"), NOTHING),
    "common": Row(logic("common/arrays.py"), since("preprocess", CATS, SCANS), (rest_of("common/arrays.py"),)),
    "raw": Row(logic("raw/row_ids.py"), since("index", CATS, SCANS), (rest_of("raw/row_ids.py"),)),
    "kaggle": Row(logic("kaggle/api.py"), NOTHING),
    "kinds, of pictures": Row(
        logic("kinds/pictures/decode.py"), since("index", CATS), (rest_of("kinds/pictures/decode.py"),)
    ),
    "kinds, of scans": Row(
        logic("kinds/scans/resample.py"), since("preprocess", SCANS), (rest_of("kinds/scans/resample.py"),)
    ),
    "networks": Row(
        logic("networks/resnets.py"), since("train", CATS, SCANS), (rest_of("networks/resnets.py"),), quick=True
    ),
    "scores": Row(logic("scores/calibration.py"), since("train", CATS, SCANS), (rest_of("scores/calibration.py"),)),
    "flow": Row(logic("flow/closing.py"), NOTHING),
    "download": Row(
        logic("stages/download/sample/pictures.py"),
        since("download", CATS, SCANS),
        (rest_of("stages/download/sample/pictures.py"),),
    ),
    "index": Row(logic("stages/index/folds.py"), since("index", CATS, SCANS), (rest_of("stages/index/folds.py"),)),
    "preprocess": Row(
        logic("stages/preprocess.py"), since("preprocess", CATS, SCANS), (rest_of("stages/preprocess.py"),)
    ),
    "train": Row(logic("stages/train/engine.py"), since("train", CATS, SCANS), (rest_of("stages/train/engine.py"),)),
    "predict": Row(logic("stages/predict.py"), since("predict", CATS, SCANS), (rest_of("stages/predict.py"),)),
    "evaluate": Row(
        logic("stages/evaluate/held_out.py"), since("evaluate", CATS, SCANS), (rest_of("stages/evaluate/held_out.py"),)
    ),
    "submission": Row(
        edited("src/catscan/stages/submission/fill.py", FIRST, f"{FIRST}\ndef new() -> None: ..."),
        since("submission", CATS, SCANS),
        ("code: stages/submission/fill.py: new",),
    ),
    "explain": Row(
        edited("src/catscan/stages/explain/choice.py", "CLASSES_SHOWN = 2", "CLASSES_SHOWN = 3"),
        since("explain", CATS, SCANS),
        (rest_of("stages/explain/choice.py"),),
    ),
    "report": Row(logic("stages/report/__init__.py"), {"report"}, (rest_of("stages/report/__init__.py"),)),
    "a data file of the package": Row(
        edited("src/catscan/stages/report/page.html", "</main>", "</main >"), {"report"}, ("page: another content",)
    ),
    "a library's version": Row(
        other_version, since("index", CATS), (f"the version of simplejpeg: {version('simplejpeg')} -> 99.0",)
    ),
    # Rules
    "command laid out anew": Row(edited("workflow/rules/train.smk", "catscan train \\", "catscan   train \\"), NOTHING),
    "an argument of the command": Row(
        edited("workflow/rules/train.smk", "catscan train", "catscan -u train"),
        since("train", CATS, SCANS),
        ("the command of the rule train_fold",),
        quick=True,
    ),
    "rule renamed": Row(renamed_rule, NOTHING),
    # Results
    ".snakemake lost": Row(lost(".snakemake"), NOTHING, quick=True),
    ".snakemake lost, learning rate": Row(
        both(lost(".snakemake"), over("{models: {resnet: {learning_rate: 0.0005}}}")),
        since("train", CATS),
        ("learning_rate: nothing -> 0.0005",),
    ),
    "results moved, --directory": Row(elsewhere, NOTHING),
    "results touched": Row(touched("results/**/*"), NOTHING),
    "results copied without their times and .snakemake": Row(both(lost(".snakemake"), turned), NOTHING),
    "arrays touched, as if too large to be read again": Row(
        both(touched("results/*/arrays/*"), option("--max-checksum-file-size", "0")), NOTHING
    ),
    "a result edited": Row(
        more_scores,
        since("submission", SCANS),
        (f"results/{SCANS}/evaluation/metrics.json is another file than the one it was made from",),
    ),
    "a result deleted": Row(
        lost(f"results/{CATS}/submission.csv"),
        since("submission", CATS),
        (f"results/{CATS}/submission.csv was deleted",),
    ),
    "a sidecar deleted, that no stage has to read": Row(lost(f"results/{CATS}/arrays/train-1-of-2.json"), NOTHING),
    "a sidecar deleted, that a stage has to read": Row(
        both(lost(f"results/{CATS}/arrays/train-1-of-2.json"), over("{models: {resnet: {learning_rate: 0.0005}}}")),
        since("preprocess", CATS),
        (f"results/{CATS}/arrays/train-1-of-2.json was deleted", "learning_rate: nothing -> 0.0005"),
    ),
    "a training killed, other settings": Row(
        both(cut_off, lambda project: project.overlay("competitions: {ct-scans: {models: {resnet: {epochs: 2}}}}\n")),
        since("train", SCANS),
        ("epochs: 1 -> 2", "its last run was cut off"),
    ),
}


def jobs_in(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The jobs of a plan, by stage and competition."""
    found = re.findall(r"^Job \d+: (\w+)( [\w-]+)?", done.stdout + done.stderr, re.MULTILINE)
    return {stage + competition for stage, competition in found}


def causes_in(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The causes that a dry run ends with, without what they make run."""
    _, _, told = done.stdout.partition("\nWhy, root causes first:\n")
    lines = told.splitlines()[:-1]  # the last tells the cost
    return [line for line in lines if not line.startswith(("    runs ", "and what follows: "))]


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=name, marks=[] if row.quick else [pytest.mark.slow]) for name, row in ROWS.items()]
)
def test_a_change_reruns_what_depends_on_it_alone_and_is_told(project, row: Row) -> None:
    row.change(project)
    done = project.plan()

    assert (jobs_in(done), sorted(causes_in(done))) == (row.jobs, sorted(row.causes))


def in_place(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Edit a file, and put its time of writing back."""
    state = path.stat()
    path.write_bytes(change(path.read_bytes()))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


# By what happens to the folder that a competition comes from.
OF_FOLDERS = {
    "a note more": Row(lambda source: (source / "train" / "notes.txt").write_text("mine"), NOTHING),
    "a picture touched": Row(lambda source: os.utime(source / "train" / "cat.1.jpg", (0, 0)), NOTHING),
    "a picture edited, size and time put back": Row(
        lambda source: in_place(source / "train" / "cat.1.jpg", lambda data: data[:-1] + b"?"),
        since("download", CATS),
        ("the source: train/cat.1.jpg holds something else",),
    ),
    "a picture more, one less": Row(
        lambda source: (source / "test" / "1.jpg").rename(source / "test" / "1000.jpg"),
        since("download", CATS),
        ("the source: test/1000.jpg is new", "the source: test/1.jpg is gone"),
    ),
    "the sample submission edited": Row(
        lambda source: in_place(source / "sample_submission.csv", lambda data: data.replace(b"0.5", b"0.4")),
        since("download", CATS),
        ("the source: sample_submission.csv holds something else",),
    ),
    "the solution edited": Row(
        lambda source: in_place(source / "solution.csv", lambda data: data + b"\n"),
        since("submission", CATS),
        ("solution: another content",),
    ),
}


@pytest.fixture(scope="module")
def of_folder(finished, tmp_path_factory) -> Any:
    """The finished run with its pictures in a folder, from which the results are said to be."""
    project = type(finished[0])(tmp_path_factory.mktemp("of a folder") / "copy")
    shutil.copytree(finished[0].home, project.home, symlinks=True)
    results, source = project.home / "results" / CATS, project.home / "source"
    for name in ("train.zip", "test.zip"):
        with zipfile.ZipFile(results / "raw" / name) as archive:
            archive.extractall(source)
    shutil.copy(results / "raw" / "sample_submission.csv", source)
    shutil.copy(results / "truth" / "solution.csv", source)
    project.overlay(cats("{source: {kind: directory, path: source, solution: solution.csv}}"))
    project.snakemake(f"results/{CATS}/raw/manifest.json")
    project.snakemake("--touch")
    shutil.copytree(source, project.home / "kept")
    return project


@pytest.mark.slow
@pytest.mark.parametrize("row", OF_FOLDERS.values(), ids=OF_FOLDERS)
def test_of_a_folder_names_and_contents_count_of_what_the_config_speaks_of(of_folder, row: Row) -> None:
    source = of_folder.home / "source"
    shutil.rmtree(source)
    shutil.copytree(of_folder.home / "kept", source)  # other times, other inodes, the same contents
    row.change(source)
    done = of_folder.plan()

    assert (jobs_in(done), sorted(causes_in(done))) == (row.jobs, sorted(row.causes))


@pytest.mark.slow
def test_what_had_changed_is_kept_with_the_result(project) -> None:
    project.overlay(cats("{submission: {aggregate: max}}"))
    project.snakemake(f"results/{CATS}/submission.csv")

    assert changes_of(project.home / "results" / CATS / "submission.csv") == ("aggregate: mean -> max",)
    assert changes_of(project.home / "results" / SCANS / "submission.csv") == ()


@pytest.mark.slow
def test_a_fresh_clone_with_copied_results_reruns_nothing(copied) -> None:
    assert copied.planned() == set()


def test_a_foreign_member_reruns_what_blends_and_what_follows(project) -> None:
    for name in ("own.csv", "own-test.csv"):
        (project.home / name).write_text("id,label\n")  # read by the jobs alone, of which none runs
    project.overlay(cats("{blend: [{name: own, out_of_fold: own.csv, test: own-test.csv}]}"))

    assert project.planned() == {"evaluate_folds", "write_submission", *AFTER_SUBMISSION}


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
