"""The header of one slice, made of the raw bytes of its elements."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from pydicom.uid import UID

from catscan.common.errors import BadSample
from catscan.kinds.scans.walker import Elements
from catscan.raw.files import RawFile

LARGEST_SLICE = 1 << 24  # pixels; four times 2048 x 2048
DECODED, NO_PIXELS = -1, -2  # instead of an offset of the pixels
CLASSES = {  # a slice's SOP Class: image storage, enhanced, legacy converted enhanced
    "CT": ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"),
    "MR": ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"),
}
SLICES = {"CT": "a CT slice", "MR": "an MR slice", "any": "a CT or MR slice"}  # by the modality that is wanted


@dataclass(frozen=True, slots=True)
class Header:
    """One slice: where its pixels are, and what they mean. `None` stands for what the file does not say.

    Attributes
    ----------
    modality
        CT or MR.
    position_mm, orientation
        Image Position and Image Orientation (Patient), DICOM PS3.3 C.7.6.2: the centre of the first pixel, and the
        direction of increasing column, then of increasing row; patient x, y, z in mm (left, posterior, superior).
    pixel_spacing_mm
        (between rows, between columns), in this order.
    padding
        The lowest and highest stored value that means "no pixel here", both included.
    pixel_offset
        Where the stored values start in the file, little-endian, uncompressed; -1 when a decoder must find them.
    frame
        Its number in a multi-frame file; 0 for a single one.
    folder
        The folder below its sample's that it lies in; "" for the sample's own.
    """

    file: RawFile
    transfer_syntax: str
    sop_class: str
    sop_uid: str
    series_uid: str
    modality: str
    image_type: str
    photometric: str
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    position_mm: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, ...] | None
    location_mm: float | None
    thickness_mm: float | None
    slope: float | None
    intercept: float | None
    padding: tuple[int, int] | None
    acquisition: str
    temporal: str
    kernel: str
    echo_ms: str
    frames: int
    pixel_offset: int
    frame: int = 0
    folder: str = ""

    @property
    def pixel_bytes(self) -> int:
        """The size of the stored values of one frame."""
        return self.rows * self.columns * self.bits_allocated // 8

    @property
    def name(self) -> str:
        """What to call it in a message."""
        name = self.file.path.rsplit("/", 1)[-1]
        name = f"{self.folder}/{name}" if self.folder else name
        return f"{name} frame {self.frame + 1}" if self.frames > 1 else name


def from_elements(elements: Elements, file: RawFile, *, modality: str = "CT") -> Header:
    """Make the header of the raw bytes of its elements.

    Parameters
    ----------
    elements, file
        What was found, and where.
    modality
        Which slices are wanted: CT, MR or any of the two.

    Raises
    ------
    BadSample
        When it is not such a slice, or an element cannot be understood.
    """
    value = elements.values.get
    order = "little" if elements.little else "big"

    def text(tag: int) -> str:
        return _text(value(tag, b""))

    def count(tag: int, default: int = 0) -> int:
        raw = value(tag, b"")
        return int.from_bytes(raw[:2], order) if len(raw) >= 2 else default  # type: ignore[arg-type]

    kind = _wanted_kind(text(0x00080016), text(0x00080060), count(0x00280002, 1), wanted=modality)
    if elements.pixel_offset == NO_PIXELS:
        raise BadSample("has no pixels", stray=True)
    bits = count(0x00280100)
    header = Header(
        file=file,
        transfer_syntax=elements.transfer_syntax,
        sop_class=text(0x00080016),
        sop_uid=text(0x00080018),
        series_uid=text(0x0020000E),
        modality=kind,
        image_type=text(0x00080008),
        photometric=text(0x00280004),
        rows=count(0x00280010),
        columns=count(0x00280011),
        samples=count(0x00280002, 1),
        bits_allocated=bits,
        bits_stored=count(0x00280101, bits),
        high_bit=count(0x00280102, bits - 1),
        signed=count(0x00280103) == 1,
        position_mm=_numbers(value(0x00200032, b""), 3, "Image Position"),
        orientation=_numbers(value(0x00200037, b""), 6, "Image Orientation"),
        pixel_spacing_mm=_numbers(value(0x00280030, b""), 2, "Pixel Spacing"),
        location_mm=_number(value(0x00201041, b""), "Slice Location"),
        thickness_mm=_number(value(0x00180050, b""), "Slice Thickness"),
        slope=_number(value(0x00281053, b""), "Rescale Slope"),
        intercept=_number(value(0x00281052, b""), "Rescale Intercept"),
        padding=_padding(value(0x00280120, b""), value(0x00280121, b""), elements.little, count(0x00280103) == 1),
        acquisition=text(0x00200012),
        temporal=text(0x00200100),
        kernel=text(0x00181210),
        echo_ms=text(0x00180081),
        frames=count_of_frames(value(0x00280008, b"")),
        pixel_offset=elements.pixel_offset,
    )
    _check_pixels(header, min(elements.pixel_bytes, file.size - elements.pixel_offset))
    return header


def _wanted_kind(sop_class: str, modality: str, samples: int, *, wanted: str) -> str:
    """CT or MR, by the SOP Class, or by the modality where the file names no class."""
    kind = next((kind for kind, classes in CLASSES.items() if sop_class in classes), "")
    if not sop_class and modality in CLASSES:
        kind = modality
    if not kind or wanted not in (kind, "any"):
        name = UID(sop_class).name or (f"of the modality {kind}" if kind else "of no known kind")
        raise BadSample(f"is {name}, not {SLICES[wanted]}", stray=True)
    if samples != 1:
        raise BadSample(f"is a colour picture, not {SLICES[wanted]}", stray=True)
    return kind


def _check_pixels(header: Header, available: int) -> None:
    rows, columns, bits = header.rows, header.columns, header.bits_allocated
    if not rows or not columns or rows * columns > LARGEST_SLICE:
        raise BadSample(f"has an impossible size, {rows} x {columns} pixels")
    if bits not in (8, 16, 32) or not 1 <= header.bits_stored <= bits or header.high_bit >= bits:
        found = f"{header.bits_stored} bits stored of {bits}, high bit {header.high_bit}"
        raise BadSample(f"has an impossible kind of pixel ({found})")
    needed = header.pixel_bytes * header.frames
    if header.pixel_offset >= 0 and available < needed:
        raise BadSample(f"is cut short: {available:,} of {needed:,} bytes of pixels")


@lru_cache(maxsize=4096)  # most elements are the same in all slices of a series
def _text(raw: bytes) -> str:
    return raw.decode("ascii", "replace").strip(" \0")


@lru_cache(maxsize=4096)
def _numbers(raw: bytes, count: int, name: str) -> tuple[float, ...] | None:
    """``count`` decimal strings, or None when the element is empty or missing."""
    stripped = raw.strip(b" \0")
    if not stripped:
        return None
    try:
        numbers = tuple(map(float, stripped.split(b"\\")))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise BadSample(f"has a damaged {name}: {stripped[:40]!r}")
    return numbers


def _number(raw: bytes, name: str) -> float | None:
    numbers = _numbers(raw, 1, name)
    return None if numbers is None else numbers[0]


def count_of_frames(raw: bytes) -> int:
    """Number of Frames (0028,0008), 1 when it is empty or missing.

    Raises
    ------
    BadSample
        When it is not a whole number from 1 on.
    """
    count = _number(raw, "Number of Frames")
    if count is None:
        return 1
    if not 1 <= count < math.inf or count != int(count):
        raise BadSample(f"has a damaged Number of Frames: {count:g}")
    return int(count)


def _padding(value: bytes, limit: bytes, little: bool, signed: bool) -> tuple[int, int] | None:
    """The range of stored values that are padding.

    The two bytes are read by Pixel Representation, whatever the element itself claims to be: 63536 marked as unsigned
    in a signed picture means -2000.
    """
    if len(value) < 2:
        return None
    order = "little" if little else "big"
    first = int.from_bytes(value[:2], order, signed=signed)  # type: ignore[arg-type]
    other = int.from_bytes(limit[:2], order, signed=signed) if len(limit) >= 2 else first  # type: ignore[arg-type]
    return min(first, other), max(first, other)
