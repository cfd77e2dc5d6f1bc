"""A picture as PDF: one page of its size, the fonts embedded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.diagnostics.display import printable
from netspec.optional import require_fpdf
from netspec.scene.figure import Figure, Path, Raster, Rect, Text
from netspec.scene.lettering import font_file, text_width

if TYPE_CHECKING:
    from fpdf import FPDF

__all__ = ["as_pdf"]

_POINTS = 0.75
"""A CSS pixel in points."""
_LARGEST = 14_400.0
"""The largest page that PDF readers show, in points (ISO 32000, annex C)."""


def as_pdf(figure: Figure) -> bytes:
    """Raises SpecError (NS502) where fpdf2 is not installed, and NS501 where no page can be so large."""
    if max(figure.width, figure.height) * _POINTS > _LARGEST:
        raise SpecError.of(
            "NS501", "the diagram is too large for a page of a PDF",
            notes=[f"it is {figure.width:,.0f} x {figure.height:,.0f} pixels, and a page has at most {_LARGEST / _POINTS:,.0f}"],
            helps=["draw less with `--depth`", "or write .svg"],
        )  # fmt: skip
    pdf = require_fpdf().FPDF(unit="pt", format=(figure.width * _POINTS, figure.height * _POINTS))
    pdf.set_creation_date(datetime(2000, 1, 1, tzinfo=UTC))  # equal networks give equal files
    pdf.set_auto_page_break(False)
    pdf.set_title(printable(figure.title))
    pdf.set_lang("en")
    for style, bold in (("", False), ("B", True)):
        pdf.add_font("Arimo", style, font_file(bold=bold))
    pdf.add_page()
    if figure.background != "none":
        pdf.set_fill_color(figure.background)
        pdf.rect(0, 0, pdf.w, pdf.h, style="F")
    for item in figure.items:
        if isinstance(item, Text):
            _text(pdf, item)
        elif isinstance(item, Rect):
            _rect(pdf, item)
        elif isinstance(item, Raster):
            _raster(pdf, item)
        else:
            _path(pdf, item)
    return bytes(pdf.output())


def _look(pdf: FPDF, item: Rect | Path) -> Any:
    """Sets pen and brush; the letters that FPDF wants for them, or None where nothing is painted."""
    style = ""
    if item.stroke != "none":
        pdf.set_draw_color(item.stroke)
        pdf.set_line_width(item.line * _POINTS)
        pdf.set_dash_pattern(*((3, 2.25) if item.dashed else (0, 0)))
        style += "D"
    if item.fill != "none":
        pdf.set_fill_color(item.fill)
        style += "F"
    return style or None


def _rect(pdf: FPDF, item: Rect) -> None:
    style = _look(pdf, item)
    if style is not None:
        x, y, width, height = (value * _POINTS for value in (item.x, item.y, item.width, item.height))
        rounded = item.radius > 0
        pdf.rect(x, y, width, height, style=style, round_corners=rounded, corner_radius=item.radius * _POINTS)


def _raster(pdf: FPDF, item: Raster) -> None:
    from io import BytesIO

    x, y, width, height = (value * _POINTS for value in (item.x, item.y, item.width, item.height))
    pdf.image(BytesIO(item.png), x, y, width, height)


def _path(pdf: FPDF, item: Path) -> None:
    from fpdf.enums import PathPaintRule

    with pdf.new_path() as path:
        path.style.fill_color = item.fill if item.fill != "none" else None
        path.style.stroke_color = item.stroke if item.stroke != "none" else None
        path.style.stroke_width = item.line * _POINTS
        path.style.stroke_dash_pattern = (3, 2.25) if item.dashed else None
        stroked, filled = item.stroke != "none", item.fill != "none"
        path.style.paint_rule = (
            PathPaintRule.STROKE_FILL_NONZERO if stroked and filled
            else PathPaintRule.FILL_NONZERO if filled else PathPaintRule.STROKE
        )  # fmt: skip
        path.style.auto_close = item.closed
        path.move_to(item.start[0] * _POINTS, item.start[1] * _POINTS)
        for piece in item.pieces:
            flat = [value * _POINTS for point in piece for value in point]
            if len(piece) == 3:
                path.curve_to(*flat)
            else:
                path.line_to(*flat)
        if item.closed:
            path.close()


def _text(pdf: FPDF, item: Text) -> None:
    text = printable(item.text)
    pdf.set_font("Arimo", "B" if item.bold else "", item.size * _POINTS)
    pdf.set_text_color(item.colour)
    shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[item.anchor] * text_width(text, item.size, item.bold)
    x, y = item.x * _POINTS, item.y * _POINTS
    if item.turn:
        with pdf.rotation(-item.turn, x, y):
            pdf.text(x - shift * _POINTS, y, text)
    else:
        pdf.text(x - shift * _POINTS, y, text)
