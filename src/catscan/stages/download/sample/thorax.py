"""A thorax in Hounsfield units: body wall, ribs, spine, lungs, heart, great vessels, airways and vessel trees.

Every structure is a smooth shape in patient millimetres: x to the patient's left, y to the back, z to the head, the
origin in the middle of the chest. A voxel at the edge of a shape gets a mixture, as in a scanner (partial volume).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catscan.stages.download.sample.draws import Generator

Volume = NDArray[np.floating[Any]]

AIR, LUNG, FAT, MUSCLE, BLOOD, MARROW, CORTEX, LIVER = -1000.0, -860.0, -100.0, 50.0, 42.0, 180.0, 650.0, 62.0
LUNG_TOP, LUNG_BOTTOM = 106.0, -118.0  # mm
STEP_MM = 5.0  # of a growing vessel


@dataclass(frozen=True)
class Build:
    """Everything of a scan that both classes share; each value is a quantile in [0, 1)."""

    width: float
    depth: float
    fat: float
    lung: float
    heart: float
    diaphragm: float
    tilt: float
    centre_x: float
    centre_y: float
    parenchyma: float
    vessels: float
    granulomas: float
    slices: float
    pixel_spacing: float
    sharpness: float
    noise: float
    scanner: float
    order: float
    names: float
    lesion_volume: float
    lesion_parts: float
    lesion_density: float


N_BUILD = len(fields(Build))


class Grid:
    """Voxel centres in patient millimetres, as arrays that broadcast to (depth, height, width)."""

    def __init__(self, z: NDArray[np.float64], spacing_mm: float, size: int) -> None:
        plane = (np.arange(size) - (size - 1) / 2) * spacing_mm
        self.z = z.astype(np.float32)[:, None, None]
        self.y = plane.astype(np.float32)[None, :, None]
        self.x = plane.astype(np.float32)[None, None, :]
        self.spacing_mm = spacing_mm
        self.step_mm = float(abs(z[1] - z[0]))
        self.voxel_mm3 = spacing_mm**2 * self.step_mm
        self.shape = (len(z), size, size)


def cover(distance: Volume, softness_mm: float) -> Volume:
    """How much of a voxel lies inside, in [0, 1]; ``distance`` in mm is negative inside."""
    return np.clip(0.5 - distance / softness_mm, 0, 1)


def paint(hu: Volume, share: Volume, value: float | Volume) -> None:
    """Mix ``value`` HU into ``hu``, in place, by its share of each voxel."""
    hu += share * (value - hu)


def ellipse(x: Volume, y: Volume, half_x: float | Volume, half_y: float | Volume, power: float = 2.0) -> Volume:
    """Signed distance in mm, roughly, to a (super-)ellipse about the origin."""
    radius = (np.abs(x / half_x) ** power + np.abs(y / half_y) ** power) ** (1 / power)
    return (radius - 1) * np.minimum(half_x, half_y)


def splat(place: NDArray[np.float64], weight: NDArray[np.float64], shape: tuple[int, int, int]) -> Volume:
    """Add ``weight`` (n,) at fractional voxel indices ``place`` (n, 3), shared among the eight nearest voxels."""
    low = np.floor(place).astype(np.int64)
    part = place - low
    total = np.zeros(int(np.prod(shape)))
    for corner in np.ndindex(2, 2, 2):
        index = low + corner
        inside = np.all((index >= 0) & (index < shape), axis=1)
        share = np.prod(np.where(corner, part, 1 - part), axis=1) * weight
        flat = np.ravel_multi_index(tuple(index[inside].T), shape)
        total += np.bincount(flat, share[inside], minlength=len(total))
    return total.reshape(shape).astype(np.float32)


def between(quantile: float, low: float, high: float) -> float:
    """The value at ``quantile`` of the even distribution from ``low`` to ``high``."""
    return low + quantile * (high - low)


class Thorax:
    """One patient's chest on a grid.

    Attributes
    ----------
    hu
        float32, (depth, height, width).
    lungs
        Share of lung in each voxel, in [0, 1], same shape.
    """

    def __init__(self, build: Build, grid: Grid, rng: Generator) -> None:
        self.build, self.grid, self._rng = build, grid, rng
        self.soft = grid.spacing_mm
        self.half_x = between(build.width, 142, 168)
        self.half_y = between(build.depth, 96, 118)
        self.x = grid.x - between(build.centre_x, -7, 7) - np.float32(between(build.tilt, -0.03, 0.03)) * grid.z
        self.y = grid.y - between(build.centre_y, -6, 6)
        self.hu = np.full(grid.shape, AIR, np.float32)
        self.lungs = np.zeros(grid.shape, np.float32)
        self._wall()
        self._lungs()
        self._mediastinum()
        self._spine()
        self._vessel_trees()
        self._texture()

    def _wall(self) -> None:
        """Skin and fat, muscle, ribs."""
        shoulder = 1 + 0.10 * np.clip((self.grid.z - 60) / 60, 0, 1)
        outer = ellipse(self.x, self.y, self.half_x * shoulder, self.half_y, 2.3)
        fat_mm = between(self.build.fat, 3, 11)
        paint(self.hu, cover(outer, self.soft), FAT)
        paint(self.hu, cover(outer + fat_mm, self.soft), MUSCLE)
        self.cage_x, self.cage_y = self.half_x - fat_mm - 12, self.half_y - fat_mm - 10
        cage = ellipse(self.x, self.y, self.cage_x, self.cage_y, 2.2)
        slope = 0.35 * (self.y + self.half_y) + 0.12 * np.abs(self.x)  # ribs run down to the front
        phase = (self.grid.z - slope) / 26 * 2 * np.pi
        rib = np.clip((np.cos(phase) - 0.05) * 1.6, 0, 1)
        paint(self.hu, rib * cover(np.abs(cage - 5) - 3.2, self.soft), CORTEX * 0.8)
        sternum = ellipse(self.x, self.y + self.cage_y + 4, 17, 5)
        paint(self.hu, cover(sternum, self.soft), MARROW)

    def _lungs(self) -> None:
        """Two lungs on the domes of the diaphragm, liver and stomach below."""
        z = self.grid.z
        up = np.clip((z - LUNG_BOTTOM) / (LUNG_TOP - LUNG_BOTTOM), 0, 1)
        taper = np.sqrt(np.clip(1 - up**5, 1e-4, 1)) * (0.9 + 0.1 * np.clip(up * 4, 0, 1))
        size = between(self.build.lung, 0.94, 1.0)
        chest = ellipse(self.x, self.y, self.cage_x * size * taper, self.cage_y * size * taper, 2.4)
        gap = 19 + 8 * (1 - up)
        for side in (-1, 1):
            dome = ellipse(self.x - side * 0.5 * self.cage_x, self.y, 0.62 * self.cage_x, 1.05 * self.cage_y)
            height = between(self.build.diaphragm, -112, -92) + (8 if side < 0 else -4)
            floor = height - 0.45 * dome - z  # a dome: highest in the middle of each half
            middle = gap - side * self.x - 10 * np.clip(np.abs(self.y) / 60 - 0.4, 0, 1)
            distance = np.maximum(np.maximum(chest, 0.7 * floor), middle)
            below = cover(np.maximum(chest, np.maximum(-0.7 * floor, -side * self.x)), self.soft)
            paint(self.hu, below, LIVER if side < 0 else 40.0)
            self.lungs = np.maximum(self.lungs, cover(distance, self.soft))
        bubble = ellipse(self.x - 60, self.y + 25, 26, 18) + np.maximum(np.abs(z + 100) - 14, 0)
        paint(self.hu, cover(bubble, self.soft) * (z < -80), AIR)
        tone = LUNG + between(self.build.parenchyma, -35, 45) + 0.45 * self.y  # the back is denser, by gravity
        paint(self.hu, self.lungs, tone)

    def _mediastinum(self) -> None:
        """Heart, aorta, trachea and main bronchi."""
        z, big = self.grid.z, between(self.build.heart, 0.85, 1.12)
        heart = np.sqrt(((self.x - 14) / (54 * big)) ** 2 + ((self.y + 26) / (40 * big)) ** 2 + ((z + 48) / 58) ** 2)
        self._soft_tissue(cover((heart - 1) * 44, self.soft))
        vessels = ellipse(self.x - 6, self.y + 14, 32, 30) + np.maximum(np.abs(z - 30) - 30, 0)
        self._soft_tissue(cover(vessels, self.soft))
        descending = ellipse(self.x - 26, self.y - 42, 13, 13) + np.maximum(z - 50, 0)
        self._soft_tissue(cover(descending, self.soft))
        arch = np.sqrt((np.sqrt((self.x - 2) ** 2 + (self.y - 6) ** 2) - 20) ** 2 + (z - 50) ** 2) - 12
        self._soft_tissue(cover(np.maximum(arch, 4 - self.x), self.soft))
        open_at = 22.0
        spread = np.clip(open_at - z, 0, 36)
        for side in (-1, 1):
            airway = ellipse(self.x - side * spread * 0.9, self.y - 8, 8.5, 8.5) + np.maximum(-12 - z, 0)
            paint(self.hu, cover(airway, self.soft), AIR)

    def _soft_tissue(self, share: Volume) -> None:
        paint(self.hu, share, BLOOD)
        self.lungs *= 1 - share

    def _spine(self) -> None:
        """Vertebrae with discs between them, canal and spinous process."""
        y = self.y - self.cage_y + 18
        body = cover(ellipse(self.x, y, 20, 16), self.soft)
        disc = np.clip(np.cos(self.grid.z / 24 * 2 * np.pi) * 4 - 2.6, 0, 1)
        self._soft_tissue(cover(ellipse(self.x, y, 24, 19), self.soft))
        paint(self.hu, body, MARROW)
        paint(self.hu, cover(np.abs(ellipse(self.x, y, 19, 15)) - 1.6, self.soft), CORTEX * 0.75)
        paint(self.hu, body * disc, 85.0)
        arch = cover(np.abs(ellipse(self.x, y - 23, 14, 9)) - 2.5, self.soft)
        paint(self.hu, arch * (1 - disc), CORTEX * 0.7)
        paint(self.hu, cover(ellipse(self.x, y - 33, 4, 7), self.soft) * (1 - disc), CORTEX * 0.6)

    def _vessel_trees(self) -> None:
        """Vessels run from each hilum towards the pleura, thinner on the way, and branch."""
        trunks = round(between(self.build.vessels, 9, 15))
        share = np.zeros(self.grid.shape, np.float32)
        for side in (-1, 1):
            hilum = np.broadcast_to(np.array([2.0, 4.0, side * 28.0]), (trunks, 3))
            outward = self._rng.standard_normal((trunks, 3)) * (1.0, 0.7, 0.4) + (-0.1, 0, 0.8 * side)
            trunk = self._grown(hilum, outward, steps=22)
            roots = trunk[self._rng.integers(3, 18, 4 * trunks), np.tile(np.arange(trunks), 4)]
            astray = outward[np.tile(np.arange(trunks), 4)] + 0.7 * self._rng.standard_normal((4 * trunks, 3))
            share += self._tubes(trunk, 4.4) + self._tubes(self._grown(roots, astray, steps=13), 2.4)
        paint(self.hu, np.minimum(share, 1) * self.lungs, BLOOD)

    def _grown(self, roots: NDArray[np.float64], ways: NDArray[np.float64], *, steps: int) -> NDArray[np.float64]:
        """Random walks of 5 mm a step; shape (steps, len(roots), 3), in mm."""
        path = [roots]
        for bend in 0.26 * self._rng.standard_normal((steps, *ways.shape)):
            ways = ways / np.linalg.norm(ways, axis=1, keepdims=True) + bend
            path.append(path[-1] + STEP_MM * ways / np.linalg.norm(ways, axis=1, keepdims=True))
        return np.stack(path[1:])

    def _tubes(self, path: NDArray[np.float64], radius: float) -> Volume:
        """Share of each voxel taken by tubes along ``path`` (steps, n, 3), whose radius falls by 5.5 % a step."""
        grains = 6  # points a step, strewn over the tube's thickness
        radii = radius * 0.945 ** np.arange(len(path))
        volume = np.pi * radii**2 * STEP_MM / grains / self.grid.voxel_mm3
        strewn = path + radii[:, None, None] * self._rng.uniform(-0.8, 0.8, (grains, *path.shape))
        origin = (self.grid.z.flat[0], self.grid.y.flat[0], self.grid.x.flat[0])
        place = (strewn - origin) / (self.grid.step_mm, self.grid.spacing_mm, self.grid.spacing_mm)
        weight = np.broadcast_to(volume[:, None], place.shape[:-1])
        return splat(place.reshape(-1, 3), weight.ravel(), self.grid.shape)

    def _texture(self) -> None:
        """Unevenness of the parenchyma: blotches of about three voxels."""
        coarse = self._rng.standard_normal((self.grid.shape[0], 27, 27), dtype=np.float32)
        blotches = coarse.repeat(3, axis=1).repeat(3, axis=2)[:, : self.grid.shape[1], : self.grid.shape[2]]
        self.hu += 22 * self.lungs * blotches
