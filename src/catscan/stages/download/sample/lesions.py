"""What is found in the lungs: the one mass of a patient with cancer, or as much benign tissue of another shape.

Both classes get the same small granulomas, and a lesion of the same volume and density; only its shape differs, so
that no mean, maximum or share of tissue can tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catscan.stages.download.sample.draws import Generator
from catscan.stages.download.sample.thorax import Grid, Thorax, Volume, between, paint

RADIUS_MM = (25.0, 30.0)  # of the ball that has the volume of all of a patient's lesions together
PARTS = (5, 8)
HAZE_MM = 28.0
HAZE_SHARE = 0.85
SOFT_TISSUE_OVER_LUNG = 900.0  # HU
CANDIDATES = 48


@dataclass(frozen=True)
class Lesion:
    """The shape of a patient's lesions, whatever their volume and number.

    Attributes
    ----------
    stretch
        Length over width: 1 is a ball, 6 a strand.
    lobes
        How uneven the surface is, as a share of the radius.
    haze
        No lesions with an edge: the same tissue is spread thinly over a part of the lungs.
    """

    stretch: float
    lobes: float
    haze: bool


def draw_lesion(rng: Generator, cancer: bool) -> Lesion:
    """Draw one shape; the number of draws is the same for both classes."""
    form = rng.random()
    z = np.abs(rng.standard_normal(2))
    if cancer:
        return Lesion(stretch=1 + 0.4 * z[0], lobes=0.15 + 0.1 * z[1], haze=False)
    return Lesion(stretch=3.5 + 1.5 * z[0], lobes=0.05 + 0.05 * z[1], haze=form < HAZE_SHARE)


def add_lesions(thorax: Thorax, lesion: Lesion, rng: Generator) -> None:
    """Paint the granulomas and the lesions into ``thorax``."""
    build, grid = thorax.build, thorax.grid
    granulomas = zip(places(thorax, 6.0, 4, rng), rng.uniform(3, 5.5, 4), rng.random(4) < 0.4, strict=True)
    for centre, radius, calcified in granulomas:
        if build.granulomas > 0.3:
            of_volume(thorax, from_centre(grid, centre), ball(radius), 320.0 if calcified else 40.0)
    volume = ball(between(build.lesion_volume, *RADIUS_MM))
    parts = round(between(build.lesion_parts, PARTS[0] - 0.5, PARTS[1] + 0.49))
    centres = places(thorax, 1.2 * np.cbrt(volume / parts / 4.19), PARTS[1], rng)
    if lesion.haze:
        share = np.exp(-0.5 * (from_centre(grid, centres[0]) / HAZE_MM) ** 2) * thorax.lungs
        thorax.hu += SOFT_TISSUE_OVER_LUNG * volume / (share.sum() * grid.voxel_mm3) * share
        return
    field = np.min([uneven(thorax, centre, lesion, rng) for centre in centres[:parts]], axis=0)
    of_volume(thorax, field, volume, between(build.lesion_density, 15, 75))


def ball(radius: float) -> float:
    """Volume of a ball."""
    return 4 / 3 * np.pi * radius**3


def places(thorax: Thorax, room_mm: float, n: int, rng: Generator) -> NDArray[np.float64]:
    """Centres (n, 3), z y x in mm, of places in the lungs with about ``room_mm`` of lung around them."""
    grid = thorax.grid
    low = np.array([grid.z.flat[0], grid.y.flat[0], grid.x.flat[0]])
    steps = np.array([grid.step_mm, grid.spacing_mm, grid.spacing_mm])
    found = []
    for _ in range(n):
        tries = rng.random((CANDIDATES, 3)) * (np.array(grid.shape) - 1)
        around = np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)]) * room_mm / steps
        index = np.rint(tries[:, None] + around).astype(int).clip(0, np.array(grid.shape) - 1)
        lung = thorax.lungs[tuple(np.moveaxis(index, -1, 0))].mean(axis=1)
        found.append(low + tries[np.argmax(lung > 0.9) if np.any(lung > 0.9) else np.argmax(lung)] * steps)
    return np.array(found)


def from_centre(grid: Grid, centre: NDArray[np.float64]) -> Volume:
    """Distance in mm from ``centre`` (z, y, x)."""
    return np.sqrt((grid.z - centre[0]) ** 2 + (grid.y - centre[1]) ** 2 + (grid.x - centre[2]) ** 2)


def uneven(thorax: Thorax, centre: NDArray[np.float64], lesion: Lesion, rng: Generator) -> Volume:
    """A field in mm, 0 at ``centre``, whose level sets have the lesion's shape, turned at random; in the lungs only."""
    grid, lungs = thorax.grid, thorax.lungs > 0
    axes, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    waves, phases = rng.standard_normal((6, 3)), rng.uniform(0, 2 * np.pi, 6)
    steps = (grid.z - centre[0], grid.y - centre[1], grid.x - centre[2])
    offset = np.stack([step[lungs] for step in np.broadcast_arrays(*steps)], axis=-1)
    widths = np.array([1, 1, lesion.stretch]) / np.cbrt(lesion.stretch)
    scaled = offset @ (axes / widths).astype(np.float32)
    distance = np.sqrt(scaled[:, 0] ** 2 + scaled[:, 1] ** 2 + scaled[:, 2] ** 2)
    direction = scaled / np.maximum(distance, 1)[:, None]
    bumps = np.sin(direction @ (2.5 * waves.T).astype(np.float32) + phases.astype(np.float32)).mean(axis=-1)
    field = np.full(grid.shape, np.inf)
    field[lungs] = distance * (1 + 2 * lesion.lobes * bumps)
    return field


def of_volume(thorax: Thorax, field: Volume, volume_mm3: float, value: float) -> None:
    """Paint the part of the lungs with the smallest ``field``, ``volume_mm3`` of it, with a soft rim."""
    grid = thorax.grid
    voxels = int(volume_mm3 / grid.voxel_mm3)
    inside = np.where(thorax.lungs > 0.5, field, np.inf)
    level = np.partition(inside.ravel(), voxels)[voxels]
    share = np.clip(0.5 + (level - field) / grid.spacing_mm, 0, 1)
    paint(thorax.hu, share * thorax.lungs, value)
