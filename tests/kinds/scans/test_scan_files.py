"""Files that are no slices, broken ones, and none at all."""

from __future__ import annotations

import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from catscan.common.errors import BadSample
from catscan.kinds.samples import Reading, Sample
from catscan.kinds.scans.reader import ScanReader
from catscan.kinds.scans.settings import ScanSettings
from catscan.raw.files import RawFiles

Read = Callable[..., Reading]
Save = Callable[..., Path]
Slice = Callable[..., Dataset]

PLACES = [2.0 * k for k in range(10)]


@pytest.fixture
def slices(slice_at: Slice) -> list[Dataset]:
    return [slice_at((0, 0, z)) for z in PLACES]


@pytest.fixture
def clean(slices: list[Dataset], save: Save, read: Read) -> Reading:
    return read(save(slices, "clean"))


@pytest.mark.parametrize("marked", [True, False], ids=["by image type", "by shape alone"])
def test_a_localizer_with_the_same_series_uid_is_left_out(  # noqa: PLR0917 -- fixtures
    marked: bool, slices: list[Dataset], slice_at: Slice, save: Save, read: Read, clean: Reading
) -> None:
    scout = slice_at((0, 0, 8), np.zeros((48, 24), np.int16), ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"] if marked else ["ORIGINAL", "PRIMARY"]

    reading = read(save([scout, *slices]))

    assert reading.array.tobytes() == clean.array.tobytes()
    assert reading.geometry["step_mm"] == 2.0
    listed = reading.geometry["left_out"] if marked else reading.geometry["other_series"]
    assert len(listed) == 1


def test_secondary_captures_and_reports_are_left_out_and_named(
    slices: list[Dataset], save: Save, read: Read, clean: Reading, pydicom_files: Path
) -> None:
    folder = save(slices)
    for name in ("SC_rgb_small_odd.dcm", "test-SR.dcm", "MR_small.dcm", "rtplan.dcm"):
        (folder / name).write_bytes((pydicom_files / name).read_bytes())

    reading = read(folder)

    assert reading.array.tobytes() == clean.array.tobytes()
    assert reading.geometry["left_out"]["SC_rgb_small_odd.dcm"] == "is Secondary Capture Image Storage, not a CT slice"
    assert set(reading.geometry["left_out"]) == {
        "SC_rgb_small_odd.dcm",
        "test-SR.dcm",
        "MR_small.dcm",
        "rtplan.dcm",
    }


@pytest.mark.parametrize("kept", [0.5, 0.98], ids=["half", "nearly all"])
def test_a_slice_cut_short_is_refused_by_name(kept: float, slices: list[Dataset], save: Save, read: Read) -> None:
    folder = save(slices)
    data = (folder / "0004.dcm").read_bytes()
    (folder / "0004.dcm").write_bytes(data[: int(kept * len(data))])

    with pytest.raises(BadSample, match=r"has damaged files: 0004\.dcm is cut short: [\d,]+ of 2,048 bytes of pixels"):
        read(folder)


def test_a_slice_cut_short_counts_as_missing_when_allowed(slices: list[Dataset], save: Save, read: Read) -> None:
    folder = save(slices)
    data = (folder / "0004.dcm").read_bytes()
    (folder / "0004.dcm").write_bytes(data[:-100])

    reading = read(folder, allow=("gaps", "damaged"))

    assert reading.geometry["interpolated_mm"] == [8.0]
    assert reading.geometry["step_mm"] == 2.0
    assert "0004.dcm" in reading.geometry["left_out"]


def test_a_real_truncated_file_is_damaged(pydicom_files: Path, tmp_path: Path) -> None:
    """pydicom's MR_truncated, declared a CT: 8,130 of 8,192 bytes of pixels."""
    from catscan.common.errors import BadSample
    from catscan.kinds.scans.dicom_files import read_with_pydicom

    data = (pydicom_files / "MR_truncated.dcm").read_bytes()
    data = data.replace(b"1.2.840.10008.5.1.4.1.1.4\0", b"1.2.840.10008.5.1.4.1.1.2\0")
    (tmp_path / "cut.dcm").write_bytes(data)

    with pytest.raises(BadSample, match="is cut short: 8,130 of 8,192 bytes of pixels"):
        read_with_pydicom(RawFiles(tmp_path).below("", "cut.dcm")[0], data)


def test_files_that_are_no_dicom_are_left_out_and_named(
    slices: list[Dataset], save: Save, read: Read, clean: Reading
) -> None:
    folder = save(slices)
    for name, data in {"notes.txt": b"x" * 500, "empty": b"", "Thumbs.db": b"x", ".DS_Store": b"x"}.items():
        (folder / name).write_bytes(data)

    reading = read(folder)

    assert reading.array.tobytes() == clean.array.tobytes()
    assert reading.geometry["left_out"] == {"notes.txt": "is not a DICOM file", "empty": "is not a DICOM file"}


def test_a_folder_without_any_slice_is_refused_with_reasons(tmp_path: Path, read: Read) -> None:
    folder = tmp_path / "patient"
    folder.mkdir()
    (folder / "notes.txt").write_bytes(b"x" * 500)

    with pytest.raises(BadSample, match=r"has no CT slice \(notes\.txt is not a DICOM file\)"):
        read(folder)


@pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "explicit"])
def test_files_without_preamble_and_meta_are_read(
    implicit: bool, slices: list[Dataset], tmp_path: Path, read: Read, clean: Reading
) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    for number, dataset in enumerate(slices):
        del dataset.file_meta
        pydicom.dcmwrite(folder / f"{number}", dataset, implicit_vr=implicit, little_endian=True)

    assert read(folder).array.tobytes() == clean.array.tobytes()


