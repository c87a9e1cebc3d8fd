"""The schema of the config: reading it, what it refuses, and the defaults that it fills in.

It is made from the classes in `catscan.flow.blocks` and written beside the workflow, which reads it from there.
"""

from __future__ import annotations

import math
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from catscan.common.errors import CatscanError, did_you_mean

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # that of C takes a tenth of the time, in each plan

Config = dict[str, Any]


@cache
def read(path: Path | str) -> Config:
    """The JSON schema of the configuration, written as YAML."""
    schema: Config = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=LOADER)
    return schema


def check(config: Config, schema: Config) -> None:
    """Raise the mistake that stands nearest the top of ``config``, as one block with its key.

    Raises
    ------
    CatscanError
        With the key where it stands and, for an unknown one, the nearest known.
    """
    from jsonschema import Draft202012Validator

    _refuse_unreadable(config)
    errors = sorted(
        Draft202012Validator(schema).iter_errors(config), key=lambda error: (len(error.path), str(error.path))
    )
    if errors:
        raise _explained(errors[0])


def _refuse_unreadable(value: Any, path: tuple[str, ...] = ()) -> None:
    """Refuse what YAML can write and the schema lets pass: a number that is none, a name that is no text."""
    where = "config key " + ".".join(path)
    if isinstance(value, float) and not math.isfinite(value):
        raise CatscanError(
            "A number in the config must be finite.",
            where=where,
            found=repr(value),
            do="Give a number, or leave it out.",
        )
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise _no_text("A name in the config must be text.", f"{where}.{name}", name)
            _refuse_unreadable(inner, (*path, name))
    if isinstance(value, list):
        for place, inner in enumerate(value):
            _refuse_unreadable(inner, (*path, str(place)))


def _no_text(what: str, where: str, value: Any) -> CatscanError:
    """The block for what YAML reads as a number, a yes or no, a date or nothing where a text is meant."""
    nothing = value is None
    return CatscanError(
        what,
        where=where,
        found="nothing" if nothing else f"{value!r}, which YAML reads as {_read_as(value)}",
        do='Write "" for an empty text.' if nothing else "Put quotes around it, as it is to be read.",
    )


def _read_as(value: Any) -> str:
    if isinstance(value, bool):
        return "yes or no"
    return "a number" if isinstance(value, (int, float)) else "a date"


def _explained(error: Any) -> CatscanError:
    """One schema error, in the words of the person who wrote the config."""
    while error.validator in ("anyOf", "oneOf") and error.context:
        deepest = max(error.context, key=lambda inner: len(inner.path))
        if len(deepest.path) == 0:
            break
        error = deepest
    where = "config key " + (".".join(map(str, error.absolute_path)) or "(top)")
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = next(key for key in error.instance if key not in known)
        prefix = ".".join(map(str, error.absolute_path))
        return CatscanError(
            f"The config has an unknown key: {unknown!r}.",
            where=f"config key {prefix}.{unknown}" if prefix else f"config key {unknown}",
            do=did_you_mean(str(unknown), known),
        )
    if error.validator == "enum":
        known = [str(value) for value in error.validator_value]
        return CatscanError(
            "A config value is not one of the choices.",
            where=where,
            found=repr(error.instance),
            do=did_you_mean(str(error.instance), known),
        )
    if error.validator == "pattern":  # of a name: it becomes a folder and a word of a command line
        return CatscanError(
            "A name cannot be used.",
            where=where,
            found=repr(error.instance),
            do="Begin with a letter or digit, and go on with these, `.`, `_` and `-`; a `title` may be anything.",
        )
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return CatscanError(
            f"The config lacks the key {missing[0]!r}.", where=where, do="config/README.md explains it."
        )
    if _wants_text(error) and not isinstance(error.instance, (str, dict, list)):
        return _no_text("A config value must be text.", where, error.instance)
    return _other(error, where)


def _other(error: Any, where: str) -> CatscanError:
    """The block for a mistake that has no words of its own."""
    low, high = (error.schema.get(bound) for bound in ("minimum", "maximum"))
    if error.validator in ("minimum", "maximum") and None not in (low, high):
        what = f"A number of the config must be from {low:,} to {high:,}."
        return CatscanError(what, where=where, found=f"{error.instance:,}")
    return CatscanError(
        "A config value does not fit.",
        where=where,
        found=f"{error.instance!r}: {error.message}" if len(repr(error.instance)) < 80 else error.message,
        do=str(error.schema.get("description", "config/README.md explains every key.")),
    )


def _wants_text(error: Any) -> bool:
    """Whether the key takes text, be it beside something else."""
    types = [one.get("type", []) for one in (error.schema, *error.schema.get("anyOf", []))]
    return any("string" in ([one] if isinstance(one, str) else one) for one in types)


def fill(value: Any, schema: Config) -> None:
    """Complete ``value`` by the defaults of ``schema``, at every depth, in place."""
    if not isinstance(value, dict):
        return
    for key, inner in schema.get("properties", {}).items():
        if key not in value and "default" in inner:
            value[key] = deepcopy(inner["default"])
        if key in value:
            fill(value[key], inner)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        for key in value.keys() - schema.get("properties", {}).keys():
            fill(value[key], extra)
