"""CT scans side by side: catscan and everyone else, from a folder of DICOM files to an array.

    .venv-bench-scans/bin/python benchmarks/scans.py PATH_TO/stage1.7z

Every row is a process of its own, on one core, with one thread, after a small patient (40 slices) that loads its
libraries. Printed are CPU milliseconds per patient (the mean over the patients, the best of the rounds), the memory
that the first whole patient adds (peak over what was there before), and the error against the exact box average of the
same HU, in grey levels of the lung window.
Rivals come from benchmarks/scans-requirements.txt, which says how to make the environment; one that is not installed is
named and left out. Each rival does what its own documentation or the kernel it comes from does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LOW, HIGH = -1350.0, 150.0  # HU, catscan's lung window
AIR = -1024.0
ROUND_SECONDS = 2.0  # a row is measured for at least this long, at most `ROUNDS` times
ROUNDS = 5

Volume = np.ndarray  # (depth, height, width)


def levels(hu: Volume) -> Volume:
    """HU to grey levels of the lung window, not rounded."""
    return np.clip((hu - LOW) / (HIGH - LOW), 0, 1) * 255


# ---- catscan


def ours(**settings: Any) -> Callable[[Path], Any]:
    import cv2

    from catscan.kinds.samples import Sample
    from catscan.kinds.scans.reader import ScanReader
    from catscan.kinds.scans.settings import ScanSettings
    from catscan.raw.files import RawFiles

    cv2.setNumThreads(1)
    reader: dict[Path, ScanReader] = {}

    def read(patient: Path) -> Volume:
        raw = reader.setdefault(patient.parent, ScanReader(RawFiles(patient.parent), ScanSettings(**settings)))
        return raw.read(Sample(patient.name, "", patient.name)).array[..., 0]

    return read


def ours_1mm() -> Callable[[Path], Any]:
    return ours(mode="iso", size=(335, 306, 306), spacing_mm=1.0)


def ours_lung_mask() -> Callable[[Path], Any]:
    import cv2

    from catscan.kinds.samples import Sample
    from catscan.kinds.scans.geometry import turn_to_patient
    from catscan.kinds.scans.reader import ScanReader
    from catscan.kinds.scans.region import find_region
    from catscan.kinds.scans.settings import ScanSettings
    from catscan.raw.files import RawFiles

    cv2.setNumThreads(1)

    def read(patient: Path) -> Volume:
        settings = ScanSettings(mask=True)
        scan = ScanReader(RawFiles(patient.parent), settings).prepare(Sample(patient.name, "", patient.name))
        return find_region(scan, settings, turn_to_patient(scan.axes)).mask

    return read


# ---- the tutorial, as written (sentdex, "First pass through Data w/ 3D ConvNet")


def tutorial_as_written() -> Callable[[Path], Any]:
    import math

    import cv2
    import pydicom

    cv2.setNumThreads(1)
    img_px_size, hm_slices = 50, 20

    def mean(a: Any) -> Any:
        return sum(a) / len(a)

    def read(patient: Path) -> Volume:
        slices = [pydicom.dcmread(f"{patient}/{name}") for name in os.listdir(patient)]  # noqa: PTH208 -- as written
        slices.sort(key=lambda x: int(x.ImagePositionPatient[2]))
        new_slices = []
        slices = [cv2.resize(np.array(each.pixel_array), (img_px_size, img_px_size)) for each in slices]
        chunk_sizes = math.ceil(len(slices) / hm_slices)
        for i in range(0, len(slices), chunk_sizes):
            new_slices.append(list(map(mean, zip(*slices[i : i + chunk_sizes], strict=True))))  # noqa: PERF401 -- as written
        if len(new_slices) == hm_slices - 1:
            new_slices.append(new_slices[-1])
        if len(new_slices) == hm_slices - 2:
            new_slices += [new_slices[-1]] * 2
        return np.array(new_slices)

    return read


# ---- the bytes alone


def bytes_alone() -> Callable[[Path], Any]:
    buffer = bytearray(1 << 22)

    def read(patient: Path) -> int:
        total = 0
        for entry in os.scandir(patient):
            number = os.open(entry.path, os.O_RDONLY)
            total += os.readv(number, [buffer])
            os.close(number)
        return total

    return read


# ---- everyone's stack: pydicom, HU, one array


def stack(patient: Path) -> tuple[np.ndarray, list[float]]:
    import pydicom

    slices = [pydicom.dcmread(path) for path in patient.iterdir()]
    slices.sort(key=lambda x: float(x.ImagePositionPatient[2]))
    step = abs(slices[0].ImagePositionPatient[2] - slices[1].ImagePositionPatient[2])
    image = np.stack([s.pixel_array for s in slices]).astype(np.int16)
    image[image == -2000] = 0
    image = (float(slices[0].RescaleSlope) * image + float(slices[0].RescaleIntercept)).astype(np.int16)
    return image, [float(step), *map(float, slices[0].PixelSpacing)]


def skimage_anti_aliased() -> Callable[[Path], Any]:
    from skimage.transform import resize

    def read(patient: Path) -> Volume:
        image, _ = stack(patient)
        return levels(resize(image.astype(np.float32), (64, 64, 64), anti_aliasing=True, preserve_range=True))

    return read


def keras_recipe() -> Callable[[Path], Any]:
    """Keras "3D image classification from CT scans": clip, rotate, zoom of order 1 to 128 x 128 x 64."""
    from scipy import ndimage

    def read(patient: Path) -> Volume:
        image, _ = stack(patient)
        volume = np.clip(image, -1000, 400).astype("float32").transpose(1, 2, 0)
        volume = (volume + 1000) / 1400
        volume = ndimage.rotate(volume, 90, reshape=False)
        factors = [wanted / found for wanted, found in zip((128, 128, 64), volume.shape, strict=True)]
        return ndimage.zoom(volume, factors, order=1)

    return read


def zuidhof_resample(patient: Path) -> np.ndarray:
    """Kaggle "Full Preprocessing Tutorial": zoom of order 3 to 1 mm."""
    from scipy import ndimage

    image, spacing = stack(patient)
    shape = np.round(image.shape * np.array(spacing))
    return ndimage.zoom(image, shape / image.shape, mode="nearest")


def zuidhof_zoom() -> Callable[[Path], Any]:
    return zuidhof_resample


def zuidhof_mask(image: np.ndarray) -> np.ndarray:
    """Kaggle "Full Preprocessing Tutorial": the lungs with their structures filled, of an image of 1 mm.

    As published, but for one thing that its comments ask for: outside air is looked for at four corners, not at one,
    since a tray cuts it in half in some patients.
    """
    from skimage import measure

    def largest(labels: np.ndarray, background: int) -> int | None:
        values, counts = np.unique(labels, return_counts=True)
        counts = counts[values != background]
        values = values[values != background]
        return int(values[np.argmax(counts)]) if len(counts) else None

    binary = np.array(image > -320, dtype=np.int8) + 1
    labels = measure.label(binary)
    for y in (0, -1):
        for x in (0, -1):
            binary[labels == labels[0, y, x]] = 2
    for i, axial in enumerate(binary):
        labelled = measure.label(axial - 1)
        biggest = largest(labelled, 0)
        if biggest is not None:
            binary[i][labelled != biggest] = 1
    binary = 1 - (binary - 1)
    labels = measure.label(binary, background=0)
    biggest = largest(labels, 0)
    if biggest is not None:
        binary[labels != biggest] = 0
    return binary.astype(bool)


def zuidhof_zoom_and_mask() -> Callable[[Path], Any]:
    return lambda patient: zuidhof_mask(zuidhof_resample(patient))


# ---- SimpleITK


def sitk_image(patient: Path) -> Any:
    import SimpleITK as sitk  # noqa: N813

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(patient)))
    return reader.Execute()


def sitk_resample(image: Any, size: list[int]) -> Any:
    import SimpleITK as sitk  # noqa: N813

    spacing = [s * n / m for s, n, m in zip(image.GetSpacing(), image.GetSize(), size, strict=True)]
    offset = [(b - a) / 2 for a, b in zip(image.GetSpacing(), spacing, strict=True)]
    origin = [o + d for o, d in zip(image.GetOrigin(), offset, strict=True)]
    return sitk.Resample(
        image, size, sitk.Transform(), sitk.sitkLinear, origin, spacing, image.GetDirection(), AIR, sitk.sitkFloat32
    )


def sitk_64() -> Callable[[Path], Any]:
    import SimpleITK as sitk  # noqa: N813

    return lambda patient: levels(sitk.GetArrayFromImage(sitk_resample(sitk_image(patient), [64, 64, 64])))


def sitk_64_smooth() -> Callable[[Path], Any]:
    """The same without aliasing: Gaussians of half a target voxel first, as its own documentation advises."""
    import SimpleITK as sitk  # noqa: N813

    def read(patient: Path) -> Volume:
        image = sitk.Cast(sitk_image(patient), sitk.sitkFloat32)
        sigma = [0.5 * s * n / 64 for s, n in zip(image.GetSpacing(), image.GetSize(), strict=True)]
        smooth = sitk.SmoothingRecursiveGaussian(image, sigma)
        return levels(sitk.GetArrayFromImage(sitk_resample(smooth, [64, 64, 64])))

    return read


def sitk_1mm() -> Callable[[Path], Any]:
    import SimpleITK as sitk  # noqa: N813

    def read(patient: Path) -> Volume:
        image = sitk_image(patient)
        size = [round(s * n) for s, n in zip(image.GetSpacing(), image.GetSize(), strict=True)]
        return sitk.GetArrayFromImage(sitk_resample(image, size))

    return read


# ---- MONAI


def monai_load(patient: Path) -> Any:
    import torch
    from monai.transforms import LoadImage

    torch.set_num_threads(1)
    return LoadImage(reader="PydicomReader", ensure_channel_first=True)(str(patient))


def monai_64() -> Callable[[Path], Any]:
    from monai.transforms import Resize

    def read(patient: Path) -> Volume:
        array = Resize((64, 64, 64), mode="area")(monai_load(patient))
        return levels(np.asarray(array)[0].transpose(2, 1, 0))

    return read


def monai_1mm() -> Callable[[Path], Any]:
    from monai.transforms import Spacing

    return lambda patient: np.asarray(Spacing((1.0, 1.0, 1.0), mode="bilinear")(monai_load(patient)))


# ---- the table

ROWS: dict[str, tuple[str, Callable[[], Callable[[Path], Any]]]] = {
    "bytes": ("reading the bytes alone", bytes_alone),
    "ours-64": ("catscan, cube 64^3", ours),
    "ours-128": ("catscan, cube 128^3", lambda: ours(size=(128, 128, 128))),
    "ours-1mm": ("catscan, iso 1 mm (335 x 306 x 306)", ours_1mm),
    "ours-tutorial": ("catscan, tutorial 20 x 50 x 50", lambda: ours(mode="tutorial")),
    "ours-lungs": ("catscan, lung mask", ours_lung_mask),
    "tutorial": ("the tutorial as written, 20 x 50 x 50", tutorial_as_written),
    "sitk-64": ("SimpleITK, linear to 64^3", sitk_64),
    "sitk-smooth-64": ("SimpleITK, Gaussian + linear to 64^3", sitk_64_smooth),
    "sitk-1mm": ("SimpleITK, linear to 1 mm", sitk_1mm),
    "monai-64": ("MONAI LoadImage + Resize(area) 64^3", monai_64),
    "monai-1mm": ("MONAI LoadImage + Spacing 1 mm", monai_1mm),
    "skimage-64": ("scikit-image, anti-aliased, 64^3", skimage_anti_aliased),
    "keras": ("scipy zoom, the Keras recipe", keras_recipe),
    "zuidhof": ("scipy zoom to 1 mm, Zuidhof's", zuidhof_zoom),
    "zuidhof-lungs": ("Zuidhof's zoom and lung mask", zuidhof_zoom_and_mask),
}
NEEDS = {"sitk": "SimpleITK", "monai": "monai", "skimage": "skimage", "zuidhof-lungs": "skimage"}
# (name, slower row, faster row, goal): at least so many times
GOALS = [
    ("64^3 against the tutorial as written", "tutorial", "ours-64", 3.5),
    ("tutorial mode against the tutorial as written", "tutorial", "ours-tutorial", 8),
    ("64^3 against MONAI", "monai-64", "ours-64", 20),
    ("64^3 against scikit-image anti-aliased", "skimage-64", "ours-64", 20),
    ("64^3 against SimpleITK, linear (aliased)", "sitk-64", "ours-64", 8),
    ("64^3 against SimpleITK, Gaussian + linear", "sitk-smooth-64", "ours-64", 8),
    ("1 mm against MONAI Spacing", "monai-1mm", "ours-1mm", 20),
    ("1 mm against Zuidhof's zoom", "zuidhof", "ours-1mm", 60),
    ("lung mask against Zuidhof's", "zuidhof-lungs", "ours-lungs", 50),
]


def exact_average(patient: Path, size: tuple[int, int, int]) -> Volume:
    """The exact array over the field of view in float64, in grey levels: what every cube is held against.

    The box average along axes that shrink; along the normal of patients with fewer slices, linear interpolation.
    """
    import pydicom

    slices = sorted(map(pydicom.dcmread, patient.iterdir()), key=lambda s: float(s.ImagePositionPatient[2]))
    hu = np.stack([np.maximum(s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept), AIR) for s in slices])
    for axis, count in enumerate(size):
        edges = np.linspace(0, hu.shape[axis], count + 1)
        cells = np.arange(hu.shape[axis])
        weights = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
        weights = np.clip(weights, 0, None) / (edges[1] - edges[0])
        if count > hu.shape[axis]:
            weights = [np.interp((edges[1:] + edges[:-1]) / 2, cells + 0.5, one) for one in np.eye(len(cells))]
            weights = np.transpose(weights)
        hu = np.moveaxis(np.tensordot(weights, hu, axes=(1, axis)), 0, axis)
    return levels(hu)


def small_patient(patient: Path, folder: Path) -> Path:
    """The 40 lowest slices of a patient, linked."""
    import pydicom

    heights = {
        path: pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2] for path in patient.iterdir()
    }
    folder.mkdir()
    for path in sorted(heights, key=lambda path: float(heights[path]))[:40]:
        (folder / path.name).symlink_to(path.resolve())
    return folder


def added_memory_mb(read: Callable[[Path], Any], patient: Path) -> float:
    """How far one patient lifts the peak of the process above what it held before."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = _status("VmRSS")
    read(patient)
    return (_status("VmHWM") - before) / 1024


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key))


