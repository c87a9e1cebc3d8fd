"""What is found in the lungs: the one mass of a patient with cancer, or as much benign tissue of another shape.

Both classes get the same small granulomas, and a lesion of the same volume and density; only its shape differs, so
that no mean, maximum or share of tissue can tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catscan.download.sample.draws import Generator
from catscan.download.sample.thorax import Grid, Thorax, Volume, between, paint

RADIUS_MM = (13.0, 20.0)  # of the ball that has the lesion's volume
CANDIDATES = 48


@dataclass(frozen=True)
class Lesion:
    """The shape of a lesion, whatever its volume.

    Attributes
    ----------
    stretch
        Its long axes over its short one(s): 1 is a ball.
    flat
        Whether two axes are long (a plate) or one is (a rod).
    lobes
        How uneven its surface is, as a share of its radius.
    parts
        1, or the number of small balls that it is broken into.
    """

    stretch: float
    flat: bool
    lobes: float
    parts: int


def draw_lesion(rng: Generator, cancer: bool) -> Lesion:
    """Draw one shape; the number of draws is the same for both classes."""
    form, flat, parts = rng.random(3)
    z = np.abs(rng.standard_normal(2))
    if cancer:
        return Lesion(stretch=1 + 0.35 * z[0], flat=flat < 0.5, lobes=0.15 + 0.1 * z[1], parts=1)
    if form < 0.2:
        return Lesion(stretch=2.2 + 1.6 * z[0], flat=flat < 0.5, lobes=0.05 + 0.05 * z[1], parts=1)
    return Lesion(stretch=1 + 0.2 * z[0], flat=False, lobes=0.05, parts=5 + int(9 * parts))


def add_lesions(thorax: Thorax, lesion: Lesion, rng: Generator) -> None:
    """Paint the granulomas and the lesion into ``thorax``."""
    build = thorax.build
    for centre, radius, calcified in zip(
        places(thorax, 6.0, 4, rng), rng.uniform(3, 5.5, 4), rng.random(4) < 0.4, strict=True
    ):
        if build.granulomas > 0.3:
            of_volume(thorax, from_centre(thorax.grid, centre), 4.19 * radius**3, 320.0 if calcified else 40.0)
    radius = between(build.lesion_volume, *RADIUS_MM)
    field = lesion_field(thorax, lesion, radius, rng)
    of_volume(thorax, field, 4.19 * radius**3, between(build.lesion_density, 15, 75))


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


def lesion_field(thorax: Thorax, lesion: Lesion, radius: float, rng: Generator) -> Volume:
    """A field in mm whose level sets have the lesion's shape."""
    centre = places(thorax, 0.8 * radius, 1, rng)[0]
    parts = places(thorax, 6.0, 14, rng)
    axes, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    waves, phases = rng.standard_normal((6, 3)), rng.uniform(0, 2 * np.pi, 6)
    if lesion.parts > 1:
        return np.min([from_centre(thorax.grid, part) for part in parts[: lesion.parts]], axis=0)
    grid = thorax.grid
    offset = np.stack(np.broadcast_arrays(grid.z - centre[0], grid.y - centre[1], grid.x - centre[2]), axis=-1)
    along = offset @ axes.astype(np.float32)
    shrink = np.array([1, lesion.stretch if lesion.flat else 1, lesion.stretch], np.float32)
    scaled = along / (shrink / np.prod(shrink) ** (1 / 3))
    distance = np.linalg.norm(scaled, axis=-1)
    direction = scaled / np.maximum(distance, 1)[..., None]
    bumps = np.sin(direction @ (2.5 * waves.T).astype(np.float32) + phases.astype(np.float32)).mean(axis=-1)
    return distance * (1 + 2 * lesion.lobes * bumps)


def of_volume(thorax: Thorax, field: Volume, volume_mm3: float, value: float) -> None:
    """Paint the part of the lungs with the smallest ``field``, ``volume_mm3`` of it, with a soft rim."""
    grid = thorax.grid
    voxels = int(volume_mm3 / (grid.spacing_mm**2 * grid.step_mm))
    inside = np.where(thorax.lungs > 0.5, field, np.inf)
    level = np.partition(inside.ravel(), voxels)[voxels]
    share = np.clip(0.5 + (level - field) / grid.spacing_mm, 0, 1)
    paint(thorax.hu, share * thorax.lungs, value)
