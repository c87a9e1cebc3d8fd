"""Which reader reads which kind of sample: the one table, each imported only when it is needed."""

from __future__ import annotations

from typing import Any

from catscan.errors import CatscanError, did_you_mean
from catscan.raw import RawFiles
from catscan.samples import Reader
from catscan.settings import from_dict


def _picture(settings: dict[str, Any], raw: RawFiles) -> Reader:
    from catscan.pictures.reader import PictureReader, PictureSettings

    return PictureReader(raw, from_dict(PictureSettings, settings))


def _csv_pixels(settings: dict[str, Any], raw: RawFiles) -> Reader:
    from catscan.pictures.pixels import PixelsReader
    from catscan.pictures.reader import PictureSettings

    return PixelsReader(raw, from_dict(PictureSettings, settings))


def _dicom_series(settings: dict[str, Any], raw: RawFiles) -> Reader:
    from catscan.scans.reader import ScanReader
    from catscan.scans.settings import ScanSettings

    return ScanReader(raw, from_dict(ScanSettings, settings))


def _nifti(settings: dict[str, Any], raw: RawFiles) -> Reader:
    from catscan.scans.nifti import NiftiReader
    from catscan.scans.settings import ScanSettings

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
