"""What a user can choose about scans: the block `preprocess.scan` of the config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catscan.common.errors import CatscanError, did_you_mean
from catscan.kinds.scans.windows import hu_window, percentile_pair

MODES = {"cube": (64, 64, 64), "iso": (160, 160, 160), "tutorial": (20, 50, 50)}  # each with its own size
MODALITIES = ("CT", "MR", "any")
CROPS = ("field_of_view", "lungs")
ODDITIES = {
    "gaps": "one or two slices in a row are missing; they are filled from their neighbours",
    "uneven": "the slices are not evenly spaced; they are resampled from their true positions",
    "tilt": "the gantry was tilted; the slices are sheared back",
    "oblique": "the slices are not parallel to the patient's axes; the array keeps the slices' own axes",
    "damaged": "a slice's file is damaged; it is left out, as if missing",
    "no_rescale": "slope and intercept are missing and air is near 0; an intercept of -1024 is assumed",
    "few_slices": "the scan has one or two slices",
}


@dataclass(frozen=True)
class ScanSettings:
    """How a scan becomes an array.

    Attributes
    ----------
    modality
        Which series are read: CT, MR or any of the two. A NIfTI file does not say what it is, and is taken for this.
    mode
        cube: a grid of `size` over the whole field of view (or the lungs). iso: `size` voxels of `spacing_mm`, centred,
        filled up with air. tutorial: the tutorial's slabs.
    size
        (depth, height, width); empty for the mode's own size.
    spacing_mm
        The edge of a voxel in mode iso, in mm.
    hu_windows
        For CT, one a channel: lung, mediastinum, bone, or (low, high) in HU.
    percentiles
        For MR, one a channel: (low, high), 0 to 100, of the scan's own values above its background.
    crop
        field_of_view or lungs.
    mask
        Whether all that is not lung becomes air.
    allow
        Which oddities are mended (and reported) instead of refused; names of `ODDITIES`.
    series
        Sample id to SeriesInstanceUID, where the choice of the series is not to be left to the rule.
    """

    modality: str = "CT"
    mode: str = "cube"
    size: tuple[int, ...] = ()
    spacing_mm: float = 1.0
    hu_windows: tuple[Any, ...] = ("lung",)
    percentiles: tuple[Any, ...] = ((1.0, 99.0),)
    crop: str = "field_of_view"
    mask: bool = False
    allow: tuple[str, ...] = ("gaps", "uneven", "tilt", "oblique")
    series: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no reader could do.

        Raises
        ------
        CatscanError
            For an unknown name or an impossible number; the key is named.
        """
        _one_of("modality", self.modality, list(MODALITIES))
        _one_of("mode", self.mode, list(MODES))
        _one_of("crop", self.crop, list(CROPS))
        for name in self.allow:
            _one_of("allow", name, list(ODDITIES))
        for window in self.hu_windows:
            hu_window(window)
        for pair in self.percentiles:
            percentile_pair(pair)
        _require(bool(self.hu_windows), "hu_windows", "at least one window", self.hu_windows)
        _require(bool(self.percentiles), "percentiles", "at least one pair", self.percentiles)
        alike = self.modality != "any" or len(self.percentiles) == len(self.hu_windows)
        _require(alike, "percentiles", "as many as `hu_windows` when the modality is any", self.percentiles)
        whole = all(isinstance(n, int) and 0 < n <= 1024 for n in self.size)
        _require(len(self.size) in (0, 3) and whole, "size", "[depth, height, width], 1 to 1024 each", self.size)
        _require(0.1 <= self.spacing_mm <= 20, "spacing_mm", "0.1 to 20 mm", self.spacing_mm)
        plain = self.crop == "field_of_view" and not self.mask
        _require(self.mode != "tutorial" or plain, "mode", "neither crop nor mask in mode tutorial", self.mode)
        free = self.modality == "CT" or (plain and self.mode != "tutorial")
        _require(free, "modality", "CT for the mode tutorial and for lungs, which are found by HU", self.modality)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(depth, height, width, channels) of every array."""
        depth, height, width = self.size or MODES[self.mode]
        return depth, height, width, len(self.percentiles if self.modality == "MR" else self.hu_windows)


@dataclass(frozen=True)
class NiftiSettings(ScanSettings):
    """The same for NIfTI files, which do not say which modality they are of."""

    def __post_init__(self) -> None:
        """Refuse `modality: any` too."""
        super().__post_init__()
        _require(self.modality != "any", "modality", "CT or MR for NIfTI files, which do not say it", self.modality)


def _one_of(key: str, value: str, known: list[str]) -> None:
    if value not in known:
        where = f"preprocess.scan.{key}"
        raise CatscanError(f"{value!r} is unknown.", where=where, do=did_you_mean(str(value), known))


def _require(holds: bool, key: str, wanted: str, found: object) -> None:
    if not holds:
        raise CatscanError(f"`{key}` must be {wanted}.", where=f"preprocess.scan.{key}", found=repr(found))
