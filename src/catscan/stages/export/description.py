"""`preprocessing.json`: what an exported network reads and answers, and what the submission makes of its answers."""

from __future__ import annotations

from typing import Any

from catscan.common.contracts.metrics import Metrics
from catscan.common.contracts.model import Model
from catscan.common.contracts.summary import Summary
from catscan.kinds.registry import kind_named
from catscan.scores.calibration import TINY
from catscan.scores.told import CalibratedBlend, weights_in

PROBABILITIES = {
    True: "of each class: the mean over the sample and its mirror image, left and right swapped, as `catscan predict` "
    "prints them for this one network; not calibrated",
    False: "of each class, of the sample alone and not its mirror image, as `catscan predict` prints them for this one "
    "network; not calibrated",
}  # with flips or not

AMOUNT_STEPS = [
    "The networks are blended: the value is the mean over the folds of each model in `networks`, then the mean over "
    "the models, each counted by its weight in `weights`.",
    "Where there are `bounds`, value = min(max(value, the first of them), the second).",
]

AREA = (
    "h rows and w columns become H and W, along no axis more than there are: "
    "value[j, i] = floor((S + floor(h * w / 2)) / (h * w)) in whole numbers, for each channel alone, where "
    "S = sum over y, x of a(j, y) * b(i, x) * pixel[y, x], "
    "a(j, y) = max(0, min((j + 1) * h, (y + 1) * H) - max(j * h, y * H)), and b alike of w and W. "
    "OpenCV's INTER_AREA computes the same in float32, and is one level off now and then. "
    "An axis that grows is resized afterwards, by OpenCV's INTER_LINEAR. "
    "docs/exported.md has it as Python, with the decoding."
)


def preprocessing(model: Model, evaluation: tuple[Metrics, Summary] | None) -> dict[str, Any]:
    """What one needs to know to feed the exported network, to read its answer, and to come to the submission's.

    Parameters
    ----------
    evaluation
        Of the competition that the network is of; without it the numbers of the calibration are not known.
    """
    is_area = kind_named(model.kind).by_area and model.reader.get("resize", "area") == "area"
    return {
        "input": {"name": "pixels", "dtype": "uint8", "shape": [None, *model.sample_shape]},
        "kind": model.kind,
        "reader": model.reader,
        **({"area": AREA} if is_area else {}),
        "outputs": _outputs(model),
        "classes": list(model.classes),
        "task": model.task,
        "submission": {"adds": _steps(model), **(_numbers(*evaluation) if evaluation else {})},
    }


def _outputs(model: Model) -> dict[str, str]:
    if model.scale is None:
        return {"probabilities": PROBABILITIES[model.flips], "logits": _logits(model)}
    of = "the mean over the sample and its mirror image" if model.flips else "of the sample alone"
    mean, deviation = model.scale
    return {
        "values": f"the amount in the unit of the targets, {of}, as `catscan predict` prints it for this one network",
        "logits": f"the values, less {mean!r}, divided by {deviation!r}",
    }


def _steps(model: Model) -> list[str]:
    return AMOUNT_STEPS if model.scale is not None else submission_steps(multilabel=model.task == "multilabel")


def _logits(model: Model) -> str:
    if model.task == "multilabel":
        return "ln p - ln(1 - p) of those probabilities p"
    alike = "" if model.flips else ", but for a number that all classes of a sample share"
    return f"ln p of those probabilities p{alike}"


def submission_steps(*, multilabel: bool) -> list[str]:
    """What the submission makes of the answers of all networks, one step a sentence, in their order."""
    return [
        f"p is kept between {TINY:g} and 1 - {TINY:g}; z = {'ln p - ln(1 - p)' if multilabel else 'ln p'}, "
        "for each network, and for `prior`: z0.",
        "The networks are blended: z is the mean over the folds of each model in `networks`, then the mean over the "
        "models, each counted by its weight in `weights`.",
        "z = z0 + (z - z0) / temperature",
        "p = 1 / (1 + exp(-z))" if multilabel else "p = softmax(z)",
        "p = min(max(p, clip), 1 - clip)"
        if multilabel
        else "p = min(max(p, clip / (number of classes - 1)), 1 - clip), divided by their sum over the classes",
        "p = p * odds / (1 - p + p * odds)",
    ]


def _numbers(metrics: Metrics, summary: Summary) -> dict[str, Any]:
    networks = {name: [f"fold-{fold.fold}" for fold in scores.folds] for name, scores in metrics.trained.items()}
    told = {"networks": networks, "weights": weights_in(metrics)}
    if metrics.amounts is not None:
        return told | {"bounds": metrics.amounts.bounds}
    combined = CalibratedBlend.of(metrics, summary)
    return told | {
        "temperature": combined.calibration.temperature,
        "clip": combined.calibration.clip,
        "prior": list(combined.calibration.prior),
        "odds": list(combined.odds),
    }
