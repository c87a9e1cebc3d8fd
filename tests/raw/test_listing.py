"""What every file of a competition holds: read once, and again only when its version says that it may differ."""

import os
import zipfile
from pathlib import Path

import pytest

from catscan.common.errors import CatscanError
from catscan.raw import listing
from catscan.raw.listing import CHANGED, GONE, NEW, Listing, found_at, kept_sum, sum_at


def zipped(path: Path, **members: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.jpg", content)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of two pictures and a zip of two."""
    folder = tmp_path / "source"
    (folder / "train").mkdir(parents=True)
    for name in ("a", "b"):
        (folder / "train" / f"{name}.jpg").write_text(name)
    zipped(folder / "test.zip", c="c", d="d")
    return folder


def there(source: Path) -> dict[str, listing.There]:
    return found_at(source.iterdir())


def listed(source: Path) -> Listing:
    return Listing.of(there(source), [path.name for path in source.iterdir()], Listing(), threads=2)


def differing(known: Listing, source: Path) -> dict[str, str]:
    files, _ = known.differing(there(source))
    return {f"{file.archive}/{file.path}": what for file, what in files.items()}


def rewritten(path: Path, content: str) -> None:
    """Edit a file in place, and put its time of writing back."""
    state = path.stat()
    while path.stat().st_ctime_ns == state.st_ctime_ns:  # the clock of a disk may stand still for milliseconds
        path.write_text(content)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


CHANGES = {
    "nothing": (lambda _: None, {}),
    "a picture touched": (lambda source: os.utime(source / "train/a.jpg", (0, 0)), {}),
    "a picture copied over itself": (lambda source: (source / "train/a.jpg").write_text("a"), {}),
    "a zip touched": (lambda source: os.utime(source / "test.zip", (0, 0)), {}),
    "a zip packed anew": (lambda source: zipped(source / "test.zip", d="d", c="c"), {}),
    "a picture edited, size and time restored": (
        lambda source: rewritten(source / "train/a.jpg", "A"),
        {"/train/a.jpg": CHANGED},
    ),
    "a picture of another size": (
        lambda source: (source / "train/b.jpg").write_text("more"),
        {"/train/b.jpg": CHANGED},
    ),
    "a picture more": (lambda source: (source / "train/e.jpg").write_text("e"), {"/train/e.jpg": NEW}),
    "a picture less": (lambda source: (source / "train/a.jpg").unlink(), {"/train/a.jpg": GONE}),
    "a picture renamed": (
        lambda source: (source / "train/a.jpg").rename(source / "train/e.jpg"),
        {"/train/a.jpg": GONE, "/train/e.jpg": NEW},
    ),
    "members of a zip": (
        lambda source: zipped(source / "test.zip", c="C", e="e"),
        {"test.zip/c.jpg": CHANGED, "test.zip/d.jpg": GONE, "test.zip/e.jpg": NEW},
    ),
    "a zip more, empty": (lambda source: zipped(source / "more.zip"), {"/more.zip": NEW}),
    "a zip more, cut off": (lambda source: (source / "more.zip").write_bytes(b"PK"), {"/more.zip": NEW}),
    "a zip less": (
        lambda source: (source / "test.zip").unlink(),
        {"test.zip/c.jpg": GONE, "test.zip/d.jpg": GONE},
    ),
    "a zip cut off": (
        lambda source: (source / "test.zip").write_bytes(b"PK"),
        {"test.zip/c.jpg": GONE, "test.zip/d.jpg": GONE},
    ),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_what_came_went_or_changed_is_named(source: Path, change, told: dict[str, str]) -> None:
    known = listed(source)
    change(source)

    assert differing(known, source) == told


@pytest.mark.parametrize("change", [change for change, _ in CHANGES.values()], ids=CHANGES)
def test_the_sum_at_the_head_tells_whether_any_file_is_of_another_version(source: Path, change) -> None:
    before = there(source)
    listed(source).write(source.parent / "listing.json")
    change(source)
    same = {name: at.version for name, at in there(source).items()} == {name: at.version for name, at in before.items()}

    assert (kept_sum(source.parent / "listing.json") == sum_at(source.iterdir())) == same


@pytest.mark.parametrize("text", [None, "", "{}", '{"files":{}}', '{"all":"', "\0"])
def test_what_has_no_sum_tells_none(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "listing.json").write_text(text)

    assert kept_sum(tmp_path / "listing.json") is None


def test_a_file_of_the_same_version_is_not_read_again(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known, read = listed(source), list[str]()
    os.utime(source / "train/a.jpg", (0, 0))
    content_of = listing._digest
    monkeypatch.setattr(listing, "_digest", lambda name, path: (read.append(name), content_of(name, path))[1])
    _, refreshed = known.differing(there(source))
    differing(refreshed, source)
    Listing.of(there(source), known.linked, refreshed, threads=1)

    assert read == ["train/a.jpg"]


def test_what_was_unpacked_into_the_raw_folder_is_not_looked_for_in_the_source(source: Path) -> None:
    found = there(source)
    known = Listing.of(found, ["train"], Listing(), threads=1)
    del found["test.zip"]

    assert known.differing(found)[0] == {}


def test_a_listing_is_read_as_it_was_written_whatever_the_names(source: Path) -> None:
    Path(os.fsdecode(os.fsencode(source / "train") + b"/\xff.jpg")).write_text("no UTF-8")
    known = listed(source)
    known.write(source / ".listing.json")

    assert Listing.read(source / ".listing.json") == known


@pytest.mark.parametrize("text", ["{}", "[]", '{"linked": [], "files": {"a": 1}, "members": {}}', "{"])
def test_what_is_no_listing_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / ".listing.json").write_text(text)

    with pytest.raises(CatscanError):
        Listing.read(tmp_path / ".listing.json")


def test_a_broken_7z_in_a_folder_is_a_file_like_any_other(source: Path) -> None:
    (source / "train" / "notes.7z").write_bytes(b"no 7z")

    assert listed(source).files["train/notes.7z"][1].startswith("sha256:")
