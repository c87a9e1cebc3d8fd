"""What makes a stage run again: a digest of its code, and the versions of the packages that shape its results.

The code of a stage is its module and every catscan module that it imports, directly or not, in functions too. Comments,
docstrings and layout do not count (`common.module_digests`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from catscan.common import module_digests

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
        digest.update(f"{module}\n{_read(module).code}\n".encode())
    module_digests.keep()
    found = digest.hexdigest()[:16]
    _modules_of[found] = modules
    return found


def parts_of(digest: str) -> dict[str, str] | None:
    """Of a digest that `code_of` gave in this process, by "file: definition" the digest of each part (8 hex digits).

    What stands outside of functions and classes counts as one definition a file, "the rest".
    """
    modules = _modules_of.get(digest)
    if modules is None:
        return None
    parts = [(_source(module).relative_to(SOURCES), _read(module).parts) for module in modules]
    return {f"{file}: {name}": part for file, named in parts for name, part in named.items()}


def versions_of(stage: str, without: Sequence[str] = (), also: Sequence[str] = ()) -> dict[str, str]:
    """The installed versions of the result-shaping packages that the stage's code imports."""
    names = {name for module in closure(stage, without, also) for name in _imported(module)[1]}
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
        todo.extend(_imported(module)[0])
    return seen


@cache
def _read(module: str) -> module_digests.Module:
    return module_digests.read(_source(module))


@cache
def _imported(module: str) -> tuple[frozenset[str], frozenset[str]]:
    """The modules of catscan that a module imports, and the other packages."""
    parent = module.rpartition(".")[0]
    package = (module if _source(module).name == "__init__.py" else parent).split(".")
    first = {parent} - {PACKAGE}  # importing a.b.c runs a.b first
    third = set()
    for written in _read(module).imports:
        name = written.lstrip(".")
        if level := len(written) - len(name):
            name = ".".join([*package[: len(package) - level + 1], name])
        if name.split(".")[0] == PACKAGE:
            first.update(_modules_named(name))
        else:
            third.add(name.split(".")[0])
    return frozenset(first), frozenset(third)


def _modules_named(name: str) -> set[str]:
    """``name`` is a module, or something in a module; the package's root does not count."""
    for candidate in (name, name.rpartition(".")[0]):
        if candidate != PACKAGE and _source(candidate).is_file():
            return {candidate}
    return set()


def _source(module: str) -> Path:
    path = SOURCES.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


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
