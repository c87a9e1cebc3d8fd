"""Near-duplicate pictures: found, grouped, and nothing else taken for one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catscan.kinds.pictures.reader import thumbnails
from catscan.kinds.samples import Sample
from catscan.raw.files import RawFiles
from catscan.stages.index.duplicates import (
    Fingerprint,
    NearDuplicates,
    across_splits,
    contradictions,
    fingerprint,
    near_duplicates,
    near_hashes,
    pairs_of,
)


def photo(seed: int, shape: tuple[int, int] = (150, 200)) -> np.ndarray:
    corners = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return cv2.resize(corners, shape[::-1], interpolation=cv2.INTER_CUBIC)


def jpeg(picture: np.ndarray, quality: int = 90) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return file.getvalue()


def search(folder: Path, files: list[bytes], threads: int = 1) -> NearDuplicates:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for number, data in enumerate(files):
            archive.writestr(f"{number}.jpg", data)
    samples = [Sample(str(number), "a.zip", f"{number}.jpg") for number in range(len(files))]
    return near_duplicates(thumbnails(RawFiles(folder)), samples, threads)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(jpeg(photo(1)), id="the-same-bytes"),
        pytest.param(jpeg(photo(1), quality=30), id="packed-harder"),
        pytest.param(jpeg(cv2.resize(photo(1), (400, 300))), id="twice-the-size"),
        pytest.param(jpeg(cv2.convertScaleAbs(photo(1), alpha=1, beta=4)), id="a-little-brighter"),
        pytest.param(jpeg(cv2.cvtColor(photo(1), cv2.COLOR_RGB2GRAY)), id="in-gray"),
    ],
)
def test_a_copy_is_found(tmp_path, changed):
    found = search(tmp_path, [jpeg(photo(0)), jpeg(photo(1)), jpeg(photo(2)), changed])

    assert found.pairs == ((1, 3),)
    assert found.groups.tolist() == [0, 1, 2, 1]


def test_different_pictures_are_no_copies(tmp_path):
    found = search(tmp_path, [jpeg(photo(seed)) for seed in range(40)])

    assert found.pairs == ()
    assert found.groups.tolist() == list(range(40))


def test_an_unreadable_picture_is_alone(tmp_path):
    found = search(tmp_path, [jpeg(photo(1)), b"", b"camera shy", jpeg(photo(1))])

    assert found.groups.tolist() == [0, 1, 2, 0]
    assert found.pairs == ((0, 3),)


def test_the_number_of_threads_changes_nothing(tmp_path):
    files = [jpeg(photo(seed % 7), quality=60 + seed) for seed in range(30)]

    one, many = search(tmp_path, files), search(tmp_path, files, threads=4)

    assert one.pairs == many.pairs
    np.testing.assert_array_equal(one.groups, many.groups)


def test_no_samples_have_no_groups(tmp_path):
    found = search(tmp_path, [])

    assert (found.groups.tolist(), found.pairs) == ([], ())


def test_pictures_with_near_hashes_but_other_pixels_are_no_copies():
    """A ramp and the same ramp 13 levels brighter have one hash."""
    ramp = np.tile(np.arange(0, 192, 3, dtype=np.uint8), (64, 1))
    thumbnails = [ramp, ramp + np.uint8(11), ramp + np.uint8(13)]
    prints = [fingerprint(thumbnail) for thumbnail in thumbnails]
    assert len({print_.bits for print_ in prints}) == 1

    assert pairs_of(prints, thumbnails.__getitem__) == [(0, 1), (1, 2)]


def test_many_equal_pictures_are_each_paired_with_the_first_without_reading_them_again():
    prints = [Fingerprint(0, b"blank")] * 1000

    assert pairs_of(prints, {}.__getitem__) == [(0, row) for row in range(1, 1000)]


@given(st.lists(st.integers(0, 2**64 - 1), max_size=90), st.integers(0, 4))
def test_all_pairs_of_near_hashes_are_found(hashes, flips):
    hashes += [value ^ ((1 << flips) - 1) for value in hashes[:70]]

    found = list(near_hashes(np.array(hashes, np.uint64)))

    assert found == [
        (first, second)
        for first in range(len(hashes))
        for second in range(first + 1, len(hashes))
        if (hashes[first] ^ hashes[second]).bit_count() <= 3
    ]


def test_pairs_across_splits_are_told():
    assert across_splits(np.array([0, 1, 1, 3]), n_train=2) == [(1, 2)]


def test_a_test_picture_that_is_near_to_a_training_picture_counts_with_those_that_are_the_same_as_it(tmp_path):
    train, near = jpeg(photo(1)), jpeg(photo(1), quality=30)
    found = search(tmp_path, [jpeg(photo(0)), train, near, near, jpeg(photo(2))])

    assert (1, 3) not in found.pairs
    assert across_splits(found.groups, n_train=2) == [(1, 2), (1, 3)]


def test_contradictory_labels_are_told_but_no_label_contradicts_nothing():
    pairs = [(0, 1), (0, 2), (2, 3)]

    assert contradictions(pairs, ["cat", "cat", "dog", ""]) == [(0, 2)]


def test_the_copies_among_the_real_pictures_are_found(shared_data):
    """Looked at by eye: six pairs in the 8,000 pictures, one of them labelled both cat and dog."""
    raw = RawFiles(shared_data / "dogs-vs-cats")
    names = [file.path for file in raw.all() if file.archive == "train.zip" and file.path.endswith(".jpg")]
    wanted = [name for name in names if name.startswith(("train/cat.1", "train/dog.10"))]

    found = near_duplicates(thumbnails(raw), [Sample(name[6:-4], "train.zip", name) for name in wanted], threads=2)

    pairs = [tuple(wanted[row][6:-4] for row in pair) for pair in found.pairs]
    assert pairs == [("cat.1639", "cat.10273"), ("cat.1930", "cat.10052"), ("cat.11565", "dog.10797")]
