"""A stage's settings: from the canonical JSON string of its rule to one frozen dataclass."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, TypeVar

from catscan.common.errors import CatscanError, did_you_mean

T = TypeVar("T")


def canonical(value: Any) -> str:
    """JSON with sorted keys and no blanks: equal settings give equal strings."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


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


def from_dict(settings: type[T], values: dict[str, Any]) -> T:
    """Make the dataclass ``settings`` from ``values``; lists become tuples."""
    known = [field.name for field in fields(settings)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise CatscanError(f"{settings.__name__} has no key {key!r}.", do=did_you_mean(key, known))
    try:
        return settings(**{key: _frozen(value) for key, value in values.items()})
    except TypeError as error:
        raise CatscanError("The settings of a stage are incomplete.", found=str(error)) from error


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
