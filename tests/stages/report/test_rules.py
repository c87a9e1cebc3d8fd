"""Each rule speaks where it should, with its figures, and is silent elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
from factories import FINDINGS, FOLD, MODEL, MODEL_SCORES, metrics_of, summary_of

from catscan.common.contracts.findings import Part
from catscan.common.contracts.metrics import Estimate
from catscan.common.contracts.summary import Duplicates
from catscan.scores.drift import Drift
from catscan.stages.report import rules
from catscan.stages.report.rules import Facts

PLAIN = Facts(
    metrics=metrics_of(models={"a": MODEL_SCORES, "b": MODEL_SCORES}),
    index=summary_of(kind="dicom_series"),
    findings=replace(FINDINGS, confusion={"cat": (40, 10), "dog": (9, 41)}, parts=()),
)
FALLING = np.array([0.7, 0.6, 0.5, 0.4])


def fold(number: int, loss: float) -> object:
    return replace(FOLD, fold=number, scores={**FOLD.scores, "log_loss": loss})


def history(training: list[float], held_out: list[float]) -> dict[str, dict[int, tuple[np.ndarray, np.ndarray]]]:
    return {"a": {0: (np.array(training), np.array(held_out))}}


def loss(**others: object) -> dict[str, object]:
    return {"loss": replace(PLAIN.metrics.loss, **others)}


def drifted(auc: float, low: float, name: str = "brightness") -> Drift:
    return Drift(auc, (low, 0.9), np.zeros(3), (name, 80.0, 120.0))


WORTHLESS = replace(MODEL_SCORES, weight=0.01, gain=Estimate(0.0001, (-0.01, 0.02)))
SPOKEN = {
    "no_better_than_the_prior": (
        {"metrics": replace(PLAIN.metrics, **loss(value=0.7, beats_prior=False))},
        "log loss is 0.7000, that of the constant prior 0.6931",
    ),
    "a_network_that_never_learnt": (
        {"histories": history([0.7, 0.69], [0.6931, 0.6931])},
        "1 network never did better than the constant prior: a, fold 0.",
    ),
    "folds_that_differ": (
        {"metrics": replace(PLAIN.metrics, folds=(fold(0, 0.16), fold(1, 0.55), fold(2, 0.35)))},
        "Fold 1 stands apart: log loss 0.5500, the others 0.1600, 0.3500.",
    ),
    "still_improving": (
        {"histories": history([0.7, 0.6, 0.5, 0.4], [0.7, 0.6, 0.5, 0.4])},
        "in the last quarter of its 4 epochs the held-out log loss fell by 20 %",
    ),
    "learnt_by_heart": (
        {"histories": history([0.7, 0.3, 0.1], [0.6, 0.4, 0.6])},
        "since epoch 2 its held-out log loss has risen by 50 %",
    ),
    "worth_nothing_in_the_blend": (
        {"metrics": replace(PLAIN.metrics, models={"a": MODEL_SCORES, "b": WORTHLESS})},
        "b is worth nothing in the blend: weight 0.01, it lowers the log loss by 0.0001 (95 %: -0.0100 to 0.0200).",
    ),
    "probabilities_that_mean_something_else": (
        {"metrics": replace(PLAIN.metrics, temperature=1.8)},
        "too sure: calibration divides what they say by 1.80, and takes the log loss from 0.3000 to 0.2000",
    ),
    "one_class_taken_for_the_other": (
        {"findings": replace(PLAIN.findings, confusion={"cat": (40, 53), "dog": (107, 41)})},
        "dog is taken for cat more often than the other way round: 107 and 53 samples.",
    ),
    "labels_that_look_wrong": (
        {"findings": replace(PLAIN.findings, suspects=3)},
        "3 labels (30.0 %) look wrong to networks that never saw them.",
    ),
    "another_test_set": (
        {"drift": drifted(0.83, 0.8)},
        "told apart: AUC 0.83 (95 %: 0.80 to 0.90), 0.5 being not at all. Most differs the brightness, 80 and 120",
    ),
    "kinds_that_fare_worse": (
        {"findings": replace(PLAIN.findings, parts=(Part("site", "b", 40, Estimate(0.5, (0.4, 0.6)), apart=True),))},
        "Where site is b the log loss is 0.5000 (95 %: 0.4000 to 0.6000), of all samples 0.2000.",
    ),
    "samples_that_could_not_be_read": ({"n_bad": 2}, "2 samples could not be read."),
    "from_scratch_on_few_pictures": (
        {"index": summary_of(), "described": {"a": MODEL}},
        "All models learn from 100 pictures alone.",
    ),
    "few_networks": ({"metrics": metrics_of()}, "resnet is the only model."),
}


def test_every_rule_is_tried() -> None:
    assert [rule.__name__ for rule in rules.RULES if rule.__name__ not in SPOKEN] == []


def test_where_nothing_stands_out_all_rules_are_silent() -> None:
    assert rules.advice(PLAIN) == []


@pytest.mark.parametrize("name", SPOKEN)
def test_a_rule_speaks_with_its_figures(name: str) -> None:
    given, said = SPOKEN[name]
    facts = replace(PLAIN, **given)
    (first, *_) = list(getattr(rules, name)(facts))

    assert said in first.seen
    assert first in rules.advice(facts)


def test_a_gap_between_training_and_held_out_loss_is_told_where_neither_rises() -> None:
    (said,) = rules.learnt_by_heart(replace(PLAIN, histories=history([0.7, 0.1], [0.5, 0.4])))

    assert "loss 0.1000 and 0.4000 in the last epoch" in said.seen


def test_contradictory_duplicates_are_labels_that_look_wrong() -> None:
    index = summary_of(kind="dicom_series", duplicates=Duplicates(contradictory=(("a", "b"),)))
    (said,) = rules.labels_that_look_wrong(replace(PLAIN, index=index))

    assert "1 pair of near-duplicates has different labels" in said.seen


@pytest.mark.parametrize(("auc", "low"), [(0.58, 0.55), (0.7, 0.45)], ids=["little", "uncertain"])
def test_a_test_set_that_may_be_the_same_is_no_reason_to_speak(auc: float, low: float) -> None:
    assert list(rules.another_test_set(replace(PLAIN, drift=drifted(auc, low)))) == []


def test_every_line_of_config_is_yaml() -> None:
    import yaml

    for name, (given, _) in SPOKEN.items():
        for one in getattr(rules, name)(replace(PLAIN, **given)):
            assert not one.line or isinstance(yaml.safe_load(one.line), dict)
