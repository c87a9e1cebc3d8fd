"""From a `Scene` and a `Shape` to the pixels of one picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from catscan.stages.download.sample.drawing import (
    SUPERSAMPLING,
    Canvas,
    Colour,
    Points,
    Scene,
    Shape,
    between,
    colour_of,
    curve,
    either_way,
    shaded,
)
from catscan.stages.download.sample.draws import Generator

DARK: Colour = np.array([28.0, 24.0, 26.0])
PINK: Colour = np.array([222.0, 110.0, 120.0])


def picture(scene: Scene, shape: Shape, rng: Generator) -> NDArray[np.uint8]:
    """Draw one picture.

    Parameters
    ----------
    scene, shape
        What to draw.
    rng
        Draws the texture of the backdrop and of the fur, and the camera's noise; as many values for any shape.

    Returns
    -------
    ndarray of uint8, (height, width, 3), RGB
        90 to 170 pixels wide and 90 to 150 high.
    """
    width, height = round(between(scene.width, 90, 170)), round(between(scene.height, 90, 150))
    coat = colour_of(between(scene.hue, 0.03, 0.13), between(scene.saturation, -0.3, 0.65), coat_lightness(scene))
    pixels = backdrop(scene, (height * SUPERSAMPLING, width * SUPERSAMPLING), rng)
    radius = SUPERSAMPLING * between(scene.scale, 0.29, 0.37) * min(height, width)
    centre = SUPERSAMPLING * np.array([
        width * between(scene.x, 0.38, 0.62),
        height * between(scene.y, 0.48, 0.58),
    ])  # fmt: skip
    canvas = Canvas(pixels, centre, radius, np.deg2rad(between(scene.turn, -15, 15)), scene.mirror < 0.5)
    draw_body(canvas, scene, coat)
    draw_head(canvas, scene, shape, coat)
    draw_face(canvas, scene, shape, coat)
    draw_occluder(canvas, scene)
    return developed(canvas.pixels, (width, height), scene, rng)


def coat_lightness(scene: Scene) -> float:
    """Lightness of the coat in [0.3, 0.7]."""
    return between(scene.lightness, 0.3, 0.7)


def backdrop(scene: Scene, shape: tuple[int, int], rng: Generator) -> NDArray[np.uint8]:
    """A softly mottled wall, lighter or darker than the coat with equal odds, so that brightness tells nothing."""
    lightness = coat_lightness(scene) + either_way(scene.backdrop_contrast, 0.18, 0.32)
    wall = colour_of(between(scene.backdrop_hue, -0.32, 0.48), between(scene.backdrop_saturation, 0.1, 0.8), lightness)
    mottle = cv2.resize(rng.standard_normal((5, 6, 3)), shape[::-1], interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    angle = 2 * np.pi * scene.backdrop_slope
    slope = 18 * (np.cos(angle) * columns + np.sin(angle) * rows)
    return np.clip(wall + 9 * mottle + slope[..., None], 0, 255).astype(np.uint8)


def draw_body(canvas: Canvas, scene: Scene, coat: Colour) -> None:
    """Shoulders, chest and, for some, a collar."""
    broad = between(scene.body, 0.85, 1.25)
    canvas.ellipse((0, 1.95), (broad, 1.25), shaded(coat, -0.12))
    canvas.ellipse((0, 1.9), (0.5 * broad, 0.95), shaded(coat, between(scene.muzzle_shade, -0.25, 0.35)))
    if scene.collar < 0.3:
        band = colour_of(scene.collar / 0.3, 0.9, 0.45)
        canvas.stroke(curve((-0.78, 0.72), (0, 1.5), (0.78, 0.72)), 0.16, band)


def draw_head(canvas: Canvas, scene: Scene, shape: Shape, coat: Colour) -> None:
    """Skull and ears: ears that stand are behind it, ears that hang before it."""
    ear = shaded(coat, either_way(scene.ear_shade, 0.12, 0.35))
    inner = shaded(ear, either_way(scene.inner_ear, 0.1, 0.35))
    hanging = shape.ear_angle > 70
    if not hanging:
        draw_ears(canvas, shape, ear, inner)
    canvas.ellipse((0, 0), (shape.head_width, 0.9), coat)
    canvas.ellipse((0, 0.3), (0.8 * shape.head_width, 0.72), coat)
    draw_pattern(canvas, scene, coat)
    if hanging:
        draw_ears(canvas, shape, ear, inner)


def draw_pattern(canvas: Canvas, scene: Scene, coat: Colour) -> None:
    """One in three has stripes on the forehead, one in three a patch round an eye, the rest neither."""
    second = shaded(coat, between(scene.second_coat, -0.45, 0.45))
    if scene.pattern < 1 / 3:
        for x in (-0.28, 0, 0.28):
            canvas.stroke(curve((x, -0.82), (0.8 * x, -0.6), (0.7 * x, -0.42)), 0.09, second)
    elif scene.pattern < 2 / 3:
        canvas.ellipse((0.42, -0.15), (0.36, 0.42), second, 15)


def ear_outline(shape: Shape, length: float, width: float) -> Points:
    """The right ear, from its root at (0, 0), of the given length and width whatever its angle."""
    t = np.linspace(0, 1, 14)
    pointed, rounded = 1 - t, np.sqrt(np.clip(1 - t**2.5, 0, None)) * (0.75 + 0.5 * t * (1 - t))
    half = width / 2 * ((1 - shape.ear_roundness) * pointed + shape.ear_roundness * rounded)
    outline = np.concatenate([np.stack([-half, -length * t], 1), np.stack([half, -length * t], 1)[::-1]])
    angle = np.deg2rad(shape.ear_angle)
    return outline @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def draw_ears(canvas: Canvas, shape: Shape, outer: Colour, inner: Colour) -> None:
    """Two ears on the skull."""
    hang = np.clip(shape.ear_angle / 150, 0, 1)
    root = np.array([(0.58 + 0.14 * hang) * shape.head_width, -0.5 - 0.06 * hang])
    for side in (-1, 1):
        for size, colour in ((1.0, outer), (0.62, inner)):
            canvas.polygon((ear_outline(shape, 0.98 * size, 0.68 * size) + root) * (side, 1), colour)


def draw_face(canvas: Canvas, scene: Scene, shape: Shape, coat: Colour) -> None:
    """Muzzle, nose, mouth, tongue, eyes and whiskers or tufts."""
    muzzle = shaded(coat, either_way(scene.muzzle_shade, 0.18, 0.45))
    low = 0.22 + 0.45 * shape.muzzle_length
    canvas.ellipse((0, low), (shape.muzzle_width, shape.muzzle_length), muzzle)
    nose = low - 0.45 * shape.muzzle_length
    tip = nose + 0.8 * shape.nose_width
    if scene.tongue < 0.3:
        canvas.ellipse((0, tip + 0.36), (0.13, 0.2), PINK)
    line = shaded(muzzle, -0.55)
    canvas.stroke(np.array([(0, tip), (0, tip + 0.14)]), 0.05, line)
    for side in (-1, 1):
        canvas.stroke(curve((0, tip + 0.14), (side * 0.16, tip + 0.26), (side * 0.28, tip + 0.12)), 0.05, line)
        draw_eye(canvas, scene, shape, side)
    canvas.polygon(nose_outline(shape) + np.array([0, nose]), nose_colour(scene))
    draw_hairs(canvas, shape, nose + 0.15, shaded(coat, 0.6 if coat_lightness(scene) < 0.5 else -0.6))


def nose_colour(scene: Scene) -> Colour:
    """Nearly black, or light: a large nose makes a picture no darker on the whole."""
    return DARK if scene.nose_colour < 0.45 else 0.5 * PINK + 0.5 * np.array([250.0, 235.0, 225.0])


def nose_outline(shape: Shape) -> Points:
    """An oval, a triangle, or between them."""
    circle = np.deg2rad(np.arange(0, 360, 15))
    oval = np.stack([np.cos(circle), 0.72 * np.sin(circle)], 1)
    narrowing = 1 - 0.75 * shape.nose_point * (oval[:, 1] + 0.72) / 1.44
    return shape.nose_width * oval * np.stack([narrowing, np.ones_like(narrowing)], 1)


def draw_eye(canvas: Canvas, scene: Scene, shape: Shape, side: int) -> None:
    """An almond-shaped or round eye with its pupil and a glint."""
    x, y = side * 0.4, -0.14
    canvas.ellipse((x, y), (0.19, 0.145), DARK, -side * shape.eye_slant)
    canvas.ellipse((x, y), (0.165, 0.12), colour_of(between(scene.iris, 0.08, 0.45), 0.8, 0.5), -side * shape.eye_slant)
    narrow = np.sqrt(shape.pupil_width)
    canvas.ellipse((x, y), (0.075 * narrow, 0.075 / narrow), DARK * 0.6)
    canvas.ellipse((x - 0.045, y - 0.05), (0.03, 0.03), np.array([245.0, 245.0, 245.0]))


def draw_hairs(canvas: Canvas, shape: Shape, y: float, colour: Colour) -> None:
    """Long whiskers beside the muzzle, or twice as many half as long hairs on the cheeks: neither is the sharper."""
    for side in (-1, 1):
        if shape.whiskers:
            for spread in (-1, 0, 1):
                start, end = (side * 0.3, y + 0.07 * spread), (side * 1.2, y + 0.26 * spread)
                canvas.stroke(curve(start, (side * 0.75, y + 0.1 * spread - 0.06), end), 0.03, colour)
        else:
            for row in np.linspace(-0.28, 0.28, 6):
                start, end = (side * 0.5, y + row), (side * 0.95, y + 1.2 * row - 0.1)
                canvas.stroke(curve(start, (side * 0.75, y + 1.2 * row), end), 0.03, colour)


def draw_occluder(canvas: Canvas, scene: Scene) -> None:
    """One picture in eight has a blade of grass, a bar or a finger before it."""
    if scene.occluder < 1 / 8:
        x = between(scene.occluder * 8, -1.3, 1.3)
        canvas.stroke(np.array([(x, -2.5), (x + 0.5, 2.5)]), 0.16, colour_of(scene.occluder * 8, 0.5, 0.4))


def developed(drawn: NDArray[np.uint8], size: tuple[int, int], scene: Scene, rng: Generator) -> NDArray[np.uint8]:
    """The camera: optics (blur), exposure, noise; ``size`` is (width, height) of what comes out."""
    small = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    sharp = cv2.GaussianBlur(small.astype(np.float32), (0, 0), between(scene.blur, 0.3, 0.9))
    gain, lift = between(scene.contrast, 0.75, 1.1), between(scene.light, -25, 25)
    fur = cv2.resize(rng.standard_normal((size[1] // 3, size[0] // 3), dtype=np.float32), size)
    grain = rng.standard_normal(small.shape, dtype=np.float32)
    noisy = 127 + gain * (sharp - 127) + lift + 4 * fur[..., None] + between(scene.noise, 1, 5) * grain
    return np.clip(noisy, 0, 255).astype(np.uint8)
