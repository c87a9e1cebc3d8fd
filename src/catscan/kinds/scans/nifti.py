"""Reads a NIfTI file (`.nii`, `.nii.gz`) as a scan: the same grids and windows as for a DICOM series."""

from __future__ import annotations

import math
import zlib
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import BadSample
from catscan.kinds.samples import Reading, Sample
from catscan.kinds.scans.geometry import Floats, Steps, own_axes
from catscan.kinds.scans.reader import read_array
from catscan.kinds.scans.region import LARGEST_MM
from catscan.kinds.scans.scan import Scan, check_directions
from catscan.kinds.scans.series import FEWEST
from catscan.kinds.scans.settings import ScanSettings
from catscan.kinds.scans.windows import AIR_HU
from catscan.raw.files import RawFiles

SUFFIXES = (".nii", ".nii.gz")
LARGEST = 1 << 31  # bytes of one file, unpacked
GZIP = b"\x1f\x8b"
MAGIC = (b"n+1", b"ni1")  # the field magic of the header, at byte 344
A_PART = 1 << 20  # bytes of what is unpacked only to be checked
SMALLEST_MM = 1e-3  # a voxel below this is a mistake
TO_DICOM = np.diag([-1.0, -1.0, 1.0])  # NIfTI counts x to the right and y to the front


class NiftiReader:
    """Reads NIfTI scans one after another; safe to share between threads.

    Plain `.nii` files are mapped, so that memory does not grow with the scan; packed ones are unpacked into memory.
    """

    def __init__(self, raw: RawFiles, settings: ScanSettings) -> None:
        self._raw, self._settings = raw, settings

    @property
    def shape(self) -> tuple[int, ...]:
        """(depth, height, width, channels) of every array."""
        return self._settings.shape

    def close(self) -> None:
        """Nothing is open: the raw files belong to the caller."""

    def read(self, sample: Sample) -> Reading:
        """Read one scan; the array is as in `ScanReader.read`.

        Raises
        ------
        BadSample
            When there is not exactly one usable NIfTI file, with the reason.
        """
        return read_array(self.prepare(sample), self._settings)

    def prepare(self, sample: Sample) -> Scan:
        """Open and check the file; values are read later.

        Raises
        ------
        BadSample
            As in `read`.
        """
        files = [f for f in self._raw.below(sample.archive, sample.path) if f.path.lower().endswith(SUFFIXES)]
        if len(files) != 1:
            raise BadSample(f"has {len(files)} NIfTI files, not one")
        file = files[0]
        packed = file.archive or file.path.lower().endswith(".gz")
        try:
            if packed:
                _check_start(self._raw.start(file.archive, file.path, nib.Nifti1Header.sizeof_hdr))
                image = nib.Nifti1Image.from_bytes(_unpacked(self._raw.read(file.archive, file.path)))
            else:
                image = nib.Nifti1Image.from_filename(self._raw.root / file.path)
            return scan_of(image, self._settings)
        except BadSample:
            raise
        except Exception as error:  # nibabel raises nearly anything on broken data
            raise BadSample(f"is not a readable NIfTI file: {error or type(error).__name__}") from error


def _check_start(start: bytes) -> None:
    """Refuse what is neither gzip nor NIfTI before the rest of it is read, however large it is."""
    if start[:2] != GZIP and start[344:347] not in MAGIC:
        raise BadSample(f"is not a readable NIfTI file: it begins with {start[:4].hex(' ')}")


def _unpacked(data: bytes) -> bytes:
    """A gzip file's content, as much of it as its NIfTI header says; checked to its end, but no more of it is held."""
    if data[:2] != GZIP:
        return data
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    start = inflater.decompress(data, nib.Nifti1Header.sizeof_hdr)
    header = nib.Nifti1Header(start, check=False)
    size = header.get_data_offset() + math.prod(header.get_data_shape()) * header.get_data_dtype().itemsize
    if not len(start) < size <= LARGEST:
        raise BadSample(f"claims {size:,} bytes, not up to {LARGEST:,}")
    content = start + inflater.decompress(inflater.unconsumed_tail, size - len(start))
    beyond = 0
    while inflater.unconsumed_tail and beyond < LARGEST:
        beyond += len(inflater.decompress(inflater.unconsumed_tail, A_PART))
    if not inflater.eof:
        raise BadSample("is cut short, or unpacks to more than 2 GB")
    return content


