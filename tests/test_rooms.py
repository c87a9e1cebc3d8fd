"""The rooms of src/catscan: who may import whom, and what each says of itself."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[1] / "src" / "catscan"
# Room -> the rooms below it that it may import; what stands at the top of the package ("") may import all.
MAY_IMPORT = {
    "common": set[str](),
    "raw": {"common"},
    "kaggle": {"common"},
    "scores": {"common"},
    "networks": {"common"},
    "kinds": {"common", "raw"},
    "stages": {"common", "raw", "kaggle", "scores", "networks", "kinds"},
    "flow": {"common", "raw", "kaggle", "scores", "networks", "kinds", "stages"},
}
MODULES = sorted(path.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("*.py"))


def room_of(name: str) -> str:
    """The first word below the package of a module's dotted name."""
    return f"{name}.".split(".")[1]


@cache
def imported(module: str) -> set[str]:
    """The dotted names of all that a module takes from catscan, in functions too."""
    names = set[str]()
    for node in ast.walk(ast.parse((SOURCES / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}, line {node.lineno}: imports are written in full"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "catscan" and name != "catscan.__version__"}


def test_all_rooms_are_listed() -> None:
    assert {path.name for path in SOURCES.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(MAY_IMPORT)


@pytest.mark.parametrize("module", [module for module in MODULES if "/" in module])
def test_a_room_imports_only_the_rooms_below_it(module: str) -> None:
    room = module.split("/", maxsplit=1)[0]
    allowed = MAY_IMPORT[room] | {room}

    assert sorted(name for name in imported(module) if room_of(name) not in allowed) == []


@pytest.mark.parametrize("module", [module for module in MODULES if module.startswith("stages/")])
def test_no_stage_imports_another(module: str) -> None:
    own = module.removesuffix(".py").split("/")[1]
    others = [name for name in imported(module) if room_of(name) == "stages" and name.split(".")[2] != own]

    assert others == []


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_says_in_three_lines_what_belongs_there(room: str) -> None:
    said = ast.get_docstring(ast.parse((SOURCES / room / "__init__.py").read_text(encoding="utf-8"))) or ""

    assert 0 < len([line for line in said.splitlines() if line.strip()]) <= 3
    assert "mport" in said


def test_no_two_rooms_import_each_other() -> None:
    order = list(MAY_IMPORT)

    assert all(order.index(below) < order.index(room) for room, allowed in MAY_IMPORT.items() for below in allowed)


@pytest.mark.parametrize("room", ["common", "kinds", "raw"])
def test_no_module_of_a_room_needs_itself_by_a_detour(room: str) -> None:
    in_room = {
        module.removesuffix(".py").replace("/", "."): module for module in MODULES if module.startswith(f"{room}/")
    }
    needed = {
        name: {
            other for other in in_room for found in imported(module) if _is_of(found.removeprefix("catscan."), other)
        }
        for name, module in in_room.items()
    }

    TopologicalSorter(needed).prepare()  # a cycle raises, and names its modules


def _is_of(found: str, module: str) -> bool:
    """Whether a name is a module, or something in it."""
    return found == module or found.rpartition(".")[0] == module
