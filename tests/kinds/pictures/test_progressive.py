"""What a progressive JPEG's scans can hold is known without decoding it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from catscan.common.errors import BadSample
from catscan.kinds.pictures.formats import sniff
from catscan.kinds.pictures.progressive import bytes_of_first_scans, least_bytes


def jpeg(width: int, height: int, **options: object) -> bytes:
    """As small as a progressive JPEG of one colour can be: each block of a scan takes a bit."""
    file = io.BytesIO()
    mode = options.pop("mode", "RGB")
    Image.new(str(mode), (width, height), "gray").save(file, "JPEG", progressive=True, optimize=True, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 1, 2], ids=["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("size", [(1, 1), (17, 9), (640, 480), (1001, 777)], ids=str)
def test_the_smallest_whole_picture_is_taken(mode: str, subsampling: int, size: tuple[int, int]) -> None:
    header = sniff(jpeg(*size, mode=mode, subsampling=subsampling, quality=10))

    assert (header.width, header.height) == size


def test_restart_markers_and_stuffed_bytes_are_part_of_a_scan() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 120, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", progressive=True, quality=98, restart_marker_blocks=2)
    data = file.getvalue()
    assert b"\xff\x00" in data
    assert b"\xff\xd1" in data

    assert len(data) > bytes_of_first_scans(data, 2) > least_bytes(80, 120, [(2, 2), (1, 1), (1, 1)])


def test_of_each_component_the_blocks_are_counted() -> None:
    assert least_bytes(64, 64, [(1, 1)]) == 8
    assert least_bytes(64, 64, [(2, 2), (1, 1), (1, 1)]) == (64 + 16 + 16) // 8
    assert least_bytes(64, 64, [(4, 1), (1, 4)]) == (16 + 16) // 8


def longer_by_a_comment(data: bytes, size: int) -> bytes:
    comment = b"\xff\xfe" + (0xFFFF).to_bytes(2, "big") + bytes(0xFFFD)
    return data[:2] + comment * (size // len(comment)) + data[2:]


def longer_by_other_scans(data: bytes, size: int) -> bytes:
    at = data.rindex(b"\xff\xda")  # the last refines what the first scans have told
    return data[:-2] + bytes(size) + data[-2:] if at > 0 else data


def longer_after_its_end(data: bytes, size: int) -> bytes:
    return data + bytes(size)


@pytest.mark.parametrize("longer", [longer_by_a_comment, longer_by_other_scans, longer_after_its_end])
def test_nothing_else_stands_in_for_the_first_scans(longer) -> None:
    data = jpeg(64, 64)
    at = data.index(b"\xff\xc2")
    claims = data[: at + 5] + (10_000).to_bytes(2, "big") * 2 + data[at + 9 :]

    with pytest.raises(BadSample, match=r"cut off: [\d,]+ bytes in its first scans cannot hold the 10000 x 10000"):
        sniff(longer(claims, 4 << 20))


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_header_that_ends_anywhere_is_refused(cut: int) -> None:
    data = jpeg(64, 64)
    at = data.index(b"\xff\xda")

    with pytest.raises(BadSample):
        sniff(data[: at + 12 - cut])
