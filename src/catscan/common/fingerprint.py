"""What makes a stage run again: a digest of its code, and the versions of the packages that shape its results.

The code of a stage is its module and every catscan module that it imports, directly or not, in functions too. Comments,
docstrings and layout do not count: the digest is taken over the syntax tree.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = "catscan"
SOURCES = Path(__file__).resolve().parents[1]

# Import name -> the distributions that may bring it. Only packages whose version can change a stage's result count;
# pandas or tqdm, say, cannot.
RESULT_SHAPING = {
    "cv2": ("opencv-python-headless", "opencv-python"),
    "numpy": ("numpy",),
    "simplejpeg": ("simplejpeg",),
    "PIL": ("pillow",),
    "pydicom": ("pydicom",),
    "nibabel": ("nibabel",),
    "scipy": ("scipy",),
    "tensorflow": ("tensorflow-cpu", "tensorflow"),
    "tflearn": ("tflearn",),
    "matplotlib": ("matplotlib",),
}

_modules_of: dict[str, list[str]] = {}  # by the digests given out, the modules that they are of


def code_of(stage: str, without: Sequence[str] = (), also: Sequence[str] = ()) -> str:
    """Digest of the stage's code (16 hex digits); ``without`` and ``also`` as in `closure`."""
    digest, modules = hashlib.sha256(), sorted(closure(stage, without, also))
    for module in modules:
        digest.update(f"{module}\n{_parsed(module).code}\n".encode())
    found = digest.hexdigest()[:16]
    _modules_of[found] = modules
    return found


def parts_of(digest: str) -> dict[str, str] | None:
    """Of a digest that `code_of` gave in this process, by "file: definition" the digest of each part (8 hex digits).

    What stands outside of functions and classes counts as one definition a file, "the rest".
    """
    modules = _modules_of.get(digest)
    return None if modules is None else {name: part for module in modules for name, part in _parts(module).items()}


@cache
def _parts(module: str) -> dict[str, str]:
    file, texts = _source(module).relative_to(SOURCES), dict[str, str]()
    code = _parsed(module).code
    lines = code.split("\n")
    for node in ast.parse(code).body:
        is_definition = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        name = f"{file}: {node.name if is_definition else 'the rest'}"  # type: ignore[attr-defined]
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        texts[name] = texts.get(name, "") + "\n".join(lines[first - 1 : node.end_lineno]) + "\n"
    return {name: hashlib.sha256(text.encode()).hexdigest()[:8] for name, text in texts.items()}


def versions_of(stage: str, without: Sequence[str] = (), also: Sequence[str] = ()) -> dict[str, str]:
    """The installed versions of the result-shaping packages that the stage's code imports."""
    names = {name for module in closure(stage, without, also) for name in _parsed(module).third_party}
    return {name: found for name in sorted(names & RESULT_SHAPING.keys()) if (found := _installed(name))}


def closure(stage: str, without: Sequence[str] = (), also: Sequence[str] = ()) -> set[str]:
    """The names of all catscan modules that ``catscan.<stage>`` needs, itself included, without the package's root.

    Parameters
    ----------
    stage
        The stage's module below the package.
    without
        Modules and packages below the package that the stage imports only for another source than the one at hand;
        what they alone import does not count either.
    also
        Modules below the package that the stage takes by name and not by an import: those of the kind of data at hand.
    """
    left_out = tuple(f"{PACKAGE}.{name}" for name in without)
    todo, seen = [f"{PACKAGE}.{name}" for name in (stage, *also)], set[str]()
    while todo:
        module = todo.pop()
        if module in seen or any(module == name or module.startswith(f"{name}.") for name in left_out):
            continue
        seen.add(module)
        todo.extend(_parsed(module).first_party)
    return seen


class _Parsed:
    """One module: its code without comments and docstrings, and what it imports."""

    def __init__(self, module: str) -> None:
        path = _source(module)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        self.first_party: set[str] = set()
        self.third_party: set[str] = set()
        parent = module.rpartition(".")[0]
        if parent != PACKAGE:
            self.first_party.add(parent)  # importing a.b.c runs a.b first
        for name in _imports(tree, module if path.name == "__init__.py" else parent):
            if name.split(".")[0] == PACKAGE:
                self.first_party.update(_modules_named(name))
            else:
                self.third_party.add(name.split(".")[0])
        self.code = ast.unparse(_without_docstrings(tree))


@cache
def _parsed(module: str) -> _Parsed:
    return _Parsed(module)


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package.split(".")[: len(package.split(".")) - node.level + 1], base]).rstrip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)


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


def _modules_named(name: str) -> set[str]:
    """``name`` is a module, or something in a module; the package's root does not count."""
    for candidate in (name, name.rpartition(".")[0]):
        if candidate != PACKAGE and _source(candidate).is_file():
            return {candidate}
    return set()


def _source(module: str) -> Path:
    path = SOURCES.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """Docstrings, also those below a class's fields; any other text that stands alone does nothing either."""
    for node in _statements(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_text(statement)] or [ast.Pass()]
    return tree


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


@cache  # the workflow asks for each of a thousand jobs; looking into the distribution takes 2 ms
def _installed(name: str) -> str:
    for distribution in RESULT_SHAPING[name]:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return ""


def file_of(path: Path) -> str:
    """Digest of a user's own file (16 hex digits); "" when it is missing, which the stage itself will tell."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""
