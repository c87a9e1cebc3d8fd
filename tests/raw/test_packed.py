"""The raw folder as one file, for jobs that run where the folder is not."""

import shutil
from pathlib import Path

import pytest

from catscan.common.errors import CatscanError
from catscan.raw.files import MANIFEST
from catscan.raw.manifest import Entry, Manifest
from catscan.raw.packed import PACKED, pack, unpack_truth, unpacked


def competition(folder: Path, source: Path) -> Path:
    """A packed raw folder with a picture of its own, a link into ``source``, and the truth beside it."""
    raw, truth = folder / "raw", folder / "truth" / "solution.csv"
    (raw / "train").mkdir(parents=True)
    (raw / "train" / "1.jpg").write_text("a picture")
    source.mkdir(exist_ok=True)
    (source / "labels.csv").write_text("id,label\n")
    (raw / "labels.csv").symlink_to(source / "labels.csv")
    (raw / ".made.json").write_text("{}")
    (raw / "own.txt").write_text("a person's own, of which the manifest does not speak")
    truth.parent.mkdir()
    truth.write_text("id,label\n1,cat\n")
    Manifest((Entry("labels.csv", 9, "sha256:1"), Entry("train", 9, "tree:2"))).write(raw / MANIFEST)
    pack(raw, truth, folder / PACKED, also=(".made.json",))
    return folder


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    return competition(tmp_path / "here", tmp_path / "source") / PACKED


@pytest.fixture
def elsewhere(packed: Path, tmp_path: Path) -> Path:
    """Another machine's raw folder, as Snakemake has brought its inputs there: the manifest, and all others packed."""
    raw = tmp_path / "elsewhere" / "raw"
    raw.mkdir(parents=True)
    shutil.copy(packed, raw.parent)
    shutil.copy(packed.with_name("raw") / MANIFEST, raw)
    return raw


def test_the_files_of_the_manifest_are_there_again(elsewhere: Path) -> None:
    assert unpacked(elsewhere) == elsewhere
    assert (elsewhere / "train" / "1.jpg").read_text() == "a picture"
    assert (elsewhere / "labels.csv").read_text() == "id,label\n"
    assert not (elsewhere / "own.txt").exists()


def test_what_was_linked_stays_a_link_and_does_not_travel(elsewhere: Path, tmp_path: Path) -> None:
    assert (unpacked(elsewhere) / "labels.csv").readlink() == tmp_path / "source" / "labels.csv"


def test_a_link_to_what_another_machine_does_not_have_is_told(elsewhere: Path, tmp_path: Path) -> None:
    (tmp_path / "source").rename(tmp_path / "not there")

    with pytest.raises(CatscanError) as raised:
        unpacked(elsewhere)

    assert raised.value.what == "Raw files are not on this machine."
    assert raised.value.where == str(tmp_path / "source" / "labels.csv")
    assert "the same path" in raised.value.do


def test_it_is_unpacked_once(elsewhere: Path) -> None:
    unpacked(elsewhere)
    (elsewhere / "train" / "1.jpg").write_text("as it was left")

    assert (unpacked(elsewhere) / "train" / "1.jpg").read_text() == "as it was left"


def test_the_files_of_an_older_manifest_give_way(elsewhere: Path) -> None:
    Manifest(()).write(elsewhere / MANIFEST)
    (elsewhere / "old.jpg").touch()
    (elsewhere / ".unpacked").write_text("the digest of another manifest")

    assert not (unpacked(elsewhere) / "old.jpg").exists()


def test_where_it_was_packed_nothing_is_unpacked(packed: Path) -> None:
    raw = unpacked(packed.with_name("raw"))

    assert (raw / "own.txt").exists()


def test_without_a_packed_file_the_folder_is_as_it_is(tmp_path: Path) -> None:
    assert unpacked(tmp_path) == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_the_truth_comes_to_its_own_place_alone(elsewhere: Path) -> None:
    place = elsewhere.parent / "truth" / "solution.csv"
    unpacked(elsewhere)
    assert not place.exists()

    unpack_truth(elsewhere, place)
    assert place.read_text() == "id,label\n1,cat\n"


def test_equal_files_are_packed_into_equal_bytes(packed: Path, tmp_path: Path) -> None:
    assert (competition(tmp_path / "again", tmp_path / "source") / PACKED).read_bytes() == packed.read_bytes()


def test_a_damaged_file_is_told(elsewhere: Path) -> None:
    packed = elsewhere.with_name(PACKED)
    packed.write_bytes(packed.read_bytes()[:700])

    with pytest.raises(CatscanError, match="damaged") as raised:
        unpacked(elsewhere)

    assert raised.value.where == str(packed)
