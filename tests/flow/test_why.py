"""What is told of two stage strings: settings, packages, functions."""

import json
from pathlib import Path

import pytest

from catscan.common import fingerprint
from catscan.flow import code_history
from catscan.flow.records import settings_of
from catscan.flow.why import _inputs, changes

OLD = {
    "code": "a",
    "versions": {"cv2": "5.0", "numpy": "2.4"},
    "network": "auto",
    "augment": {"flip": True},
    "archives": {"a.7z": "7z:" + 64 * "0"},
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code_history.parts_of.cache_clear()


def test_equal_strings_differ_in_nothing() -> None:
    assert changes(OLD, json.loads(json.dumps(OLD))) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"network": "resnet-2d"}, "network: auto -> resnet-2d"),
        ({"augment": {"flip": False}}, "augment.flip: true -> false"),
        ({"augment": {"flip": True, "shift": 0.1}}, "augment.shift: nothing -> 0.1"),
        ({"epochs": 3}, "epochs: nothing -> 3"),
        ({"versions": {"cv2": "5.1", "numpy": "2.4"}}, "the version of cv2: 5.0 -> 5.1"),
        ({"versions": {"cv2": "5.0"}}, "the version of numpy: 2.4 -> nothing"),
        ({"archives": {"a.7z": "7z:" + 64 * "1"}}, "archives.a.7z: another content"),
    ],
    ids=["value", "in a block", "new in a block", "new", "version", "package gone", "archive"],
)
def test_what_changed_is_told_with_both_values(change: dict[str, object], told: str) -> None:
    assert changes(OLD, OLD | change) == [told]


def test_a_setting_that_is_gone_is_told() -> None:
    assert changes(OLD | {"flips": True}, OLD) == ["flips: true -> nothing"]


@pytest.mark.parametrize(
    ("now", "running", "told"),
    [
        (["old", "new"], set(), ["new input new"]),
        (["old", "new"], {"new"}, []),
        (["new"], {"new"}, []),
        ([], set(), ["old is no input any more"]),
    ],
    ids=["came", "is about to be made", "takes the place of another", "went"],
)
def test_inputs_that_follow_another_job_are_no_cause(now: list[str], running: set[str], told: list[str]) -> None:
    assert list(_inputs({"old": None}, now, running)) == told


def test_code_that_nobody_kept_is_told_as_such() -> None:
    (told,) = changes(OLD, OLD | {"code": "b"})

    assert told.startswith("its code; which function is not known")


def test_functions_that_changed_are_named(tmp_path: Path) -> None:
    now = fingerprint.code_of("stages.submission")
    parts = fingerprint.parts_of(now)
    assert parts is not None
    before = {**parts, "scores/calibration.py: blend": "00000000", "scores/gone.py: old": "11111111"}
    (tmp_path / code_history.FOLDER).mkdir(parents=True)
    (tmp_path / code_history.FOLDER / "a.json").write_text(json.dumps(before))

    assert changes(OLD, OLD | {"code": now}) == ["code: scores/calibration.py: blend, scores/gone.py: old"]


def test_the_parts_of_a_code_are_kept_once_and_found_again(tmp_path: Path) -> None:
    digest = fingerprint.code_of("stages.submission")
    code_history.remember(digest)
    code_history.remember("never seen")

    assert [path.name for path in (tmp_path / code_history.FOLDER).iterdir()] == [f"{digest}.json"]
    assert json.loads((tmp_path / code_history.FOLDER / f"{digest}.json").read_text()) == fingerprint.parts_of(digest)


def test_the_stage_string_is_found_among_the_params() -> None:
    assert settings_of([repr("0"), repr(json.dumps(OLD)), "not a literal("]) == OLD
    assert settings_of([]) == {}
