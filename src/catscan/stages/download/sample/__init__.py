"""Generated data in Kaggle's own layout, for a first run without an account, and with a truth that is known.

The classes differ in shape only: everything else (sizes, colours, spacing, order, ids) is drawn alike for both.
"""

from __future__ import annotations

from pathlib import Path

from catscan.common.errors import CatscanError, did_you_mean

KINDS = ("pictures", "series")
FEWEST_TRAIN, FEWEST_TEST = 32, 2  # so that both classes and every oddity are there


def generate(what: str, raw: Path, truth: Path, *, train: int, test: int, seed: int, threads: int) -> None:
    """Write one generated competition; equal arguments give equal bytes, whatever ``threads``.

    Parameters
    ----------
    what
        "pictures" (as Dogs vs. Cats Redux) or "series" (as Data Science Bowl 2017).
    raw
        The competition's folder; what a killed run left there is removed first.
    truth
        Where `solution.csv`, the labels of the test set, goes.
    train, test
        The number of samples.
    seed
        Of all that is random.
    threads
        How many samples are made at once.

    Raises
    ------
    CatscanError
        For an unknown ``what``, and for sets too small to hold both classes and every oddity.
    """
    if what not in KINDS:
        raise CatscanError(
            f"There is no generated competition {what!r}.", where="source.sample", do=did_you_mean(what, list(KINDS))
        )
    if train < FEWEST_TRAIN or test < FEWEST_TEST:
        raise CatscanError(
            f"Generated data need at least {FEWEST_TRAIN} training and {FEWEST_TEST} test samples.",
            where="source.train, source.test",
            found=f"{train} and {test}",
        )
    if what == "pictures":
        from catscan.stages.download.sample.pictures import generate_pictures as make
    else:
        from catscan.stages.download.sample.series import generate_series as make
    make(raw, truth, train=train, test=test, seed=seed, threads=threads)
