from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catscan.stages.index.folds import assign_folds, unite


def one_hot(labels: list[int], n_classes: int | None = None) -> np.ndarray:
    return np.eye(n_classes or max(labels) + 1, dtype=int)[labels]


def names(n_samples: int) -> list[str]:
    return [f"s{n}" for n in range(n_samples)]


class TestAssignFolds:
    @pytest.mark.parametrize("counts", [(50, 50), (90, 10), (7, 93), (400, 41, 9)])
    def test_each_fold_has_its_share_of_each_class(self, counts: tuple[int, ...]) -> None:
        labels = [label for label, count in enumerate(counts) for _ in range(count)]
        ids = names(len(labels))

        folds = assign_folds(one_hot(labels), sample_ids=ids, groups=ids, folds=5, seed=1)

        for label, count in enumerate(counts):
            held = Counter(folds[np.array(labels) == label].tolist())
            assert set(held.values()) <= {count // 5, -(-count // 5)}

    def test_folds_are_alike_in_size(self) -> None:
        labels = [0] * 13 + [1] * 14 + [2] * 6
        ids = names(33)

        sizes = Counter(assign_folds(one_hot(labels), sample_ids=ids, groups=ids, folds=4, seed=1).tolist())

        assert max(sizes.values()) - min(sizes.values()) <= 2

    def test_groups_stay_whole(self) -> None:
        draw = np.random.default_rng(0)
        groups = draw.integers(30, size=200).tolist()

        folds = assign_folds(
            one_hot(draw.integers(2, size=200).tolist()), sample_ids=names(200), groups=groups, folds=5, seed=1
        )

        assert all(len({fold for fold, g in zip(folds, groups, strict=True) if g == group}) == 1 for group in range(30))

    def test_groups_of_uneven_size_still_give_each_fold_about_its_share(self) -> None:
        draw = np.random.default_rng(1)
        sizes = draw.integers(1, 12, size=120)
        of_group = draw.random(120) < 0.2
        groups = np.repeat(np.arange(120), sizes).tolist()
        labels = np.repeat(of_group, sizes).astype(int)

        folds = assign_folds(one_hot(labels.tolist()), sample_ids=names(len(groups)), groups=groups, folds=5, seed=1)

        shares = [labels[folds == fold].mean() for fold in range(5)]
        assert max(shares) - min(shares) < 0.03

    def test_multilabel_classes_are_spread(self) -> None:
        targets = (np.random.default_rng(2).random((300, 6)) < [0.5, 0.3, 0.1, 0.05, 0.02, 0.2]).astype(int)

        folds = assign_folds(targets, sample_ids=names(300), groups=names(300), folds=3, seed=1)

        held = np.array([targets[folds == fold].sum(axis=0) for fold in range(3)])
        assert (held.max(axis=0) - held.min(axis=0) <= 3).all()

    @given(st.lists(st.integers(0, 3), min_size=6, max_size=60), st.permutations(range(4)), st.integers(0, 5))
    def test_renaming_the_classes_does_not_move_a_fold(self, labels: list[int], order: list[int], seed: int) -> None:
        ids = names(len(labels))
        targets = one_hot(labels, 4)

        first = assign_folds(targets, sample_ids=ids, groups=ids, folds=3, seed=seed)
        second = assign_folds(targets[:, order], sample_ids=ids, groups=ids, folds=3, seed=seed)

        assert first.tolist() == second.tolist()

    @settings(max_examples=30)
    @given(st.permutations(range(24)))
    def test_the_order_of_the_samples_does_not_move_a_fold(self, order: list[int]) -> None:
        ids, targets = np.array(names(24)), one_hot([0, 1, 2] * 8)
        groups = np.array([n // 3 for n in range(24)])

        first = assign_folds(targets, sample_ids=ids.tolist(), groups=groups.tolist(), folds=4, seed=1)
        second = assign_folds(
            targets[order], sample_ids=ids[order].tolist(), groups=groups[order].tolist(), folds=4, seed=1
        )

        assert first[order].tolist() == second.tolist()

    def test_another_seed_draws_other_folds(self) -> None:
        ids, targets = names(60), one_hot([0, 1] * 30)

        first, second = (assign_folds(targets, sample_ids=ids, groups=ids, folds=5, seed=seed) for seed in (1, 2))

        assert first.tolist() != second.tolist()

    def test_folds_are_those_of_every_machine(self) -> None:
        folds = assign_folds(one_hot([0, 1] * 5), sample_ids=names(10), groups=names(10), folds=3, seed=1)

        assert folds.tolist() == [1, 2, 1, 2, 0, 0, 2, 0, 0, 1]


class TestUnite:
    def test_samples_without_a_group_stand_alone(self) -> None:
        assert unite(["a", "b", "c"], {"b": "patient 1"}, []) == ["a", "patient 1", "c"]

    def test_pictures_that_look_alike_join_their_groups(self) -> None:
        groups = {"a": "p1", "b": "p1", "c": "p2", "d": "p2", "e": "p3"}

        assert unite(list("abcde"), groups, [["b", "c"]]) == ["p1", "p1", "p1", "p1", "p3"]

    def test_likeness_goes_on_from_one_to_the_next(self) -> None:
        assert unite(list("abcd"), {}, [["c", "d"], ["b", "c"]]) == ["a", "b", "b", "b"]

    def test_ids_of_the_other_split_are_passed_over(self) -> None:
        assert unite(["a", "b"], {}, [["a", "test picture", "b"]]) == ["a", "a"]
