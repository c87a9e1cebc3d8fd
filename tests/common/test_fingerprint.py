"""A stage's code is its import closure, without comments and docstrings."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from catscan import cli
from catscan.common import fingerprint, module_digests
from catscan.flow import stage_strings
from catscan.kinds.registry import KINDS

NETWORK_STAGES = {"train", "predict", "export", "explain", "notebook"}  # the notebook takes the code along
TENSORFLOW_STAGES = {"features", *NETWORK_STAGES}
STAGES = [name for name in cli.COMMANDS if name not in cli.BESIDE]


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package that a test may change; the fingerprints are taken over it."""
    copy = tmp_path / "catscan"
    shutil.copytree(fingerprint.SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "SOURCES", copy)
    monkeypatch.setattr(module_digests, "keep", lambda: None)  # of the copy nothing stays
    monkeypatch.setattr(fingerprint, "_read", lambda name: module_digests.read(fingerprint._source(name)))
    monkeypatch.setattr(fingerprint, "_imported", fingerprint._imported.__wrapped__)
    return copy


def by_name(stage: str, kind: str) -> tuple[str, ...]:
    """The modules that a stage takes by name for a kind of data."""
    row = KINDS[kind]
    reading = dict.fromkeys(("preprocess", "features"), row.code_of_reading)
    return {"index": row.code_of_finding, **reading}.get(stage, ())


def codes(kind: str = "picture") -> dict[str, str]:
    """The digests of all stages of a competition of one kind of data, as the workflow takes them."""
    return {
        stage: fingerprint.code_of(f"stages.{stage}", stage_strings.TABLES, by_name(stage, kind)) for stage in STAGES
    }


def changed_by(path: Path, text: str | Callable[[str], str], kind: str = "picture") -> set[str]:
    """The stages whose digest is another when ``text`` is added, or when it has changed what stands in the file."""
    before, old = codes(kind), path.read_text()
    new = old + text if isinstance(text, str) else text(old)
    assert new != old
    path.write_text(new)
    after = codes(kind)
    return {stage for stage in STAGES if before[stage] != after[stage]}


def test_a_comment_and_a_docstring_change_no_stage(sources: Path) -> None:
    assert changed_by(sources / "common" / "arrays.py", "\n# a comment\n") == set()
    path = sources / "common" / "arrays.py"
    before = codes()
    path.write_text(path.read_text().replace('"""Shards:', '"""Shards, that is:', 1))

    assert codes() == before


@pytest.mark.parametrize(
    ("file", "sentence", "definition", "readers"),
    [
        ("stages/download/settings.py", "the number of training samples", "1500", {"download"}),
        ("stages/index/settings.py", "Seed of the division", "at_least(2)", {"index"}),
        ("kinds/pictures/settings.py", "Height and width in pixels", "(64, 64)", {"index", "preprocess", "features"}),
        ("kinds/shard.py", "the share of a shard's samples", "0.01", {"preprocess", "features"}),
        ("stages/train/settings.py", "Plan fewer epochs", "at_least(0)", {"train"}),
        ("networks/computing.py", "Threads of one job", "between(1, 1024)", {"train", "features"}),
        ("stages/submission/settings.py", "with one row id", "one_of(*AGGREGATES)", {"submission"}),
        ("scores/settings.py", "One weight a class", "above(0)", {"train", "evaluate", "submission"}),
        ("raw/sample_submission.py", "Its value columns", '"sample_submission.csv"', {"index", "submission"}),
    ],
    ids=["source", "data", "picture", "bad samples", "train", "computing", "submission", "metric", "sample submission"],
)
def test_a_key_reworded_changes_no_stage_and_one_redefined_those_that_read_it(
    file: str, sentence: str, definition: str, readers: set[str], sources: Path
) -> None:
    assert changed_by(sources / file, lambda text: text.replace(sentence, f"{sentence}, that is", 1)) == set()
    assert changed_by(sources / file, lambda text: text.replace(definition, f"({definition})[:]", 1)) == readers


def test_code_of_the_report_changes_the_report_alone(sources: Path) -> None:
    assert changed_by(sources / "stages" / "report" / "__init__.py", "\nA = 1\n") == {"report"}


