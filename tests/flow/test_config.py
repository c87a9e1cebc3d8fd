"""The configuration is checked before anything runs, and completed by defaults."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from catscan.common.errors import CatscanError
from catscan.flow.config import load as load_config
from catscan.flow.config import one_of
from catscan.flow.schema import SCHEMA

Config = dict[str, Any]
Load = Callable[..., Config]


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
                lambda cats: cats["data"].update(task="regression"),
                ["A regression tells an amount", "dogs-vs-cats.data.classes", "['cat', 'dog']", "task: regression"],
            ),
            (
                lambda cats: (
                    cats["data"].update(task="regression", classes=[], positive="")
                    or cats["models"]["resnet"].update(class_weights="balanced")
                ),
                ["A regression tells an amount", "dogs-vs-cats.models.resnet.class_weights", "'balanced'"],
            ),
            (
                lambda cats: (
                    cats["data"].update(task="regression", classes=[], positive="") or cats.update(metric="log_loss")
                ),
                ["log_loss is not made for a regression task", "dogs-vs-cats.metric", "there are rmse, mae"],
            ),
            (
                lambda cats: cats.update(blend=[{"name": "resnet", "out_of_fold": "a.csv", "test": "b.csv"}]),
                ["a name of its own", "dogs-vs-cats.blend.0.name", "'resnet'"],
            ),
            (
                lambda cats: cats.update(blend=[{"name": "own", "out_of_fold": "no.csv", "test": "b.csv"}]),
                ["A file of a foreign member is not there", "dogs-vs-cats.blend.0.out_of_fold", "no.csv"],
            ),
            (
                lambda cats: cats.update(blend=[{"name": "own", "out_of_fold": "README.md", "test": "b.csv"}]),
                ["columns of a foreign member", "README.md", "the classes cat, dog"],
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
                lambda cats: cats["models"]["resnet"].update(network="resnet-2d", features=["efficientnet-lite0"]),
                ["'resnet-2d' is for pictures", "dogs-vs-cats.models.resnet.network", "features of 1 x 1280", "linear"],
            ),
            (
                lambda cats: cats["models"]["resnet"].update(
                    network=[{"fully_connected": {"units": 8}}], features=["efficientnet-lite0"]
                ),
                ["A list of layers is for pictures and scans", "dogs-vs-cats.models.resnet.network", "`features`"],
            ),
            (
                lambda cats: cats["models"]["resnet"].update(network="auto", features=["efficientnet-lite3"]),
                ["dogs-vs-cats.models.resnet.features", "efficientnet-lite3", 'Did you mean "efficientnet-lite2"?'],
            ),
            (
                lambda cats: cats["models"]["resnet"].update(network="linaer", features=["efficientnet-lite0"]),
                ["no network 'linaer'", "dogs-vs-cats.models.resnet.network", 'Did you mean "linear"?'],
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
            (
                lambda cats: cats["index"].update(shards=100_000),
                ["must be from 1 to 256", "competitions.dogs-vs-cats.index.shards", "100,000"],
            ),
            (
                lambda cats: cats["models"]["resnet"].update(seeds=[2**70]),
                ["from 0 to 2,147,483,647", "dogs-vs-cats.models.resnet.seeds.0", "1,180,591,620,717,411,303,424"],
            ),
            (
                lambda cats: cats.update(preprocess={"picture": {"value_range": [5, 1]}}),
                ["the lower one first", "dogs-vs-cats.preprocess.picture.value_range", "[5, 1]"],
            ),
            (
                lambda cats: cats.update(train={"folds": [0, 7]}),
                ["a fold that is not made", "dogs-vs-cats.train.folds", "fold 7;", "makes the folds 0 to 2"],
            ),
            (
                lambda cats: cats["submission"].update(row_id="{idd}"),
                [
                    "unknown field 'idd'",
                    "dogs-vs-cats.submission.row_id",
                    'Did you mean "id"?',
                    "`submission.rows.csv`",
                ],
            ),
            (
                lambda cats: cats["submission"].update(row_id="id_{class}"),
                ["all samples the same id", "dogs-vs-cats.submission.row_id", "'id_{class}'"],
            ),
            (
                lambda cats: cats["submission"].update(row_id="{id}_{class}", value="label"),
                ["one row a sample and class holds probabilities", "dogs-vs-cats.submission.value", "label"],
            ),
            (
                lambda cats: cats["submission"].update(columns=["a", "b", "c"]),
                [
                    "one value column, or one a class",
                    "dogs-vs-cats.submission.columns",
                    "3 columns: a, b, c; 2 classes",
                ],
            ),
            (
                lambda cats: cats["submission"].update(columns=["a", "b"], value="label"),
                ["has one value column.", "dogs-vs-cats.submission.columns", "2 columns: a, b"],
            ),
            (
                lambda cats: (
                    cats["data"].update(task="multiclass", classes=["cat", "dog", "owl"])
                    or cats["submission"].update(columns=["a", "b"])
                ),
                ["has one column a class.", "dogs-vs-cats.submission.columns", "2 columns: a, b; 3 classes"],
            ),
            (
                lambda cats: cats["submission"].update(sample=""),
                ["Without a sample submission", "dogs-vs-cats.data.test_ids", "`data.test_ids: files`"],
            ),
            (
                lambda cats: cats["data"].update(classes=["cat", "dog"], positive="doog"),
                ["positive class is not among", "dogs-vs-cats.data.positive", "'doog'", 'Did you mean "dog"?'],
            ),
            (
                lambda cats: cats["data"].update(labels={"separator": "|"}),
                ["`labels.separator` is about a table", "dogs-vs-cats.data.labels.separator", "'|'", "`labels.csv`"],
            ),
            (
                lambda cats: cats["data"].update(labels={"csv": "labels.csv", "separator": "|"}),
                ["Only a multilabel task", "dogs-vs-cats.data.labels.separator", "'|', and `data.task: binary`"],
            ),
            (
                lambda cats: cats.update(metric_weights=[2, 1]),
                ["log_loss takes no weights", "dogs-vs-cats.metric_weights", "weighted_log_loss, weighted_auc"],
            ),
            (
                lambda cats: cats.update(metric="weighted_auc", metric_weights=[0, 0]),
                ["All classes have the weight 0", "dogs-vs-cats.metric_weights", "[0, 0]", "above 0"],
            ),
            (
                lambda cats: cats["models"]["resnet"].update(
                    network=[{"pooling": {"window": 2}}, {"convolution": {"feature_maps": 0, "window": 3}}]
                ),
                ["`feature_maps` must be", "models.resnet.network, layer 2 (convolution)", "0"],
            ),
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
            (
                lambda cats: cats.update(pretrained=False, models={"seer": {"features": ["efficientnet-lite0"]}}),
                ["this competition does without them", "models.seer.features", "efficientnet-lite0"],
            ),
            (
                lambda cats: cats.update(pretrained=False, models={"seer": {"network": "efficientnet-lite0"}}),
                ["this competition does without them", "models.seer.network", "efficientnet-lite0"],
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
            "classes of a regression",
            "weights of a regression's classes",
            "metric of a regression",
            "name of a foreign member",
            "file of a foreign member",
            "columns of a foreign member",
            "positive weight",
            "network of features",
            "layers of features",
            "pretrained network",
            "network of features misspelt",
            "model key",
            "choice",
            "type",
            "range",
            "shards",
            "seeds",
            "value range",
            "folds",
            "row id",
            "one row id",
            "labels a class",
            "columns",
            "column",
            "columns of classes",
            "no sample submission",
            "positive",
            "separator",
            "separator of one label",
            "weightless metric",
            "weights of 0",
            "layer",
            "required",
            "sample",
            "classes",
            "folder",
            "outside data",
            "outside data to begin with",
            "network",
            "rank",
            "name",
        ],
    )
    def test_a_mistake_is_one_block_with_its_key(self, load: Load, change: Any, parts: list[str]) -> None:
        def changed(cats: dict[str, Any]) -> None:
            cats.setdefault("preprocess", {})
            cats.setdefault("submission", {})
            change(cats)

        with pytest.raises(CatscanError) as caught:
            load(changed)
        for part in parts:
            assert part in str(caught.value)

    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf], ids=str)
    @pytest.mark.parametrize(
        "key",
        [
            "models.resnet.learning_rate",
            "models.resnet.weight_decay",
            "models.resnet.max_minutes",
            "models.resnet.augment.shift",
            "preprocess.tolerated_share",
            "preprocess.scan.spacing_mm",
            "metric_weights.0",
            "metric_positive_weight",
        ],
    )
    def test_a_number_that_is_not_finite_is_refused_with_its_key(self, load: Load, key: str, number: float) -> None:
        def changed(cats: Config) -> None:
            *blocks, last = key.removesuffix(".0").split(".")
            for block in blocks:
                cats = cats.setdefault(block, {})
            cats[last] = [number] if key.endswith(".0") else number

        with pytest.raises(CatscanError, match="must be finite") as caught:
            load(changed)
        assert caught.value.where == f"config key competitions.dogs-vs-cats.{key}"
        assert caught.value.found == repr(number)

    @pytest.mark.parametrize(
        ("key", "written", "read"),
        [
            ("data.classes.0", "data: {train: 'x/{id}', classes: [yes, no]}", "yes or no"),
            ("data.classes.0", "data: {train: 'x/{id}', classes: [0, 1]}", "a number"),
            ("data.positive", "data: {train: 'x/{id}', positive: 1}", "a number"),
            ("title", "title: 2018-07-01", "a date"),
            ("models.resnet.network", "models: {resnet: {network: on}}", "yes or no"),
            ("models.1", "models: {1: {}}", "a number"),
            ("preprocess.scan.series.12", "preprocess: {scan: {series: {12: '1.2.3'}}}", "a number"),
        ],
    )
    def test_what_yaml_does_not_read_as_text_wants_quotes(self, load: Load, key: str, written: str, read: str) -> None:
        with pytest.raises(CatscanError, match="must be text") as caught:
            load(lambda cats: cats.update(yaml.safe_load(written)))
        assert caught.value.where == f"config key competitions.dogs-vs-cats.{key}"
        assert caught.value.found.endswith(f", which YAML reads as {read}")
        assert caught.value.do.startswith("Put quotes around it")

    def test_a_text_left_empty_wants_quotes_too(self, load: Load) -> None:
        with pytest.raises(CatscanError, match='Write "" for an empty text'):
            load(lambda cats: cats.update(title=None))

    def test_a_competition_that_is_not_described_is_named(self, default: Config) -> None:
        config = default | {"run": ["dogs-vs-cat"]}

        with pytest.raises(CatscanError, match=r"not described: 'dogs-vs-cat'[\s\S]*\"dogs-vs-cats\"\?"):
            load_config(config, SCHEMA)

    def test_of_two_mistakes_the_one_nearer_the_top_is_told(self, load: Load) -> None:
        with pytest.raises(CatscanError, match="unknown key: 'titel'"):
            load(lambda cats: cats.update(titel="Cats", index={"folds": 1}))


HOSTILE = {
    "device": lambda path: path.symlink_to("/dev/zero"),
    "pipe": os.mkfifo,
    "of the kernel": lambda path: path.symlink_to("/proc/self/environ"),
    "folder of the kernel": lambda path: path.symlink_to("/proc"),
    "link to itself": lambda path: path.symlink_to(path.name),
}
PLACES: dict[str, Callable[[Config, str], object]] = {
    "source.path": lambda cats, path: cats.update(source={"kind": "directory", "path": path}),
    "source.solution": lambda cats, path: cats.update(
        source={"kind": "directory", "path": path.rpartition("/")[0], "solution": path}
    ),
    "blend": lambda cats, path: cats.update(blend=[{"name": "mine", "out_of_fold": path, "test": path}]),
    "network": lambda cats, path: cats["models"]["resnet"].update(network=path),
    "weights": lambda cats, path: cats.update(weights={"mine": {"network": "ResNet50", "file": path}}),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_file_of_a_disk_is_refused_at_once(
    load: Load, tmp_path: Path, place: str, make: Callable[[Path], None]
) -> None:
    path = tmp_path / ("mine.h5" if place == "weights" else "mine.py")
    make(path)
    (tmp_path / "1.jpg").touch()

    with pytest.raises(CatscanError, match=r"is missing|is neither|is not there|is not Python|leads nowhere"):
        load(lambda cats: PLACES[place](cats, str(path)))


def test_defaults_fill_every_depth(load: Load) -> None:
    cats = load()["competitions"]["dogs-vs-cats"]

    assert cats["preprocess"]["picture"] == {
        "size": [64, 64],
        "channels": "rgb",
        "fit": "stretch",
        "resize": "area",
        "bands": [],
        "value_range": [],
        "most_megapixels": 400,
    }
    assert cats["index"] == {"folds": 3, "shards": 2, "seed": 1, "near_duplicates": True}


def test_the_given_config_is_left_as_it_is(default: Config) -> None:
    before = deepcopy(default)
    load_config(default, SCHEMA)

    assert default == before


def test_a_constraint_of_no_name_but_the_empty_one_is_one() -> None:
    """An empty text were none to Snakemake."""
    assert re.fullmatch(one_of({""}), "")
    assert not re.fullmatch(one_of({""}), "x")
