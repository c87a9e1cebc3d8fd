"""Which reader reads which kind of sample: the one table, each imported only when it is needed."""

from __future__ import annotations

from typing import Any

from catscan.common.errors import CatscanError, did_you_mean
from catscan.common.settings import from_dict
from catscan.kinds.samples import Reader
from catscan.raw.files import RawFiles


def _picture(settings: dict[str, Any], raw: RawFiles) -> Reader:
    from catscan.kinds.pictures.reader import PictureReader, PictureSettings

    return PictureReader(raw, from_dict(PictureSettings, settings))


def _csv_pixels(settings: dict[str, Any], raw: RawFiles) -> Reader:
    from catscan.kinds.pictures.pixels import PixelsReader
    from catscan.kinds.pictures.reader import PictureSettings

    return PixelsReader(raw, from_dict(PictureSettings, settings))


def _dicom_series(settings: dict[str, Any], raw: RawFiles) -> Reader:
    from catscan.kinds.scans.reader import ScanReader
    from catscan.kinds.scans.settings import ScanSettings

    return ScanReader(raw, from_dict(ScanSettings, settings))


def _nifti(settings: dict[str, Any], raw: RawFiles) -> Reader:
    from catscan.kinds.scans.nifti import NiftiReader
    from catscan.kinds.scans.settings import ScanSettings

    return NiftiReader(raw, from_dict(ScanSettings, settings))


READERS = {"picture": _picture, "csv_pixels": _csv_pixels, "dicom_series": _dicom_series, "nifti": _nifti}


def open_reader(kind: str, settings: dict[str, Any], raw: RawFiles) -> Reader:
    """Make the reader of a kind of data.

    Parameters
    ----------
    kind
        `data.kind`: "picture", "csv_pixels", "dicom_series" or "nifti".
    settings
        The block `preprocess.picture` or `preprocess.scan`.
    raw
        The raw files it reads from.

    Raises
    ------
    CatscanError
        For an unknown kind, or settings that the reader does not have.
    """
    if kind not in READERS:
        raise CatscanError(
            "Unknown kind of data.", where="data.kind", found=repr(kind), do=did_you_mean(kind, list(READERS))
        )
    return READERS[kind](settings, raw)
