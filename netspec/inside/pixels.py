"""Numbers as pixels: images, kernels and maps in colors, as arrays of H x W x 3 bytes, and as PNG."""

from __future__ import annotations

import math
import struct
import zlib
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    Numbers: TypeAlias = np.ndarray[Any, Any]

__all__ = ["HEAT", "around_zero", "enlarged", "from_lowest", "heat", "image_pixels", "overlaid", "plane_of", "png"]

HEAT = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))
"""Five of the colors of matplotlib's `inferno`, from low to high."""


_SMALLEST = 8


def png(pixels: Numbers) -> bytes:
    """H x W x 3 bytes as a PNG (ISO 15948): 8 bits, RGB, no filter."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunks = (
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    framed = (struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def enlarged(pixels: Numbers, side: float) -> Numbers:
    """With every pixel repeated, as often as the longer side stays within `side`: a viewer then does not smooth them away."""
    times = max(1, int(side / max(pixels.shape[:2])))
    result: Numbers = pixels.repeat(times, 0).repeat(times, 1)
    return result


def image_pixels(values: Numbers) -> Numbers:
    """An example as an image: C x H x W with one or three channels; a vector as a square where it may be one, otherwise as a row; of other maps, the mean over the channels. Values from 0 to 1 stay, others are scaled from lowest to highest."""
    import numpy as np

    values = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    if values.ndim == 1:
        values = values.reshape(plane_of(values.size) or (1, 1, -1))
    elif values.ndim == 2:
        values = values[None]
    while values.ndim > 3:
        values = values.mean(1)
    if values.shape[0] not in (1, 3):
        values = values.mean(0, keepdims=True)
    low, high = values.min(), values.max()
    if low < 0 or high > 1:
        values = (values - low) / max(high - low, 1e-12)
    return _bytes(np.broadcast_to(values, (3, *values.shape[1:])).transpose(1, 2, 0))


def plane_of(size: int) -> tuple[int, int, int] | None:
    """The shape C x H x W of a vector that may be a square image, gray or in color, of at least 8 by 8."""
    for channels in (1, 3):
        side = math.isqrt(size // channels)
        if side >= _SMALLEST and channels * side * side == size:
            return channels, side, side
    return None


def around_zero(values: Numbers, largest: float | None = None) -> Numbers:
    """A kernel: gray is 0, black and white the largest absolute value. C x H x W with three channels is in color."""
    import numpy as np

    values = np.atleast_2d(values)
    scale = largest if largest is not None else float(np.abs(values).max(initial=0.0))
    scaled = 0.5 + 0.5 * values / max(scale, 1e-30)
    color = scaled if scaled.ndim == 3 else scaled[None]
    return _bytes(np.broadcast_to(color, (3, *color.shape[1:])).transpose(1, 2, 0))


def from_lowest(values: Numbers) -> Numbers:
    """A feature map in gray, from its lowest value (black) to its highest (white); a constant one is black."""
    import numpy as np

    values = np.nan_to_num(np.atleast_2d(values).astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = values.min(), values.max()
    return _bytes(np.repeat(((values - low) / max(high - low, 1e-30))[..., None], 3, axis=2))


def heat(values: Numbers) -> Numbers:
    """A map of 0 to 1 (0 black, 1 bright yellow)."""
    import numpy as np

    places = np.linspace(0, 1, len(HEAT))
    channels = [np.interp(values, places, [color[i] for color in HEAT]) for i in range(3)]
    return _bytes(np.stack(channels, -1) / 255)


def overlaid(image: Numbers, map_: Numbers, share: float = 0.6) -> Numbers:
    """A map of 0 to 1 in heat colors over a gray version of the image; both have the same height and width."""
    import numpy as np

    gray = image.mean(2, keepdims=True)
    weight = share * np.clip(map_, 0, 1)[..., None] ** 0.5
    return _bytes((gray * (1 - weight) + heat(map_) * weight) / 255)


def _bytes(values: Numbers) -> Numbers:
    import numpy as np

    return np.ascontiguousarray((255 * np.clip(values, 0, 1)).round().astype(np.uint8))
