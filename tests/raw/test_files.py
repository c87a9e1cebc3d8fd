"""The raw folder as one tree of files, and what is wrong with some of them."""

from __future__ import annotations

import os
import threading
import zipfile
from pathlib import Path

import pytest

from catscan.common.errors import BadSample, CatscanError
from catscan.raw.files import RawFile, RawFiles

METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}
TEXT = b"a few bytes, again and again. " * 99


def make_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def change(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


def paths(raw: RawFiles) -> list[tuple[str, str]]:
    return [(file.archive, file.path) for file in raw.all()]


class TestListing:
    def test_zips_are_shown_by_their_members_in_natural_order(self, tmp_path):
        make_zip(tmp_path / "more/train.zip", {"train/10.jpg": b"x", "train/9.jpg": b"xy", "train/": b""})
        (tmp_path / "sample.csv").write_bytes(b"id\n")

        assert RawFiles(tmp_path).all() == [
            RawFile("", "sample.csv", 3),
            RawFile("more/train.zip", "train/9.jpg", 2),
            RawFile("more/train.zip", "train/10.jpg", 1),
        ]

    def test_what_file_managers_leave_behind_is_left_out(self, tmp_path):
        members = {"__MACOSX/._1.jpg": b"", ".DS_Store": b"", "a/Thumbs.db": b"", "a/.hidden": b"", "a/1.jpg": b""}
        make_zip(tmp_path / "a.zip", members)
        for name in (".DS_Store", "Thumbs.db", "manifest.json", ".part.zip"):
            (tmp_path / name).write_bytes(b"x")

        assert paths(RawFiles(tmp_path)) == [("a.zip", "a/1.jpg")]

    def test_a_name_that_begins_with_the_folder_itself_is_not_hidden(self, tmp_path):
        make_zip(tmp_path / "a.zip", {"./train/1.jpg": b"x"})

        assert paths(RawFiles(tmp_path)) == [("a.zip", "./train/1.jpg")]

    def test_a_zip_in_a_zip_is_one_file(self, tmp_path):
        make_zip(tmp_path / "inner.zip", {"1.jpg": b"x"})
        inner = (tmp_path / "inner.zip").read_bytes()
        (tmp_path / "inner.zip").unlink()
        make_zip(tmp_path / "outer.zip", {"train.zip": inner})

        raw = RawFiles(tmp_path)

        assert paths(raw) == [("outer.zip", "train.zip")]
        assert raw.read("outer.zip", "train.zip") == inner

    def test_backslashes_separate_folders_too(self, tmp_path):
        make_zip(tmp_path / "a.zip", {"train\\1.jpg": b"one"})

        raw = RawFiles(tmp_path)

        assert paths(raw) == [("a.zip", "train/1.jpg")]
        assert raw.read("a.zip", "train/1.jpg") == b"one"

    def test_links_are_followed_but_not_into_a_folder_around_them(self, tmp_path):
        (tmp_path / "raw/a").mkdir(parents=True)
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere/2.jpg").touch()
        (tmp_path / "raw/a/1.jpg").touch()
        (tmp_path / "raw/a/around").symlink_to(tmp_path / "raw")
        (tmp_path / "raw/a/itself").symlink_to("itself")
        (tmp_path / "raw/a/nowhere").symlink_to("absent")
        (tmp_path / "raw/b").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "raw/c").symlink_to(tmp_path / "elsewhere")
        os.mkfifo(tmp_path / "raw/pipe")

        assert paths(RawFiles(tmp_path / "raw")) == [("", "a/1.jpg"), ("", "b/2.jpg"), ("", "c/2.jpg")]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_folder_that_may_not_be_read_is_named(self, tmp_path):
        (tmp_path / "locked").mkdir(mode=0)

        with pytest.raises(CatscanError, match=r"A folder cannot be read.\n  where  .*locked"):
            RawFiles(tmp_path).all()


