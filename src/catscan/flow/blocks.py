"""The blocks of the config put together, and the schema that comes of them: `python -m catscan.flow.config_readme`.

A key stands in one place, as a field of its block's dataclass (`catscan.common.keys` shows one), in a module that only
the stages reading it import, so that a new key of one stage leaves the digests of the others alone. Which blocks there
are is said by `Competition` below, but for `preprocess`: a kind of data brings its block by its row in
`catscan.kinds.registry`, whose settings class is described here without being named. `load` in `catscan.flow.config`
does not import this module, but reads the schema from its file: the stages would be imported with it.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from itertools import pairwise
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from catscan.common.keys import DISTINCT, Bounds, at_least, keys_of, length, one_of, unwrapped, variants
from catscan.kinds.registry import KINDS
from catscan.scores.settings import MetricSettings
from catscan.stages import predict, preprocess, submit
from catscan.stages.download.settings import Source
from catscan.stages.index.settings import Data, Index
from catscan.stages.submission.settings import Sheet
from catscan.stages.train.settings import Computing, Model, Seed

Schema = dict[str, Any]

# Of a competition and of a model, whose names become folders and words of a command line.
NAMED = Bounds({"propertyNames": {"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"}})
NAMES = {str: "string", int: "integer", float: "number", bool: "boolean"}


@dataclass(frozen=True, kw_only=True)
class Models(Model):
    """A network to train, once for each seed."""

    seeds: Annotated[tuple[Seed, ...], length(1), DISTINCT] = (1,)
    """Seeds of the weights, the order of the samples, the augmentation and the dropout; the model is trained once for
    each."""


@dataclass(frozen=True, kw_only=True)
class Train(Computing):
    """How the models are trained."""

    folds: Annotated[tuple[Annotated[int, at_least(0)], ...], DISTINCT] = ()
    """The folds to hold out, one training each, such as [0] for a quick look; empty is all."""

    device: Annotated[str, one_of("auto", "cpu", "gpu")] = "auto"
    """`auto` takes a GPU where there is one."""


@dataclass(frozen=True, kw_only=True)
class Preprocess(preprocess.BadSamples):
    """How a picture or a scan becomes an array."""


@dataclass(frozen=True, kw_only=True)
class Submission(Sheet, submit.Upload):
    """The form of the submission file."""


@dataclass(frozen=True, kw_only=True)
class Competition(MetricSettings):
    """A competition, from its files to its submission."""

    title: str = ""
    """The name that the report shows; empty is the competition's key."""

    source: Source
    data: Data
    index: Index = field(default_factory=Index)
    preprocess: Preprocess = field(default_factory=Preprocess)

    models: Annotated[Mapping[str, Models], NAMED, Bounds({"minProperties": 1})] = field(
        default_factory=lambda: {"main": Models()}
    )
    """The networks to train, by a name of your choice; the submission blends all of them. A key left out takes the
    network's own recipe (below)."""

    train: Train = field(default_factory=Train)
    predict: predict.Settings = field(default_factory=predict.Settings)
    submission: Submission = field(default_factory=Submission)


@dataclass(frozen=True, kw_only=True)
class Config:
    """catscan"""

    run: Annotated[tuple[str, ...], length(1), DISTINCT]
    """The names of the competitions to run, of those described under `competitions`."""

    competitions: Annotated[Mapping[str, Competition], NAMED]
    """The competitions by name; the name is also the folder below results/."""


def schema() -> Schema:
    """The JSON schema of the whole config."""
    whole = _block(Config)
    of_competition = whole["properties"]["competitions"]["additionalProperties"]["properties"]
    of_preprocess = of_competition["preprocess"]["properties"]
    of_kinds = {kind.block: _block(_root(kind.settings_class)) | {"default": {}} for kind in KINDS.values()}
    of_competition["preprocess"]["properties"] = of_kinds | of_preprocess
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": whole.pop("description")}
    return head | whole


def _root(block: type) -> type:
    """The dataclass that ``block`` comes from: two kinds may share the keys, and one refuse more."""
    return [one for one in block.__mro__ if is_dataclass(one)][-1]


def _block(block: type) -> Schema:
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
    made = _bare(base)
    return made | words


def _bare(base: Any) -> Schema:
    """The schema of a type without bounds."""
    if is_dataclass(base) and isinstance(base, type):
        return _block(base)
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
        (tree,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(block))).body
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
