"""Reads a CT series: from a folder of DICOM files to one uint8 array and a report of every decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.errors import BadSample, listed
from catscan.raw import RawFile, RawFiles
from catscan.samples import Reading, Sample
from catscan.scans import tutorial
from catscan.scans.checks import Checked, check
from catscan.scans.geometry import affine_of, turn_to_patient
from catscan.scans.grids import field_of_view, grid_for
from catscan.scans.headers import Header, read_headers
from catscan.scans.planes import Planes
from catscan.scans.resample import Grid, slice_weights, stream
from catscan.scans.series import choose_series
from catscan.scans.settings import ScanSettings
from catscan.scans.slices import StoredSlices
from catscan.scans.sources import ScanFiles, Unreadable
from catscan.scans.windows import hu_window, to_levels


class ScanReader:
    """Reads CT scans one after another; safe to share between threads.

    Parameters
    ----------
    raw
        The competition's files.
    settings
        The block `preprocess.scan`.
    """

    def __init__(self, raw: RawFiles, settings: ScanSettings) -> None:
        self._raw, self._settings = raw, settings
        self._files = ScanFiles(raw)

    @property
    def shape(self) -> tuple[int, ...]:
        """(depth, height, width, channels) of every array."""
        return self._settings.shape

    def close(self) -> None:
        """Close what is open."""
        self._raw.close()

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
        try:
            scan, stored = self.prepare(sample)
            array, geometry = read_array(scan, stored, self._settings)
        except Unreadable as error:
            raise BadSample(error.reason) from error
        return Reading(array=array, odd=scan.remarks, geometry=scan.report | geometry)

    def prepare(self, sample: Sample) -> tuple[Checked, StoredSlices]:
        """Choose, order and check the slices of one sample; reads their headers only, as a rule.

        Raises
        ------
        BadSample, Unreadable
            When there is no usable series, with the reason.
        """
        stored = StoredSlices(self._files)
        listing = self._files.list(sample.archive, sample.path)
        headers, skipped, damaged = self._headers(listing)
        _refuse_damaged(damaged, self._settings)
        if not headers:
            raise BadSample(f"has no CT slice ({listed(_reasons(skipped | damaged))})")
        series = choose_series(headers, stored, wanted=self._settings.series.get(sample.sample_id, ""))
        scan = check(series, stored, self._settings)
        left_out = scan.report["left_out"] | skipped | damaged
        remarks = scan.remarks
        if left_out:
            remarks += (f"{len(left_out)} files were left out: {listed(_reasons(left_out))}",)
        report = scan.report | {"n_files": len(listing), "left_out": left_out}
        return replace(scan, report=report, remarks=remarks), stored

    def _headers(self, listing: list[RawFile]) -> tuple[list[Header], dict[str, str], dict[str, str]]:
        """The slices; the files that are none, and those that are damaged, by name with the reason."""
        headers: list[Header] = []
        skipped: dict[str, str] = {}
        damaged: dict[str, str] = {}
        for file in listing:
            try:
                headers += read_headers(self._files, file)
            except Unreadable as error:
                (damaged if error.damaged else skipped)[file.path.rsplit("/", 1)[-1]] = error.reason
        return headers, skipped, damaged


def _reasons(left_out: dict[str, str]) -> list[str]:
    return [f"{name} {reason}" for name, reason in sorted(left_out.items())]


def _refuse_damaged(damaged: dict[str, str], settings: ScanSettings) -> None:
    if damaged and "damaged" not in settings.allow:
        raise BadSample(f"has damaged files: {listed(_reasons(damaged))}")


def read_array(scan: Checked, stored: StoredSlices, settings: ScanSettings) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """The uint8 array of a checked scan and where it lies."""
    if settings.mode == "tutorial":
        return tutorial.read_array(scan, stored, settings)
    turn = turn_to_patient(scan.axes)
    grid = grid_for(settings, field_of_view(scan), turn)
    windows = [hu_window(choice) for choice in settings.hu_windows]
    array = np.empty((len(windows), *grid.shape), np.uint8)
    lowest, highest = np.inf, -np.inf
    for number, above_air in enumerate(resampled(scan, stored, grid)):
        lowest, highest = min(lowest, float(above_air.min())), max(highest, float(above_air.max()))
        for levels, window in zip(array, windows, strict=True):
            to_levels(above_air, window, out=levels[number])
    if highest - lowest < 1:
        raise BadSample(f"has the same value everywhere ({lowest - 1024:.0f} HU)")
    turned = np.stack([turn.apply(levels) for levels in array], axis=-1)
    spacing = grid.step_mm[list(turn.order)]
    geometry = {
        "mode": settings.mode,
        "spacing_mm": [round(float(mm), 6) for mm in spacing],
        "affine": affine_of(scan.axes, grid.low_mm, grid.step_mm, grid.shape, turn).round(6).tolist(),
        "hu_windows": [list(window) for window in windows],
    }
    return np.ascontiguousarray(turned), geometry


def resampled(scan: Checked, stored: StoredSlices, grid: Grid) -> Iterator[NDArray[np.float32]]:
    """The planes of the grid along the normal, float32 (rows, columns), in HU above air."""
    planes = Planes(scan, stored, grid)
    weights = slice_weights(scan.places_mm[:, 0], scan.steps, grid.edges(0))
    return stream(weights, planes.read, (grid.shape[1], grid.shape[2]))
