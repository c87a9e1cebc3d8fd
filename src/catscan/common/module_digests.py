"""What the modules of catscan hold: digests of their code and of their definitions, and what they import.

Comments, docstrings and layout do not count: the digests are taken over the syntax tree. That takes 4 ms a module, near
a second in every plan; so what was found is kept among the user's caches, by the module's bytes, this file's and
Python's version.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from catscan.common.errors import CatscanError
from catscan.common.files import caches, write_text

REST = "the rest"
KEPT = 1000  # modules: those of the last versions and clones


@dataclass(frozen=True)
class Module:
    """One module, found by `read`.

    Attributes
    ----------
    code
        Digest of its code (64 hex digits).
    parts
        By the name of each function and class at the top its digest (8 hex digits); what stands outside of them counts
        as one, `REST`.
    imports
        What it imports, in functions too: dotted names; of ``from a import b`` "a.b". Relative ones begin with a dot a
        level, as they are written.
    """

    code: str
    parts: dict[str, str]
    imports: list[str]


def read(path: Path) -> Module:
    """Read the module at ``path``."""
    written = path.read_bytes()
    key = hashlib.sha256(b"\n".join([_reader(), written])).hexdigest()
    known = _memory().get(key)
    if known is None:
        known = _memory()[key] = _parsed(written)
        _new.append(key)
    return known


def keep() -> None:
    """Keep what was found anew, as far as the user has a place for it."""
    file = _file()
    if _new and file is not None:
        _new.clear()
        latest = list(_memory().items())[-KEPT:]
        with suppress(CatscanError, OSError):
            write_text(file, json.dumps({key: asdict(one) for key, one in latest}))


_new: list[str] = []  # the keys of what was read since the last `keep`


@cache
def _memory() -> dict[str, Module]:
    """What was found before, by the digest of the bytes it was found in; of a damaged file nothing."""
    file = _file()
    try:
        return {key: Module(**one) for key, one in json.loads(file.read_bytes()).items()} if file else {}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _file() -> Path | None:
    folder = caches()
    return folder and folder / "modules.json"


@cache
def _reader() -> bytes:
    """What the digests depend on beside the module: the code that takes them, and how Python writes a syntax tree."""
    return b"\n".join([sys.version.encode(), Path(__file__).read_bytes()])


def _parsed(written: bytes) -> Module:
    tree = ast.parse(written)
    imports = list(_imports(tree))
    code, texts = "", dict[str, str]()
    for node in _without_docstrings(tree).body:
        is_definition = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        name = node.name if is_definition else REST  # type: ignore[attr-defined]
        text = ast.unparse(node) + "\n"
        code += text
        texts[name] = texts.get(name, "") + text
    parts = {name: _digest(text)[:8] for name, text in texts.items()}
    return Module(_digest(code), parts, imports)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (f"{node.module}." if node.module else "")
            yield from (f"{base}{alias.name}" for alias in node.names)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """The module and all statements below it; `ast.walk` takes ten times as long, since it goes into expressions."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            below = getattr(node, block, ())
            if isinstance(below, list):
                todo.extend(below)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """Docstrings, also those below a class's fields; any other text that stands alone does nothing either."""
    for node in _statements(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_text(statement)] or [ast.Pass()]
    return tree


def _is_text(statement: Any) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
