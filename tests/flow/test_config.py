"""The configuration is checked before anything runs, completed by defaults, and cut into what each stage reads."""

import difflib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from catscan.common.errors import CatscanError
from catscan.flow import config as catscan_config
from catscan.flow import config_readme, schema, stage_strings

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
STAGES = ("download", "index", "preprocess", "train", "predict", "evaluate", "submission", "report")


def default() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    return loaded


def load(change: Callable[[dict[str, Any]], object] = lambda _: None) -> dict[str, Any]:
    """The default config with ``change`` made to its dogs-vs-cats."""
    config = default()
    change(config["competitions"]["dogs-vs-cats"])
    return catscan_config.load(config, SCHEMA)


def strings(config: dict[str, Any], name: str) -> dict[str, str]:
    competition = config["competitions"][name]
    made = {stage: getattr(stage_strings, stage)(competition) for stage in STAGES if stage not in ("train", "report")}
    models = catscan_config.models(competition)
    return made | {f"train {model}": stage_strings.train(competition, model) for model in models}


class TestMistakes:
    @pytest.mark.parametrize(
        ("change", "parts"),
        [
            (
                lambda cats: cats["preprocess"].update(pictures={}),
                ["unknown key: 'pictures'", "competitions.dogs-vs-cats.preprocess.pictures", 'Did you mean "picture"?'],
            ),
            (
                lambda cats: cats["data"].update(test="test/{name}.jpg"),
                ["does not say what the id of a sample is", "competitions.dogs-vs-cats.data.test", "'test/{name}.jpg'"],
            ),
            (
                lambda cats: cats.update(metric="quadratic_kappa", data=cats["data"] | {"task": "multilabel"}),
                ["quadratic_kappa is not made for a multilabel task", "competitions.dogs-vs-cats.metric"],
            ),
            (
                lambda cats: cats.update(metric="weighted_log_loss", metric_weights=[1, 2, 3]),
                ["competitions.dogs-vs-cats.metric_weights", "3 weights, 2 classes"],
            ),
            (
                lambda cats: cats["preprocess"].update(picture={"bands": ["band_1"]}),
                ["`bands` is for tables of pixels", "dogs-vs-cats.preprocess.picture.bands", "data.kind: picture"],
            ),
            (
                lambda cats: cats.update(metric_positive_weight=2),
                [
                    "Only the weighted log loss",
                    "competitions.dogs-vs-cats.metric_positive_weight",
                    "log_loss of a binary",
                ],
            ),
            (
                lambda cats: cats["models"]["resnet"].update(learning_rat=0.1),
                [
                    "unknown key: 'learning_rat'",
                    "dogs-vs-cats.models.resnet.learning_rat",
                    'Did you mean "learning_rate"?',
                ],
            ),
            (
                lambda cats: cats["source"].update(kind="kagle"),
                ["one of the choices", "competitions.dogs-vs-cats.source.kind", "'kagle'", 'Did you mean "kaggle"?'],
            ),
            (
                lambda cats: cats["index"].update(folds="many"),
                ["does not fit", "competitions.dogs-vs-cats.index.folds", "'many'"],
            ),
            (lambda cats: cats["index"].update(folds=1), ["does not fit", "index.folds", "minimum of 2"]),
            (lambda cats: cats["data"].pop("train"), ["lacks the key 'train'", "competitions.dogs-vs-cats.data"]),
            (
                lambda cats: cats["source"].update(sample=""),
                ["needs `source.sample`", "competitions.dogs-vs-cats.source"],
            ),
            (
                lambda cats: cats["data"].update(classes=["cat"]),
                ["A binary task has two classes", "data.classes", "'cat'"],
            ),
            (
                lambda cats: cats.update(source={"kind": "directory", "path": "/no/such/folder"}),
                ["/no/such/folder"],
            ),
            (lambda cats: cats["models"]["resnet"].update(network="resnet-2"), ["resnet-2d"]),
            (lambda cats: cats["models"]["resnet"].update(network="tutorial-3d"), ["tutorial-3d"]),
            (
                lambda cats: cats["models"].update({"my model": {}}),
                ["A name cannot be used", "competitions.dogs-vs-cats.models", "'my model'", "letter or digit"],
            ),
        ],
        ids=[
            "block",
            "pattern",
            "metric",
            "weights",
            "bands",
            "positive weight",
            "model key",
            "choice",
            "type",
            "range",
            "required",
            "sample",
            "classes",
            "folder",
            "network",
            "rank",
            "name",
        ],
    )
    def test_a_mistake_is_one_block_with_its_key(self, change: Any, parts: list[str]) -> None:
        def changed(cats: dict[str, Any]) -> None:
            cats.setdefault("preprocess", {})
            change(cats)

        with pytest.raises(CatscanError) as caught:
            load(changed)
        for part in parts:
            assert part in str(caught.value)

    def test_a_competition_that_is_not_described_is_named(self) -> None:
        config = default() | {"run": ["dogs-vs-cat"]}

        with pytest.raises(CatscanError, match=r"not described: 'dogs-vs-cat'[\s\S]*\"dogs-vs-cats\"\?"):
            catscan_config.load(config, SCHEMA)


