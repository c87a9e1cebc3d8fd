"""A competition of three small networks, evaluated, as the workflow leaves it in `results/`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from factories import FOLD, MODEL, MODEL_SCORES, metrics_of, summary_of, write_shard

from catscan.common.contracts.model import Model
from catscan.networks.model import network_of, write_model
from catscan.networks.outputs import output_of
from catscan.networks.predictor import Predictor
from catscan.networks.session import Compute
from catscan.scores.predictions import write_predictions

TASKS = {"binary": ("cat", "dog"), "multiclass": ("cat", "dog", "owl"), "multilabel": ("cat",)}
MODELS = {"main": (0, 2), "other": (0,)}  # the folds of each
WEIGHTS = (0.7, 0.3)


def write_network(folder: Path, model: Model, seed: int) -> None:
    """A network with weights of its own, nothing learnt."""
    from catscan.networks.compat import tf

    predictor = Predictor(
        network_of(model).build(),
        model.sample_shape,
        len(model.classes),
        output=output_of(model.task, model.scale),
        compute=Compute(threads=2),
    )
    draw = np.random.default_rng(seed)
    with predictor.graph.as_default():
        shapes = {variable.op.name: variable.shape.as_list() for variable in tf.global_variables()}
    predictor.close()
    weights = {name: draw.normal(0, 0.02, shape).astype(np.float32) for name, shape in shapes.items()}
    of_variance = {name: np.abs(array) + 0.5 for name, array in weights.items() if name.endswith("variance")}
    write_model(folder, model, weights | of_variance)


def write_competition(folder: Path, task: str) -> None:
    """Three networks of two models, their evaluation, three test pictures, a sample submission that asks for them."""
    classes = TASKS[task]
    for number, (name, fold) in enumerate((name, fold) for name, folds in MODELS.items() for fold in folds):
        write_network(folder / "models" / name / f"fold-{fold}", replace(MODEL, classes=classes, task=task), number)
    models = {
        name: replace(MODEL_SCORES, folds=tuple(replace(FOLD, fold=k) for k in folds), weight=weight)
        for (name, folds), weight in zip(MODELS.items(), WEIGHTS, strict=True)
    }
    odds = tuple(np.linspace(1.5, 3, len(classes))) if task == "multilabel" else (1.0,) * len(classes)
    metrics_of(models=models, temperature=1.7, clip=0.03, odds=odds).write(folder / "evaluation" / "metrics.json")
    shares = tuple(np.linspace(0.2, 0.4, len(classes)) if task == "multilabel" else np.arange(1, len(classes) + 1) / 6)
    shares = (0.3, 0.7) if task == "binary" else shares
    summary_of(classes, task=task, prior=shares).write(folder / "index.json")
    (folder / "index.csv").write_text("sample_id,split,label,group\nt1,train,cat,t1\n")
    even = np.full((1, len(classes)), 1 / len(classes), np.float32)
    write_predictions(folder / "evaluation" / "out-of-fold.csv", ["t1"], even, classes)
    (folder / "raw").mkdir()
    columns = "label" if task == "binary" else ",".join(classes)
    rows = [f"{number}," + ",".join("0" * (columns.count(",") + 1)) for number in range(3)]
    (folder / "raw" / "sample_submission.csv").write_text("\n".join([f"id,{columns}", *rows]) + "\n")
    pictures = np.random.default_rng(9).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)
    pictures[2] = 255
    write_shard(folder / "arrays" / "test-1-of-1.npy", pictures, ["0", "1", "2"])
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"{number}.png"), picture[..., ::-1])
