"""What a pretrained network says of pictures: the numbers known, whatever their company, and right about real ones."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pretrained_pictures import drawn

from catscan.networks.pretrained.extractor import BATCH, Extractor, as_pictures, features_of_samples
from catscan.networks.pretrained.registry import PRETRAINED
from catscan.networks.pretrained.torch_file import read_tensors
from catscan.networks.pretrained.weights import file_of
from catscan.networks.session import Compute

CATS, DOGS = range(281, 286), range(151, 269)  # of ImageNet's 1,000 kinds
SIDE = 224


@pytest.fixture(scope="module")
def lite0() -> Iterator[Extractor]:
    extractor = Extractor("efficientnet-lite0", Compute(2))
    yield extractor
    extractor.close()


@pytest.fixture(scope="module")
def noise() -> NDArray[np.uint8]:
    """40 pictures of noise, the drawn one the 34th: more than one batch."""
    pictures = np.random.default_rng(1).integers(0, 256, (40, SIDE, SIDE, 3)).astype(np.uint8)
    pictures[33] = drawn(SIDE)
    return pictures


def test_a_drawn_picture_has_the_features_that_it_had(lite0: Extractor) -> None:
    """Measured in fp32 on an AMD EPYC with TensorFlow 2.21; pixels of 0 to 255 go in, and are scaled once."""
    (features,) = lite0(drawn(SIDE)[None])

    known = {0: 0.0, 160: 0.01317, 320: 0.2982, 480: 0.21545, 113: 3.92135, 245: 2.45655, 897: 3.22124, 1157: 2.41404}
    np.testing.assert_allclose(features[list(known)], list(known.values()), atol=1e-4)
    assert features.sum(dtype=np.float64) == pytest.approx(213.2067, abs=0.01)
    assert (features.min(), features.argmax()) == (0, 113)


def test_features_do_not_depend_on_how_many_pictures_come_together_nor_on_their_place(
    lite0: Extractor, noise: NDArray[np.uint8]
) -> None:
    alone, five, all_of_them = lite0(noise[33:34]), lite0(noise[31:36]), lite0(noise)

    assert len(noise) > BATCH > 5
    assert alone.tobytes() == five[2:3].tobytes() == all_of_them[33:34].tobytes()
    assert five.tobytes() == all_of_them[31:36].tobytes()


def test_a_picture_and_its_mirror_image_have_the_same_features(lite0: Extractor) -> None:
    picture = drawn(SIDE)
    found = lite0(np.stack([picture, picture[:, ::-1], picture[::-1]]))

    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
    assert np.abs(found[2] - found[0]).max() > 0.1


def test_no_pictures_have_no_features(lite0: Extractor) -> None:
    assert lite0(np.empty((0, SIDE, SIDE, 3), np.uint8)).shape == (0, 1280)
    assert features_of_samples(lite0, np.empty((0, SIDE, SIDE, 3), np.uint8)).shape == (0, 1, 1280)
    assert features_of_samples(lite0, np.empty((0, 5, SIDE, SIDE, 1), np.uint8)).shape == (0, 5, 1280)


def test_a_scan_has_the_features_of_its_slices_in_order(lite0: Extractor, noise: NDArray[np.uint8]) -> None:
    scans = noise[:6, ..., :1].reshape(2, 3, SIDE, SIDE, 1)
    found = features_of_samples(lite0, scans)
    of_second = lite0(as_pictures(scans[1]))

    assert (found.shape, found.dtype) == ((2, 3, 1280), np.float32)
    assert found[1].tobytes() == of_second.tobytes()


class TestAsPictures:
    @pytest.mark.parametrize(
        ("channels", "taken"),
        [(1, [0, 0, 0]), (2, [0, 1, 0]), (3, [0, 1, 2]), (4, [0, 1, 2])],
        ids=["one", "two", "three", "four"],
    )
    def test_a_picture_is_one_slice_of_three_of_its_channels(self, channels: int, taken: list[int]) -> None:
        picture = np.arange(2 * 3 * channels, dtype=np.uint8).reshape(2, 3, channels)

        np.testing.assert_array_equal(as_pictures(picture), picture[None][..., taken])

    @pytest.mark.parametrize(("channels", "taken"), [(2, [0, 1, 0]), (3, [0, 1, 2]), (4, [0, 1, 2])])
    def test_a_slice_of_several_channels_stands_alone(self, channels: int, taken: list[int]) -> None:
        scan = np.arange(4 * 2 * 3 * channels, dtype=np.uint8).reshape(4, 2, 3, channels)

        np.testing.assert_array_equal(as_pictures(scan), scan[..., taken])

    @pytest.mark.parametrize(
        ("depth", "seen"),
        [(1, [(0, 0, 0)]), (2, [(0, 0, 1), (0, 1, 1)]), (4, [(0, 0, 1), (0, 1, 2), (1, 2, 3), (2, 3, 3)])],
    )
    def test_a_slice_of_one_channel_is_seen_with_those_below_and_above(
        self, depth: int, seen: list[tuple[int, int, int]]
    ) -> None:
        scan = np.broadcast_to(np.arange(depth, dtype=np.uint8)[:, None, None, None], (depth, 2, 3, 1))
        pictures = as_pictures(scan)

        assert pictures.shape == (depth, 2, 3, 3)
        assert [tuple(picture[1, 2].tolist()) for picture in pictures] == seen


def test_real_cats_are_cats_and_real_dogs_are_dogs_by_the_networks_own_last_layer(
    shared_data: Path, lite0: Extractor
) -> None:
    pictures = []
    with zipfile.ZipFile(shared_data / "dogs-vs-cats" / "train.zip") as archive:
        by_kind = {kind: sorted(name for name in archive.namelist() if f"{kind}." in name) for kind in ("cat", "dog")}
        for name in by_kind["cat"][:20] + by_kind["dog"][:20]:
            decoded = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR)
            pictures.append(cv2.resize(decoded, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)[..., ::-1])
    last = read_tensors(file_of(PRETRAINED["efficientnet-lite0"]).read_bytes())
    told = (lite0(np.stack(pictures)) @ last["_fc.weight"].T + last["_fc.bias"]).argmax(axis=1)

    right = [kind in CATS for kind in told[:20]] + [kind in DOGS for kind in told[20:]]
    assert sum(right) >= 34  # 35 were measured; pixels scaled twice leave 0
