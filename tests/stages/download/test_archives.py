"""Archives from others: what is taken out of them, and what is refused."""

from __future__ import annotations

import argparse
import json
import lzma
import os
import random
import stat
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import py7zr
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_process import wait_until

from catscan.common.errors import CatscanError
from catscan.stages import download
from catscan.stages.download import folder, seven_zip
from catscan.stages.download.archives import Limits, Member, check_members, is_safe, take_out
from catscan.stages.download.folder import RawFolder
from catscan.stages.download.unpacking import read_password

PASSWORD = "Tr0ub4dor & 3"  # a test's own, no credential
NOISE = random.Random(7).randbytes(1 << 20)


def refusal(call: Callable[..., Any], *arguments: Any, **keywords: Any) -> str:
    """The block that the call raises, as text."""
    with pytest.raises(CatscanError) as caught:
        call(*arguments, **keywords)
    return str(caught.value)


def write_7z(path: Path, members: dict[str, bytes], *, rename: tuple[str, str] = ("", ""), **options: Any) -> Path:
    """A 7z of plain members; ``rename`` gives one a name that py7zr itself would not write."""
    with py7zr.SevenZipFile(path, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(data, name)
        for record in archive.header.files_info.files:
            if record["filename"] == rename[0]:
                record["filename"] = rename[1]
    return path


def write_zip(path: Path, members: dict[str, bytes], *, mode: int = 0) -> Path:
    """A zip; ``mode`` is the Unix mode of all its members."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (2016, 9, 1, 0, 0, 0))
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def run(source: Path, **settings: Any) -> Path:
    """The download stage on a folder; gives the raw folder."""
    raw = source.parent / "raw"
    parser = argparse.ArgumentParser()
    download.register(parser)
    text = json.dumps({"kind": "directory", "path": str(source), **settings})
    download.run(parser.parse_args(["--settings", text, "--raw", str(raw), "--truth", str(source.parent / "truth")]))
    return raw


def names(raw: Path) -> list[str]:
    """The names in the manifest."""
    return [entry["name"] for entry in json.loads((raw / "manifest.json").read_text())["entries"]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


SERIES = {"stage1/0a38/1.dcm": b"slice 1", "stage1/0a38/2.dcm": b"slice 2", "stage1/0a38/empty.dcm": b""}


def _stop(*_: Any) -> Any:
    raise KeyboardInterrupt


def _stop_after(calls: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, which stops the process at the call after ``calls``."""
    done = []

    def counted(*arguments: Any) -> Any:
        done.append(arguments)
        if len(done) > calls:
            raise KeyboardInterrupt
        return function(*arguments)

    return counted


class TestUnpackingOnce:
    def test_a_7z_is_unpacked_in_place(self, source: Path) -> None:
        write_7z(source / "stage1.7z", SERIES)
        raw = run(source)

        assert names(raw) == ["stage1"]
        assert {p.relative_to(raw).as_posix(): p.read_bytes() for p in raw.rglob("*.dcm")} == SERIES

    def test_into_a_folder_named_from_the_working_directory(
        self, tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive = write_7z(tmp_path / "stage1.7z", {"stage1/a.dcm": b"slice"})
        monkeypatch.chdir(tmp_path)

        seven_zip.unpack(archive, Path(into.name))

        assert (into / "stage1" / "a.dcm").read_bytes() == b"slice"

    def test_the_second_run_does_not_unpack_again(self, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_7z(source / "stage1.7z", SERIES)
        raw = run(source)
        first = (raw / "manifest.json").read_bytes()
        monkeypatch.setattr(seven_zip, "unpack", None)
        run(source)

        assert (raw / "manifest.json").read_bytes() == first

    def test_unpacking_afresh_gives_the_same_manifest(self, source: Path) -> None:
        write_7z(source / "stage1.7z", SERIES)
        raw = run(source)
        first = (raw / "manifest.json").read_bytes()
        raw.rename(source.parent / "old")

        assert (run(source) / "manifest.json").read_bytes() == first

    def test_another_archive_of_that_name_is_unpacked_in_its_place(self, source: Path) -> None:
        write_7z(source / "stage1.7z", SERIES)
        run(source)
        write_7z(source / "stage1.7z", {"stage1/new.dcm": b"new"})
        raw = run(source)

        assert [path.name for path in raw.rglob("*.dcm")] == ["new.dcm"]

    def test_a_folder_that_was_deleted_is_unpacked_again(self, source: Path) -> None:
        write_7z(source / "stage1.7z", SERIES)
        raw = run(source)
        (raw / "stage1").rename(source.parent / "gone")

        assert (run(source) / "stage1" / "0a38" / "1.dcm").exists()

    def test_what_came_from_an_archive_goes_with_it(self, source: Path) -> None:
        write_7z(source / "stage1.7z", SERIES)
        (source / "labels.csv").write_text("id,cancer\n")
        run(source)
        (source / "stage1.7z").unlink()
        raw = run(source)

        assert not (raw / "stage1").exists()

    def test_a_folder_of_that_name_in_the_source_is_refused(self, source: Path) -> None:
        write_7z(source / "stage1.7z", SERIES)
        (source / "stage1").mkdir()
        text = refusal(run, source)

        assert text.startswith("stage1.7z cannot be unpacked: stage1 is there already.")
        assert not list((source / "stage1").iterdir())

    def test_an_archive_that_fails_leaves_nothing(self, source: Path) -> None:
        path = write_7z(source / "stage1.7z", {"a.bin": NOISE, "b.bin": NOISE[::-1]})
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(b"damage")
        text = refusal(run, source)

        assert "An archive is damaged." in text
        assert sorted(p.name for p in (source.parent / "raw").iterdir()) == []

    def test_stopped_while_putting_in_place_the_next_run_mends_it(
        self, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_7z(source / "all.7z", {"a/1.dcm": b"a", "b/1.dcm": b"b"})
        with monkeypatch.context() as patch:
            patch.setattr(RawFolder, "finish", _stop)
            patch.setattr("catscan.stages.download.folder.digest", _stop_after(1, folder.digest))  # before and after
            with pytest.raises(KeyboardInterrupt):
                run(source)
        raw = run(source)

        assert names(raw) == ["a", "b"]
        assert not list(raw.glob(".*.partial"))

    def test_a_plain_zip_stays_a_zip(self, source: Path) -> None:
        write_zip(source / "train.zip", {"train/cat.0.jpg": b"a cat"})

        assert names(run(source)) == ["train.zip"]

    def test_the_members_of_a_whole_download_are_taken_out(self, source: Path, tmp_path: Path) -> None:
        train = write_zip(tmp_path / "train.zip", {"train/cat.0.jpg": b"a cat"})
        stage = write_7z(tmp_path / "stage1.7z", SERIES)
        whole = {"train.zip": train.read_bytes(), "stage1.7z": stage.read_bytes(), "labels.csv": b"id\n"}
        write_zip(source / "whole.zip", whole)
        raw = run(source)

        assert names(raw) == ["stage1", "train.zip", "whole.zip"]
        assert (raw / "train.zip").read_bytes() == train.read_bytes()

    def test_archives_on_a_second_level_stay_packed_and_are_told(
        self, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        third = write_zip(tmp_path / "c.zip", {"1.jpg": b"x"})
        second = write_zip(tmp_path / "b.zip", {"c.zip": third.read_bytes()})
        write_zip(source / "a.zip", {"b.zip": second.read_bytes()})

        assert names(run(source)) == ["a.zip", "b.zip"]
        assert "b.zip holds archives on a second level, which stay packed: c.zip" in capsys.readouterr().err


class TestAFolderFromSeveralArchives:
    """As in Statoil's competition, whose train.json.7z and test.json.7z both hold data/processed."""

    @pytest.fixture
    def source(self, source: Path) -> Path:
        for name in ("sample.csv", "test.json", "train.json"):
            write_7z(source / f"{name}.7z", {f"data/processed/{name}": name.encode()})
        return source

    def files(self, raw: Path) -> dict[str, bytes]:
        return {path.relative_to(raw).as_posix(): path.read_bytes() for path in sorted(raw.glob("data/**/*.*"))}

    def whole(self) -> dict[str, bytes]:
        return {f"data/processed/{name}": name.encode() for name in ("sample.csv", "test.json", "train.json")}

    def test_holds_the_files_of_all(self, source: Path) -> None:
        raw = run(source)

        assert self.files(raw) == self.whole()
        assert names(raw) == ["data"]

    def test_is_not_unpacked_a_second_time(self, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        run(source)
        monkeypatch.setattr("catscan.stages.download.seven_zip.unpack", _stop)

        assert self.files(run(source)) == self.whole()

    @pytest.mark.parametrize("name", ["sample.csv", "test.json", "train.json"])
    def test_is_made_anew_when_one_changes(self, source: Path, name: str) -> None:
        run(source)
        write_7z(source / f"{name}.7z", {"data/processed/another": b"new"})
        left = {path: data for path, data in self.whole().items() if not path.endswith(name)}

        raw = run(source)

        assert self.files(raw) == left
        assert (raw / "data" / "processed" / "another").read_bytes() == b"new"

    @pytest.mark.parametrize("name", ["sample.csv", "test.json", "train.json"])
    def test_loses_the_files_of_an_archive_that_goes_and_no_others(self, source: Path, name: str) -> None:
        run(source)
        (source / f"{name}.7z").unlink()

        left = {path: data for path, data in self.whole().items() if not path.endswith(name)}
        assert self.files(run(source)) == left

    @pytest.mark.parametrize("name", ["a.7z", "z.7z"])
    def test_gains_the_files_of_one_that_comes(self, source: Path, name: str) -> None:
        run(source)
        write_7z(source / name, {"data/more.csv": b"more"})

        assert self.files(run(source)) == {"data/more.csv": b"more"} | self.whole()

    def test_is_refused_when_two_bring_the_same_file(self, source: Path) -> None:
        write_7z(source / "z.7z", {"data/processed/test.json": b"another"})

        text = refusal(run, source)

        assert text.startswith("z.7z cannot be unpacked: test.json is there already.")

    @pytest.mark.parametrize("calls", range(1, 9))
    def test_stopped_anywhere_the_next_run_mends_it(
        self, source: Path, monkeypatch: pytest.MonkeyPatch, calls: int
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", _stop_after(calls, Path.replace))
            with pytest.raises(KeyboardInterrupt):
                run(source)

        assert self.files(run(source)) == self.whole()


class TestRealData:
    def test_the_real_stage_1_is_unpacked_to_its_folders(self, real_stage_1: Path) -> None:
        entry = json.loads((real_stage_1 / "manifest.json").read_text())["entries"][0]

        assert len(list((real_stage_1 / "stage1").iterdir())) == 4
        assert (entry["name"], entry["size"]) == ("stage1", 263_772_732)

    @pytest.mark.slow
    def test_killed_while_unpacking_the_next_run_gives_the_same_folder(self, shared_data: Path, tmp_path: Path) -> None:
        (tmp_path / "source").mkdir()
        (tmp_path / "source" / "stage1.7z").symlink_to(shared_data / "data-science-bowl-2017" / "stage1.7z")
        whole = (run(tmp_path / "source") / "manifest.json").read_bytes()
        (tmp_path / "raw").rename(tmp_path / "first")
        text = json.dumps({"kind": "directory", "path": str(tmp_path / "source")})
        command = [sys.executable, "-m", "catscan", "download", "--settings", text]
        process = subprocess.Popen([*command, "--raw", str(tmp_path / "raw"), "--truth", str(tmp_path / "truth")])
        wait_until(lambda: list((tmp_path / "raw").glob(".stage1.7z.partial/stage1/*/*")), process)
        process.kill()
        process.wait()

        assert not (tmp_path / "raw" / "stage1").exists()
        assert (run(tmp_path / "source") / "manifest.json").read_bytes() == whole


class TestPasswords:
    @pytest.fixture
    def locked(self, source: Path) -> Path:
        return write_7z(source / "stage1.7z", {"stage1/1.dcm": NOISE}, password=PASSWORD)

    def test_a_password_from_a_file(self, source: Path, locked: Path, tmp_path: Path) -> None:
        (tmp_path / "password.txt").write_text(PASSWORD + "\n")
        raw = run(source, password_files={locked.name: str(tmp_path / "password.txt")})

        assert (raw / "stage1" / "1.dcm").read_bytes() == NOISE

    def test_a_password_from_a_variable(self, source: Path, locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STAGE1_PASSWORD", PASSWORD)

        assert names(run(source, password_files={locked.name: "$STAGE1_PASSWORD"})) == ["stage1"]

    @pytest.mark.usefixtures("locked")
    def test_without_one_it_says_where_to_put_it(self, source: Path) -> None:
        assert refusal(run, source) == (
            "stage1.7z is encrypted.\n"
            "  where  source.password_files: stage1.7z\n"
            "  found  no password for it\n"
            "  do     Put the password into a file and name the file there, or name a variable as `$VARIABLE`."
        )

    @pytest.mark.parametrize("header", [False, True], ids=["plain names", "encrypted names"])
    def test_a_wrong_one_is_told_from_damage(self, tmp_path: Path, into: Path, header: bool) -> None:
        archive = write_7z(tmp_path / "s.7z", {"1.dcm": NOISE}, password=PASSWORD, header_encryption=header)
        text = refusal(seven_zip.unpack, archive, into, "another")

        assert text.startswith("The password does not open s.7z.")
        assert "another" not in text

    def test_damage_is_told_from_a_wrong_one(self, tmp_path: Path, into: Path) -> None:
        archive = write_7z(tmp_path / "s.7z", {"1.dcm": b"slice 1", "2.dcm": NOISE}, password=PASSWORD)
        with archive.open("r+b") as file:
            file.seek(archive.stat().st_size // 2)
            file.write(b"damage")
        text = refusal(seven_zip.unpack, archive, into, PASSWORD)

        assert text.startswith("An archive is damaged.")
        assert "(1 members came out right before it)" in text
        assert PASSWORD not in text

    def test_a_cut_archive_is_damaged_whatever_the_password(self, tmp_path: Path, into: Path) -> None:
        archive = write_7z(tmp_path / "s.7z", {"1.dcm": NOISE}, password=PASSWORD)
        archive.write_bytes(archive.read_bytes()[:-40])

        assert "An archive is damaged." in refusal(seven_zip.unpack, archive, into, "another")

    def test_the_password_is_in_no_file_and_no_line(
        self, source: Path, locked: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "password.txt").write_text(PASSWORD)
        raw = run(source, password_files={locked.name: str(tmp_path / "password.txt")})
        told = capfd.readouterr()

        assert PASSWORD not in told.out + told.err
        assert all(PASSWORD not in path.read_text() for path in (raw / "manifest.json", raw / ".made.json"))

    def test_a_password_for_an_archive_that_is_not_there_is_refused(self, source: Path, locked: Path) -> None:
        locked.rename(source / "stage2.7z")

        assert 'Did you mean "stage2.7z"?' in refusal(run, source, password_files={"stage1.7z": "$X"})

    @pytest.mark.parametrize("text", ["", "a\nb\n"], ids=["empty", "two lines"])
    def test_a_password_file_holds_one_line(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "p.txt").write_text(text)

        assert "on one line" in refusal(read_password, "s.7z", str(tmp_path / "p.txt"))

    @pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "device"])
    def test_a_password_file_is_a_file(self, tmp_path: Path, make: Callable[[Path], None]) -> None:
        make(tmp_path / "p.txt")

        assert "a pipe, a socket or a device" in refusal(read_password, "s.7z", str(tmp_path / "p.txt"))

    def test_a_missing_password_file_is_named(self, tmp_path: Path) -> None:
        assert "No such file" in refusal(read_password, "s.7z", str(tmp_path / "p.txt"))

    def test_a_missing_variable_is_named(self) -> None:
        assert "export CATSCAN_NO_SUCH=..." in refusal(read_password, "s.7z", "$CATSCAN_NO_SUCH")


UNSAFE = [
    "/etc/passwd",
    "../evil",
    "a/../../evil",
    "C:/evil",
    "..\\evil",
    "\\\\server\\evil",
    "a\nb",
    "a\0b",
    "x" * 300,
]


class TestMembersThatAreRefused:
    @given(st.text(alphabet=st.sampled_from("./\\\\:aC~\\0 é"), max_size=12))
    def test_an_accepted_name_never_leaves_the_folder(self, name: str) -> None:
        root = Path("/somewhere/raw")
        if is_safe(name):
            assert Path(os.path.normpath(root / name)).is_relative_to(root)
            assert Path(os.path.normpath(root / name)) != root

    @pytest.mark.parametrize("name", UNSAFE)
    def test_a_name_that_leaves_the_folder(self, into: Path, name: str) -> None:
        text = refusal(check_members, into / "a.7z", [Member("ok", "file", 1), Member(name, "file", 1)], into)

        assert "1 members leave the folder they are unpacked to" in text

    @pytest.mark.parametrize("name", ["/abs/1.zip", "../evil.zip", "a/../../evil.zip"])
    def test_from_a_zip(self, tmp_path: Path, into: Path, name: str) -> None:
        text = refusal(take_out, write_zip(tmp_path / "a.zip", {name: b"x"}), [name], into)

        assert "leave the folder" in text
        assert not list(into.iterdir())

    @pytest.mark.parametrize("name", ["/abs/1.dcm", "../evil.dcm"])
    def test_from_a_7z(self, tmp_path: Path, into: Path, name: str) -> None:
        archive = write_7z(tmp_path / "a.7z", {"good": b"x", "bad": b"y"}, rename=("bad", name))

        assert "leave the folder" in refusal(seven_zip.unpack, archive, into)
        assert not list(into.iterdir())

    def test_a_link_in_a_zip(self, tmp_path: Path, into: Path) -> None:
        archive = write_zip(tmp_path / "a.zip", {"b.zip": b"/etc"}, mode=stat.S_IFLNK | 0o777)

        assert "1 members are links: 'b.zip'" in refusal(take_out, archive, ["b.zip"], into)

    def test_a_link_in_a_7z(self, tmp_path: Path, into: Path) -> None:
        (tmp_path / "secret").write_text("x")
        (tmp_path / "link").symlink_to("secret")
        with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
            archive.write(tmp_path / "link", "link")

        assert "1 members are links: 'link'" in refusal(seven_zip.unpack, tmp_path / "a.7z", into)
        assert not list(into.iterdir())

    @pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
    def test_a_device_in_a_zip(self, tmp_path: Path, into: Path, kind: int) -> None:
        archive = write_zip(tmp_path / "a.zip", {"b.zip": b""}, mode=kind | 0o666)

        assert "1 members are devices" in refusal(take_out, archive, ["b.zip"], into)

    @pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
    def test_a_device_in_a_7z(self, tmp_path: Path, into: Path, kind: int) -> None:
        with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
            archive.writestr(b"x", "pipe")
            archive.header.files_info.files[0]["attributes"] = 0x8000 | (kind | 0o666) << 16

        assert "1 members are devices" in refusal(seven_zip.unpack, tmp_path / "a.7z", into)

    @pytest.mark.parametrize(
        ("one", "other"),
        [("a.dcm", "A.DCM"), ("straße", "STRASSE"), ("caf\u00e9", "cafe\u0301"), ("a.dcm", "a.dcm"), ("a/b", "a//b")],
    )
    def test_two_names_that_meet_on_some_disk(self, into: Path, one: str, other: str) -> None:
        members = [Member(one, "file", 1), Member(other, "file", 1)]

        assert "two members have one name" in refusal(check_members, into / "a.7z", members, into)

    def test_a_file_where_another_needs_a_folder(self, into: Path) -> None:
        members = [Member("a", "file", 1), Member("a/b", "file", 1)]

        assert "needs a folder of that name" in refusal(check_members, into / "a.7z", members, into)

    def test_a_folder_named_twice_is_fine(self, into: Path) -> None:
        check_members(into / "a.7z", [Member("a/", "folder", 0), Member("a", "folder", 0)], into)

    def test_too_many_members(self, into: Path) -> None:
        members = [Member(str(number), "file", 1) for number in range(4)]

        assert "4 members, of which 3 are allowed" in refusal(
            check_members, into / "a.7z", members, into, Limits(members=3)
        )


class TestBytesThatAreRefused:
    def test_a_declared_sum_over_the_limit(self, into: Path) -> None:
        members = [Member("a", "file", 60), Member("b", "file", 60)]

        assert "unpacks to 120 bytes" in refusal(check_members, into / "a.7z", members, into, Limits(total_bytes=100))

    def test_a_declared_sum_over_the_free_disk(self, into: Path) -> None:
        text = refusal(check_members, into / "a.7z", [Member("a", "file", 1 << 60)], into, Limits(total_bytes=1 << 61))

        assert text.startswith("The disk is too small to unpack a.7z.")

    @pytest.fixture
    def lying(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Archives declare that every member is empty."""
        monkeypatch.setattr("catscan.stages.download.seven_zip.check_members", lambda *_: None)
        monkeypatch.setattr("catscan.stages.download.archives.check_members", lambda *_: None)

    @pytest.mark.usefixtures("lying")
    @pytest.mark.parametrize(
        ("limits", "found"),
        [
            (Limits(file_bytes=1 << 16), "'0.bin' is larger than 65.5 kB"),
            (Limits(total_bytes=1 << 16), "unpacks to more than 65.5 kB"),
            (Limits(ratio=10, ratio_from=1 << 16), "unpacks to more than 10 times its own size"),
        ],
        ids=["file", "total", "ratio"],
    )
    def test_bytes_are_counted_while_a_7z_is_written(
        self, tmp_path: Path, into: Path, limits: Limits, found: str
    ) -> None:
        archive = write_7z(tmp_path / "a.7z", {"0.bin": bytes(8 << 20)})
        text = refusal(seven_zip.unpack, archive, into, None, limits)

        assert text.startswith("An archive is not safe to unpack.")
        assert found in text
        assert sum(path.stat().st_size for path in into.iterdir()) == 0

    @pytest.mark.usefixtures("lying")
    @pytest.mark.parametrize("limits", [Limits(total_bytes=1 << 16), Limits(ratio=10, ratio_from=1 << 16)])
    def test_bytes_are_counted_while_an_archive_is_taken_out(self, tmp_path: Path, into: Path, limits: Limits) -> None:
        archive = write_zip(tmp_path / "a.zip", {"b.zip": bytes(8 << 20)})

        assert "not safe to unpack" in refusal(take_out, archive, ["b.zip"], into, limits)
        assert sum(path.stat().st_size for path in into.iterdir()) == 0

    def test_a_7z_whose_table_of_contents_unpacks_to_gigabytes_is_damaged(self, tmp_path: Path, into: Path) -> None:
        packed = lzma.compress(bytes(1 << 20), lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}])
        coder = b"\x07\x0b\x01\x00\x01\x21\x21\x01\x18"  # one folder of one coder, LZMA2
        header = b"\x17\x06\x00\x01\x09" + bytes([0x80 | len(packed) >> 8, len(packed) & 255]) + b"\x00"
        header += coder + b"\x0c" + b"\xf8" + (1 << 36).to_bytes(5, "little") + b"\x00\x00"
        start = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
        archive = tmp_path / "a.7z"
        signature = b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start))
        archive.write_bytes(signature + start + packed + header)

        assert "header size exceeds limit" in refusal(seven_zip.unpack, archive, into)

    def test_a_zip_that_lies_about_a_size_is_damaged(self, tmp_path: Path, into: Path) -> None:
        archive = write_zip(tmp_path / "a.zip", {"b.zip": bytes(1000)})
        data = archive.read_bytes()
        archive.write_bytes(data.replace((1000).to_bytes(4, "little"), (10).to_bytes(4, "little")))

        assert "An archive is damaged." in refusal(take_out, archive, ["b.zip"], into)
