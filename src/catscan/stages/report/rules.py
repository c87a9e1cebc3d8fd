"""What to do next, in words: small rules, each with the figures that it goes by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.findings import Findings
from catscan.common.contracts.metrics import Metrics
from catscan.common.contracts.model import Model
from catscan.common.contracts.summary import Summary
from catscan.common.errors import listed
from catscan.common.words import number_of
from catscan.kinds.registry import kind_named
from catscan.scores.drift import Drift

Array = NDArray[np.float64]

APART = 1.5  # times the loss of the other folds
STILL_FALLING = 0.05  # of the loss, in the last quarter of the epochs
ROSE = 0.1  # of the loss, since its lowest
GAP = 2.0  # times the training loss
NO_WEIGHT = 0.05
TOO_SURE, TOO_SHY = 1.3, 0.77  # temperatures
TOLD_APART = 0.6  # AUC; its interval lies above a half, too
FEW_PICTURES, SMALL_PICTURES = 100_000, 80
LOPSIDED = 1.5


@dataclass(frozen=True)
class Advice:
    """One thing to do: what was seen, with its figures; what to do; the line of the config to try, if any."""

    seen: str
    do: str
    line: str = ""


@dataclass(frozen=True)
class Facts:
    """What the rules look at.

    Attributes
    ----------
    histories
        Model and fold to (training loss, held-out loss), each (epochs,).
    described
        A model's first fold, by the name of the model; without foreign ones.
    n_bad
        Samples that could not be read.
    drift
        None where it is not known.
    """

    metrics: Metrics
    index: Summary
    findings: Findings
    described: Mapping[str, Model] = field(default_factory=dict)
    histories: Mapping[str, Mapping[int, tuple[Array, Array]]] = field(default_factory=dict)
    n_bad: int = 0
    drift: Drift | None = None


def of_model(name: str, line: str) -> str:
    """A line of a model's block of the config, in its place."""
    return f"models: {{{name}: {{{line}}}}}"


def advice(facts: Facts) -> list[Advice]:
    """What all rules say, the most important first."""
    return [one for rule in RULES for one in rule(facts)]


def no_better_than_the_prior(facts: Facts) -> Iterator[Advice]:
    """Nothing was learnt at all."""
    loss = facts.metrics.loss
    if not loss.beats_prior:
        yield Advice(
            f"The {loss.title} is {loss.value:.4f}, that of the constant prior {loss.prior:.4f}: nothing was learnt "
            "that holds for other samples.",
            "See in the galleries whether pictures and labels belong together; then try another seed, a smaller "
            "learning rate, more epochs.",
            of_model(next(iter(facts.metrics.models)), "seeds: [2]"),
        )


def a_network_that_never_learnt(facts: Facts) -> Iterator[Advice]:
    """A fold whose held-out loss never fell below the prior's, while others did."""
    loss = facts.metrics.loss
    silent = [
        f"{model}, fold {fold}"
        for model, folds in facts.histories.items()
        for fold, (_, held_out) in folds.items()
        if len(held_out) and np.nanmin(held_out) > 0.98 * loss.prior
    ]
    if silent and loss.beats_prior:
        yield Advice(
            f"{number_of(len(silent), 'network')} never did better than the constant prior: {listed(silent)}.",
            "Give it another start.",
            of_model(silent[0].split(",")[0], "seeds: [2]"),
        )


def folds_that_differ(facts: Facts) -> Iterator[Advice]:
    """One fold far worse than the others."""
    loss = facts.metrics.loss
    losses = {fold.fold: fold.scores[loss.name] for fold in facts.metrics.folds}
    known = {fold: value for fold, value in losses.items() if value is not None}
    if len(known) < 2:
        return
    worst = max(known, key=lambda fold: known[fold])
    others = [value for fold, value in known.items() if fold != worst]
    if known[worst] > APART * float(np.mean(others)):
        yield Advice(
            f"Fold {worst} stands apart: {loss.title} {known[worst]:.4f}, the others "
            f"{listed([f'{value:.4f}' for value in others])}.",
            "Look at its samples among the most wrong ones: a kind of sample may be rare, or a group be held out as a "
            "whole. More folds let each network see more of them.",
            f"index: {{folds: {min(10, facts.index.folds + 2)}}}",
        )