def test_a_plan_without_meta_is_no_slice(pydicom_files: Path, read: Read) -> None:
    with pytest.raises(BadSample, match="is RT Ion Plan Storage, not a CT slice"):
        read(pydicom_files / "ExplVR_LitEndNoMeta.dcm")


def test_the_index_of_a_medium_is_skipped(heads: Path, read: Read) -> None:
    reading = read(heads / "philips-tilt")

    assert reading.geometry["left_out"] == {"DIRFILE": "is the index of a medium (DICOMDIR)"}
    assert reading.geometry["n_slices"] == 54


def test_headers_without_pixels_are_skipped(pydicom_files: Path, read: Read) -> None:
    with pytest.raises(BadSample, match=r"has no CT slice \(DICOMDIR is the index of a medium.*has no pixels"):
        read(pydicom_files / "dicomdirtests" / "TINY_ALPHA")


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_slices_are_no_scan(count: int, slices: list[Dataset], save: Save, read: Read) -> None:
    with pytest.raises(BadSample, match=f"has {count} slices?, not a scan of three dimensions"):
        read(save(slices[:count]))


def test_one_real_slice_is_no_scan(patients: Path, read: Read) -> None:
    first = next((patients / "00cba091fa4ad62cc3200a657aeb957e").iterdir())

    with pytest.raises(BadSample, match="has 1 slice, not a scan of three dimensions"):
        read(first)


def test_two_slices_are_read_when_allowed(slices: list[Dataset], save: Save, read: Read) -> None:
    assert read(save(slices[:2]), allow=("few_slices",)).geometry["step_mm"] == 2.0


def test_slices_of_another_size_are_another_group(
    slices: list[Dataset], slice_at: Slice, save: Save, read: Read, clean: Reading
) -> None:
    larger = [slice_at((0, 0, z), np.zeros((40, 40), np.int16)) for z in PLACES[:4]]

    reading = read(save([*larger, *slices]))

    assert reading.array.tobytes() == clean.array.tobytes()
    assert reading.geometry["other_series"][0]["rows"] == 40


def test_slices_of_another_pixel_spacing_are_another_group(
    slices: list[Dataset], slice_at: Slice, save: Save, read: Read, clean: Reading
) -> None:
    other = [slice_at((0, 0, z + 1), PixelSpacing=[2.03, 2.03]) for z in PLACES[:4]]

    reading = read(save([*other, *slices]))

    assert reading.array.tobytes() == clean.array.tobytes()


def test_pixel_spacing_that_drifts_by_less_than_one_percent_is_one_group(
    slice_at: Slice, save: Save, read: Read
) -> None:
    drifting = [slice_at((0, 0, z), PixelSpacing=[2 + 1e-3 * k, 2]) for k, z in enumerate(PLACES)]

    assert read(save(drifting)).geometry["n_slices"] == 10


def test_slice_location_stands_in_for_a_missing_position(slice_at: Slice, save: Save, read: Read) -> None:
    bare = [
        slice_at((0, 0, z), ImagePositionPatient=None, ImageOrientationPatient=None, SliceLocation=z) for z in PLACES
    ]

    reading = read(save(bare))

    assert reading.geometry["step_mm"] == 2.0
    assert "10 slices without position or orientation; Slice Location was taken instead" in reading.odd


def test_slices_without_any_position_are_refused(slice_at: Slice, save: Save, read: Read) -> None:
    bare = [slice_at((0, 0, z), ImagePositionPatient=None, InstanceNumber=k) for k, z in enumerate(PLACES)]

    with pytest.raises(BadSample, match=r"has no slices that can be placed \(0000\.dcm: has no position"):
        read(save(bare))


