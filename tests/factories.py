"""Documents as the stages would write them, for the tests of the stages that read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.arrays import write_array
from catscan.common.contracts.check import Check
from catscan.common.contracts.explanation import Block, Cell, Deletion, Explanation, Layer, Link, Shown
from catscan.common.contracts.features import FeaturesSidecar, FeaturesSource
from catscan.common.contracts.findings import Findings, OfClass, Part, Threshold
from catscan.common.contracts.galleries import Galleries, Picture, Row, Tile
from catscan.common.contracts.metrics import Estimate, FoldScores, Loss, Metrics, ModelScores
from catscan.common.contracts.model import Model
from catscan.common.contracts.sidecar import Bad, Odd, ReadAs, Sidecar
from catscan.common.contracts.summary import Duplicates, Summary
from catscan.common.layer_table import Reach
from catscan.raw.manifest import Entry, Manifest

MANIFEST = Manifest((Entry("sample_submission.csv", 120, "sha256:00"), Entry("train.zip", 9_000, "zip:00")))
MODEL = Model(
    network=[{"global_pooling": {"kind": "max"}}],
    network_sha256="",
    sample_shape=(16, 16, 3),
    classes=("cat", "dog"),
    task="binary",
    kind="picture",
    reader={"size": [16, 16], "channels": "rgb"},
    threads=2,
    flips=True,
    training={"seed": 1, "recipe": {"epochs": 2}},
)


def summary_of(classes: Sequence[str] = ("cat", "dog"), **others: Any) -> Summary:
    """An index of 100 labelled samples in three folds, alike in number by class."""
    shown = Summary(
        kind="picture",
        task="binary",
        classes=tuple(classes),
        positive=classes[-1],
        prior=(1 / len(classes),) * len(classes),
        counts={name: 100 // len(classes) for name in classes},
        n_train=100,
        n_test=10,
        folds=3,
        shards=1,
        groups=100,
        duplicates=Duplicates(),
        remarks=(),
    )
    return replace(shown, **others)


SCORES = {"log_loss": 0.2, "accuracy": 0.9, "auc": None}
FOLD = FoldScores(fold=0, n=10, scores=SCORES)


MODEL_SCORES = ModelScores(n=10, scores=SCORES, folds=(FOLD,), weight=1.0, gain=None, foreign=False)


def metrics_of(**others: Any) -> Metrics:
    """An evaluation of 10 samples that one model, `resnet`, predicted better than the prior."""
    shown = Metrics(
        metric="log_loss",
        n=10,
        loss=Loss(
            name="log_loss",
            value=0.2,
            interval=(0.1, 0.3),
            sd=0.02,
            prior=0.6931,
            beats_prior=True,
            uncalibrated=0.3,
        ),
        scores={"accuracy": Estimate(value=0.9, interval=(0.8, 1.0)), "auc": None},
        folds=(FOLD,),
        models={"resnet": MODEL_SCORES},
        temperature=1.0,
        clip=0.0,
        odds=(1.0, 1.0),
        amounts=None,
        score=0.2,
        remarks=(),
    )
    return replace(shown, **others)


def check_of(**others: Any) -> Check:
    """A valid submission of 7 rows whose truth is known."""
    shown = Check(
        rows=7,
        columns=("id", "label"),
        valid=True,
        missing=(),
        warnings=(),
        metric="log_loss",
        expected_score=0.2,
        expected_interval=(0.15, 0.28),
        true_score=0.25,
        spread=None,
        temperature=1.0,
        clip=0.0,
        models={"resnet": 1},
        sha256="0" * 64,
    )
    return replace(shown, **others)


SIDECAR = Sidecar(
    ids=("1", "2"),
    bad=(Bad("3", "is cut short"),),
    odd=(Odd("2", ("is a PNG named .jpg",)),),
    settings=ReadAs("picture", {"size": [4, 4]}),
    geometry={"1": {"n_slices": 30}},
)

FEATURES_SIDECAR = FeaturesSidecar(
    ids=("1", "2"),
    bad=(Bad("3", "is cut short"),),
    settings=ReadAs("picture", {"size": [224, 224]}),
    source=FeaturesSource("efficientnet-lite0", "00" * 32, "fp32"),
)


PICTURE = Picture("data:image/png;base64,iVBORw0KGgo=", 4, 3)
GALLERIES = Galleries(
    samples=(Row("cat", 6, (Tile("<i>1</i>", "cat", PICTURE, None),)),),
    most_wrong=(Tile("2", "dog: 0.010", PICTURE, None), Tile("3", "cat: 0.020", PICTURE, None)),
)
_SHARE = Estimate(0.8, (0.6, 0.9))
FINDINGS = Findings(
    confusion={"cat": (5, 1), "dog": (2, 2)},
    classes={"cat": OfClass(6, _SHARE, _SHARE, 0.9, None), "dog": OfClass(4, _SHARE, _SHARE, 0.9, 0.8)},
    thresholds=(Threshold("0.5", 0.5, _SHARE, _SHARE, None),),
    parts=(Part("sex", "f", 6, Estimate(0.3, (0.25, 0.4)), apart=True),),
    suspects=0,
)


def write_evaluation(folder: Path, metrics: Metrics) -> None:
    """What the evaluate stage writes for the report, and the histories of the trainings; the figures are empty."""
    metrics.write(folder / "evaluation" / "metrics.json")
    GALLERIES.write(folder / "evaluation" / "galleries.json")
    FINDINGS.write(folder / "evaluation" / "findings.json")
    for name in ("learning-curves", "calibration", "answers", "curves"):
        (folder / "evaluation" / f"{name}.svg").write_text('<svg width="72pt" height="36pt" viewBox="0 0 72 36"></svg>')
    for model, scores in metrics.trained.items():
        for fold in scores.folds:
            history = folder / "models" / model / f"fold-{fold.fold}" / "history.csv"
            history.parent.mkdir(parents=True, exist_ok=True)
            history.write_text(f"epoch,train_loss,{metrics.loss.name}\n1,0.5,0.5\n")


# Of one sample of 2 x 2 grey levels, which a network without hidden layers looks at.
EXPLANATION = Explanation(
    model="resnet",
    fold=0,
    classes=("cat", "dog"),
    task="binary",
    sample_shape=(2, 2, 1),
    flips=False,
    scale=None,
    extractors=(),
    picture=None,
    layers=(
        Layer(
            kind="input", how="", name="input", inputs=(), shape=(2, 2, 1), reach=(Reach(),) * 2,
            arrays={}, closed=False,
        ),
        Layer(
            kind="fully_connected", how="bias", name="output/BiasAdd", inputs=(0,), shape=(2,), weights=10, flops=18,
            arrays={"window": Block.of(np.eye(4, 2)), "bias": Block.of(np.array([0.5, -0.5]))}, closed=False,
        ),
    ),
    epochs=(1, 2), windows=None, heat_layer=None,
    samples=(
        Shown(
            sample_id="</script><b>1</b>", split="test", label="", why="test",
            pixels=Block.of(np.array([[[1], [2]], [[3], [4]]], np.uint8)), features=None, voxels=None,
            logits=(1.5, 1.5), told=0, heat=None, covered=Block.of(np.zeros((2, 2))),
            deletion=Deletion((0.0, 1.0), None, (0.9, 0.1), (0.9, 0.1)), by_epoch=None,
            values={"1": Block.of(np.array([1.5, 1.5]))},
            chain=(Link("logits of this network", (1.5, 1.5)), Link("what is told", (0.5, 0.5))),
            cells=(Cell("1", "label", "dog", "0.5"),), others=(),
        ),
    ),
    remarks=("A remark on the network.",),
)  # fmt: skip


def write_shard(path: Path, array: NDArray[np.uint8], ids: Sequence[str], **others: Any) -> None:
    """A shard as the preprocess stage writes it; ``others`` are more fields of its sidecar."""
    write_array(path, array)
    Sidecar(tuple(ids), **{"settings": ReadAs("picture", {}), **others}).write(path.with_suffix(".json"))


def write_features(path: Path, array: NDArray[np.float32], ids: Sequence[str], **others: Any) -> None:
    """A shard as the features stage writes it; ``others`` are more fields of its sidecar."""
    write_array(path, array)
    told = {"settings": FEATURES_SIDECAR.settings, "source": FEATURES_SIDECAR.source, **others}
    FeaturesSidecar(ids=tuple(ids), **told).write(path.with_suffix(".json"))


# The settings of the submission stage, as the workflow hands them over.
SUBMISSION: dict[str, Any] = {
    "sample": "sample_submission.csv",
    "id_column": "",
    "columns": [],
    "value": "probability",
    "row_id": "{id}",
    "rows": {},
    "aggregate": "mean",
    "metric": "log_loss",
    "metric_weights": [],
    "metric_positive_weight": 1,
}
