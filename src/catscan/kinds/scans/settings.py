"""What a user can choose about scans: the block `preprocess.scan` of the config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Self

from catscan.common.errors import CatscanError
from catscan.common.keys import DISTINCT, between, length, one_of
from catscan.kinds.scans.windows import hu_window, percentile_pair

MODES = {"cube": (64, 64, 64), "iso": (160, 160, 160), "tutorial": (20, 50, 50)}  # each with its own size
ODDITIES = {
    "gaps": "one or two slices in a row are missing; they are filled from their neighbours",
    "uneven": "the slices are not evenly spaced; they are resampled from their true positions",
    "tilt": "the gantry was tilted; the slices are sheared back",
    "oblique": "the slices are not parallel to the patient's axes; the array keeps the slices' own axes",
    "damaged": "a slice's file is damaged; it is left out, as if missing",
    "no_rescale": "slope and intercept are missing and air is near 0; an intercept of -1024 is assumed",
    "few_slices": "the scan has one or two slices",
}

Percentile = Annotated[float, between(0, 100)]


@dataclass(frozen=True)
class ScanSettings:
    """For CT and MR series and volumes."""

    modality: Annotated[str, one_of("CT", "MR", "any")] = "CT"
    """Which series are read: CT, MR, or any of the two; those of another kind are left out, and a remark says so.
    A NIfTI file, which does not say what it is, is taken for this one."""

    mode: Annotated[str, one_of(*MODES)] = "cube"
    """`cube` is a grid of `size` over the whole field of view (or the lungs); `iso` is `size` voxels of `spacing_mm`,
    centred, filled up with air; `tutorial` is the tutorial's slabs."""

    size: Annotated[tuple[Annotated[int, between(1, 1024)], ...], length(0, 3)] = ()
    """Depth, height and width in voxels; empty is the mode's own (cube 64, 64, 64; iso 160, 160, 160; tutorial 20, 50,
    50)."""

    spacing_mm: Annotated[float, between(0.1, 20)] = 1.0
    """For `iso`: the edge of a voxel in mm."""

    hu_windows: Annotated[tuple[Any, ...], length(1)] = ("lung",)
    """For CT: the intensity ranges shown, one a channel: lung, mediastinum, bone, or [low, high] in Hounsfield
    units."""

    percentiles: Annotated[tuple[Annotated[tuple[Percentile, ...], length(2, 2)], ...], length(1)] = ((1, 99),)
    """For MR, whose scale is the scanner's own: the intensity ranges shown, one a channel, as [low, high] percentiles
    of the scan's values above its background. As many as `hu_windows` when the modality is `any`."""

    crop: Annotated[str, one_of("field_of_view", "lungs")] = "field_of_view"
    """Whether the grid covers the whole scan, or the box around the lungs (the whole scan, with a remark, where no
    plausible lungs are found)."""

    mask: bool = False
    """Whether all that is not lung becomes air."""

    allow: Annotated[tuple[Annotated[str, one_of(*ODDITIES)], ...], DISTINCT] = ("gaps", "uneven", "tilt", "oblique")
    """Which oddities of a series are mended and reported, instead of refused: one or two missing slices, uneven
    spacing, a tilted gantry, oblique slices, damaged files (left out as if missing), missing rescale values (taken as
    -1024), scans of one or two slices."""

    series: Mapping[str, str] = field(default_factory=dict)
    """Where the choice of the series is not to be left to the rule (the one with the most slices): sample id to
    SeriesInstanceUID."""

    def __post_init__(self) -> None:
        """Refuse what no reader could do.

        Raises
        ------
        CatscanError
            For an unknown name or an impossible number; the key is named.
        """
        for window in self.hu_windows:
            hu_window(window)
        for pair in self.percentiles:
            percentile_pair(pair)
        alike = self.modality != "any" or len(self.percentiles) == len(self.hu_windows)
        _require(alike, "percentiles", "as many as `hu_windows` when the modality is any", self.percentiles)
        _require(len(self.size) in (0, 3), "size", "[depth, height, width], or empty", self.size)
        plain = self.crop == "field_of_view" and not self.mask
        _require(self.mode != "tutorial" or plain, "mode", "neither crop nor mask in mode tutorial", self.mode)
        free = self.modality == "CT" or (plain and self.mode != "tutorial")
        _require(free, "modality", "CT for the mode tutorial and for lungs, which are found by HU", self.modality)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(depth, height, width, channels) of every array."""
        depth, height, width = self.size or MODES[self.mode]
        return depth, height, width, len(self.percentiles if self.modality == "MR" else self.hu_windows)

    def seen_at(self, side: int) -> Self:
        """As a grid over the field of view or the lungs, whatever the mode: the other two fix the size of a voxel."""
        return replace(self, mode="cube", size=(self.shape[0], side, side))


@dataclass(frozen=True)
class NiftiSettings(ScanSettings):
    """The same for NIfTI files, which do not say which modality they are of."""

    def __post_init__(self) -> None:
        """Refuse `modality: any` too."""
        super().__post_init__()
        _require(self.modality != "any", "modality", "CT or MR for NIfTI files, which do not say it", self.modality)


def _require(holds: bool, key: str, wanted: str, found: object) -> None:
    if not holds:
        raise CatscanError(f"`{key}` must be {wanted}.", where=f"preprocess.scan.{key}", found=repr(found))
