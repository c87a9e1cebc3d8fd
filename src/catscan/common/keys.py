"""What a config key may be, said once: in the annotation of its field in the frozen dataclass of its block.

    @dataclass(frozen=True, kw_only=True)
    class Index:
        \"\"\"How the samples are divided.\"\"\"

        folds: Annotated[int, at_least(2)] = 5
        \"\"\"Parts that the training samples are divided into.\"\"\"

A field without a default must be given. The sentence below a field is for people and no part of the code's digest. From
these classes `catscan.flow.blocks` makes the schema and config/README.md; a stage's settings are refused by `refuse`.
The bounds are the words of JSON Schema.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, make_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from catscan.common.errors import CatscanError, did_you_mean
from catscan.common.words import number_of

Words = dict[str, Any]

KEEPS = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}
SAID = {"minimum": "of at least", "maximum": "of at most", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}


@dataclass(frozen=True, eq=False)
class Bounds:
    """What a value must keep to, in the words of JSON Schema."""

    words: Words


def one_of(*names: str) -> Bounds:
    """The value is one of ``names``."""
    return Bounds({"enum": list(names)})


def at_least(low: float) -> Bounds:
    """The number is ``low`` or larger."""
    return Bounds({"minimum": low})


def above(low: float) -> Bounds:
    """The number is larger than ``low``."""
    return Bounds({"exclusiveMinimum": low})


def between(low: float, high: float) -> Bounds:
    """The number is from ``low`` to ``high``, both allowed."""
    return Bounds({"minimum": low, "maximum": high})


def from_up_to(low: float, high: float) -> Bounds:
    """The number is from ``low`` up to ``high``, which itself is not allowed."""
    return Bounds({"minimum": low, "exclusiveMaximum": high})


def length(low: int, high: int | None = None) -> Bounds:
    """The list has ``low`` to ``high`` items."""
    return Bounds({"minItems": low} | ({} if high is None else {"maxItems": high}))


DISTINCT = Bounds({"uniqueItems": True})  # of a list: no item twice


def optional(block: Any) -> Any:
    """The dataclass ``block`` with keys that may all be left out, at every depth; they are None then."""
    keys: list[Any] = []
    for name, hint in keys_of(block).items():
        inner = optional(hint) if is_dataclass(hint) else None
        keys.append((name, inner or hint | None, field(default_factory=inner) if inner else None))
    return make_dataclass(
        block.__name__, keys, bases=(block,), frozen=True, kw_only=True, namespace={"__doc__": block.__doc__}
    )


def keys_of(block: Any) -> Mapping[str, Any]:
    """The keys of a block, each with its type and bounds as annotated."""
    hints = get_type_hints(block, include_extras=True)
    return {one.name: hints[one.name] for one in fields(block)}


def unwrapped(hint: Any) -> tuple[Any, Words]:
    """The bare type of an annotation, and the words of its bounds.

    >>> unwrapped(Annotated[float, above(0)])
    (<class 'float'>, {'exclusiveMinimum': 0})
    """
    if get_origin(hint) is not Annotated:
        return hint, {}
    base, *bounds = get_args(hint)
    return base, {word: value for bound in bounds for word, value in bound.words.items()}


def variants(hint: Any) -> tuple[Any, ...]:
    """The types that a union allows; of another type, itself."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def refuse(value: Any, hint: Any, *, key: str) -> None:
    """Refuse a value that is none of the choices of its key, or beyond its bounds.

    Parameters
    ----------
    value
        As read: numbers, texts, and tuples of them.
    hint
        The annotation of its field.
    key
        Where it stands, such as "preprocess.scan.mode".

    Raises
    ------
    CatscanError
        With the key, and of a choice the nearest one.
    """
    base, words = unwrapped(hint)
    inner = [one for one in variants(base) if one is not NoneType]
    if len(inner) > 1 or (value is None and NoneType in variants(base)):
        return
    if inner[0] is not base:
        refuse(value, inner[0], key=key)
    elif "enum" in words:
        _refuse_other(value, words["enum"], key)
    elif base in (int, float):
        _refuse_number(value, words, key, whole=base is int)
    elif get_origin(base) is tuple:
        _refuse_items(value, get_args(base), words, key)


def _refuse_other(value: Any, known: list[str], key: str) -> None:
    if value not in known:
        raise CatscanError(f"Unknown `{_last(key)}`.", where=key, found=repr(value), do=did_you_mean(str(value), known))


def _refuse_number(value: Any, words: Words, key: str, *, whole: bool) -> None:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and not (whole and value % 1)
    if not fits or not all(KEEPS[word](value, end) for word, end in words.items()):
        wanted = f"{'a whole number' if whole else 'a number'} {_in_words(words)}".rstrip()
        raise CatscanError(f"`{_last(key)}` must be {wanted}.", where=key, found=repr(value))


def _in_words(words: Words) -> str:
    if words.keys() == {"minimum", "maximum"}:
        return f"from {words['minimum']:,} to {words['maximum']:,}"
    return " and ".join(f"{SAID[word]} {end:,}" for word, end in words.items())


def _refuse_items(value: Any, items: tuple[Any, ...], words: Words, key: str) -> None:
    endless = items[1:] == (...,)
    low, high = (words.get("minItems", 0), words.get("maxItems")) if endless else (len(items), len(items))
    if not isinstance(value, tuple) or len(value) < low or (high is not None and len(value) > high):
        wanted = "" if low == high else "at least " if high is None else f"{low} to "
        count = number_of(low if high is None else high, "value")
        raise CatscanError(f"`{_last(key)}` must be a list of {wanted}{count}.", where=key, found=repr(value))
    for one, hint in zip(value, [items[0]] * len(value) if endless else items, strict=True):
        refuse(one, hint, key=key)


def _last(key: str) -> str:
    return key.rpartition(".")[2]
