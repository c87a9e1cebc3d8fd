"""Whatever is wrong with a file, reading it gives a picture or a reason, never another error."""

from __future__ import annotations

import numpy as np
import pytest

from catscan.common.errors import BadSample

FILES = {
    "jpeg": ("JPEG", {}),
    "jpeg-progressive": ("JPEG", {"progressive": True}),
    "jpeg-cmyk": ("JPEG", {"mode": "CMYK"}),
    "jpeg-exif": ("JPEG", {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + b"\0" * 6}),
    "png": ("PNG", {}),
    "png-palette": ("PNG", {"mode": "P"}),
    "png-alpha": ("PNG", {"mode": "LA"}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "tiff": ("TIFF", {}),
    "tiff-lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff-16": ("TIFF", {"mode": "I;16"}),
    "webp": ("WEBP", {}),
    "webp-alpha": ("WEBP", {"mode": "RGBA", "lossless": True}),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
def test_a_rotten_file_is_read_or_told(encoded, reader_of, name):
    kind, options = FILES[name]
    data = np.frombuffer(encoded(kind, **options), np.uint8)
    reader, random = reader_of(), np.random.default_rng(7)
    outcomes = {"read": 0, "told": 0}

    for _ in range(150):
        rotten = data[: random.integers(1, len(data) + 1)].copy() if random.random() < 0.3 else data.copy()
        # Most of what can confuse a decoder stands at the beginning.
        places = random.integers(0, min(len(rotten), random.choice([64, 700, len(rotten)])), random.integers(1, 9))
        rotten[places] = random.integers(0, 256, len(places))
        try:
            array = reader.read_bytes(rotten.tobytes(), name="x.jpg").array
            assert (array.shape, array.dtype) == ((12, 16, 3), np.uint8)
            outcomes["read"] += 1
        except BadSample as error:
            assert error.reason
            assert "\n" not in error.reason
            outcomes["told"] += 1

    assert outcomes["told"] > 0
