"""A small photograph, and files of it in every format."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from catscan.kinds.pictures.reader import PictureReader
from catscan.kinds.pictures.settings import PictureSettings
from catscan.raw.files import RawFiles


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """(120, 160, 3) uint8, smooth and colourful, so that lossy formats keep it within a few levels."""
    corners = np.random.default_rng(1).integers(30, 226, (4, 5, 3), dtype=np.uint8)
    return cv2.resize(corners, (160, 120), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="session")
def encoded(photo) -> Callable[..., bytes]:
    """``encoded("PNG", mode="LA", ...)``: the photograph (or ``picture``) as the bytes of a file, by Pillow."""

    def encode(kind: str, *, mode: str = "RGB", picture: Any = None, **options: Any) -> bytes:
        image = Image.fromarray(photo if picture is None else picture)
        file = io.BytesIO()
        (image if picture is not None and mode == "RGB" else image.convert(mode)).save(file, kind, **options)
        return file.getvalue()

    return encode


@pytest.fixture
def reader_of(tmp_path) -> Callable[..., PictureReader]:
    """``reader_of(size=(8, 8))``: a reader of the files in tmp_path."""

    def make(**settings: Any) -> PictureReader:
        given = {"size": (12, 16), "channels": "rgb", "fit": "stretch", "resize": "area"} | settings
        return PictureReader(RawFiles(tmp_path), PictureSettings(**given))

    return make