def test_code_of_the_picture_reader_does_not_change_training(sources: Path) -> None:
    changed = changed_by(sources / "kinds" / "pictures" / "decode.py", "\nA = 1\n")

    assert "preprocess" in changed
    assert changed.isdisjoint({"download", "train", "evaluate", "submission", "report"})


def test_code_of_a_network_changes_only_what_builds_it(sources: Path) -> None:
    assert changed_by(sources / "networks" / "resnets.py", "\nA = 1\n") == NETWORK_STAGES


def test_code_of_a_pretrained_network_changes_only_what_builds_it_or_looks_with_it(sources: Path) -> None:
    changed = changed_by(sources / "networks" / "pretrained" / "efficientnet.py", "\nA = 1\n")

    assert changed == TENSORFLOW_STAGES  # train only where a model starts from it (`flow/stage_strings.py`)


def test_shared_ground_changes_every_stage_that_stands_on_it(sources: Path) -> None:
    changed = changed_by(sources / "common" / "arrays.py", "\nA = 1\n")

    assert {"preprocess", "train", "predict", "evaluate"} <= changed
    assert "download" not in changed


def test_an_import_inside_a_function_counts(sources: Path) -> None:
    (sources / "extra.py").write_text("A = 1\n")
    report = sources / "stages" / "report" / "__init__.py"
    report.write_text(report.read_text() + "\ndef late():\n    from catscan.extra import A\n    return A\n")

    assert changed_by(sources / "extra.py", "\nB = 2\n") == {"report"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_kind_of_data_reruns_nothing_of_the_others(kind: str, sources: Path) -> None:
    assert changed_by(sources / "kinds" / "registry.py", "\nA = 1\n", kind) == set()


def test_a_new_pretrained_network_reruns_nothing_of_the_others(sources: Path) -> None:
    assert changed_by(sources / "networks" / "pretrained" / "registry.py", "\nA = 1\n") == set()


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("picture", set()),
        ("csv_pixels", set()),
        ("dicom_series", {"preprocess", "features"}),
        ("nifti", {"preprocess", "features"}),
    ],
)
def test_code_of_the_scan_reader_counts_for_the_kinds_that_it_reads(kind: str, changed: set, sources: Path) -> None:
    assert changed_by(sources / "kinds" / "scans" / "windows.py", "\nA = 1\n", kind) - {"report"} == changed


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_row_names_exists(kind: str) -> None:
    row = KINDS[kind]

    assert all(fingerprint._source(f"catscan.{name}").is_file() for name in row.code_of_finding + row.code_of_reading)


@pytest.mark.parametrize("module", [name for names in stage_strings.SOURCES.values() for name in names])
def test_what_is_left_out_for_another_source_exists(module: str) -> None:
    assert fingerprint._source(f"catscan.{module}").is_file()


def test_only_the_code_of_the_kind_at_hand_counts_with_what_it_imports() -> None:
    pictures = fingerprint.closure("stages.preprocess", ["kinds.registry"], by_name("preprocess", "picture"))

    assert "catscan.kinds.pictures.decode" in pictures
    assert not [module for module in pictures if module.startswith("catscan.kinds.scans")]


def test_code_left_out_does_not_count_nor_does_what_it_alone_imports() -> None:
    assert "catscan.kaggle.api" in fingerprint.closure("stages.download")
    assert "catscan.kaggle.api" not in fingerprint.closure("stages.download", stage_strings.SOURCES["kaggle"])


@pytest.mark.parametrize("stage", STAGES)
def test_tensorflow_is_imported_only_where_a_network_is_built(stage: str) -> None:
    assert ("tensorflow" in fingerprint.versions_of(f"stages.{stage}")) == (stage in TENSORFLOW_STAGES)


def test_a_package_is_asked_for_its_version_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(fingerprint, "version", lambda name: asked.append(name) or "1.0")
    fingerprint._installed.cache_clear()
    for _ in range(2):
        fingerprint.versions_of("stages.evaluate")
    fingerprint._installed.cache_clear()

    assert len(asked) == len(set(asked)) > 0


def test_preprocess_depends_on_the_version_of_what_decodes_and_resizes() -> None:
    found = fingerprint.versions_of("stages.preprocess", also=by_name("preprocess", "picture"))

    assert {"cv2", "numpy", "pydicom", "simplejpeg"} <= set(found)
    assert "nibabel" not in found
