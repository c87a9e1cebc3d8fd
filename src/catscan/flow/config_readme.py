"""The schema's file and config/README.md, both made from the config's blocks: `python -m catscan.flow.config_readme`.

A test holds the two equal to what this module makes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import yaml

from catscan.common.files import write_text
from catscan.flow import blocks
from catscan.flow.presets import PRESETS
from catscan.flow.schema import ROOT, SCHEMA
from catscan.networks.registry import FINE_TUNED, OF_FILES, PICTURES, RESNET_2D, SCANS, Augment, Recipe

README = ROOT / "config" / "README.md"

SCHEMA_HEAD = """\
# The configuration: every key with its type, its default and what it does. Generated from the blocks that
# src/catscan/flow/blocks.py puts together, by `python -m catscan.flow.config_readme`: change those.
"""

MODELS_OF_PRESETS = """\
The models that a preset stands for, as they would be written under `models`; and the size of the pictures that those
from scratch learn from, where the config says none:"""

INTRODUCTION = """\
# The configuration

<!-- Generated from the blocks that src/catscan/flow/blocks.py puts together, by `python -m catscan.flow.config_readme`:
change those. -->

`config.yaml` is the default run, on generated data. Everything else is an overlay: a YAML file given by `--configfile`,
which is merged over it key by key (a list is replaced as a whole). An overlay names the competitions to run and
describes those that are new:

```yaml
run: [my-cats]

competitions:
  my-cats:
    source: {kind: directory, path: /data/my-cats}   # holds train.zip, test.zip, sample_submission.csv
    data:
      train: "train/{label}.{id}.jpg"
      test: "test/{id}.jpg"
      classes: [cat, dog]
      positive: dog
```

    ./run snakemake --cores 8 index --configfile my-cats.yaml     # first look at the counts
    ./run snakemake --cores 8 --configfile my-cats.yaml           # then run it

Give a new competition a name of its own: under the name of one that is described already, the two descriptions are
merged, and the models of both are trained. Ready files for Kaggle's competitions are in `kaggle/`, for MedMNIST's
sets in `medmnist/`. A wrong key, name or value is refused before the first job, with the nearest known one.

A network written as a list of layers, in the words of the tutorial:

```yaml
    models:
      mine:
        network:
          - convolution: {feature_maps: 32, window: 5}
          - pooling: {kind: max, window: 5}
          - convolution: {feature_maps: 64, window: 5}
          - pooling: {kind: max, window: 5}
          - fully_connected: {units: 1024, keep_probability: 0.8}
```

A sweep tries every model with other settings, of training or of how samples are read:

```yaml
    sweep:
      over:
        learning_rate: [0.01, 0.02]                   # each with each of the others: 2 x 3 x 2 points
        augment.rotation: [0, 15, 30]
        preprocess.picture.size: [[64, 64], [96, 96]]
      best: 3
```

Each point is a model of its own, with a name that tells its settings (`main-learning_rate-0.01-rotation-0-size-64x64`),
trained on all folds and for all of the model's `seeds`, by jobs that run at once on as many machines as there are.
Points share what they can: other rates learn from the same arrays, and each size makes its own once. The best are
blended; the report shows all points with their scores, and which keys mattered. Add values, and only new points run.
With ranges the points are drawn at random, by a seed; with more `points` later, the first ones stay:

```yaml
    sweep:
      over:
        learning_rate: {low: 0.001, high: 0.1, scale: log}
        weight_decay: {low: 0.00001, high: 0.01, scale: log}
        label_smoothing: [0, 0.05, 0.1]
      points: 12
```

## Every key
"""


class _Plain(yaml.SafeDumper):
    """YAML that says everything where it stands, without references."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # PyYAML calls it so
        """Nothing is referred to."""
        return True


def schema_text() -> str:
    """The schema's file."""
    return SCHEMA_HEAD + yaml.dump(blocks.schema(), Dumper=_Plain, sort_keys=False, width=120, allow_unicode=True)


