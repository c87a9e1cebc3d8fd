"""A stage's settings: from the canonical JSON string of its rule to one frozen dataclass."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, TypeVar

from catscan.common.errors import CatscanError, did_you_mean
from catscan.common.keys import keys_of, refuse

T = TypeVar("T")


def canonical(value: Any) -> str:
    """JSON with sorted keys and no blanks: equal settings give equal strings, 1.0 and 1 among them."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def parse(settings: type[T], text: str) -> T:
    """Make the frozen dataclass ``settings`` from the JSON object in ``text``.

    Keys `code` and `versions`, which are there to make a job rerun, are passed over.

    Raises
    ------
    CatscanError
        For a key that the dataclass does not have, or one that is missing.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise CatscanError("`--settings` is not JSON.", found=str(error)) from error
    return from_dict(settings, {key: value for key, value in values.items() if key not in ("code", "versions")})


def from_dict(settings: type[T], values: Mapping[str, Any], *, where: str = "") -> T:
    """Make the dataclass ``settings`` from ``values``; lists become tuples, blocks within it dataclasses of their own.

    Parameters
    ----------
    settings
        A frozen dataclass, whose annotations say what each key may be (`catscan.common.keys`).
    values
        The keys and their values, as JSON or YAML has them.
    where
        The place of the block in the config, for the messages: "preprocess.scan".

    Raises
    ------
    CatscanError
        For a key that the dataclass does not have, one that is missing, and a value that does not fit.
    """
    known = keys_of(settings)
    for key in values:
        if key not in known:
            raise CatscanError(
                f"{f'`{where}`' if where else settings.__name__} has no key {key!r}.",
                do=did_you_mean(key, list(known)),
            )
    prefix = f"{where}." if where else ""
    try:
        return settings(**{key: _made(value, known[key], f"{prefix}{key}") for key, value in values.items()})
    except TypeError as error:
        raise CatscanError("The settings of a stage are incomplete.", found=str(error)) from error


def _made(value: Any, hint: Any, key: str) -> Any:
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return from_dict(hint, value, where=key)
    made = _frozen(value)
    refuse(made, hint, key=key)
    return made


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value
