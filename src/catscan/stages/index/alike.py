"""What the index says of pictures that look the same."""

from __future__ import annotations

from catscan.common.contracts.summary import Alike, Duplicates
from catscan.common.words import number_of
from catscan.kinds.samples import Reader
from catscan.stages.index.collect import Collected
from catscan.stages.index.duplicates import across_splits, contradictions, near_duplicates


def find_duplicates(thumbnails: Reader, collected: Collected, threads: int) -> Duplicates:
    """The pictures that look the same, by id: whole groups, pairs across the splits, pairs with different labels.

    They are reported, and each group stays in one fold; nothing else follows from them.
    """
    found = near_duplicates(thumbnails, [*collected.train, *collected.test], threads)
    ids = [sample.sample_id for sample in (*collected.train, *collected.test)]
    splits = ["train"] * len(collected.train) + ["test"] * len(collected.test)
    labels = [" ".join(collected.labels.get(name, ())) for name in ids]
    members: dict[int, list[str]] = {}
    for name, first in zip(ids, found.groups.tolist(), strict=True):
        members.setdefault(first, []).append(name)

    def named(pairs: list[tuple[int, int]]) -> Alike:
        return tuple(tuple(ids[row] for row in pair) for pair in pairs)

    return Duplicates(
        groups=tuple(tuple(names) for names in members.values() if len(names) > 1),
        across=named(across_splits(found.pairs, splits)),
        contradictory=named(contradictions(found.pairs, labels)),
    )


def remarks_on(duplicates: Duplicates) -> list[str]:
    """What a person should know about pictures that look the same, a sentence each."""
    told = (
        (duplicates.groups, "group", "of pictures that look the same, each kept in one fold"),
        (duplicates.across, "pair", "of a training and a test picture that look the same, both used as they are"),
        (duplicates.contradictory, "pair", "of pictures that look the same and have different labels, both kept"),
    )
    return [f"{number_of(len(alike), noun)} {which}: {_shown(alike)}" for alike, noun, which in told if alike]


def _shown(alike: Alike) -> str:
    return ", ".join(" = ".join(names) for names in alike[:3]) + (" ..." if len(alike) > 3 else "")
