"""Real scans, unpacked once a session, and small generated ones."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from catscan.kinds.samples import Reading, Sample
from catscan.kinds.scans.reader import ScanReader
from catscan.kinds.scans.settings import ScanSettings
from catscan.raw.files import RawFiles

MadeOnce = Callable[[str, Callable[[Path], object]], Path]
PYDICOM_FILES = Path(pydicom.__file__).parent / "data" / "test_files"


@pytest.fixture(scope="session")
def patients(real_stage_1: Path) -> Path:
    """The four patients of the Data Science Bowl 2017, one folder each."""
    return real_stage_1 / "stage1"


@pytest.fixture(scope="session")
def heads(shared_data: Path, made_once: MadeOnce) -> Path:
    """Two head scans with a tilted gantry (neurolabusc/dcm_qa_ct)."""

    def make(folder: Path) -> None:
        with zipfile.ZipFile(shared_data / "head-ct" / "head-ct.zip") as archive:
            archive.extractall(folder)

    return made_once("heads", make)


@pytest.fixture(scope="session")
def golden(shared_data: Path) -> dict[str, np.ndarray]:
    """The tutorial's own arrays by patient, float64 (20, 50, 50), made by the tutorial's code."""
    folder = shared_data / "data-science-bowl-2017"
    ids = (folder / "tutorial-20x50x50.ids.txt").read_text().split()
    return dict(zip(ids, np.load(folder / "tutorial-20x50x50.npy", allow_pickle=False), strict=True))


@pytest.fixture(scope="session")
def pydicom_files() -> Path:
    """The sample files inside the pydicom package."""
    return PYDICOM_FILES


def _slice(position: Iterable[float] = (0.0, 0.0, 0.0), pixels: np.ndarray | None = None, **elements: Any) -> Dataset:
    """One CT slice; int16 pixels (default: 32 x 32 that depend on the position), slope 1, intercept -1024, 2 x 2 mm."""
    position = [float(mm) for mm in position]
    if pixels is None:
        pixels = np.random.default_rng(abs(hash(tuple(position)))).integers(0, 2000, (32, 32)).astype(np.int16)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.Modality = CTImageStorage, "CT"
    dataset.SOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[repr(position), repr(sorted(elements))])
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    dataset.PatientID, dataset.PatientName = "p", "p"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = position, [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [2, 2]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    for name, value in elements.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    return dataset


@pytest.fixture(scope="session")
def slice_at() -> Callable[..., Dataset]:
    """Makes one CT slice: ``slice_at((x, y, z), pixels, Element=value)``; None deletes an element."""
    return _slice


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Writes datasets as the files of one sample: ``save(datasets, "patient", names=...)`` gives the folder."""

    def saved(datasets: Iterable[Dataset], sample: str = "patient", names: Iterable[str] | None = None) -> Path:
        folder = tmp_path / sample
        folder.mkdir(parents=True, exist_ok=True)
        datasets = list(datasets)
        names = names or [f"{number:04}.dcm" for number in range(len(datasets))]
        for dataset, name in zip(datasets, names, strict=True):
            dataset.save_as(folder / name, enforce_file_format=True)
        return folder

    return saved


@pytest.fixture(scope="session")
def read() -> Callable[..., Reading]:
    """Reads a folder (or file) as one sample: ``read(folder, mode="iso", ...)``; 8 x 8 x 8 voxels unless told."""

    def reading(path: Path, **settings: Any) -> Reading:
        settings = {"size": (8, 8, 8)} | settings
        raw = RawFiles(path.parent)
        return ScanReader(raw, ScanSettings(**settings)).read(Sample(path.name, "", path.name))

    return reading