def text() -> str:
    """The whole page."""
    schema = blocks.schema()
    competition = schema["properties"]["competitions"]["additionalProperties"]["properties"]
    lines = [INTRODUCTION, *_table(schema["properties"].items()), ""]
    top = {key: inner for key, inner in competition.items() if "properties" not in inner and key != "models"}
    lines += ["### competitions.NAME", "", *_table(top.items()), ""]
    lines += [MODELS_OF_PRESETS, "", *_presets(), ""]
    for key, inner in competition.items():
        if key not in top:
            name = f"{key}.NAME" if key == "models" else key
            block = inner["additionalProperties"] if key == "models" else inner
            lines += [f"### competitions.NAME.{name}", "", inner["description"], ""]
            lines += [*_table(block["properties"].items()), ""]
            if key == "models":
                lines += ["The networks' own recipes:", "", *_recipes(), ""]
    return "\n".join(lines).rstrip() + "\n"


def _presets() -> Iterator[str]:
    """What a preset stands for, pretrained and from scratch."""
    yield "| `preset` | pretrained | with `pretrained: false` | and `preprocess.picture.size` |"
    yield "| --- | --- | --- | --- |"
    for name, preset in PRESETS.items():
        variants = (preset.models(pretrained=allowed) for allowed in (True, False))
        cells = ("<br>".join(f"`{member}: {_flow(said)}`" for member, said in one.items()) for one in variants)
        yield f"| `{name}` | " + " | ".join(cells) + f" | `{preset.size}` |"


def _flow(value: Any) -> str:
    """A value as YAML in one line."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf).strip()


def _recipes() -> Iterator[str]:
    """What a model takes where the config says nothing, network by network."""
    fine_tuned, *_ = FINE_TUNED.values()  # all alike
    networks = {**PICTURES, **SCANS, "efficientnet-lite0, -lite1, -lite2": fine_tuned}
    yield "| | " + " | ".join(networks) + " |"
    yield "| --- |" + " --- |" * len(networks)
    for field in fields(Recipe):
        if field.name != "augment":
            cells = (str(getattr(network.recipe, field.name)) for network in networks.values())
            yield f"| `{field.name}` | " + " | ".join(cells) + " |"
    for field in fields(Augment):
        cells = (json.dumps(getattr(network.recipe.augment, field.name)) for network in networks.values())
        yield f"| `augment.{field.name}` | " + " | ".join(cells) + " |"
    yield ""
    of_a_file = OF_FILES[3]
    other = ", ".join(
        f"`{field.name}: {getattr(of_a_file, field.name)}`"
        for field in fields(Recipe)
        if getattr(of_a_file, field.name) != getattr(RESNET_2D, field.name)
    )
    yield "A list of layers takes the tutorial's recipe of its rank, a Python file of your own that of the resnet; for"
    yield f"pictures with {other}, since its network may have no batch normalisation."


def _table(items: Any) -> Iterator[str]:
    yield "| key | type | default | what it does |"
    yield "| --- | --- | --- | --- |"
    yield from _rows(items, "")


def _rows(items: Any, prefix: str) -> Iterator[str]:
    for key, schema in items:
        inner = schema.get("properties")
        if not inner:
            cells = (f"`{prefix}{key}`", _type(schema), _default(schema), schema["description"])
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        else:
            yield from _rows(inner.items(), f"{prefix}{key}.")


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"] if value not in (None, ""))
    if "anyOf" in schema:
        return " or ".join(_type(inner) for inner in schema["anyOf"])
    kinds = schema.get("type", "")
    name = " or ".join(kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null")
    low, high = (
        schema.get("minimum", schema.get("exclusiveMinimum")),
        schema.get("maximum", schema.get("exclusiveMaximum")),
    )
    if low is not None and high is not None:
        return f"{name}, {low} to {high}"
    if "exclusiveMinimum" in schema:
        return f"{name} above {low}"
    return f"{name}, at least {low}" if low is not None else name


def _default(schema: dict[str, Any]) -> str:
    if "default" not in schema:
        return "the network's own" if "null" in str(schema.get("type", schema.get("enum"))) or _nullable(schema) else ""
    return f"`{json.dumps(schema['default'])}`"


def _nullable(schema: dict[str, Any]) -> bool:
    return None in schema.get("enum", ())


if __name__ == "__main__":
    write_text(SCHEMA, schema_text())
    write_text(README, text())
