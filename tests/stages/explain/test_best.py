"""Which network is opened."""

from dataclasses import replace
from pathlib import Path

from factories import FOLD, MODEL, MODEL_SCORES, metrics_of, summary_of

from catscan.common.contracts.features import FeaturesSource
from catscan.networks.evaluated import Evaluated
from catscan.stages.explain import opened_first

LOSSES = {"pretrained": (0.1, 0.1), "good": (0.25, 0.31), "worse": (0.4, 0.5)}


def evaluated(*names: str) -> Evaluated:
    models = {
        name: replace(
            MODEL_SCORES,
            scores={"log_loss": sum(LOSSES[name]) / 2 + 0.01},
            folds=tuple(replace(FOLD, fold=k, scores={"log_loss": loss}) for k, loss in enumerate(LOSSES[name])),
        )
        for name in names
    }
    folders = {name: [Path(name) / "fold-0", Path(name) / "fold-1"] for name in names}
    source = FeaturesSource("efficientnet-lite0", "00" * 32, "fp32")
    described = {
        folder: replace(MODEL, features=(source,) if name == "pretrained" else ())
        for name, some in folders.items()
        for folder in some
    }
    return Evaluated(folders, described, metrics_of(models=models), summary_of(), [])


def test_of_the_best_model_from_scratch_the_fold_nearest_to_its_loss_is_opened() -> None:
    assert opened_first(evaluated("pretrained", "worse", "good")) == Path("good/fold-1")


def test_where_all_learnt_from_features_the_best_of_them_is_opened() -> None:
    assert opened_first(evaluated("pretrained")) == Path("pretrained/fold-0")