def still_improving(facts: Facts) -> Iterator[Advice]:
    """Models whose held-out loss was still falling when training ended."""
    for model, folds in facts.histories.items():
        falls = [_fall(held_out) for _, held_out in folds.values() if len(held_out) >= 4]
        if falls and np.median(falls) > STILL_FALLING:
            epochs = max(len(held_out) for _, held_out in folds.values())
            yield Advice(
                f"{model} was still improving when it ended: in the last quarter of its {epochs} epochs the held-out "
                f"{facts.metrics.loss.title} fell by {100 * float(np.median(falls)):.0f} %.",
                "Train it longer.",
                of_model(model, f"epochs: {2 * epochs}"),
            )


def learnt_by_heart(facts: Facts) -> Iterator[Advice]:
    """Models whose held-out loss rose again, or lies far above the training loss."""
    for model, folds in facts.histories.items():
        rises = [(int(np.nanargmin(h)) + 1, h[-1] / np.nanmin(h) - 1) for _, h in folds.values() if len(h) > 1]
        if rises and np.median([rise for _, rise in rises]) > ROSE:
            best = int(np.median([epoch for epoch, _ in rises]))
            yield Advice(
                f"{model} begins to learn its samples by heart: since epoch {best} its held-out "
                f"{facts.metrics.loss.title} has risen by {100 * float(np.median([rise for _, rise in rises])):.0f} %.",
                "Stop there, or alter the samples more.",
                of_model(model, f"epochs: {best}"),
            )
            continue
        gaps = [(t[-1], h[-1]) for t, h in folds.values() if len(h) and t[-1] > 0]
        if gaps and np.median([held_out / training for training, held_out in gaps]) > GAP:
            training, held_out = (float(np.mean(losses)) for losses in zip(*gaps, strict=True))
            yield Advice(
                f"{model} knows its training samples far better than others: loss {training:.4f} and {held_out:.4f} "
                "in the last epoch.",
                "Alter the samples more, or hold its weights down.",
                of_model(model, "augment: {rotation: 30, scale: 0.3}"),
            )


def worth_nothing_in_the_blend(facts: Facts) -> Iterator[Advice]:
    """Models without which the blend is as good."""
    for name, model in facts.metrics.models.items():
        if model.gain is None or (model.weight >= NO_WEIGHT and model.gain.interval[1] > 0):
            continue
        gain, (low, high) = model.gain.value, model.gain.interval
        yield Advice(
            f"{name} is worth nothing in the blend: weight {model.weight:.2f}, it lowers the "
            f"{facts.metrics.loss.title} by {gain:.4f} (95 %: {low:.4f} to {high:.4f}).",
            "Leave it out, and put its time into the others." if not model.foreign else "Leave it out of `blend`.",
        )


def probabilities_that_mean_something_else(facts: Facts) -> Iterator[Advice]:
    """A temperature far from 1."""
    heat = facts.metrics.temperature
    if facts.metrics.amounts is None and not TOO_SHY < heat < TOO_SURE:
        loss, sure = facts.metrics.loss, heat > 1
        yield Advice(
            f"The networks are too {'sure' if sure else 'shy'}: calibration divides what they say by {heat:.2f}, and "
            f"takes the {loss.title} from {loss.uncalibrated:.4f} to {loss.value:.4f}.",
            "The submission is calibrated already; softer labels would make the networks themselves more careful."
            if sure
            else "The submission is calibrated already; longer training or harder labels would make them surer.",
            of_model(next(iter(facts.metrics.models)), f"label_smoothing: {0.1 if sure else 0.0}"),
        )


def one_class_taken_for_the_other(facts: Facts) -> Iterator[Advice]:
    """Of two classes one is mistaken more often than luck explains."""
    if len(facts.findings.confusion) != 2 or facts.index.task == "multilabel":
        return
    one, other = facts.index.classes
    first, second = facts.findings.confusion[one][1], facts.findings.confusion[other][0]
    if second > first:
        one, other, first, second = other, one, second, first
    if first > LOPSIDED * second and first - second > 2 * math.sqrt(first + second):
        yield Advice(
            f"{one} is taken for {other} more often than the other way round: {first:,} and {second:,} samples.",
            f"See below what the most wrong samples of {one} have in common; more samples like them help most. Where "
            "the metric counts decisions, another threshold may do.",
        )


def labels_that_look_wrong(facts: Facts) -> Iterator[Advice]:
    """Suspects, and near-duplicates with different labels."""
    if facts.findings.suspects:
        share = 100 * facts.findings.suspects / facts.metrics.n
        yield Advice(
            f"{number_of(facts.findings.suspects, 'label')} ({share:.1f} %) {_look(facts.findings.suspects)} wrong to "
            "networks that never saw them.",
            "Go through evaluation/suspects.csv from its top, correct the labels that are wrong, and run again. Hard "
            "samples stand there too: correct only what you see.",
        )
    pairs = len(facts.index.duplicates.contradictory)
    if pairs:
        yield Advice(
            f"{number_of(pairs, 'pair')} of near-duplicates {'have' if pairs > 1 else 'has'} different labels.",
            "One of each is wrong: they are listed under Data.",
        )