class TestBelow:
    @pytest.fixture
    def raw(self, tmp_path) -> RawFiles:
        names = ("a/1/10.dcm", "a/1/9.dcm", "a/1/deep/1.dcm", "a/1/.hidden", "a/10/1.dcm", "a/1.dcm", "a/1-2/1.dcm")
        make_zip(tmp_path / "scans.zip", dict.fromkeys(names, b"x"))
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"x")
        return RawFiles(tmp_path)

    @pytest.mark.parametrize("archive", ["scans.zip", ""], ids=["zip", "folder"])
    @pytest.mark.parametrize(
        ("folder", "expected"),
        [
            ("a/1", ["a/1/9.dcm", "a/1/10.dcm", "a/1/deep/1.dcm"]),
            ("a/1.dcm", ["a/1.dcm"]),
            ("a/absent", []),
        ],
    )
    def test_the_files_of_one_folder_come_in_natural_order(self, raw, archive, folder, expected):
        assert raw.below(archive, folder) == [RawFile(archive, path, 1) for path in expected]


class TestReading:
    @pytest.mark.parametrize("method", METHODS)
    def test_a_member_is_read_whatever_its_method(self, tmp_path, method):
        make_zip(tmp_path / "a.zip", {"1.jpg": TEXT, "empty": b""}, METHODS[method])
        raw = RawFiles(tmp_path)

        assert raw.read("a.zip", "1.jpg") == TEXT
        assert raw.read("a.zip", "empty") == b""
        assert raw.start("a.zip", "1.jpg", 5) == TEXT[:5]

    def test_a_long_extra_field_does_not_move_the_bytes(self, tmp_path):
        info = zipfile.ZipInfo("1.jpg")
        info.extra = b"\xfe\xca" + (500).to_bytes(2, "little") + bytes(500)
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr(info, TEXT)

        assert RawFiles(tmp_path).read("a.zip", "1.jpg") == TEXT

    def test_a_zip_behind_other_bytes_is_read(self, tmp_path):
        path = make_zip(tmp_path / "a.zip", {"1.jpg": TEXT})
        path.write_bytes(b"#!/bin/sh\n" * 50 + path.read_bytes())

        assert RawFiles(tmp_path).read("a.zip", "1.jpg") == TEXT

    def test_many_threads_read_one_zip(self, tmp_path):
        members = {f"{number}.jpg": bytes([number]) * (1000 + number) for number in range(200)}
        make_zip(tmp_path / "a.zip", members, zipfile.ZIP_DEFLATED)
        raw, wrong = RawFiles(tmp_path), []

        def work() -> None:
            wrong.extend(name for name, data in members.items() if raw.read("a.zip", name) != data)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert wrong == []

    def test_a_file_is_readable_again_after_closing(self, tmp_path):
        make_zip(tmp_path / "a.zip", {"1.jpg": TEXT})
        raw = RawFiles(tmp_path)
        raw.read("a.zip", "1.jpg")
        raw.close()

        assert raw.read("a.zip", "1.jpg") == TEXT

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read_is_a_bad_sample(self, tmp_path):
        (tmp_path / "1.jpg").touch(mode=0)

        with pytest.raises(BadSample, match="cannot be read: Permission denied"):
            RawFiles(tmp_path).read("", "1.jpg")


