"""Documents as the stages would write them, for the tests of the stages that read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from catscan.common.contracts.summary import Duplicates, Summary


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