def another_test_set(facts: Facts) -> Iterator[Advice]:
    """Training and test samples that can be told apart."""
    found = facts.drift
    if found and found.auc > TOLD_APART and found.interval[0] > 0.5:
        name, train, test = found.differences
        yield Advice(
            f"Training and test samples can be told apart: AUC {found.auc:.2f} (95 %: {found.interval[0]:.2f} to "
            f"{found.interval[1]:.2f}), 0.5 being not at all. Most differs the {name}, {train:.0f} and {test:.0f} grey "
            "levels.",
            "Expect the score of the test set to be worse than out of fold. Augment by what differs.",
            of_model(next(iter(facts.metrics.models)), "augment: {brightness: 0.3}") if name != "detail" else "",
        )


def kinds_that_fare_worse(facts: Facts) -> Iterator[Advice]:
    """Samples of one site, scanner or sex with a higher loss than all."""
    worse = [part for part in facts.findings.parts if part.apart and part.loss.value > facts.metrics.loss.value]
    if worse:
        part = max(worse, key=lambda one: one.loss.value)
        yield Advice(
            f"Where {part.column} is {part.value or 'empty'} the {facts.metrics.loss.title} is {part.loss.value:.4f} "
            f"(95 %: {part.loss.interval[0]:.4f} to {part.loss.interval[1]:.4f}), of all samples "
            f"{facts.metrics.loss.value:.4f}.",
            "Look at these samples; hold such a kind out as a whole to see how the network fares on one it never saw.",
            f"data: {{group_column: {part.column}}}",
        )


def samples_that_could_not_be_read(facts: Facts) -> Iterator[Advice]:
    """Bad samples."""
    if facts.n_bad:
        yield Advice(
            f"{number_of(facts.n_bad, 'sample')} could not be read.",
            "Fetch them again where the files are damaged; their reasons are listed under Data.",
        )


def from_scratch_on_few_pictures(facts: Facts) -> Iterator[Advice]:
    """Pictures without a pretrained network."""
    own = facts.described.values()
    if not kind_named(facts.index.kind).picture_files or not own or not all(model.is_from_scratch for model in own):
        return
    if facts.index.n_train < FEW_PICTURES:
        yield Advice(
            f"All models learn from {facts.index.n_train:,} pictures alone.",
            "Where the rules allow outside data, features of a pretrained network nearly always win on photographs.",
            "preset: standard",
        )
    height, width, *_ = next(iter(own)).sample_shape
    if max(height, width) <= SMALL_PICTURES:
        yield Advice(
            f"The networks see pictures of {height} × {width}.",
            "Larger ones show more; twice the side takes about four times as long.",
            f"preprocess: {{picture: {{size: [{2 * height}, {2 * width}]}}}}",
        )


def few_networks(facts: Facts) -> Iterator[Advice]:
    """One model alone: a second start is the cheapest gain."""
    models = facts.metrics.models
    if len(models) == 1 and facts.metrics.loss.beats_prior:
        (name,) = models
        yield Advice(
            f"{name} is the only model.",
            "The mean of two starts is nearly always better than one; it takes twice as long.",
            of_model(name, "seeds: [1, 2]"),
        )


RULES: tuple[Callable[[Facts], Iterator[Advice]], ...] = (
    no_better_than_the_prior,
    a_network_that_never_learnt,
    labels_that_look_wrong,
    folds_that_differ,
    another_test_set,
    kinds_that_fare_worse,
    still_improving,
    learnt_by_heart,
    from_scratch_on_few_pictures,
    worth_nothing_in_the_blend,
    probabilities_that_mean_something_else,
    one_class_taken_for_the_other,
    samples_that_could_not_be_read,
    few_networks,
)


def _look(count: int) -> str:
    return "looks" if count == 1 else "look"


def _fall(held_out: Array) -> float:
    """By which share of it the loss fell in the last quarter of the epochs; 0 where its lowest is not at the end."""
    before, lowest = held_out[-1 - len(held_out) // 4], float(np.nanmin(held_out))
    return float(1 - held_out[-1] / before) if held_out[-1] <= 1.01 * lowest else 0.0
