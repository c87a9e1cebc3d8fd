"""Of a source's files those count that the competition's patterns and tables speak of."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from catscan.flow.sources import RESOURCE, changed, concerning, found_changed
from catscan.raw.files import RawFile
from catscan.raw.listing import LISTING, Listing, found_at


@dataclass
class Job:
    output: list[str]
    resources: dict[str, object] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("pattern", "archive", "path", "concerned"),
    [
        ("train/{label}.{id}.jpg", "", "train/cat.7.jpg", True),
        ("train/{label}.{id}.jpg", "", "train/notes.txt", False),
        ("train/{label}.{id}.jpg", "", "more/train/cat.7.jpg", False),
        ("train/{label}.{id}.jpg", "train.zip", "train/cat.7.jpg", True),
        ("train/{label}.{id}.jpg", "train.zip", "cat.7.jpg", True),
        ("train/{label}.{id}.jpg", "all.zip", "train.zip", True),
        ("stage1/{id}/*.dcm", "", "stage1/patient/odd.txt", True),
        ("stage1/{id}/*.dcm", "", "stage1.md5", False),
        ("sets/{set}.npz/{part:train|val}_images", "", "sets/chest.npz", True),
        ("sets/{set}.npz/{part:train|val}_images", "", "sets/chest.txt", False),
    ],
)
def test_a_file_concerns_where_it_is_holds_or_lies_in_a_sample(
    pattern: str, archive: str, path: str, concerned: bool
) -> None:
    assert concerning([pattern], [])(RawFile(archive, path, 0)) is concerned


@pytest.mark.parametrize(("path", "concerned"), [("labels.csv", True), ("data/labels.csv", True), ("my.csv", False)])
def test_a_table_concerns_where_it_is_named_also_in_a_folder_of_its_own(path: str, concerned: bool) -> None:
    assert concerning([], ["labels.csv"])(RawFile("", path, 0)) is concerned


@pytest.fixture
def filled(tmp_path: Path) -> tuple[dict[str, object], Path]:
    """A source with a picture and a note, and the place of the listing of the raw folder that was filled from it."""
    source = tmp_path / "source"
    (source / "train").mkdir(parents=True)
    (source / "train" / "a.jpg").write_text("a")
    (source / "train" / "notes.txt").write_text("a")
    place = tmp_path / "raw" / LISTING
    Listing.of(found_at([source / "train"]), ["train"], Listing(), threads=1).write(place)
    return {"path": str(source), "solution": "", "patterns": ["train/{id}.jpg"], "tables": []}, place


def test_a_picture_that_changed_is_told_and_a_note_is_not(filled: tuple[dict[str, object], Path]) -> None:
    described, place = filled
    source = Path(str(described["path"]))
    for name in ("a.jpg", "notes.txt"):
        (source / "train" / name).write_text("another")
    (source / "more.txt").write_text("more")

    assert found_changed(described, place) == {"train/a.jpg": "holds something else"}


def test_a_touched_file_is_read_once_and_known_from_then_on(filled: tuple[dict[str, object], Path]) -> None:
    described, place = filled
    picture = Path(str(described["path"])) / "train" / "a.jpg"
    os.utime(picture, (0, 0))

    assert found_changed(described, place) == {}
    assert Listing.read(place).version("train/a.jpg").split()[1] == "0"


def test_where_nothing_has_changed_no_file_is_held(
    filled: tuple[dict[str, object], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    described, place = filled
    touched = Path(str(described["path"])) / "train" / "a.jpg"
    os.utime(touched, (0, 0))
    assert found_changed(described, place) == {}  # it is read, and its new version kept
    monkeypatch.setattr(Listing, "read", lambda _: pytest.fail("reads all of it"))

    assert found_changed(described, place) == {}


def test_without_a_listing_nothing_is_known(filled: tuple[dict[str, object], Path]) -> None:
    described, place = filled
    place.unlink()
    job = Job([str(place.with_name("manifest.json"))], {RESOURCE: json.dumps(described)})

    assert changed(job) == {str(place): "is gone"}


@pytest.mark.parametrize("resources", [{}, {RESOURCE: ""}], ids=["another rule", "another source"])
def test_a_job_without_a_folder_has_nothing_to_look_at(resources: dict[str, object]) -> None:
    assert changed(Job(["results/c/raw/manifest.json"], resources)) == {}
