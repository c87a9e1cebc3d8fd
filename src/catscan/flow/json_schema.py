"""The JSON schema of a dataclass whose annotations say what each key may be, as in `catscan.common.keys`."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from itertools import pairwise
from types import NoneType
from typing import Any, get_args, get_origin

from catscan.common.keys import keys_of, unwrapped, variants

Schema = dict[str, Any]

NAMES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema_of(block: type) -> Schema:
    """The schema of a block: its keys, which of them are needed, and what it is."""
    hints, said = keys_of(block), sentences(block)
    needed = [one.name for one in fields(block) if one.default is MISSING and one.default_factory is MISSING]
    return {
        "type": "object",
        "additionalProperties": False,
        **({"required": needed} if needed else {}),
        "description": _sentence(inspect.getdoc(block) or ""),
        "properties": {one.name: _key(one, hints[one.name], said.get(one.name)) for one in fields(block)},
    }


def _key(one: Field[Any], hint: Any, sentence: str | None) -> Schema:
    """The schema of a key, with its default and its sentence; of a block within a block, the class has the sentence."""
    made = _typed(hint)
    default = one.default if one.default_factory is MISSING else one.default_factory()
    if default not in (MISSING, None):
        made["default"] = json.loads(json.dumps(default, default=lambda _: {}))  # a block: its keys have theirs
    return made | ({"description": sentence} if sentence else {})


def _typed(hint: Any) -> Schema:
    """The schema of a type with its bounds."""
    base, words = unwrapped(hint)
    if "enum" in words:
        return dict(words)
    return _bare(base) | words


def _bare(base: Any) -> Schema:
    """The schema of a type without bounds."""
    if is_dataclass(base) and isinstance(base, type):
        return schema_of(base)
    if base is Any:
        return {}
    if len(variants(base)) > 1:
        return _union([_typed(one) for one in variants(base) if one is not NoneType], NoneType in variants(base))
    if get_origin(base) is tuple:
        return _list(get_args(base))
    if get_origin(base) is Mapping:
        inner = _typed(get_args(base)[1])
        return {"type": "object"} | ({"additionalProperties": inner} if inner else {})
    return {"type": NAMES[base]}


def _union(several: list[Schema], nothing: bool) -> Schema:
    if not nothing:
        return {"anyOf": several}
    (one,) = several
    return one | ({"enum": [*one["enum"], None]} if "enum" in one else {"type": [one["type"], "null"]})


def _list(items: tuple[Any, ...]) -> Schema:
    if items[1:] == (...,):
        return {"type": "array", "items": _typed(items[0])}
    return {
        "type": "array",
        "prefixItems": [_typed(item) for item in items],
        "items": False,
        "minItems": len(items),
    }


def sentences(block: type) -> dict[str, str]:
    """What stands below each field of a dataclass and of those that it comes from."""
    found: dict[str, str] = {}
    for one in reversed(block.__mro__):
        if is_dataclass(one):
            found |= _sentences(one)
    return found


def _sentences(block: type) -> dict[str, str]:
    try:
        (tree,) = ast.parse(inspect.getsource(block)).body
    except OSError:  # made by `catscan.common.keys.optional`: the class that it was made of has the sentences
        return {}
    assert isinstance(tree, ast.ClassDef)
    return {
        str(one.target.id): _sentence(str(text.value.value))
        for one, text in pairwise(tree.body)
        if isinstance(one, ast.AnnAssign)
        and isinstance(one.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def _sentence(text: str) -> str:
    """A docstring's first paragraph as one line."""
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())
