"""A picture of a cat's or a dog's head, drawn from two sets of values: its scene and its shape.

The scene (colours, light, pose, size, pattern, noise) is the same lottery for both; only the `Shape` depends on the
class, and its parts overlap: some cats have hanging ears, some dogs have pricked ones.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from catscan.stages.download.sample.draws import Generator

Points = NDArray[np.float64]
Colour = NDArray[np.float64]

SUPERSAMPLING = 2
SUBPIXEL_BITS = 4
CIRCLE: Points = np.stack([np.cos(t := np.linspace(0, 2 * np.pi, 40, endpoint=False)), np.sin(t)], axis=1)


@dataclass(frozen=True)
class Scene:
    """Everything of a picture that both classes share; each value is a quantile in [0, 1)."""

    width: float
    height: float
    scale: float
    x: float
    y: float
    turn: float
    mirror: float
    hue: float
    saturation: float
    lightness: float
    backdrop_hue: float
    backdrop_saturation: float
    backdrop_contrast: float
    backdrop_slope: float
    pattern: float
    second_coat: float
    muzzle_shade: float
    ear_shade: float
    inner_ear: float
    iris: float
    nose_colour: float
    tongue: float
    collar: float
    body: float
    light: float
    contrast: float
    blur: float
    noise: float
    quality: float
    occluder: float


N_SCENE = len(fields(Scene))


@dataclass(frozen=True)
class Shape:
    """What tells a cat from a dog; lengths in head radii, angles in degrees."""

    head_width: float
    ear_angle: float  # 0 stands up, 150 hangs down
    ear_roundness: float
    muzzle_width: float
    muzzle_length: float
    nose_width: float
    nose_point: float  # 0 an oval, 1 a triangle that points down
    pupil_width: float  # over its height; 1 is round
    eye_slant: float
    whiskers: bool


def draw_shape(rng: Generator, dog: bool) -> Shape:
    """Draw one shape; the number of draws is the same for both classes."""
    odd_ears, flat_face, odd_eyes, odd_whiskers = rng.random(4)
    z = rng.standard_normal(9)
    pricked = odd_ears < (0.12 if dog else 0.95)
    long_muzzle = flat_face < (0.86 if dog else 0.12)
    round_pupil = odd_eyes < (0.85 if dog else 0.15)
    return Shape(
        head_width=(0.98 if dog else 1.06) + 0.06 * z[0],
        ear_angle=18 + 9 * z[1] if pricked else 128 + 14 * z[1],
        ear_roundness=float(np.clip((0.62 if dog else 0.28) + 0.2 * z[2], 0, 1)),
        muzzle_width=(0.46 if long_muzzle else 0.38) + 0.03 * z[3],
        muzzle_length=(0.52 if long_muzzle else 0.31) + 0.04 * z[4],
        nose_width=(0.19 if long_muzzle else 0.12) + 0.02 * z[5],
        nose_point=float(np.clip((0.2 if dog else 0.8) + 0.2 * z[6], 0, 1)),
        pupil_width=float(np.clip((0.95 if round_pupil else 0.4) + 0.08 * z[7], 0.35, 1)),
        eye_slant=(2 if dog else 10) + 5 * z[8],
        whiskers=bool(odd_whiskers < (0.12 if dog else 0.85)),
    )


class Canvas:
    """An RGB picture in [0, 255] with a frame of its own: the head's centre is (0, 0), its radius 1, y points down."""

    def __init__(self, pixels: NDArray[np.uint8], centre: Points, radius: float, turn: float, mirror: bool) -> None:
        self.pixels = pixels
        self.radius = radius
        side = -1.0 if mirror else 1.0
        cos, sin = np.cos(turn), np.sin(turn)
        self._matrix = radius * np.array([[cos * side, -sin], [sin * side, cos]])
        self._centre = centre

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        return np.rint((points @ self._matrix.T + self._centre) * (1 << SUBPIXEL_BITS)).astype(np.int32)

    def polygon(self, points: Points, colour: Colour) -> None:
        """Fill a polygon of shape (n, 2)."""
        cv2.fillPoly(self.pixels, [self._fixed(points)], colour.tolist(), cv2.LINE_AA, SUBPIXEL_BITS)

    def ellipse(self, centre: tuple[float, float], axes: tuple[float, float], colour: Colour, turn: float = 0) -> None:
        """Fill an ellipse with half ``axes``, turned by ``turn`` degrees."""
        self.polygon(oval(centre, axes, turn), colour)

    def stroke(self, points: Points, width: float, colour: Colour) -> None:
        """Draw an open line ``width`` head radii wide."""
        pixels = max(1, round(width * self.radius))
        cv2.polylines(self.pixels, [self._fixed(points)], False, colour.tolist(), pixels, cv2.LINE_AA, SUBPIXEL_BITS)


def oval(centre: tuple[float, float], axes: tuple[float, float], turn: float = 0) -> Points:
    """The outline of an ellipse, of shape (40, 2)."""
    angle = np.deg2rad(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return CIRCLE * axes @ rotation.T + centre


def curve(start: tuple[float, float], middle: tuple[float, float], end: tuple[float, float]) -> Points:
    """A quadratic Bezier curve of shape (9, 2)."""
    t = np.linspace(0, 1, 9)[:, None]
    return (1 - t) ** 2 * np.array(start) + 2 * t * (1 - t) * np.array(middle) + t**2 * np.array(end)


def between(quantile: float, low: float, high: float) -> float:
    """The value at ``quantile`` of the even distribution from ``low`` to ``high``."""
    return low + quantile * (high - low)


def either_way(quantile: float, low: float, high: float) -> float:
    """A value from ``low`` to ``high`` in size, below or above zero with equal odds."""
    return between(2 * quantile, low, high) if quantile < 0.5 else -between(2 * quantile - 1, low, high)


def colour_of(hue: float, saturation: float, lightness: float) -> Colour:
    """RGB in [0, 255] from hue, saturation and lightness in [0, 1]; lightness is the mean of the three."""
    phase = 2 * np.pi * (hue - np.array([0, 1 / 3, 2 / 3]))
    room = min(lightness, 1 - lightness)
    return np.clip(255 * (lightness + saturation * room * np.cos(phase)), 0, 255)


def shaded(colour: Colour, by: float) -> Colour:
    """``colour`` made lighter (``by`` > 0) or darker, as a share of the way to white or black."""
    return colour + by * (255 - colour) if by > 0 else colour * (1 + by)
