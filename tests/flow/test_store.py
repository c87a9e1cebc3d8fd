"""The store of results: what is kept comes back whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from catscan.common.errors import CatscanError
from catscan.flow.store import OFF, VARIABLE, Broken, NoRoom, Store, digest_of, name_of, place_of, store_at

KEY = {"rule": "train_fold", "inputs": ["00"]}
NAME = name_of(KEY)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", 10**6)


@pytest.fixture
def kept(store: Store, tmp_path: Path) -> Store:
    """A store that holds two files."""
    (tmp_path / "weights").write_text("numbers")
    (tmp_path / "history").write_text("")
    store.write(KEY, "train cats: model resnet", {"output 0": tmp_path / "weights", "output 1": tmp_path / "history"})
    return store


def read(store: Store, tmp_path: Path) -> dict[str, str] | None:
    folder = tmp_path / "read"
    folder.mkdir()
    entry = store.read(NAME, lambda name: folder / name)
    return entry and {path.name: path.read_text() for path in folder.iterdir()}


def damage(store: Store, old: bytes, new: bytes) -> None:
    path = store.folder / NAME
    text = path.read_bytes()
    assert old in text
    path.write_bytes(text.replace(old, new))


def test_what_is_kept_comes_back(kept: Store, tmp_path: Path) -> None:
    assert read(kept, tmp_path) == {"output 0": "numbers", "output 1": ""}


def test_a_file_that_came_back_shares_no_byte_with_the_store(kept: Store, tmp_path: Path) -> None:
    read(kept, tmp_path)
    with (tmp_path / "read" / "output 0").open("r+") as file:
        file.write("another")

    kept.read(NAME, lambda _: None)
    assert (tmp_path / "read" / "output 0").stat().st_nlink == 1


def test_what_is_not_there_is_a_miss(store: Store, tmp_path: Path) -> None:
    assert read(store, tmp_path) is None
    assert not store.folder.exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"numbers", b"NUMBERS", "output 0 is not what its digest says"),
        (b"numbers", b"number", "longer or shorter"),
        (b"numbers", b"numbers and more", "longer or shorter"),
        (b"catscan store 1", b"catscan store 2", "does not begin"),
        (b'"train_fold"', b'"predict_it"', "another job"),
        (b'"size": 7', b'"size":-7', "longer or shorter"),
        (b'{"key"', b'["key"', "cannot be read"),
        (b'"name": "output 1"', b'"mode": "output 1"', "cannot be read"),
        (b'"output 1"', b'{"a": 1111}', "cannot be read"),
    ],
)
def test_a_tampered_entry_is_refused(kept: Store, tmp_path: Path, old: bytes, new: bytes, told: str) -> None:
    damage(kept, old, new)

    with pytest.raises(Broken, match=told):
        read(kept, tmp_path)


@pytest.mark.parametrize(
    "strange",
    [{"made": 1e300}, {"made": float("inf")}, {"made": -1}, {"made": "today"}, {"key": ["a"]}, {"title": 7}],
    ids=str,
)
def test_an_entry_that_no_job_wrote_is_refused_before_anybody_believes_it(kept: Store, strange: dict[str, Any]) -> None:
    form, head, files = (kept.folder / NAME).read_bytes().split(b"\n", 2)
    told = json.loads(head) | strange
    name = name_of(told["key"])
    (kept.folder / name).write_bytes(b"\n".join([form, json.dumps(told).encode(), files]))

    with pytest.raises(Broken, match="cannot be read"):
        kept.entry(name)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_file_is_not_opened(kept: Store, tmp_path: Path, kind: str) -> None:
    path = kept.folder / NAME
    path.rename(tmp_path / "real")
    {"link": lambda: path.symlink_to(tmp_path / "real"), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[kind]()

    with pytest.raises(Broken, match="no file"):
        read(kept, tmp_path)


def test_a_right_is_not_taken_over(kept: Store, tmp_path: Path) -> None:
    (kept.folder / NAME).chmod(0o4777)
    read(kept, tmp_path)

    assert (tmp_path / "read" / "output 0").stat().st_mode & 0o7111 == 0


def test_a_writer_that_is_killed_leaves_nothing_that_is_seen(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(1 << 20))
    code = (
        "import sys, shutil, os, signal\nfrom pathlib import Path\nfrom catscan.flow import store\n"
        "def half(file, out, block):\n out.write(file.read(1000)); out.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
        "shutil.copyfileobj = half\n"
        "store.Store(Path(sys.argv[1]) / 'store', 10**7).write({}, '', {'output 0': Path(sys.argv[1]) / 'large'})\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    store = Store(tmp_path / "store", 10**7)

    assert done.returncode == -signal.SIGKILL
    assert len(list(store.folder.glob(".*.partial"))) == 1
    assert store.names() == []
    for path in store.folder.glob(".*.partial"):
        os.utime(path, (1, 1))
    store.prune(10**7)
    assert not list(store.folder.glob(".*.partial"))


def test_writers_of_one_entry_do_not_mix(store: Store, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom catscan.flow.store import Store\nhome = Path(sys.argv[1])\n"
        "for _ in range(30):\n Store(home / 'store', 10**7).write({'a': 1}, '', {'output 0': home / sys.argv[2]})\n"
    )
    for name in "ab":
        (tmp_path / name).write_text(name * 100_000)
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "ab"]
    while any(writer.poll() is None for writer in writers):
        store.read(name_of({"a": 1}), lambda _: None)  # raises when it is a mixture

    assert [writer.returncode for writer in writers] == [0, 0]
    assert store.names() == [name_of({"a": 1})]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_nothing_behind(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def full(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    (tmp_path / "weights").write_text("numbers")
    monkeypatch.setattr(shutil, "copyfileobj", full)

    with pytest.raises(CatscanError, match="cannot be written"):
        store.write(KEY, "", {"output 0": tmp_path / "weights"})
    assert [path.name for path in store.folder.iterdir()] == ["CACHEDIR.TAG"]


def test_a_disk_is_not_filled_up(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights").write_text("numbers")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 2 * 10**9 + 6))

    with pytest.raises(NoRoom, match="nearly full"):
        store.write(KEY, "", {"output 0": tmp_path / "weights"})


def test_a_result_larger_than_all_may_be_is_not_kept(kept: Store, tmp_path: Path) -> None:
    kept.limit = 6

    with pytest.raises(NoRoom):
        kept.write(KEY, "", {"output 0": tmp_path / "weights"})
    assert kept.names() == [NAME]


def test_the_least_recently_used_goes_first(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(1000))
    keys = [{"number": number} for number in range(3)]
    for age, key in zip((30, 20, 10), keys, strict=True):
        store.write(key, "", {"output 0": tmp_path / "file"})
        os.utime(store.folder / name_of(key), (time.time() - age,) * 2)
    store.used(name_of(keys[0]))
    assert store.names() == [name_of(keys[number]) for number in (1, 2, 0)]
    store.limit = 4000
    store.write({"number": 3}, "", {"output 0": tmp_path / "file"})

    assert set(store.names()) == {name_of(keys[2]), name_of(keys[0]), name_of({"number": 3})}


def test_files_that_are_no_entry_are_let_be(kept: Store) -> None:
    (kept.folder / "mine").write_text("kept")
    kept.prune(0)

    assert kept.names() == []
    assert (kept.folder / "mine").exists()


HOLD = (
    "import sys, time\nfrom pathlib import Path\nfrom catscan.flow.store import Store\n"
    "with Store(Path(sys.argv[1]), 1).alone('0' * 64, print):\n print('held', flush=True); time.sleep(60)\n"
)


def test_an_entry_that_is_being_made_is_waited_for_until_its_maker_is_dead(store: Store) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(store.folder)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        looks = []

        def waiting() -> None:
            looks.append(holder.poll())
            if len(looks) == 2:
                holder.kill()

        with store.alone("1" * 64, waiting):
            assert not looks  # another entry
        with store.alone("0" * 64, waiting):
            assert len(looks) >= 2


def test_where_no_lock_can_be_had_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Store(tmp_path / "file" / "store", 1).alone("0" * 64, lambda: pytest.fail("waits")):
        pass


@pytest.mark.parametrize(
    ("variable", "path", "folder"),
    [
        ("", "", "/caches/catscan"),
        ("", "~/my results", "/home/me/my results"),
        ("", "beside", "{cwd}/beside"),
        ("/other", "~/store", "/other"),
        ("", OFF, None),
        (OFF, "/store", None),
    ],
)
def test_the_folder_is_that_of_the_environment_else_of_the_config(
    variable: str, path: str, folder: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, variable)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")

    found = store_at(place_of(path), 1)

    assert (found and found.folder) == (None if folder is None else Path(folder.format(cwd=Path.cwd())))


def test_the_digest_is_of_every_byte_also_where_the_time_was_set_back(tmp_path: Path) -> None:
    path, found = tmp_path / "file", set()
    for byte in range(3):
        path.write_bytes(bytes(5_000_000) + bytes([byte]) + bytes(5_000_000))
        os.utime(path, (1, 1))
        found.add(digest_of(path))

    assert len(found) == 3


def test_a_list_of_files_says_nothing_but_json(kept: Store) -> None:
    head = (kept.folder / NAME).read_bytes().split(b"\n")[1]

    assert json.loads(head)["parts"][0].keys() == {"name", "size", "digest"}
