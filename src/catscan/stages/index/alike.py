"""What the index says of pictures that look the same."""

from __future__ import annotations

from catscan.common.contracts.summary import Alike, Duplicates
from catscan.common.words import number_of
from catscan.kinds.samples import Reader
from catscan.stages.index.collect import Collected
from catscan.stages.index.duplicates import across_splits, contradictions, near_duplicates


def find_duplicates(thumbnails: Reader, collected: Collected, threads: int) -> Duplicates:
    """The pictures that look the same, by id: whole groups, test pictures of them, pairs with different labels.

    They are reported, and each group stays in one fold; nothing else follows from them.
    """
    found = near_duplicates(thumbnails, [*collected.train, *collected.test], threads)
    ids = [sample.sample_id for sample in (*collected.train, *collected.test)]
    labels = [" ".join(collected.labels.get(name, ())) for name in ids]
    members: dict[int, list[str]] = {}
    for name, first in zip(ids, found.groups.tolist(), strict=True):
        members.setdefault(first, []).append(name)

    def named(pairs: list[tuple[int, int]]) -> Alike:
        return tuple(tuple(ids[row] for row in pair) for pair in pairs)

    return Duplicates(
        groups=tuple(tuple(names) for names in members.values() if len(names) > 1),
        across=named(across_splits(found.groups, len(collected.train))),
        contradictory=named(contradictions(found.pairs, labels)),
    )


def remarks_on(duplicates: Duplicates, n_test: int) -> list[str]:
    """What a person should know about pictures that look the same, a sentence or two each."""
    told = []
    if duplicates.groups:
        groups = number_of(len(duplicates.groups), "group")
        told.append(f"{groups} of pictures that look the same, each kept in one fold: {_shown(duplicates.groups)}")
    if duplicates.twins:
        share = f"{len(duplicates.twins):,} of {number_of(n_test, 'test picture')}"
        looks = "looks" if len(duplicates.twins) == 1 else "look"
        told.append(
            f"{share} {looks} like a training picture: {_shown(duplicates.across)}. They are predicted like others; "
            "expect a better score on the test set than out of fold, where no network was trained on a picture's like."
        )
    if duplicates.contradictory:
        pairs = number_of(len(duplicates.contradictory), "pair")
        told.append(
            f"{pairs} of training pictures that look the same and have different labels, both kept: "
            f"{_shown(duplicates.contradictory)}. One label is wrong, or the difference too small to be seen here."
        )
    return told


def _shown(alike: Alike) -> str:
    return ", ".join(" = ".join(names) for names in alike[:3]) + (" ..." if len(alike) > 3 else "")
