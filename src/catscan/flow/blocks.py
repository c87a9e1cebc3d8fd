"""The blocks of the config put together, and the schema that comes of them: `python -m catscan.flow.config_readme`.

A key stands in one place, as a field of its block's dataclass (`catscan.common.keys` shows one), in a module that only
the stages reading it import, so that a new key of one stage leaves the digests of the others alone.

To add a key, add the field. To add a block of a stage, write its dataclass beside the stage and name it in
`Competition` below. To add a block of a kind of data, name its settings class and the block in the kind's row in
`catscan.kinds.registry`, and nothing here: the block `preprocess` takes one block from each name in the rows. Then run
the command above, which writes the schema and config/README.md.

`load` in `catscan.flow.config` does not import this module but reads the schema's file: this one imports the stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Annotated

from catscan.common.keys import DISTINCT, Bounds, at_least, length, one_of
from catscan.flow import presets
from catscan.flow.json_schema import Schema, schema_of
from catscan.flow.sweeps import Sweep
from catscan.kinds.registry import KINDS
from catscan.kinds.shard import BadSamples
from catscan.networks.computing import Computing
from catscan.networks.device import DEVICES
from catscan.networks.pretrained.own import OwnWeights
from catscan.scores.foreign import Foreign
from catscan.scores.settings import MetricSettings
from catscan.stages import submit
from catscan.stages.download.settings import Source
from catscan.stages.index.settings import Data, Index
from catscan.stages.submission.settings import Sheet
from catscan.stages.train.settings import Model, Predicting, Seed

# Of a competition and of a model, whose names become folders and words of a command line.
NAMED = Bounds({"propertyNames": {"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"}})


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

    device: Annotated[str, one_of(*DEVICES)] = "auto"
    """`auto` takes a GPU where there is one."""


@dataclass(frozen=True, kw_only=True)
class Preprocess(BadSamples):
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

    preset: Annotated[str, one_of(presets.NONE, *presets.PRESETS)] = presets.NONE
    """For pictures, the models that a budget of time buys, in place of `models`, as the table below tells: `quick`,
    `standard` or `strong`, on two cores with bf16 about 2, 5 and 5 minutes for 9,000 pictures, without it 5, 15 and 15.
    With `pretrained: false` they learn from scratch, in about 3, 12 and 55 minutes with bf16, 8, 40 and 200 without."""

    pretrained: bool = True
    """Whether models may learn from pretrained networks; false where a competition forbids outside data: a model with
    `features`, or whose `network` is a pretrained one, is refused then."""

    models: Annotated[Mapping[str, Models], NAMED, Bounds({"minProperties": 1})] = field(
        default_factory=lambda: {"main": Models()}
    )
    """The networks to train, by a name of your choice; the submission blends all of them. A key left out takes the
    network's own recipe (below)."""

    sweep: Sweep = field(default_factory=Sweep)

    weights: Annotated[Mapping[str, OwnWeights], NAMED] = field(default_factory=dict)
    """Pretrained weights of your own, by a name of your choice that `features` may name."""

    blend: tuple[Foreign, ...] = ()
    """Members of the blend beside the models: predictions of your own, by files of which a relative path starts at the
    working directory."""

    train: Train = field(default_factory=Train)
    predict: Predicting = field(default_factory=Predicting)
    submission: Submission = field(default_factory=Submission)


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The store of results."""

    path: str = ""
    """The folder of the store, from which results of earlier settings, other branches and other clones come back; it
    may be on a disk that a team shares, or in a bucket of S3 (`s3://BUCKET/FOLDER`). Empty is `catscan` among your
    caches (`~/.cache`), `off` is no store. The variable CATSCAN_CACHE says the same and goes before it."""

    gigabytes: Annotated[float, at_least(0)] = 10
    """What the store may hold; the least recently used results go first. 0 is no store."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """catscan"""

    run: Annotated[tuple[str, ...], length(1), DISTINCT]
    """The names of the competitions to run, of those described under `competitions`."""

    competitions: Annotated[Mapping[str, Competition], NAMED]
    """The competitions by name; the name is also the folder below results/."""

    cache: Cache = field(default_factory=Cache)


def schema() -> Schema:
    """The JSON schema of the whole config."""
    whole = schema_of(Config)
    of_competition = whole["properties"]["competitions"]["additionalProperties"]["properties"]
    of_preprocess = of_competition["preprocess"]["properties"]
    kinds = "; ".join(f"for `{kind.name}` {kind.sample}" for kind in KINDS.values())
    of_competition["data"]["properties"]["kind"]["description"] = f"What one sample is: {kinds}."
    of_kinds = {kind.block: schema_of(_root(kind.settings_class)) | {"default": {}} for kind in KINDS.values()}
    of_competition["preprocess"]["properties"] = of_kinds | of_preprocess
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": whole.pop("description")}
    return head | whole


def _root(block: type) -> type:
    """The dataclass that ``block`` comes from: two kinds may share the keys, and one refuse more."""
    return [one for one in block.__mro__ if is_dataclass(one)][-1]