def measure(name: str, patients: list[Path], reference: Path) -> dict[str, float]:
    """One row, in this process."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    read = ROWS[name][1]()
    with tempfile.TemporaryDirectory() as folder:
        read(small_patient(patients[0], Path(folder) / "small"))
    found = {"added_mb": added_memory_mb(read, patients[0])}
    rounds: list[float] = []
    while not rounds or (len(rounds) < ROUNDS and sum(rounds) < ROUND_SECONDS):
        start = time.process_time()
        for patient in patients:
            read(patient)
        rounds.append(time.process_time() - start)
    found["ms"] = 1000 * min(rounds) / len(patients)
    if name.endswith(("-64", "-128")):
        side = int(name.rsplit("-", 1)[1])
        errors = [error_of(read(p), np.load(reference / f"{p.name}-{side}.npy")) for p in patients]
        found["rms"], found["most"] = (float(max(column)) for column in zip(*errors, strict=True))
    if name == "ours-lungs":
        found["dice"] = min(dice(read(p), p) for p in patients)
    return found


def error_of(array: Volume, exact: Volume) -> tuple[float, float]:
    """Root mean square and largest difference in grey levels, for the better of both orders of the slices."""
    differences = [np.asarray(array, float)[::way] - exact for way in (1, -1)]
    best = min(differences, key=lambda d: float(np.abs(d).mean()))
    return float(np.sqrt((best**2).mean())), float(np.abs(best).max())


def dice(mask: np.ndarray, patient: Path) -> float:
    """Agreement with Zuidhof's mask, both on his grid of 1 mm."""
    theirs = zuidhof_mask(zuidhof_resample(patient))
    places = [np.minimum(np.arange(n) // 2, m - 1) for n, m in zip(theirs.shape, mask.shape, strict=True)]
    mine = mask[np.ix_(*places)]
    return float(2 * (mine & theirs).sum() / (mine.sum() + theirs.sum()))


def installed(name: str) -> bool:
    import importlib.util

    module = next((module for prefix, module in NEEDS.items() if name.startswith(prefix)), "")
    return not module or importlib.util.find_spec(module) is not None


def run_row(name: str, folder: Path, reference: Path) -> dict[str, float]:
    """One row, in a process of its own with one thread."""
    threads = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")
    command = [sys.executable, __file__, str(folder), "--row", name, "--reference", str(reference)]
    done = subprocess.run(command, env={**os.environ, **threads}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def unpacked(path: Path, folder: Path) -> Path:
    """The folder of patients in a 7z, or ``path`` itself."""
    if path.is_dir():
        return path
    import py7zr

    with py7zr.SevenZipFile(path) as archive:
        archive.extractall(folder)
    return next(folder.iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="stage1.7z, or a folder with one folder a patient")
    parser.add_argument("--row", choices=ROWS, help=argparse.SUPPRESS)
    parser.add_argument("--reference", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--only", nargs="+", choices=ROWS, help="measure these rows only")
    arguments = parser.parse_args()
    if arguments.row:
        patients = sorted(path for path in arguments.data.iterdir() if path.is_dir())
        print(json.dumps(measure(arguments.row, patients, arguments.reference)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = unpacked(arguments.data, Path(temporary) / "patients")
        for patient in sorted(folder.iterdir()):
            for side in (64, 128):
                np.save(Path(temporary) / f"{patient.name}-{side}.npy", exact_average(patient, (side, side, side)))
        found = {}
        print(f"{'':42} {'CPU ms':>8} {'+ MB':>7} {'rms':>7} {'most':>7}   (a patient; grey levels)")
        for name in arguments.only or ROWS:
            if not installed(name):
                print(f"{ROWS[name][0]:42} not installed: see benchmarks/scans-requirements.txt")
                continue
            row = found[name] = run_row(name, folder, Path(temporary))
            error = f"{row['rms']:7.2f} {row['most']:7.2f}" if "rms" in row else ""
            error = f"Dice {row['dice']:.3f}" if "dice" in row else error
            print(f"{ROWS[name][0]:42} {row['ms']:8.1f} {row['added_mb']:7.1f} {error}", flush=True)
        print_goals(found)


def print_goals(found: dict[str, dict[str, float]]) -> None:
    print("\nGoals")
    for text, slower, faster, goal in GOALS:
        if slower in found and faster in found:
            verdict(text, found[slower]["ms"] / found[faster]["ms"], goal, "x", at_least=True)
    if {"bytes", "ours-64"} <= found.keys():
        verdict(
            "whole patient against its bytes", found["ours-64"]["ms"] / found["bytes"]["ms"], 6, "x", at_least=False
        )
    for name in ("ours-64", "ours-128"):
        if name in found:
            verdict(f"added memory, {ROWS[name][0]}", found[name]["added_mb"], 64, " MB", at_least=False)
            # Rounding to whole grey levels alone is half a level; float32 adds its last digits.
            verdict(f"largest error, {ROWS[name][0]}", found[name]["most"], 0.501, " levels", at_least=False)
    if "ours-lungs" in found:
        verdict("lung mask, Dice against Zuidhof's", found["ours-lungs"]["dice"], 0.98, "", at_least=True)


def verdict(text: str, value: float, goal: float, unit: str, *, at_least: bool) -> None:
    met = value >= goal if at_least else value <= goal
    sign = ">=" if at_least else "<="
    print(f"  {text:52} {value:8.3f}{unit}  {sign} {goal:g}: {'met' if met else 'NOT MET'}")


if __name__ == "__main__":
    main()
