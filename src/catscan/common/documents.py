"""Documents: the JSON files that one stage writes and others read, each as a frozen dataclass.

A field may be a str, int, float or bool, a dataclass of such fields, a tuple (``tuple[T, ...]`` or of a fixed length),
a dict with names as keys, any of these or None, or ``Any``: whatever JSON can hold.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints

from catscan.common.errors import CatscanError, did_you_mean
from catscan.common.files import read_json, write_json

SHOWN = 60  # characters of a wrong value

JSON_NAMES = {
    dict: "an object",
    tuple: "a list",
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


@dataclass(frozen=True)
class Document:
    """What one stage tells the others in a file; a subclass names the fields.

    One whose fields have to fit each other checks so when it is made, and raises ValueError.

    Attributes
    ----------
    VERSION
        Of the format: it goes up when fields change, so that a file of old is told from a file that is wrong.
    STAGE
        The stage that writes the file.
    """

    VERSION: ClassVar[int]
    STAGE: ClassVar[str]

    def write(self, path: Path | str) -> None:
        """Write the fields and the format's version as JSON, whole or not at all."""
        write_json(path, {"version": self.VERSION, **asdict(self)})

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read what `write` has written.

        Raises
        ------
        CatscanError
            When the file is missing, is no JSON, is of another version of the format, or was edited: a key is missing
            or unknown, or its value of another type.
        """
        values = read_json(path)
        again = f"delete the file and run again: the {cls.STAGE} stage writes it."
        try:
            if not isinstance(values, dict):
                raise _Unfit("", f"{_shown(values)}, not an object")
            version = values.pop("version", None)
            if version != cls.VERSION:
                raise CatscanError(
                    "A file was written by another version of catscan.",
                    where=str(path),
                    found=f"version {_shown(version)} of its format, not {cls.VERSION}",
                    do=again.capitalize(),
                )
            return parsed(cls, values)
        except _Unfit as error:
            raise CatscanError(
                f"A file is not as the {cls.STAGE} stage writes it.",
                where=f"{path}, key {error.key}" if error.key else str(path),
                found=error.found,
                do=f"{error.hint} Undo what was edited, or {again}".strip(),
            ) from error


class _Unfit(Exception):
    """A value is of another type than its field, a key is missing or unknown; caught in this module."""

    def __init__(self, key: str, found: str, hint: str = "") -> None:
        super().__init__(f"{key}: {found}")
        self.key, self.found, self.hint = key, found, hint


def parsed(kind: Any, value: Any, key: str = "") -> Any:
    """``value``, as JSON has it, as the type ``kind``; ``key`` is where it stands, for errors."""
    if kind is Any:
        return value
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (other,) = (arg for arg in args if arg is not NoneType)
        return None if value is None else parsed(other, value, key)
    if is_dataclass(kind):
        return _object(kind, value, key)
    if origin is dict:
        items = _checked(value, dict, key).items()
        return {name: parsed(args[1], item, _below(key, name)) for name, item in items}
    if origin is tuple:
        return _tuple(args, _checked(value, tuple, key), key)
    return _checked(value, kind, key)


def _object(kind: Any, value: Any, key: str) -> Any:
    value, hints = _checked(value, dict, key), _hints(kind)
    for name in value:
        if name not in hints:
            raise _Unfit(_below(key, name), "an unknown key", did_you_mean(name, list(hints)))
    for name in hints:
        if name not in value:
            raise _Unfit(_below(key, name), "the key is missing")
    given = {name: parsed(hint, value[name], _below(key, name)) for name, hint in hints.items()}
    try:
        return kind(**given)
    except ValueError as error:  # its fields do not fit each other
        raise _Unfit(key, str(error)) from error


def _tuple(args: tuple[Any, ...], items: list[Any], key: str) -> tuple[Any, ...]:
    if args[-1] is not Ellipsis and len(items) != len(args):
        raise _Unfit(key, f"{len(items)} values, not {len(args)}")
    kinds = [args[0]] * len(items) if args[-1] is Ellipsis else args
    return tuple(
        parsed(kind, item, f"{key}[{place}]") for place, (kind, item) in enumerate(zip(kinds, items, strict=True))
    )


def _checked(value: Any, kind: Any, key: str) -> Any:
    """``value`` when it is what JSON has for ``kind``; a whole number is a number too, true is none."""
    wanted = {tuple: (list,), float: (float, int)}.get(kind, (kind,))
    if type(value) not in wanted or (type(value) is float and not math.isfinite(value)):
        raise _Unfit(key, f"{_shown(value)}, not {JSON_NAMES[kind]}")
    return value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, with their types."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _below(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
