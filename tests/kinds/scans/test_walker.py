"""The strict walker says what pydicom says, or nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from catscan.common.errors import BadSample
from catscan.kinds.scans.dicom_files import HEAD, read_with_pydicom
from catscan.kinds.scans.slice_header import Header, from_elements
from catscan.kinds.scans.walker import walk
from catscan.raw.files import RawFile


@pytest.fixture(autouse=True)
def quiet_pydicom() -> Iterator[None]:
    """Pydicom tells of every oddity it meets; here there are thousands."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def outcome(read: Callable[[], list[Header]]) -> list[Header] | tuple[str, bool]:
    """The headers, or the kind of refusal."""
    try:
        return read()
    except BadSample as error:
        return "refused", error.stray


def both(data: bytes) -> tuple[object, object] | None:
    """What the walker and pydicom make of a file; None when the walker leaves it to pydicom."""
    file = RawFile("", "a", len(data))
    found = walk(data[:HEAD])
    if found is None:
        return None
    fast = outcome(lambda: [from_elements(found, file, modality="any")])
    return fast, outcome(lambda: read_with_pydicom(file, data, modality="any"))


def test_the_walker_reads_every_real_patient(patients: Path) -> None:
    left = [path for path in patients.rglob("*.dcm") if walk(path.read_bytes()[:HEAD]) is None]

    assert left == []


@pytest.mark.parametrize("folder", ["patients", "heads", "pydicom_files"])
@pytest.mark.filterwarnings("ignore")
def test_walker_and_pydicom_agree_on_every_file_at_hand(folder: str, request: pytest.FixtureRequest) -> None:
    files = sorted(path for path in request.getfixturevalue(folder).rglob("*") if path.is_file())
    pairs = [(path.name, both(path.read_bytes())) for path in files]

    read = [(name, pair) for name, pair in pairs if pair is not None]

    assert read, "the walker read none of them"
    assert [name for name, (fast, slow) in read if fast != slow] == []


def damaged(data: bytes, header_bytes: int, seed: int) -> Iterator[bytes]:
    """The file cut at every 64th byte of its header, then with random bytes changed in 500 ways."""
    for length in range(0, header_bytes + 64, 64):
        yield data[:length]
    generator = np.random.default_rng(seed)
    for _ in range(500):
        changed = bytearray(data)
        for _ in range(generator.integers(1, 4)):
            changed[generator.integers(header_bytes)] = generator.integers(256)
        yield bytes(changed)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["explicit", "implicit", "CT_small.dcm", "MR_small.dcm", "a real patient"])
def test_walker_and_pydicom_agree_under_random_damage(
    name: str, slice_at: Callable[..., object], pydicom_files: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if name == "a real patient":
        data = next(request.getfixturevalue("patients").rglob("*.dcm")).read_bytes()
    elif name.endswith(".dcm"):
        data = (pydicom_files / name).read_bytes()
    else:
        import pydicom

        dataset = slice_at((1, 2, 3), PixelPaddingValue=-2000, SliceThickness=2.5, KVP=120, ConvolutionKernel="B30f")
        dataset.file_meta.TransferSyntaxUID = (
            pydicom.uid.ImplicitVRLittleEndian if name == "implicit" else pydicom.uid.ExplicitVRLittleEndian
        )
        pydicom.dcmwrite(tmp_path / "a", dataset, enforce_file_format=True)
        data = (tmp_path / "a").read_bytes()
    found = walk(data[:HEAD])
    assert found is not None

    pairs = [pair for pair in map(both, damaged(data, found.pixel_offset, seed=1)) if pair is not None]

    assert len(pairs) > 100
    assert [pair for pair in pairs if pair[0] != pair[1]] == []
