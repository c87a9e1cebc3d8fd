"""One walk for the raw files, the digests of a source and the slices of a scan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catscan.kinds.scans.sources import ScanFiles
from catscan.raw.files import RawFiles
from catscan.raw.listing import found_at
from catscan.raw.walk import files_below


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, a folder that is linked twice, and a link that leads back."""
    for name in ("raw/a/1.dcm", "raw/2.dcm", "elsewhere/3.dcm", "raw/a/.hidden", "raw/__MACOSX/4.dcm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "raw/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "raw/c").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "raw/a/around").symlink_to(tmp_path / "raw")
    (tmp_path / "raw/nowhere").symlink_to("absent")
    (tmp_path / "raw/itself").symlink_to("itself")
    (tmp_path / "raw/kernel").symlink_to("/proc")  # some of its files are read without an end
    (tmp_path / "raw/5.dcm").symlink_to("/proc/self/environ")
    (tmp_path / "raw/6.dcm").symlink_to("/dev/zero")
    return tmp_path / "raw"


WALKS: dict[str, Callable[[Path], list[str]]] = {
    "the walk": lambda folder: [name for name, _ in files_below(folder)],
    "raw files": lambda folder: [file.path for file in RawFiles(folder).all()],
    "slices": lambda folder: [file.path[4:] for file in ScanFiles(RawFiles(folder.parent)).list("", "raw")],
    "digests": lambda folder: [name.removeprefix(f"{folder.name}/") for name in found_at([folder])],
}


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS.keys())
def test_links_are_followed_under_each_name_but_not_back(walk: Callable[[Path], list[str]], folder: Path) -> None:
    assert sorted(walk(folder)) == ["2.dcm", "a/1.dcm", "b/3.dcm", "c/3.dcm"]