class TestBadMembers:
    @pytest.mark.parametrize("method", ["stored", "deflated", "bzip2", "lzma"])
    def test_a_changed_byte_is_found(self, tmp_path, method):
        path = make_zip(tmp_path / "a.zip", {"1.jpg": TEXT}, METHODS[method])
        data = bytearray(path.read_bytes())
        data[30 + len("1.jpg") + 25] ^= 0x10
        path.write_bytes(data)

        with pytest.raises(BadSample, match="cannot be read: "):
            RawFiles(tmp_path).read("a.zip", "1.jpg")

    def test_a_wrong_checksum_is_told(self, tmp_path):
        change(make_zip(tmp_path / "a.zip", {"1.jpg": TEXT}), b"few", b"FEW")

        with pytest.raises(BadSample, match="cannot be read: it fails the checksum of its zip"):
            RawFiles(tmp_path).read("a.zip", "1.jpg")

    def test_an_encrypted_member_is_told(self, tmp_path):
        path = make_zip(tmp_path / "a.zip", {"1.jpg": TEXT})
        data = bytearray(path.read_bytes())
        data[6] |= 1
        data[data.index(b"PK\1\2") + 8] |= 1
        path.write_bytes(data)

        with pytest.raises(BadSample, match=r"is encrypted in a\.zip"):
            RawFiles(tmp_path).read("a.zip", "1.jpg")

    def test_a_member_that_unpacks_to_more_than_it_declares_is_not_unpacked(self, tmp_path):
        path = make_zip(tmp_path / "a.zip", {"1.jpg": bytes(10**6)}, zipfile.ZIP_DEFLATED)
        change(path, (10**6).to_bytes(4, "little"), (1000).to_bytes(4, "little"))

        with pytest.raises(BadSample, match="unpacks to more than the 1,000 bytes it declares"):
            RawFiles(tmp_path).read("a.zip", "1.jpg")

    def test_a_member_that_declares_too_much_is_not_unpacked(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("1.jpg", bytes(10**6))
            archive.infolist()[0].file_size = 5 << 30  # what the directory at the end of the zip will say

        with pytest.raises(BadSample, match="is too large: 5,368,709,120 bytes unpacked"):
            RawFiles(tmp_path).read("a.zip", "1.jpg")

    def test_an_absent_member_is_told(self, tmp_path):
        make_zip(tmp_path / "a.zip", {"1.jpg": TEXT})

        with pytest.raises(BadSample, match=r"a\.zip has no member 2\.jpg"):
            RawFiles(tmp_path).read("a.zip", "2.jpg")


class TestBadZips:
    @pytest.mark.parametrize("name", ["../1.jpg", "train/../../1.jpg", "/etc/1.jpg", "..\\1.jpg"])
    def test_a_name_that_leaves_the_folder_refuses_the_zip(self, tmp_path, name):
        make_zip(tmp_path / "a.zip", {"good.jpg": b"x", name: b"x"})

        with pytest.raises(CatscanError) as error:
            RawFiles(tmp_path).all()

        assert error.value.what == "Names in an archive leave its folder."
        assert error.value.found == name.replace("\\", "/")

    def test_two_dots_inside_a_name_are_harmless(self, tmp_path):
        make_zip(tmp_path / "a.zip", {"cat..1.jpg": b"x"})

        assert paths(RawFiles(tmp_path)) == [("a.zip", "cat..1.jpg")]

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_a_name_for_two_contents_refuses_the_zip(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("1.jpg", b"one")
            archive.writestr("1.jpg", b"two")

        with pytest.raises(CatscanError, match=r"stand for two different contents.\n.*a.zip\n  found  1.jpg"):
            RawFiles(tmp_path).all()

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_a_member_that_is_there_twice_is_listed_once(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("1.jpg", b"one")
            archive.writestr("1.jpg", b"one")

        assert paths(RawFiles(tmp_path)) == [("a.zip", "1.jpg")]

    @pytest.mark.parametrize("data", [b"<html>not found</html>", b"", b"PK\5\6" + bytes(3)])
    def test_a_damaged_zip_is_named(self, tmp_path, data):
        (tmp_path / "train.zip").write_bytes(data)

        with pytest.raises(CatscanError, match=r"An archive is damaged.\n  where  .*train.zip"):
            RawFiles(tmp_path).all()

    def test_a_truncated_zip_is_named(self, tmp_path):
        path = make_zip(tmp_path / "train.zip", {"1.jpg": TEXT})
        path.write_bytes(path.read_bytes()[:-30])

        with pytest.raises(CatscanError, match="An archive is damaged"):
            RawFiles(tmp_path).all()

    def test_an_absent_zip_is_named(self, tmp_path):
        with pytest.raises(CatscanError, match=r"An archive is missing.\n  where  .*train.zip"):
            RawFiles(tmp_path).read("train.zip", "1.jpg")
