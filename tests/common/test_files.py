"""Files appear whole or not at all."""

import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catscan.common import files
from catscan.common.errors import CatscanError, TryAgain
from catscan.common.files import PARTIAL, alone_in, read_json, spelt_out, sweep, whole, write_json, write_text


def test_an_error_inside_the_block_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    with pytest.raises(RuntimeError), whole(target) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_is_one_block(tmp_path: Path) -> None:
    with (
        pytest.raises(CatscanError, match=r"cannot be written[\s\S]*No space left[\s\S]*Free some space"),
        whole(tmp_path / "a"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_folder_that_cannot_be_made_is_one_block(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CatscanError, match="cannot be written"), whole(tmp_path / "file" / "a"):
        pass


def test_the_file_has_the_rights_that_the_umask_gives(tmp_path: Path) -> None:
    with whole(tmp_path / "a") as partial:
        partial.write_text("x")

    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~mask


WRITER = """
import sys, time
from catscan.common.files import whole
with whole(sys.argv[1]) as partial:
    partial.write_text("half")
    print("ready", flush=True)
    time.sleep(600)
"""


def test_a_killed_writer_leaves_the_old_file_and_the_next_one_sweeps_its_rubbish(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with subprocess.Popen([sys.executable, "-c", WRITER, target], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        sweep(tmp_path)
        write_text(tmp_path / "b.txt", "another file")
        (partial,) = tmp_path.glob(f".*{PARTIAL}")  # of a living process: it stays
        process.kill()
    assert (target.read_text(), partial.read_text()) == ("old", "half")

    write_text(target, "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt"]
    assert target.read_text() == "new"


def test_json_is_the_same_bytes_for_the_same_content(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": [0.1]})
    write_json(tmp_path / "b.json", {"a": [0.1], "b": 1})

    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [0.1], "b": 1}


def test_not_a_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", float("nan"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"), [(None, "A file is missing"), ("{", "it is not JSON")], ids=["missing", "damaged"]
)
def test_json_that_cannot_be_read_is_one_block(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "a.json").write_text(text)

    with pytest.raises(CatscanError, match=message):
        read_json(tmp_path / "a.json")


def test_a_second_process_is_kept_out_of_a_folder_until_the_first_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0)
    script = "import sys, time; from pathlib import Path; from catscan.common.files import alone_in\n"
    script += "with alone_in(Path(sys.argv[1])):\n    print('in', flush=True)\n    time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script, tmp_path / "a"], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "in\n"
        with pytest.raises(TryAgain, match=r"at work in this folder[\s\S]*/a\n"), alone_in(tmp_path / "a"):
            pass
        first.kill()

    with alone_in(tmp_path / "a"):
        assert list((tmp_path / "a").iterdir()) == []


def test_a_folder_is_locked_by_a_file_beside_it_which_goes_with_the_lock(tmp_path: Path) -> None:
    with alone_in(tmp_path / "a"):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".a.in-use", "a"]

    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_process_that_is_about_to_end_is_waited_for(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        with alone_in(tmp_path / "a"):
            second = pool.submit(_be_in, tmp_path / "a")
            with pytest.raises(TimeoutError):
                second.result(timeout=0.3)

        assert second.result(timeout=5) is None


def _be_in(folder: Path) -> None:
    with alone_in(folder):
        pass


@pytest.mark.parametrize("given", [".", "../series", "../link"])
def test_a_path_spelt_out_has_a_name_and_a_parent_and_follows_no_link(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "series").mkdir()
    (tmp_path / "link").symlink_to("series")
    monkeypatch.chdir(tmp_path / "series")

    assert spelt_out(Path(given)) == tmp_path / ("link" if given == "../link" else "series")
