"""The source kind `directory`: linked, never copied, never written to."""

from __future__ import annotations

import json
import os
import signal
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catscan.common.errors import CatscanError
from catscan.raw import source
from catscan.raw.files import RawFiles
from catscan.raw.listing import found_at
from catscan.raw.manifest import digest
from catscan.stages import download


class Competition:
    """A source folder, and the stage run on it."""

    def __init__(self, folder: Path) -> None:
        self.source, self.raw, self.truth = folder / "source", folder / "raw", folder / "truth"
        self.source.mkdir()
        with zipfile.ZipFile(self.source / "train.zip", "w") as archive:
            archive.writestr("train/cat.0.jpg", b"a cat")
        (self.source / "sample_submission.csv").write_text("id,label\n1,0.5\n")
        (self.source / "solution.csv").write_text("id,label\n1,1\n")
        (self.source / "series").mkdir()
        (self.source / "series" / "1.dcm").write_bytes(b"slice")
        (self.source / ".DS_Store").write_bytes(b"x")

    def download(self, **settings: Any) -> list[str]:
        """Run the stage; give the names in its manifest."""
        source = {"kind": "directory", "path": str(self.source), **settings}
        arguments = ["--settings", json.dumps(source), "--raw", str(self.raw), "--truth", str(self.truth)]
        parser = __import__("argparse").ArgumentParser()
        download.register(parser)
        download.run(parser.parse_args(arguments))
        return [entry["name"] for entry in self.manifest["entries"]]

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest, read."""
        return json.loads((self.raw / "manifest.json").read_text())


@pytest.fixture
def competition(tmp_path: Path) -> Competition:
    return Competition(tmp_path)


def refusal(call: Any, *arguments: Any, **keywords: Any) -> str:
    """The block that the call raises, as text."""
    with pytest.raises(CatscanError) as caught:
        call(*arguments, **keywords)
    return str(caught.value)


def there(competition: Competition) -> set[str]:
    """The names of the files that a source has for the raw folder."""
    return set(found_at(source.linked(str(competition.source), "")))


class TestLinking:
    def test_every_visible_file_is_linked_and_named_in_the_manifest(self, competition: Competition) -> None:
        names = competition.download()

        assert names == ["sample_submission.csv", "series", "solution.csv", "train.zip"]
        assert all((competition.raw / name).is_symlink() for name in names)
        assert (competition.raw / "series" / "1.dcm").read_bytes() == b"slice"

    def test_links_hold_absolute_paths(self, competition: Competition, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(competition.source.parent)
        competition.download(path="source")

        assert (competition.raw / "train.zip").readlink() == competition.source / "train.zip"

    def test_the_solution_is_linked_outside_the_raw_folder(self, competition: Competition) -> None:
        names = competition.download(solution="solution.csv")

        assert "solution.csv" not in names
        assert not (competition.raw / "solution.csv").exists()
        assert (competition.truth / "solution.csv").read_text() == "id,label\n1,1\n"

    def test_a_solution_that_is_no_longer_named_goes_from_truth(self, competition: Competition) -> None:
        competition.download(solution="solution.csv")
        competition.download()

        assert not (competition.truth / "solution.csv").exists()
        assert (competition.source / "solution.csv").exists()

    def test_an_archive_alone_can_be_the_source(self, competition: Competition) -> None:
        assert competition.download(path=str(competition.source / "train.zip")) == ["train.zip"]

    def test_a_manifest_in_the_source_is_left_out(
        self, competition: Competition, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (competition.source / "manifest.json").write_text("{}")
        competition.download()

        assert "entries" in competition.manifest
        assert (competition.source / "manifest.json").read_text() == "{}"
        assert "manifest.json is left out" in capsys.readouterr().err


class TestRunningAgain:
    def test_the_second_run_gives_the_same_bytes(self, competition: Competition) -> None:
        competition.download(solution="solution.csv")
        first = (competition.raw / "manifest.json").read_bytes()
        competition.download(solution="solution.csv")

        assert (competition.raw / "manifest.json").read_bytes() == first

    def test_a_file_that_the_source_no_longer_has_goes(self, competition: Competition) -> None:
        competition.download()
        (competition.source / "train.zip").rename(competition.source / "other.zip")

        assert "other.zip" in competition.download()
        assert not os.path.lexists(competition.raw / "train.zip")

    def test_it_goes_also_when_the_manifest_was_deleted_before(self, competition: Competition) -> None:
        competition.download()
        (competition.raw / "manifest.json").unlink()
        (competition.source / "train.zip").unlink()
        competition.download()

        assert not os.path.lexists(competition.raw / "train.zip")

    def test_a_file_of_the_person_stays_and_is_told(
        self, competition: Competition, capsys: pytest.CaptureFixture[str]
    ) -> None:
        competition.download()
        (competition.raw / "notes.txt").write_text("mine")

        assert "notes.txt" not in competition.download()
        assert (competition.raw / "notes.txt").read_text() == "mine"
        assert "notes.txt was not made by this stage" in capsys.readouterr().err

    def test_a_file_of_the_person_in_the_way_is_refused(self, competition: Competition) -> None:
        competition.raw.mkdir()
        (competition.raw / "train.zip").write_text("mine")

        assert "is in the way" in refusal(competition.download)
        assert (competition.raw / "train.zip").read_text() == "mine"
        assert not (competition.raw / "manifest.json").exists()

    def test_leftovers_of_a_killed_run_are_swept(self, competition: Competition) -> None:
        (competition.raw / ".stage1.partial" / "deep").mkdir(parents=True)
        (competition.raw / ".train.zip.partial").symlink_to("nowhere")
        competition.download()

        assert sorted(path.name for path in competition.raw.glob(".*")) == [".listing.json", ".made.json"]


class TestRefusals:
    def test_a_missing_folder_names_the_nearest_one(self, competition: Competition) -> None:
        text = refusal(source.check, str(competition.source.parent / "sources"))

        assert text == (
            "The folder with the competition's files is missing.\n"
            f"  where  source.path: {competition.source}s\n"
            f'  found  {competition.source.parent} has no sources. Did you mean "source"?\n'
            "  do     Set `source.path` to the folder, or to its zip or 7z archive."
        )

    def test_an_empty_folder_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / ".DS_Store").write_bytes(b"x")

        assert "is empty" in refusal(source.check, str(tmp_path))

    def test_a_file_that_is_no_archive_is_refused(self, competition: Competition) -> None:
        assert "not a zip or 7z" in refusal(source.check, str(competition.source / "solution.csv"))

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_folder_without_rights_is_refused(self, competition: Competition) -> None:
        competition.source.chmod(0)

        assert "cannot be read" in refusal(source.check, str(competition.source))

    def test_a_missing_solution_is_refused(self, competition: Competition) -> None:
        assert "source.solution: truth.csv" in refusal(source.check, str(competition.source), "truth.csv")

    def test_a_solution_that_is_no_table_is_refused(self, competition: Competition) -> None:
        (competition.source / "solution.csv").write_text("id;label\n1;0\n")

        told = refusal(source.check, str(competition.source), "solution.csv")
        assert "A table is not separated by commas." in told
        assert f"where  {competition.source / 'solution.csv'}\n" in told

    def test_a_solution_inside_a_linked_folder_is_refused(self, competition: Competition) -> None:
        (competition.source / "series" / "truth.csv").write_text("id,label\n")

        assert "no stage can see the truth" in refusal(source.check, str(competition.source), "series/truth.csv")

    def test_a_dangling_link_in_the_source_is_refused(self, competition: Competition) -> None:
        (competition.source / "test.zip").symlink_to("gone.zip")

        assert "it points to gone.zip" in refusal(source.check, str(competition.source))

    def test_an_unknown_kind_is_refused(self, competition: Competition) -> None:
        assert 'Did you mean "directory"?' in refusal(competition.download, kind="dirctory")


ODD = {
    "pipe": os.mkfifo,
    "socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.fixture
def alarm() -> Iterator[None]:
    """Ends what waits for a pipe, or reads a device, for five seconds."""

    def ring(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(5)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("what", ODD)
class TestWhatIsNeitherFileNorFolder:
    @pytest.mark.parametrize("name", ["odd", "odd.csv", "odd.zip", "odd.7z"])
    def test_at_the_top_of_a_source_it_is_left_out_and_told(
        self, competition: Competition, what: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        monkeypatch.chdir(competition.source)  # the address of a socket has at most 107 characters
        before = there(competition)
        ODD[what](Path(name))

        source.check(str(competition.source))

        assert f"{name} is left out: it is neither a file nor a folder" in capsys.readouterr().err
        assert there(competition) == before
        assert name not in competition.download()
        assert not os.path.lexists(competition.raw / name)

    def test_in_a_folder_of_a_source_it_is_left_out(
        self, competition: Competition, what: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(competition.source / "series")
        before = there(competition)
        ODD[what](Path("odd.zip"))

        assert there(competition) == before
        assert [file.path for file in RawFiles(competition.source).all() if "odd" in file.path] == []

    def test_it_is_no_source_itself(self, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        ODD[what](Path("odd.zip"))

        assert "The source is neither a folder nor an archive." in refusal(source.check, "odd.zip")
        assert "This is no file." in refusal(digest, Path("odd.zip"))

    def test_it_is_no_solution(self, competition: Competition, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(competition.source)
        ODD[what](Path("odd.csv"))

        assert "The solution is missing." in refusal(source.check, str(competition.source), "odd.csv")

    def test_put_into_the_raw_folder_it_is_left_alone(
        self, competition: Competition, what: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        competition.raw.mkdir()
        monkeypatch.chdir(competition.raw)
        ODD[what](Path("odd.csv"))

        assert "odd.csv" not in competition.download()


class TestManifest:
    def test_equal_content_gives_an_equal_manifest_whenever_it_was_written(self, competition: Competition) -> None:
        competition.download()
        before = competition.manifest
        os.utime(competition.source / "series" / "1.dcm", (0, 0))
        competition.download()

        assert competition.manifest == before

    @pytest.mark.parametrize("path", ["sample_submission.csv", "series/1.dcm", "series/2.dcm"])
    def test_a_changed_or_new_file_changes_its_entry(self, competition: Competition, path: str) -> None:
        competition.download()
        before = competition.manifest["entries"]
        (competition.source / path).write_bytes(b"other")
        competition.download()

        others = [new["name"] for old, new in zip(before, competition.manifest["entries"], strict=True) if old != new]
        assert others == [path.split("/", maxsplit=1)[0]]

    def test_the_digest_of_a_zip_is_that_of_its_directory(self, competition: Competition) -> None:
        import hashlib

        data = (competition.source / "train.zip").read_bytes()
        with zipfile.ZipFile(competition.source / "train.zip") as archive:
            start = archive.start_dir

        assert digest(competition.source / "train.zip") == "zip:" + hashlib.sha256(data[start:]).hexdigest()

    def test_a_zip_with_many_members_is_read_by_its_zip64_record(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
            for number in range(66_000):
                archive.writestr(zipfile.ZipInfo(str(number)), b"")

        assert digest(tmp_path / "many.zip").startswith("zip:")

    @pytest.mark.parametrize("keep", [0, 10, 60])
    def test_a_zip_that_is_cut_off_is_refused(self, competition: Competition, keep: int) -> None:
        path = competition.source / "train.zip"
        path.write_bytes(path.read_bytes()[:keep])

        assert "An archive is damaged." in refusal(digest, path)

    def test_a_folder_that_links_to_itself_ends(self, competition: Competition) -> None:
        (competition.source / "series" / "again").symlink_to("..")

        assert "series" in competition.download()
