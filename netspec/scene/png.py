"""A picture as PNG."""

from __future__ import annotations

import math
from dataclasses import replace

from netspec.optional import require_resvg
from netspec.scene.figure import Figure
from netspec.scene.lettering import font_file
from netspec.scene.svg import as_svg

__all__ = ["as_png"]


def as_png(figure: Figure, zoom: float = 2.0) -> bytes:
    """With `zoom` pixels for each CSS pixel. Raises SpecError (NS502) where resvg-py is not installed."""
    resvg_py = require_resvg()
    fonts = [font_file(bold=False), font_file(bold=True)]
    whole = replace(figure, width=math.ceil(figure.width), height=math.ceil(figure.height))
    data = resvg_py.svg_to_bytes(
        svg_string=as_svg(whole), zoom=zoom, font_files=fonts, font_family="Arimo", sans_serif_family="Arimo"
    )
    return bytes(data)