class TestSchema:
    def test_every_key_has_a_description_and_a_default_or_says_that_it_is_needed(self) -> None:
        def walk(schema: dict[str, Any], path: str) -> list[str]:
            lacking = []
            for key, inner in schema.get("properties", {}).items():
                nullable = "null" in str(inner.get("type")) or None in inner.get("enum", [])
                needed = key in schema.get("required", []) or nullable or "default" in inner
                if "description" not in inner or not needed:
                    lacking.append(f"{path}{key}")
                lacking += walk(inner, f"{path}{key}.")
            extra = schema.get("additionalProperties")
            return lacking + (walk(extra, f"{path}NAME.") if isinstance(extra, dict) else [])

        assert [key for key in walk(schema.read(SCHEMA), "") if key != "competitions.NAME.models"] == []

    @pytest.mark.parametrize(
        ("path", "text"),
        [(SCHEMA, config_readme.schema_text), (config_readme.README, config_readme.text)],
        ids=["schema", "README"],
    )
    def test_the_schema_and_the_readme_are_what_the_blocks_say(self, path: Path, text: Callable[[], str]) -> None:
        stands, said = path.read_text().splitlines(), text().splitlines()
        told = "Run `python -m catscan.flow.config_readme`."

        assert list(difflib.unified_diff(stands, said, path.name, "the blocks", n=0, lineterm="")) == [], told

    def test_defaults_fill_every_depth(self) -> None:
        cats = load()["competitions"]["dogs-vs-cats"]

        assert cats["preprocess"]["picture"] == {
            "size": [64, 64],
            "channels": "rgb",
            "fit": "stretch",
            "resize": "area",
            "bands": [],
            "value_range": [],
        }
        assert cats["index"] == {"folds": 3, "shards": 2, "seed": 1, "near_duplicates": True}

    def test_the_given_config_is_left_as_it_is(self) -> None:
        config = default()
        catscan_config.load(config, SCHEMA)

        assert config == default()


class TestStageStrings:
    def changed(self, change: Callable[[dict[str, Any]], object], name: str = "dogs-vs-cats") -> set[str]:
        before, after = strings(load(), name), strings(load(change), name)
        return {stage for stage in before.keys() | after.keys() if before.get(stage) != after.get(stage)}

    @pytest.mark.parametrize(
        ("change", "stages"),
        [
            (lambda cats: cats["models"]["resnet"].update(learning_rate=0.01), {"train resnet"}),
            (lambda cats: cats["preprocess"].update(picture={"size": [32, 32]}), {"preprocess"}),
            (lambda cats: cats["preprocess"].update(scan={"size": [8, 8, 8]}), set()),
            (lambda cats: cats.update(train={"device": "cpu", "folds": [0]}), set()),
            (lambda cats: cats.update(predict={"flips": False}), {"predict"}),
            (lambda cats: cats["source"].update(seed=2), {"download"}),
            (lambda cats: cats["source"].update(competition="dogs"), set()),
            (lambda cats: cats["index"].update(folds=4), {"index"}),
            (lambda cats: cats.update(submission={"columns": ["label"]}), {"submission"}),
        ],
        ids=[
            "learning rate",
            "picture size",
            "scan size",
            "device, folds",
            "flips",
            "seed",
            "other source",
            "folds",
            "columns",
        ],
    )
    def test_a_key_changes_the_stages_that_read_it(self, change: Any, stages: set[str]) -> None:
        assert self.changed(change) == stages

    def test_a_key_of_one_competition_changes_nothing_of_the_other(self) -> None:
        assert self.changed(lambda cats: cats["source"].update(seed=2), name="ct-scans") == set()

    def test_the_order_of_keys_changes_nothing(self) -> None:
        config = default()
        turned = json.loads(json.dumps(config), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
        before, after = catscan_config.load(config, SCHEMA), catscan_config.load(turned, SCHEMA)

        assert strings(before, "dogs-vs-cats") == strings(after, "dogs-vs-cats")

    def test_several_seeds_are_several_models(self) -> None:
        models = catscan_config.models(
            load(lambda cats: cats["models"]["resnet"].update(seeds=[1, 7]))["competitions"]["dogs-vs-cats"]
        )

        assert {name: model["seed"] for name, model in models.items()} == {"resnet-seed-1": 1, "resnet-seed-7": 7}

    def test_a_users_network_file_is_part_of_the_training(self, tmp_path: Path) -> None:
        network = tmp_path / "mine.py"
        network.write_text("def network(pixels, classes): ...\n")
        config = load(lambda cats: cats["models"]["resnet"].update(network=str(network)))
        before = strings(config, "dogs-vs-cats")
        network.write_text("def network(pixels, classes): return pixels\n")

        assert strings(config, "dogs-vs-cats")["train resnet"] != before["train resnet"]
