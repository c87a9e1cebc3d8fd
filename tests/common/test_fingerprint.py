"""A stage's code is its import closure, without comments and docstrings."""

import shutil
from pathlib import Path

import pytest

from catscan import cli
from catscan.common import fingerprint
from catscan.flow import config

TENSORFLOW_STAGES = {"train", "predict", "export"}
STAGES = [name for name in cli.COMMANDS if name != "doctor"]


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package that a test may change; the fingerprints are taken over it."""
    copy = tmp_path / "catscan"
    shutil.copytree(fingerprint.SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "SOURCES", copy)
    fingerprint._parsed.cache_clear()
    yield copy
    fingerprint._parsed.cache_clear()


def codes() -> dict[str, str]:
    fingerprint._parsed.cache_clear()
    return {stage: fingerprint.code_of(f"stages.{stage}") for stage in STAGES}


def changed_by(path: Path, text: str) -> set[str]:
    before = codes()
    path.write_text(path.read_text() + text)
    after = codes()
    return {stage for stage in STAGES if before[stage] != after[stage]}


def test_a_comment_and_a_docstring_change_no_stage(sources: Path) -> None:
    assert changed_by(sources / "common" / "arrays.py", "\n# a comment\n") == set()
    path = sources / "common" / "arrays.py"
    before = codes()
    path.write_text(path.read_text().replace('"""Shards:', '"""Shards, that is:', 1))

    assert codes() == before


def test_code_of_the_report_changes_the_report_alone(sources: Path) -> None:
    assert changed_by(sources / "stages" / "report" / "__init__.py", "\nA = 1\n") == {"report"}


def test_code_of_the_picture_reader_does_not_change_training(sources: Path) -> None:
    changed = changed_by(sources / "kinds" / "pictures" / "decode.py", "\nA = 1\n")

    assert "preprocess" in changed
    assert changed.isdisjoint({"download", "train", "evaluate", "submission", "report"})


def test_code_of_a_network_changes_only_what_builds_it(sources: Path) -> None:
    assert changed_by(sources / "networks" / "resnets.py", "\nA = 1\n") == TENSORFLOW_STAGES


def test_shared_ground_changes_every_stage_that_stands_on_it(sources: Path) -> None:
    changed = changed_by(sources / "common" / "arrays.py", "\nA = 1\n")

    assert {"preprocess", "train", "predict", "evaluate"} <= changed
    assert "download" not in changed


def test_an_import_inside_a_function_counts(sources: Path) -> None:
    (sources / "extra.py").write_text("A = 1\n")
    report = sources / "stages" / "report" / "__init__.py"
    report.write_text(report.read_text() + "\ndef late():\n    from catscan.extra import A\n    return A\n")

    assert changed_by(sources / "extra.py", "\nB = 2\n") == {"report"}


@pytest.mark.parametrize(
    "module", [*config.READERS.values(), *(name for names in config.SOURCES.values() for name in names)]
)
def test_what_is_left_out_for_another_kind_exists(module: str) -> None:
    assert fingerprint._source(f"catscan.{module}").is_file()


def test_code_left_out_does_not_count_nor_does_what_it_alone_imports() -> None:
    pictures = fingerprint.closure("stages.preprocess", without=["kinds.scans"])

    assert "catscan.kinds.pictures.decode" in pictures
    assert not [module for module in pictures if module.startswith("catscan.kinds.scans")]
    assert "nibabel" not in fingerprint.versions_of("stages.preprocess", without=["kinds.scans"])


@pytest.mark.parametrize("stage", STAGES)
def test_tensorflow_is_imported_only_where_a_network_is_built(stage: str) -> None:
    assert ("tensorflow" in fingerprint.versions_of(f"stages.{stage}")) == (stage in TENSORFLOW_STAGES)


def test_preprocess_depends_on_the_version_of_what_decodes_and_resizes() -> None:
    assert {"cv2", "numpy", "pydicom", "simplejpeg"} <= set(fingerprint.versions_of("stages.preprocess"))
