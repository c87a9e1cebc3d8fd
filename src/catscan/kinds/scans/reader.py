"""Reads a series: from a folder of DICOM files to one uint8 array and a report of every decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catscan.common.errors import BadSample, listed
from catscan.common.words import number_of
from catscan.kinds.samples import Reading, Sample
from catscan.kinds.scans import mr, tutorial
from catscan.kinds.scans.checks import check
from catscan.kinds.scans.dicom_files import read_headers
from catscan.kinds.scans.geometry import affine_of, turn_to_patient
from catscan.kinds.scans.grids import grid_for
from catscan.kinds.scans.planes import resampled
from catscan.kinds.scans.region import find_region
from catscan.kinds.scans.resample import Grid
from catscan.kinds.scans.scan import Scan
from catscan.kinds.scans.series import choose_series
from catscan.kinds.scans.settings import ScanSettings
from catscan.kinds.scans.slice_header import SLICES, Header
from catscan.kinds.scans.slices import StoredSlices
from catscan.kinds.scans.sources import ScanFiles
from catscan.kinds.scans.windows import AIR_HU, hu_window, percentile_pair, to_levels
from catscan.raw.files import RawFile, RawFiles

SAME_HU = 1.0  # a scan whose values span less is empty


class ScanReader:
    """Reads series one after another; safe to share between threads.

    Parameters
    ----------
    raw
        The competition's files.
    settings
        The block `preprocess.scan`.
    """

    def __init__(self, raw: RawFiles, settings: ScanSettings) -> None:
        self._settings = settings
        self._files = ScanFiles(raw)

    @property
    def shape(self) -> tuple[int, ...]:
        """(depth, height, width, channels) of every array."""
        return self._settings.shape

    def close(self) -> None:
        """Nothing is open: the raw files belong to the caller."""

    def read(self, sample: Sample) -> Reading:
        """Read one scan.

        Returns
        -------
        Reading
            The array is uint8, (depth, height, width, channels): z up, y to the back, x to the left; `geometry` is the
            report of the series.

        Raises
        ------
        BadSample
            When there is no usable series, with the reason.
        """
        return read_array(self.prepare(sample), self._settings)

    def prepare(self, sample: Sample) -> Scan:
        """Choose, order and check the slices of one sample; reads their headers only, as a rule.

        Raises
        ------
        BadSample
            When there is no usable series, with the reason.
        """
        stored = StoredSlices(self._files)
        listing = self._files.list(sample.archive, sample.path)
        headers, skipped, damaged = self._headers(listing, sample)
        _refuse_damaged(damaged, self._settings)
        if not headers:
            wanted = SLICES[self._settings.modality].split(" ", 1)[1]
            raise BadSample(f"has no {wanted} ({listed(_reasons(skipped | damaged))})")
        series = choose_series(headers, stored, wanted=self._settings.series.get(sample.sample_id, ""))
        scan = check(series, stored, self._settings)
        left_out = scan.report["left_out"] | skipped | damaged
        remarks = scan.remarks
        if left_out:
            remarks += (f"{number_of(len(left_out), 'file')} left out: {listed(_reasons(left_out))}",)
        report = scan.report | {"n_files": len(listing), "left_out": left_out}
        return replace(scan, report=report, remarks=remarks)

    def _headers(self, listing: list[RawFile], sample: Sample) -> tuple[list[Header], dict[str, str], dict[str, str]]:
        """The slices; the files that are none, and those that are damaged, by their path below the sample's."""
        headers: list[Header] = []
        skipped: dict[str, str] = {}
        damaged: dict[str, str] = {}
        for file in listing:
            folder, name = _place_below(sample, file)
            try:
                found = read_headers(self._files, file, modality=self._settings.modality)
            except BadSample as error:
                (skipped if error.stray else damaged)[f"{folder}/{name}" if folder else name] = error.reason
            else:
                headers += [replace(header, folder=folder) for header in found] if folder else found
        return headers, skipped, damaged


def _place_below(sample: Sample, file: RawFile) -> tuple[str, str]:
    """The folder below the sample's that a file lies in, "" for none, and its name."""
    folder, _, name = file.path.rpartition("/")
    return folder[len(sample.path) :].strip("/"), name


def _reasons(left_out: dict[str, str]) -> list[str]:
    return [f"{name} {reason}" for name, reason in sorted(left_out.items())]


def _refuse_damaged(damaged: dict[str, str], settings: ScanSettings) -> None:
    if damaged and "damaged" not in settings.allow:
        raise BadSample(f"has damaged files: {listed(_reasons(damaged))}")


def read_array(scan: Scan, settings: ScanSettings) -> Reading:
    """The uint8 array of a scan, with the report of where it lies."""
    if settings.mode == "tutorial":
        array, where = tutorial.read_array(scan, settings)
        return Reading(array=array, odd=scan.remarks, geometry=scan.report | where)
    turn = turn_to_patient(scan.axes)
    region = find_region(scan, settings, turn)
    grid = grid_for(settings, region.box_mm, turn)
    if scan.modality == "MR":
        array, ranges = mr.grey_levels(scan, grid, [percentile_pair(pair) for pair in settings.percentiles])
    else:
        ranges = [hu_window(choice) for choice in settings.hu_windows]
        array = _grey_levels(scan, grid, ranges, region.kept(grid))
    geometry = {
        "mode": settings.mode,
        "spacing_mm": [round(float(grid.step_mm[own]), 6) for own in turn.order],
        "affine": affine_of(scan.axes, grid.low_mm, grid.step_mm, grid.shape, turn).round(6).tolist(),
        "intensity_ranges": [[round(end, 6) for end in ends] for ends in ranges],
    }
    remarks = scan.remarks
    if region.report.get("lungs_not_used"):
        remarks += (f"lungs were not found, the whole field of view was taken: {region.report['lungs_not_used']}",)
    turned = np.stack([turn.apply(levels) for levels in array], axis=-1)
    return Reading(array=np.ascontiguousarray(turned), odd=remarks, geometry=scan.report | region.report | geometry)


def _grey_levels(
    scan: Scan, grid: Grid, windows: Sequence[tuple[float, float]], kept: NDArray[np.bool_] | None
) -> NDArray[np.uint8]:
    """Those of a CT scan: uint8, (channels, normal, rows, columns).

    Raises
    ------
    BadSample
        When all voxels are the same.
    """
    array = np.empty((len(windows), *grid.shape), np.uint8)
    lowest, highest = np.inf, -np.inf
    for number, above_air in enumerate(resampled(scan, grid)):
        lowest, highest = min(lowest, float(above_air.min())), max(highest, float(above_air.max()))
        if kept is not None:
            above_air[~kept[number]] = 0
        for levels, window in zip(array, windows, strict=True):
            to_levels(above_air, window, out=levels[number])
    if not highest - lowest >= SAME_HU:
        raise BadSample(f"has the same value everywhere ({lowest + AIR_HU:.0f} HU)")
    return array
