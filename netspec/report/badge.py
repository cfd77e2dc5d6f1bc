"""A badge: a label and a value, as an SVG that needs no fonts of its own. The same text always gives the same bytes."""

from __future__ import annotations

from html import escape

from netspec.diagnostics.display import printable

__all__ = ["COLORS", "badge", "short"]

COLORS = {"figure": "#0b62a8", "good": "#1a7f37", "bad": "#b42318"}
_NARROW, _WIDE = frozenset("fijlrtI.,:;|!'()[] -"), frozenset("mwMWGOQ@%")
_HEIGHT = 20


def _width(text: str) -> int:
    """The room of a text in Verdana of 11 pixels, about."""
    return round(sum(4.4 if c in _NARROW else 10.2 if c in _WIDE else 7.2 for c in text)) + 12


def short(value: int) -> str:
    """`138.4M`: four digits at most, so that a badge stays small."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= size:
            return f"{value / size:.4g}{unit}"
    return str(value)


def badge(label: str, value: str, kind: str) -> str:
    """`kind` is a key of `COLORS`."""
    label, value = printable(label), printable(value)
    left, right = _width(label), _width(value)
    whole, words = left + right, escape(f"{label}: {value}")
    texts = "".join(
        f'<text x="{x:g}" y="14" textLength="{room - 12}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
        for text, x, room in ((label, left / 2, left), (value, left + right / 2, right))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{_HEIGHT}" role="img" aria-label="{words}">\n'
        f"<title>{words}</title>\n"
        f'<clipPath id="r"><rect width="{whole}" height="{_HEIGHT}" rx="3"/></clipPath>\n'
        f'<g clip-path="url(#r)"><rect width="{left}" height="{_HEIGHT}" fill="#444c56"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="{COLORS[kind]}"/></g>\n'
        f'<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{texts}</g>\n'
        "</svg>\n"
    )
