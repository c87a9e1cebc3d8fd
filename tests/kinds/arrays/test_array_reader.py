"""An array of numbers becomes grey levels of the size that is asked for."""

from __future__ import annotations

import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_files import npy, zipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as strategies

from catscan.common.errors import BadSample, CatscanError
from catscan.common.settings import from_dict
from catscan.kinds.arrays.reader import ArrayReader, grey_levels, resized
from catscan.kinds.arrays.settings import ArraySettings
from catscan.kinds.samples import Sample
from catscan.raw.files import RawFiles

SLOWLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
PICTURE = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
VOLUME = np.arange(60, dtype=np.uint8).reshape(3, 4, 5) * 4


class TestSamples:
    @pytest.mark.parametrize(
        ("values", "size", "channels"),
        [
            (PICTURE, (3, 4), 1),
            (PICTURE[..., None], (3, 4), 1),
            (np.dstack([PICTURE, PICTURE // 2]), (3, 4), 2),
            (VOLUME, (3, 4, 5), 1),
            (VOLUME[..., None], (3, 4, 5), 1),
            (np.stack([VOLUME, VOLUME // 2, VOLUME // 4], axis=-1), (3, 4, 5), 3),
            (np.asfortranarray(VOLUME), (3, 4, 5), 1),
        ],
        ids=["gray", "with its axis", "two bands", "volume", "volume with its axis", "volume in colour", "fortran"],
    )
    def test_a_file_is_a_sample_with_its_channels(self, read, tmp_path, values, size, channels) -> None:
        (tmp_path / "1.npy").write_bytes(npy(values))

        found = read("1.npy", size=size, channels=channels)

        np.testing.assert_array_equal(found, values.reshape(*size, channels))

    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
    def test_a_row_of_an_array_is_a_sample(self, read, tmp_path, method) -> None:
        (tmp_path / "set.npz").write_bytes(zipped({"images.npy": npy(np.stack([PICTURE, PICTURE // 2]))}, method))

        np.testing.assert_array_equal(read("set.npz/images#1", size=(3, 4))[..., 0], PICTURE // 2)

    def test_a_row_of_an_array_in_a_zip_is_a_sample(self, read, tmp_path) -> None:
        inner = zipped({"images.npy": npy(np.stack([PICTURE, PICTURE // 2]))})
        (tmp_path / "all.zip").write_bytes(zipped({"sets/set.npz": inner, "x.npy": npy(PICTURE[None])}))

        np.testing.assert_array_equal(read("sets/set.npz/images#1", "all.zip", size=(3, 4))[..., 0], PICTURE // 2)
        np.testing.assert_array_equal(read("x.npy#0", "all.zip", size=(3, 4))[..., 0], PICTURE)
        np.testing.assert_array_equal(read("x.npy", "all.zip", size=(1, 3, 4))[0, ..., 0], PICTURE)

    def test_an_npz_of_one_array_needs_no_name(self, read, tmp_path) -> None:
        (tmp_path / "1.npz").write_bytes(zipped({"arr_0.npy": npy(PICTURE)}))

        np.testing.assert_array_equal(read("1.npz", size=(3, 4))[..., 0], PICTURE)

    def test_an_npz_of_two_arrays_needs_one(self, read, tmp_path) -> None:
        (tmp_path / "1.npz").write_bytes(zipped({"image.npy": npy(PICTURE), "mask.npy": npy(PICTURE > 9)}))

        np.testing.assert_array_equal(read("1.npz/image", size=(3, 4))[..., 0], PICTURE)
        with pytest.raises(BadSample, match=r"holds 2 arrays \(image, mask\): name one"):
            read("1.npz", size=(3, 4))

    def test_threads_share_a_reader(self, tmp_path) -> None:
        images = np.random.default_rng(1).integers(0, 256, (300, 9, 9), np.uint8)
        (tmp_path / "set.npz").write_bytes(zipped({"images.npy": npy(images)}))
        reader, gate = ArrayReader(RawFiles(tmp_path), ArraySettings(size=(9, 9))), threading.Barrier(4)

        def some(first: int) -> list[np.ndarray]:
            gate.wait()
            return [reader.read(Sample("", "", f"set.npz/images#{row}")).array[..., 0] for row in range(first, 300, 4)]

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(some, range(4)))
        reader.close()

        for first, arrays in enumerate(found):
            np.testing.assert_array_equal(np.stack(arrays), images[first::4])


@pytest.mark.parametrize(
    ("values", "settings", "reason"),
    [
        (PICTURE, {"size": (3, 4), "channels": 3}, r"has the shape \(3, 4\), not \(height, width\) with 3 channels"),
        (VOLUME, {"size": (3, 4)}, r"has the shape \(3, 4, 5\), not \(height, width\) with 1 channels"),
        (PICTURE, {"size": (3, 4, 5)}, r"not \(depth, height, width\) with 1 channels"),
        (PICTURE.astype(np.int16), {"size": (3, 4)}, "holds int16 values: set preprocess.array.value_range"),
        (PICTURE > 9, {"size": (3, 4)}, "holds bool values: set preprocess.array.value_range"),
        (PICTURE * np.nan, {"size": (3, 4), "value_range": (0, 1)}, "holds values that are not finite numbers"),
        (PICTURE - np.inf, {"size": (3, 4), "value_range": (0, 1)}, "holds values that are not finite numbers"),
    ],
    ids=["no colour", "a volume", "a picture", "int16", "bool", "nan", "infinite"],
)
def test_what_does_not_fit_is_a_bad_sample(read, tmp_path, values, settings, reason) -> None:
    (tmp_path / "1.npy").write_bytes(npy(values))

    with pytest.raises(BadSample, match=reason):
        read("1.npy", **settings)


def test_a_file_that_is_missing_is_a_bad_sample(read) -> None:
    with pytest.raises(BadSample, match="cannot be read: No such file"):
        read("1.npy", size=(3, 4))


class TestGreyLevels:
    def test_bytes_stay_as_they_are(self) -> None:
        assert grey_levels(PICTURE, ()) is PICTURE

    @pytest.mark.parametrize("dtype", ["<i2", ">i2", "<u2", "<i8", "<f2", ">f4", "<f8"])
    def test_a_range_becomes_0_to_255_whatever_the_type(self, dtype: str) -> None:
        values = np.array([0, 100, 500, 999, 1000, 1001, 2000], dtype)

        np.testing.assert_array_equal(grey_levels(values, (0, 1000)), [0, 26, 128, 255, 255, 255, 255])

    @SLOWLY
    @given(
        strategies.arrays(
            st.one_of(strategies.integer_dtypes(), strategies.unsigned_integer_dtypes(), strategies.floating_dtypes()),
            st.integers(1, 20),
        ).filter(lambda values: bool(np.isfinite(values).all())),
        st.floats(-1e6, 1e6),
        st.floats(1e-3, 1e6),
    )
    def test_levels_rise_with_the_values_and_the_ends_are_black_and_white(
        self, values: np.ndarray, low: float, width: float
    ) -> None:
        high = low + width
        levels = grey_levels(values, (low, high))
        order = np.argsort(values.astype(np.float64), kind="stable")

        assert levels.dtype == np.uint8
        assert (np.diff(levels[order].astype(int)) >= 0).all()
        assert (levels[values.astype(np.float64) <= low] == 0).all()
        assert (levels[values.astype(np.float64) >= high] == 255).all()
        share = (np.clip(values.astype(np.float64), low, high) - low) / (high - low)
        np.testing.assert_allclose(levels, share * 255, atol=0.5 + 1e-6)  # grey levels


class TestResized:
    def test_a_volume_that_halves_is_the_mean_of_its_voxels(self) -> None:
        volume = np.random.default_rng(1).integers(0, 256, (4, 6, 8, 2), np.uint8)

        found = resized(volume, (2, 3, 4))

        means = volume.reshape(2, 2, 3, 2, 4, 2, 2).mean(axis=(1, 3, 5))
        np.testing.assert_allclose(found, means, atol=1)  # grey levels: rounded in the plane, then along the depth

    def test_a_volume_that_grows_is_interpolated_along_the_depth(self) -> None:
        ramp = np.broadcast_to(np.array([0, 100], np.uint8)[:, None, None, None], (2, 3, 3, 1))

        found = resized(ramp, (4, 3, 3))

        np.testing.assert_array_equal(found[:, 1, 1, 0], [0, 25, 75, 100])

    @SLOWLY
    @given(st.tuples(*[st.integers(1, 6)] * 3), st.tuples(*[st.integers(1, 6)] * 3), st.integers(0, 255))
    def test_an_even_volume_stays_even_at_any_size(self, shape: Any, size: Any, level: int) -> None:
        assert (resized(np.full((*shape, 1), level, np.uint8), size) == level).all()
        assert resized(np.full((*shape, 1), level, np.uint8), size).shape == (*size, 1)

    def test_a_picture_is_resized_as_pictures_are(self) -> None:
        picture = np.random.default_rng(1).integers(0, 256, (8, 8, 5), np.uint8)

        np.testing.assert_allclose(
            resized(picture, (4, 4)), picture.reshape(4, 2, 4, 2, 5).mean(axis=(1, 3)), atol=0.5 + 1e-6
        )


@pytest.mark.parametrize(
    ("block", "key"),
    [
        ({"size": [28]}, "size"),
        ({"size": [28, 0]}, "size"),
        ({"channels": 0}, "channels"),
        ({"value_range": [1, 0]}, "value_range"),
        ({"value_range": [1]}, "value_range"),
    ],
)
def test_settings_that_are_none_are_refused_by_their_key(block: dict[str, Any], key: str) -> None:
    with pytest.raises(CatscanError) as refused:
        from_dict(ArraySettings, block, where="preprocess.array")

    assert f"preprocess.array.{key}" in str(refused.value)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux lists the open files there")
def test_a_closed_reader_holds_no_file(tmp_path: Path) -> None:
    (tmp_path / "set.npy").write_bytes(npy(PICTURE[None]))
    reader = ArrayReader(RawFiles(tmp_path), ArraySettings(size=(3, 4)))
    reader.read(Sample("", "", "set.npy#0"))
    reader.close()

    assert not [link for link in Path("/proc/self/fd").iterdir() if link.resolve() == tmp_path / "set.npy"]