def test_memory_does_not_grow_with_the_number_of_slices(slice_at: Slice, save: Save, read: Read) -> None:
    pixels = np.arange(256 * 256, dtype=np.int16).reshape(256, 256) % 1000

    def peak(count: int, name: str) -> int:
        template = slice_at((0, 0, 0), pixels)
        folder = save([], name)
        for k in range(count):
            template.ImagePositionPatient = [0, 0, k]
            template.save_as(folder / f"{k}", enforce_file_format=True)
        tracemalloc.start()
        read(folder, size=(16, 16, 16))
        reached = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return reached

    few, many = peak(100, "few"), peak(600, "many")

    assert many - few < 500 * 8_000  # bytes: a header a slice, not its 131,072 bytes of pixels


@pytest.mark.parametrize("value", [1000, -3000], ids=["one value", "all padding"])
def test_an_empty_scan_is_refused(value: int, slice_at: Slice, save: Save, read: Read) -> None:
    flat = [slice_at((0, 0, z), np.full((32, 32), value, np.int16)) for z in PLACES]

    with pytest.raises(BadSample, match="has the same value everywhere"):
        read(save(flat))


def test_nested_folders_are_one_sample(slices: list[Dataset], save: Save, read: Read, clean: Reading) -> None:
    save(slices[:5], "nested/study/a")
    folder = save(slices[5:], "nested/study/b").parents[1]
    os.symlink(folder, folder / "loop")  # noqa: PTH211

    assert read(folder).array.tobytes() == clean.array.tobytes()


def test_files_of_the_same_name_in_two_folders_are_both_told(
    slices: list[Dataset], slice_at: Slice, save: Save, read: Read, clean: Reading
) -> None:
    folder = save(slices, "nested")
    for study in ("a", "b/c"):
        save([slice_at((0, 0, 8), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])], f"nested/{study}")
        (folder / study / "notes.txt").write_bytes(b"x" * 500)
    (folder / "notes.txt").write_bytes(b"x" * 500)

    reading = read(folder)

    assert reading.array.tobytes() == clean.array.tobytes()
    assert reading.geometry["left_out"] == {
        "notes.txt": "is not a DICOM file",
        "a/notes.txt": "is not a DICOM file",
        "b/c/notes.txt": "is not a DICOM file",
        "a/0000.dcm": "is a localizer",
        "b/c/0000.dcm": "is a localizer",
    }


def test_a_damaged_file_in_a_sub_folder_of_a_zip_is_named_by_its_path(
    slices: list[Dataset], save: Save, tmp_path: Path
) -> None:
    folder = save(slices, "p/study")
    with zipfile.ZipFile(tmp_path / "scans.zip", "w") as archive:
        for path in folder.iterdir():
            archive.writestr(f"stage1/p/study/{path.name}", path.read_bytes()[:-100])

    with pytest.raises(BadSample, match=r"has damaged files: study/0000\.dcm is cut short"):
        ScanReader(RawFiles(tmp_path), ScanSettings(size=(8, 8, 8))).read(Sample("p", "scans.zip", "stage1/p"))


@pytest.mark.parametrize("there", [True, False], ids=["empty", "absent"])
def test_an_empty_patient_is_refused_with_a_reason(there: bool, tmp_path: Path, read: Read) -> None:
    if there:
        (tmp_path / "patient").mkdir()

    with pytest.raises(BadSample, match="has no files"):
        read(tmp_path / "patient")


def test_a_slice_that_its_zip_cannot_give_is_damaged_not_left_out(
    slices: list[Dataset], save: Save, tmp_path: Path
) -> None:
    folder = save(slices)
    with zipfile.ZipFile(tmp_path / "scans.zip", "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"p/{path.name}")
        broken = sorted(archive.infolist(), key=lambda info: info.filename)[3]
    data = bytearray((tmp_path / "scans.zip").read_bytes())
    data[broken.header_offset] ^= 0xFF
    (tmp_path / "scans.zip").write_bytes(data)

    with pytest.raises(BadSample, match=f"has damaged files: {Path(broken.filename).name} cannot be read: "):
        ScanReader(RawFiles(tmp_path), ScanSettings(size=(8, 8, 8))).read(Sample("p", "scans.zip", "p"))


def test_a_zip_gives_the_same_bytes_as_its_folder(
    slices: list[Dataset], save: Save, tmp_path: Path, clean: Reading
) -> None:
    folder = save(slices)
    with zipfile.ZipFile(tmp_path / "scans.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.iterdir():
            archive.write(path, f"stage1/p/{path.name}")

    reading = ScanReader(RawFiles(tmp_path), ScanSettings(size=(8, 8, 8))).read(Sample("p", "scans.zip", "stage1/p"))

    assert reading.array.tobytes() == clean.array.tobytes()


def test_every_missing_uid_is_survived(slice_at: Slice, save: Save, read: Read, clean: Reading) -> None:
    bare = [slice_at((0, 0, z), SOPInstanceUID=None, SeriesInstanceUID=None) for z in PLACES]
    for dataset in bare:
        dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()

    assert read(save(bare)).array.tobytes() == clean.array.tobytes()
