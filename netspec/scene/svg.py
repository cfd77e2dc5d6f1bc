"""A picture as SVG: text stays text, in fonts of known widths."""

from __future__ import annotations

import base64

from netspec.diagnostics.display import printable
from netspec.scene.figure import Figure, Item, Path, Raster, Rect, Text
from netspec.scene.lettering import FAMILY

__all__ = ["SVG", "as_svg", "number"]


class SVG(str):
    """The text of an SVG image, which notebooks display."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


def as_svg(figure: Figure) -> str:
    w, h = number(figure.width), number(figure.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" font-family="{FAMILY}">',
        f"<title>{_escaped(figure.title)}</title>",
    ]
    if figure.description:
        lines.append(f"<desc>{_escaped(figure.description)}</desc>")
    if figure.background != "none":
        lines.append(f'<rect width="{w}" height="{h}" fill="{figure.background}"/>')
    lines += map(_item, figure.items)
    return "\n".join([*lines, "</svg>\n"])


def number(value: float) -> str:
    """With at most two decimals, and none where there are none."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _item(item: Item) -> str:
    if isinstance(item, Text):
        return _text(item)
    if isinstance(item, Raster):
        return _raster(item)
    look = f'fill="{item.fill}"'
    if item.stroke != "none":
        look += f' stroke="{item.stroke}"'
        if item.line != 1:
            look += f' stroke-width="{number(item.line)}"'
        if item.dashed:
            look += ' stroke-dasharray="4 3"'
    tip = f"<title>{_escaped(item.tip)}</title>" if item.tip else ""
    shape = _rect(item) if isinstance(item, Rect) else f'path d="{_path_data(item)}"'
    name = shape.partition(" ")[0]
    return f"<{shape} {look}>{tip}</{name}>" if tip else f"<{shape} {look}/>"


def _raster(item: Raster) -> str:
    place = f'x="{number(item.x)}" y="{number(item.y)}" width="{number(item.width)}" height="{number(item.height)}"'
    data = base64.b64encode(item.png).decode()
    tip = f"<title>{_escaped(item.tip)}</title>" if item.tip else ""
    return f'<image {place} preserveAspectRatio="none" href="data:image/png;base64,{data}">{tip}</image>'


def _rect(item: Rect) -> str:
    shape = (
        f'rect x="{number(item.x)}" y="{number(item.y)}" width="{number(item.width)}" height="{number(item.height)}"'
    )
    return f'{shape} rx="{number(item.radius)}"' if item.radius else shape


def _path_data(item: Path) -> str:
    words = [f"M{number(item.start[0])} {number(item.start[1])}"]
    for piece in item.pieces:
        words.append("LC"[len(piece) == 3] + " ".join(f"{number(x)} {number(y)}" for x, y in piece))
    return "".join(words) + ("Z" if item.closed else "")


def _text(item: Text) -> str:
    look = f'x="{number(item.x)}" y="{number(item.y)}" font-size="{number(item.size)}" fill="{item.colour}"'
    if item.bold:
        look += ' font-weight="bold"'
    if item.anchor != "start":
        look += f' text-anchor="{item.anchor}"'
    if item.turn:
        look += f' transform="rotate({number(item.turn)} {number(item.x)} {number(item.y)})"'
    return f'<text {look} xml:space="preserve">{_escaped(item.text)}</text>'


def _escaped(text: str) -> str:
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
