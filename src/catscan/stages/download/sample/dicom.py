"""CT slices as DICOM files, fast: pydicom writes the first file of a series, the others differ from it in a few bytes.

A series of 30 small slices takes pydicom as long as drawing them; what differs between two slices is their instance
UID, number, position and pixels, so these are replaced in the bytes, at equal length.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

# Stand for the instance number and the place along z in the template; no UID has a minus sign.
NUMBER, PLACE = "-8888888", "-7777.7777"
UID_ROOT = "2.25."  # UIDs made of a random 128-bit number, PS3.5 B.2
UID_DIGITS = 39


@dataclass(frozen=True)
class Series:
    """What all slices of a series share.

    Attributes
    ----------
    patient_id
        Also the patient's name, as in Data Science Bowl 2017.
    uids
        Of the study, the series, the frame of reference, and the template's instance.
    spacing_mm, step_mm
        Between pixels; between slices.
    origin_mm
        x and y of the first pixel's centre.
    intercept
        HU = stored + intercept.
    padding
        The stored value outside the field of view, or None when the tag is absent.
    signed
        Whether stored values are signed 16-bit, or unsigned 12-bit.
    """

    patient_id: str
    uids: tuple[str, str, str, str]
    spacing_mm: float
    step_mm: float
    origin_mm: float
    intercept: int
    padding: int | None
    signed: bool


def uid(number: int) -> str:
    """A UID of 44 characters from a random ``number`` in [0, 2**127)."""
    return UID_ROOT + str(10 ** (UID_DIGITS - 1) + number)


class SeriesWriter:
    """Gives the bytes of one slice after another."""

    def __init__(self, series: Series, size: int) -> None:
        file = io.BytesIO()
        template(series, size).save_as(file, enforce_file_format=True)
        self._header = file.getvalue()[: -2 * size * size]
        self._uid = series.uids[3]

    def slice(self, stored: NDArray[np.int16], *, instance_uid: str, number: int, z_mm: float) -> bytes:
        """The file of the slice with ``stored`` values (height, width) at ``z_mm``.

        Its header is the template's but for the instance UID, the instance number, the position and the location.
        """
        place = f"{z_mm:.4f}"
        header = self._header.replace(self._uid.encode(), instance_uid.encode())
        header = header.replace(NUMBER.encode(), str(number).ljust(len(NUMBER)).encode())
        header = header.replace(PLACE.encode(), place.ljust(len(PLACE)).encode())
        return header + stored.astype("<i2").tobytes()


def template(series: Series, size: int) -> Dataset:
    """A valid CT image (PS3.3 A.3) of zeros, with stand-ins for what differs from slice to slice."""
    study, series_uid, frame, instance = series.uids
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SpecificCharacterSet = "ISO_IR 100"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, instance
    image.StudyDate = image.StudyTime = image.AccessionNumber = ""
    image.Modality, image.Manufacturer, image.ReferringPhysicianName = "CT", "", ""
    image.SeriesDescription = "Axial"
    image.PatientName = image.PatientID = series.patient_id
    image.PatientBirthDate, image.PatientSex = "19000101", ""
    image.KVP, image.SliceThickness, image.PatientPosition = "120", decimal(series.step_mm), "HFS"
    image.StudyInstanceUID, image.SeriesInstanceUID = study, series_uid
    image.StudyID, image.SeriesNumber, image.AcquisitionNumber, image.InstanceNumber = "", "3", "1", NUMBER
    image.ImagePositionPatient = [decimal(series.origin_mm), decimal(series.origin_mm), PLACE]
    image.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    image.FrameOfReferenceUID, image.PositionReferenceIndicator, image.SliceLocation = frame, "SN", PLACE
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows = image.Columns = size
    image.PixelSpacing = [decimal(series.spacing_mm)] * 2
    image.BitsAllocated, image.BitsStored = 16, 16 if series.signed else 12
    image.HighBit, image.PixelRepresentation = image.BitsStored - 1, int(series.signed)
    if series.padding is not None:
        image.PixelPaddingValue = series.padding
    image.WindowCenter, image.WindowWidth = "-600", "1500"
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = str(series.intercept), "1", "HU"
    image.PixelData = bytes(2 * size * size)
    return image


def decimal(value: float) -> str:
    """A decimal string (DS) of at most 16 characters."""
    return f"{value:.6f}"
