"""Random changes of the samples, computed in the graph from (seed, step) alone: a resumed training repeats them."""

from __future__ import annotations

import math
from typing import Any

from catscan.networks.compat import tf
from catscan.networks.registry import Augment

# One salt a kind of change: the same seed and step give independent numbers.
FLIP, SHIFT, SCALE, ROTATION, DEPTH, BRIGHTNESS, CONTRAST, TILT = range(8)


def augmented(samples: Any, augment: Augment, *, seed: int, step: Any) -> Any:
    """Change each sample by its own random draw.

    Parameters
    ----------
    samples
        uint8, (n, height, width, channels) or (n, depth, height, width, channels). A scan's slices all change alike
        unless it is tilted; its shift has a part along the depth too. Features, float32 (n, slices, width), stay as
        they are.
    step
        int32 scalar tensor.

    Returns
    -------
    float32 tensor of the same shape, grey levels; 0 to 255 but for the brightness, which may lead out of it.
    """

    def draw(salt: int, low: float, high: float, columns: int = 1) -> Any:
        shape = [tf.shape(samples)[0], columns]
        return tf.random.stateless_uniform(shape, [(seed * 16 + salt) % 2**31, step], low, high)

    if samples.dtype == tf.float32:
        return samples
    pixels = _moved(samples, augment, draw)
    if len(samples.shape) == 5 and augment.shift:
        pixels = _moved_in_depth(pixels, augment, draw)
    if len(samples.shape) == 5 and augment.tilt:
        pixels = _tilted(pixels, augment, draw)
    if augment.brightness:
        ones = [-1] + [1] * (len(samples.shape) - 1)
        contrast = tf.reshape(1 + draw(CONTRAST, -augment.brightness, augment.brightness), ones)
        offset = tf.reshape(255 * draw(BRIGHTNESS, -augment.brightness, augment.brightness), ones)
        pixels = (pixels - 127.5) * contrast + 127.5 + offset
    return pixels


def _moved(samples: Any, augment: Augment, draw: Any) -> Any:
    """Flip, shift, zoom and turn in the plane, all as one affine map of the pixel grid."""
    if not (augment.flip or augment.shift or augment.scale or augment.rotation):
        return tf.cast(samples, tf.float32)
    height, width, channels = samples.shape.as_list()[-3:]
    depth = samples.shape.as_list()[1] if len(samples.shape) == 5 else 1
    smooth = bool(augment.scale or augment.rotation)
    mirror = tf.where_v2(draw(FLIP, 0, 1) < 0.5, -1.0, 1.0) if augment.flip else tf.ones([tf.shape(samples)[0], 1])
    zoom = tf.exp(draw(SCALE, -math.log1p(augment.scale), math.log1p(augment.scale))) if augment.scale else 1.0
    angle = draw(ROTATION, -math.radians(augment.rotation), math.radians(augment.rotation))
    shift = draw(SHIFT, -augment.shift, augment.shift, 2) * tf.constant([[float(width), float(height)]])
    if not smooth:
        shift = tf.round(shift)  # whole pixels: nothing is blurred
    cosine, sine = tf.cos(angle) * zoom, tf.sin(angle) * zoom
    # Source position of an output pixel: centre + shift + turn and zoom of (mirrored) offset from the centre.
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    a, b, c, d = cosine * mirror, -sine, sine * mirror, cosine
    x0 = centre_x - a * centre_x - b * centre_y + shift[:, :1]
    y0 = centre_y - c * centre_x - d * centre_y + shift[:, 1:]
    zeros = tf.zeros_like(x0)
    maps = tf.concat([a, b, x0, c, d, y0, zeros, zeros], axis=1)  # (n, 8)
    planes = tf.reshape(samples, [-1, height, width, channels])
    moved = _mapped(tf.cast(planes, tf.float32) if smooth else planes, tf.repeat(maps, depth, axis=0), smooth=smooth)
    return tf.reshape(tf.cast(moved, tf.float32), [-1, *samples.shape.as_list()[1:]])


def _mapped(planes: Any, maps: Any, *, smooth: bool) -> Any:
    """Each plane (n, height, width, channels) sampled where its map (n, 8) says, reflected at the edges."""
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=planes,
        transforms=maps,
        output_shape=planes.shape.as_list()[1:3],
        fill_value=0.0,
        interpolation="BILINEAR" if smooth else "NEAREST",
        fill_mode="REFLECT",
    )


def _moved_in_depth(pixels: Any, augment: Augment, draw: Any) -> Any:
    """Shift each scan by whole slices; the slice at the end is repeated."""
    depth = pixels.shape.as_list()[1]
    by = tf.cast(tf.round(draw(DEPTH, -augment.shift, augment.shift) * depth), tf.int32)
    rows = tf.clip_by_value(tf.range(depth)[None] + by, 0, depth - 1)  # (n, depth)
    return tf.gather(pixels, rows, axis=1, batch_dims=1)


def _tilted(pixels: Any, augment: Augment, draw: Any) -> Any:
    """Turn each scan about its axis across and about its axis from front to back, as if its voxels were cubes."""
    angles = draw(TILT, -math.radians(augment.tilt), math.radians(augment.tilt), 2)
    for column, axis in enumerate((3, 2)):  # the axis that stays comes first: a plane of (depth, other axis) per place
        order = [0, axis, 1, 5 - axis, 4]
        sideways = tf.transpose(pixels, order)
        _, places, depth, other, channels = sideways.shape.as_list()
        cosine, sine = tf.cos(angles[:, column : column + 1]), tf.sin(angles[:, column : column + 1])
        centre_x, centre_y = (other - 1) / 2, (depth - 1) / 2
        x0 = centre_x - cosine * centre_x + sine * centre_y
        y0 = centre_y - sine * centre_x - cosine * centre_y
        zeros = tf.zeros_like(x0)
        maps = tf.repeat(tf.concat([cosine, -sine, x0, sine, cosine, y0, zeros, zeros], axis=1), places, axis=0)
        turned = _mapped(tf.reshape(sideways, [-1, depth, other, channels]), maps, smooth=True)
        back = [order.index(old) for old in range(5)]
        pixels = tf.transpose(tf.reshape(turned, [-1, places, depth, other, channels]), back)
    return pixels
