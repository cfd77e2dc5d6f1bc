"""Pictures one after the other, as an animated GIF."""

from __future__ import annotations

import io
from collections.abc import Sequence

from netspec.announcing import announce
from netspec.datasets.decoding import require_pillow
from netspec.scene.figure import Figure
from netspec.scene.png import as_png

__all__ = ["as_gif"]

_LAST = 2000


def as_gif(figures: Sequence[Figure], milliseconds: int = 120) -> bytes:
    """Each picture for so long, the last for two seconds, over and over. All are as large as the largest.

    Raises SpecError (NS502) where resvg-py or Pillow is not installed."""
    require_pillow()
    from PIL import Image

    width, height = max(figure.width for figure in figures), max(figure.height for figure in figures)
    images = []
    for number, figure in enumerate(figures, start=1):
        announce(f"picture {number} of {len(figures)}")
        figure.width, figure.height = width, height
        with Image.open(io.BytesIO(as_png(figure, 1.0))) as image:
            images.append(image.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE))
    first, *others = images
    out = io.BytesIO()
    first.save(
        out,
        "GIF",
        save_all=True,
        append_images=others,
        loop=0,
        duration=[milliseconds] * len(others) + [_LAST],
        optimize=False,
    )
    return out.getvalue()
