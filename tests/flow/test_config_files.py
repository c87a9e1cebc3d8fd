"""A config file that cannot be read is told with its file and line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from catscan.common.errors import CatscanError
from catscan.flow.config_files import check, read


def refusal(path: Path) -> CatscanError:
    with pytest.raises(CatscanError) as raised:
        read(path)
    return raised.value


def refused(folder: Path, text: str | bytes) -> CatscanError:
    path = folder / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    error = refusal(path)
    error.where = error.where.removeprefix(f"{folder}/")
    return error


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("run: [a]\n", {"run": ["a"]}),
        ("\ufeffrun: [a]\n", {"run": ["a"]}),
        ('{\n\t"run": ["a"]}', {"run": ["a"]}),
        ("run: &names [a]\nother: *names\n", {"run": ["a"], "other": ["a"]}),
        ("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n", {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}}),
        ("a: {x: 1}\nb: {x: 1}\n", {"a": {"x": 1}, "b": {"x": 1}}),
    ],
    ids=["YAML", "byte order mark", "JSON with tabs", "alias", "merged", "one key in two blocks"],
)
def test_what_can_be_read_is_read(tmp_path: Path, text: str, value: object) -> None:
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")

    assert read(tmp_path / "mine.yaml") == value


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("run: [a]\ntitle: 'abc\nfoo: 1\n", 2, "title: 'abc"),
        ("run: [a\nfoo: {b: 1\n", 2, "foo: {b: 1"),
        ("a: 1\r\nb: [\r\n", 2, "b: ["),
        ("run:[a]\nfoo: 1\n", 2, "foo: 1"),
        ("a:\n  b: 1\n   c: 2\n", 3, "c: 2"),
        ("a: 1\ntrain: {label}/{id}.jpg\n", 2, "train: {label}/{id}.jpg"),
        ("a: 1\ntest: %d.jpg\n", 2, "test: %d.jpg"),
        ('a: 1\npath: "C:\\data"\n', 2, 'path: "C:\\data"'),
        ("a: 1\n---\nb: 2\n", 2, "---"),
        ("a: !!python/object:os.system x\n", 1, "a: !!python/object:os.system x"),
        ("{[a]: 1}\n", 1, "{[a]: 1}"),
    ],
    ids=[
        "open quote",
        "open bracket",
        "open at the end",
        "no space after a colon",
        "indent",
        "pattern",
        "percent",
        "backslash",
        "two documents",
        "tag",
        "key",
    ],
)
def test_broken_yaml_is_told_by_its_line(tmp_path: Path, text: str, line: int, found: str) -> None:
    error = refused(tmp_path, text)

    assert (error.what, error.where) == ("A config file is no YAML.", f"mine.yaml, line {line}")
    assert error.found.splitlines()[0] == found
    assert error.do.startswith("Look there and one line above:")


def test_tabs_are_told_to_become_spaces(tmp_path: Path) -> None:
    error = refused(tmp_path, "run:\n\t- a\n")

    assert (error.where, error.do) == ("mine.yaml, line 2", "Indent by spaces, not by tabs.")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("day: 2026-02-30\n", "day is out of range for month"),
        ("a: \x00\n", "unacceptable character #x0000: special characters are not allowed"),
        ("[" * 1000, "maximum recursion depth exceeded"),
    ],
    ids=["no date", "NUL", "deep"],
)
def test_what_has_no_line_is_told_by_its_file(tmp_path: Path, text: str, found: str) -> None:
    error = refused(tmp_path, text)

    assert (error.what, error.where) == ("A config file is no YAML.", "mine.yaml")
    assert error.found.startswith(found)


@pytest.mark.parametrize(
    ("data", "line", "found"),
    [
        ("run: [a]\n".encode("utf-16"), 1, "UTF-16"),
        ("a: 1\ntitle: Köln\n".encode("latin-1"), 2, "the byte 0xF6"),
        (b"PK\x03\x04\x00\x00\x8f", 1, "a binary file"),
    ],
    ids=["UTF-16", "Latin-1", "zip"],
)
def test_what_is_no_utf_8_is_told_to_be_saved_so(tmp_path: Path, data: bytes, line: int, found: str) -> None:
    error = refused(tmp_path, data)

    assert (error.what, error.where) == ("A config file is not UTF-8.", f"mine.yaml, line {line}")
    assert (error.found, error.do) == (found, "Save it as UTF-8.")


def bomb(item: str) -> str:
    """Ten lists, each of nine times the one before: 3,486,784,401 items."""
    return f"a0: &a0 {item}\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 11))


MERGED = "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 11))


@pytest.mark.parametrize(
    "text",
    [
        bomb("x"),
        bomb("{k: v}"),
        MERGED,
        "a: &a [*a]\n",
        "a: &a {b: [*a]}\n",
        f"a: &a {'x' * 4000}\nb: [{'*a,' * 2000}]\n",
    ],
    ids=["lists", "mappings", "merged", "a list in itself", "a mapping in itself", "a long text, often"],
)
def test_aliases_that_stand_for_more_than_can_be_held_are_refused(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text)

    assert (error.what, error.where) == ("A config file says too much by its aliases.", "mine.yaml")


def test_a_config_file_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "mine.yaml").open("wb") as file:
        file.truncate(1 << 40)

    assert refusal(tmp_path / "mine.yaml").found == "1,099,511,627,776 bytes, of which 4,194,304 are read"


def test_a_key_that_stands_twice_is_told_with_both_lines(tmp_path: Path) -> None:
    error = refused(tmp_path, "a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n")

    assert (error.what, error.where) == ("A config file has a key twice: 'c'.", "mine.yaml, line 5")
    assert error.found == "the same key in line 3"


@pytest.mark.parametrize(
    ("text", "found"),
    [("# nothing\n", "nothing"), ("- a\n", "a list: ['a']"), ("hello", "a text: hello"), ("3", "a single value: 3")],
    ids=["empty", "list", "text", "number"],
)
def test_what_is_no_mapping_is_told_as_what_it_is(tmp_path: Path, text: str, found: str) -> None:
    error = refused(tmp_path, text)

    assert (error.what, error.found) == ("A config file holds keys and their values.", found)


def test_a_missing_file_is_told_with_its_nearest_neighbour(tmp_path: Path) -> None:
    (tmp_path / "my-cats.yaml").write_text("run: [a]\n")
    error = refusal(tmp_path / "my-cat.yaml")

    assert (error.what, error.do) == ("A config file is missing.", 'Did you mean "my-cats.yaml"?')


def test_a_missing_file_in_a_missing_folder_is_told_too(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no" / "my.yaml").do == "Check its path."


def test_a_folder_is_no_config_file(tmp_path: Path) -> None:
    assert refusal(tmp_path).found == "a folder"


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("/proc/kmsg")],
    ids=["pipe", "device", "of the kernel"],
)
def test_what_is_no_file_of_a_disk_is_no_config_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "mine.yaml")

    assert refusal(tmp_path / "mine.yaml").found == "a pipe, a device, or what the kernel makes up"


def test_the_first_of_several_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("run: [a]\n")
    with pytest.raises(CatscanError, match="missing"):
        check([tmp_path / "good.yaml", tmp_path / "other.yaml"])