def scan_of(image: Any, settings: ScanSettings) -> Scan:
    """The scan in an opened NIfTI image.

    Raises
    ------
    BadSample
        When it is not a scan of three dimensions, or has an oddity that is not allowed.
    """
    shape = tuple(int(n) for n in image.shape)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]) or shape[2] < FEWEST or min(shape) < 1:
        raise BadSample(f"has the shape {' x '.join(map(str, shape))}, not a scan of three dimensions")
    remarks: list[str] = []
    if int(image.header["sform_code"]) == 0 and int(image.header["qform_code"]) == 0:
        remarks.append("does not say how it lies in the patient; the file's own order was taken")
    axes, places, pixel_mm, order = _placed(image.affine, shape)
    directions = check_directions(axes, places, settings, remarks)
    slope, intercept = (float(x) for x in (image.dataobj.slope, image.dataobj.inter))
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise BadSample(f"has a scale of {slope} and an offset of {intercept}")
    step = float(places[-1, 0] - places[0, 0]) / (shape[2] - 1)
    values = image.dataobj.get_unscaled().reshape(shape[:3])
    nothing = (AIR_HU - intercept) / slope if settings.modality == "CT" else math.nan
    report = {
        "modality": settings.modality,
        "n_slices": shape[2],
        "rows_columns": [shape[1], shape[0]],
        "pixel_mm": [round(mm, 6) for mm in pixel_mm],
        "step_mm": round(step, 6),
        **directions,
    }
    return Scan(
        modality=settings.modality,
        axes=axes,
        places_mm=places,
        pixel_mm=pixel_mm,
        size=(shape[1], shape[0]),
        steps=Steps(step, True, ()),
        rescale=((slope, intercept),) * shape[2],
        padding=(None,) * shape[2],
        stored=lambda k: _plane(values, order[k], nothing),
        report=report,
        remarks=tuple(remarks),
    )


def _placed(affine: Floats, shape: tuple[int, ...]) -> tuple[Floats, Floats, tuple[float, float], list[int]]:
    """Own axes, places, pixel spacing, and the file's slices in ascending order along the normal."""
    matrix = TO_DICOM @ np.asarray(affine, float)[:3]
    lengths = np.linalg.norm(matrix[:, :3], axis=0)
    if not np.isfinite(matrix).all() or not ((lengths > SMALLEST_MM) & (lengths < LARGEST_MM)).all():
        raise BadSample("has an affine matrix that is not usable")
    try:
        axes = own_axes(tuple(np.concatenate([matrix[:, 0] / lengths[0], matrix[:, 1] / lengths[1]])))
    except ValueError as error:
        raise BadSample(f"has skewed rows and columns: {error}") from error
    origins = matrix[:, 3] + np.arange(shape[2])[:, None] * matrix[:, 2]
    places = origins @ axes.T
    order = np.argsort(places[:, 0], kind="stable")
    if places[order[-1], 0] - places[order[0], 0] <= 0:
        raise BadSample("has all its slices in the same place")
    return axes, places[order], (float(lengths[1]), float(lengths[0])), order.tolist()


def _plane(values: NDArray[Any], k: int, nothing: float) -> NDArray[Any]:
    """Slice k as (rows, columns), a fresh copy in native byte order; ``nothing`` where it is not a finite number."""
    plane = values[:, :, k].T
    kind = plane.dtype.newbyteorder("=")
    copy = np.ascontiguousarray(plane, kind).copy()
    if kind.kind == "f":
        copy[~np.isfinite(copy)] = nothing
    return copy
