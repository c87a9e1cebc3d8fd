"""What docs/exported.md tells an outsider to do with OpenCV gives catscan's own bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from catscan.kinds.arrays.reader import resized
from catscan.kinds.pictures.reader import PictureReader
from catscan.kinds.pictures.settings import PictureSettings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "exported.md"
FILES = {
    "large.jpg": (400, 523, 3),
    "gray.jpg": (151, 100, 1),
    "small.jpg": (40, 90, 3),
    "flat.png": (187, 249, 3),
    "even.png": (128, 192, 3),  # its means lie half way between two levels, often
    "soft.webp": (200, 150, 3),
}


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), namespace)
    return namespace


def like_a_photograph(shape: tuple[int, int, int]) -> np.ndarray:
    """Slow changes, edges, and noise."""
    height, width, channels = shape
    draw = np.random.default_rng(height)
    y, x = np.mgrid[:height, :width] / 37
    slow = 128 + 60 * np.sin(x + np.cos(y))[..., None] * draw.uniform(0.5, 1, channels)
    slow[height // 3 : height // 2, width // 4 :] += 50
    return np.clip(slow + draw.normal(0, 8, shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("size", [(64, 64), (50, 120)], ids=["shrunk", "one axis grows where it is small"])
@pytest.mark.parametrize(
    "given", [{"resize": resize, "channels": channels} for resize in ("area", "fast") for channels in ("rgb", "gray")]
)
def test_the_recipe_gives_the_bytes_that_the_network_was_trained_on(recipe, tmp_path, name, size, given) -> None:
    cv2.imwrite(str(tmp_path / name), like_a_photograph(FILES[name]))
    reader = PictureReader(None, PictureSettings(size=size, **given))
    ours = reader.read_bytes((tmp_path / name).read_bytes(), name=name).array

    theirs = recipe["pixels_of"](str(tmp_path / name), {"size": list(size), **given})

    np.testing.assert_array_equal(theirs, ours)


def test_the_recipe_gives_the_bytes_of_arrays_too(recipe) -> None:
    picture = like_a_photograph((91, 60, 2))

    np.testing.assert_array_equal(recipe["area"](picture, (28, 28)), resized(picture, (28, 28)))


def test_the_recipe_gives_the_bytes_of_real_pictures(recipe, shared_data, tmp_path) -> None:
    from zipfile import ZipFile

    reader = PictureReader(None, PictureSettings())
    with ZipFile(shared_data / "dogs-vs-cats" / "test.zip") as archive:
        for member in [name for name in archive.namelist() if name.endswith(".jpg")][:4]:
            path = Path(archive.extract(member, tmp_path))
            theirs = recipe["pixels_of"](str(path), {"size": [64, 64], "channels": "rgb", "resize": "area"})
            np.testing.assert_array_equal(theirs, reader.read_bytes(path.read_bytes()).array, err_msg=member)
