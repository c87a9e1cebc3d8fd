"""What a module holds is found once, and anew as soon as its bytes are others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from catscan.common import module_digests
from catscan.common.module_digests import Module, read

CODE = """'Words.'
from . import near
import numpy as np

@near.mark
def one() -> None:
    from ..far import A
"""


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's caches, empty; what this process remembers is forgotten."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    forget()
    yield tmp_path / "caches"
    forget()


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "one.py").write_text(CODE)
    return tmp_path / "one.py"


def forget() -> None:
    """What a new process knows."""
    module_digests._memory.cache_clear()
    module_digests._new.clear()


def in_the_next_process(path: Path) -> Module:
    module_digests.keep()
    forget()
    return read(path)


def is_parsed(path: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether reading a module in the next process parses it."""
    parsed = []
    monkeypatch.setattr(module_digests, "_parsed", lambda text: parsed.append(text) or Module("", {}, []))
    in_the_next_process(path)
    return bool(parsed)


def test_a_module_has_its_definitions_and_all_its_imports(module: Path) -> None:
    found = read(module)

    assert set(found.parts) == {"one", "the rest"}
    assert set(found.imports) == {".near", "numpy", "..far.A"}


def test_a_module_is_parsed_once_for_all_processes(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(module)

    assert in_the_next_process(module) == found
    assert not is_parsed(module, monkeypatch)


def test_an_edit_of_the_same_length_is_seen(module: Path) -> None:
    before = read(module)
    module.write_text(CODE.replace("far", "war"))

    assert in_the_next_process(module).code != before.code


def test_a_comment_and_another_order_of_words_in_a_docstring_change_nothing(module: Path) -> None:
    before = read(module)
    module.write_text(CODE.replace("Words", "Others") + "    # and a comment\n")

    assert in_the_next_process(module) == before


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"a": 1}', b'{"a": {"code": ""}}', b"\xff"])
def test_a_damaged_memory_is_made_anew(damage: bytes, module: Path, caches: Path) -> None:
    found = read(module)
    module_digests.keep()
    (caches / "catscan" / "modules.json").write_bytes(damage)
    forget()

    assert in_the_next_process(module) == found


def test_another_python_finds_anew(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read(module)
    monkeypatch.setattr(module_digests, "_reader", lambda: b"another")

    assert is_parsed(module, monkeypatch)


def test_a_memory_that_cannot_be_kept_stops_nothing(module: Path, caches: Path) -> None:
    caches.write_text("a file in the way")

    assert in_the_next_process(module) == read(module)


def test_without_a_home_nothing_is_kept(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_digests, "caches", lambda: None)

    assert is_parsed(module, monkeypatch)


def test_the_oldest_are_dropped(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_digests, "KEPT", 1)
    read(module)
    module.write_text("A = 1\n")
    newest = in_the_next_process(module)
    module_digests.keep()
    forget()

    assert list(module_digests._memory().values()) == [newest]
