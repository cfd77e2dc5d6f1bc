"""A picture as a LaTeX document in TikZ, which compiles as it stands or is pasted into a paper."""

from __future__ import annotations

from netspec.diagnostics import SpecError
from netspec.diagnostics.display import printable
from netspec.scene.figure import Figure, Item, Path, Raster, Rect, Text
from netspec.scene.svg import number

__all__ = ["as_tex"]

_HEAD = r"""% {title}
% Compiles as it stands. For a paper: \usepackage{{tikz}} and the colours in the preamble, the tikzpicture where it belongs.
\RequirePackage{{fix-cm}}
\documentclass{{article}}
\usepackage[utf8]{{inputenc}}
\usepackage[paperwidth={width}bp, paperheight={height}bp, margin=0pt]{{geometry}}
\usepackage{{tikz}}
{colours}
\pagestyle{{empty}}
\setlength{{\parindent}}{{0pt}}
\setlength{{\topskip}}{{0pt}}
\begin{{document}}
\sffamily
\begin{{tikzpicture}}[x=0.75bp, y=-0.75bp, line join=round]
\useasboundingbox (0, 0) rectangle {corner};
"""
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "^": r"\textasciicircum{}",
    "_": r"\_", "~": r"\textasciitilde{}", "%": r"\%", "<": r"$<$", ">": r"$>$", "|": r"$|$",
    "×": r"$\times$", "·": r"$\cdot$", "→": r"$\to$", "←": r"$\gets$", "−": r"$-$", "…": r"\dots{}",
    "⌋": r"$\rfloor$", "≤": r"$\leq$", "≥": r"$\geq$", "≈": r"$\approx$", '"': "''",
}  # fmt: skip


def as_tex(figure: Figure) -> str:
    """Raises SpecError (NS505) for a picture with images, which TikZ cannot hold."""
    if any(isinstance(item, Raster) for item in figure.items):
        raise SpecError.of(
            "NS505", "a picture with images cannot be written as .tex", helps=["write .pdf, .svg or .png"]
        )
    colours = _colours(figure)
    defined = "\n".join(f"\\definecolor{{{name}}}{{HTML}}{{{value[1:].upper()}}}" for value, name in colours.items())
    lines = [_item(item, colours) for item in figure.items]
    corner = f"({number(figure.width)}, {number(figure.height)})"
    if figure.background != "none":
        lines.insert(0, f"\\fill[{colours[figure.background]}] (0, 0) rectangle {corner};")
    head = _HEAD.format(
        title=_plain(figure.title).replace("\n", " "), colours=defined, corner=corner,
        width=number(figure.width * 0.75 + 0.5), height=number(figure.height * 0.75 + 0.5),
    )  # fmt: skip
    return head + "\n".join(lines) + "\n\\end{tikzpicture}\n\\end{document}\n"


def _colours(figure: Figure) -> dict[str, str]:
    """A name for each colour, in the order in which they come up."""
    found: dict[str, str] = {}
    wanted = [figure.background]
    for item in figure.items:
        if not isinstance(item, Raster):
            wanted += [item.colour] if isinstance(item, Text) else [item.fill, item.stroke]
    for value in wanted:
        if value != "none":
            found.setdefault(value, f"netspec{chr(ord('A') + len(found) // 26)}{chr(ord('a') + len(found) % 26)}")
    return found


def _plain(text: str) -> str:
    """For a comment: one line of ASCII."""
    return printable(text).encode("ascii", "replace").decode()


def _item(item: Item, colours: dict[str, str]) -> str:
    if isinstance(item, Text):
        return _text(item, colours)
    assert not isinstance(item, Raster)
    look = []
    if item.fill != "none":
        look.append(f"fill={colours[item.fill]}")
    if item.stroke != "none":
        look += [f"draw={colours[item.stroke]}", f"line width={number(item.line * 0.75)}bp"]
    if item.dashed:
        look.append("dash pattern=on 3bp off 2.25bp")
    if isinstance(item, Rect):
        if item.radius:
            look.append(f"rounded corners={number(item.radius * 0.75)}bp")
        far = f"({number(item.x + item.width)}, {number(item.y + item.height)})"
        return f"\\path[{', '.join(look)}] ({number(item.x)}, {number(item.y)}) rectangle {far};"
    return f"\\path[{', '.join(look)}] {_line(item)};"


def _line(item: Path) -> str:
    words = [f"({number(item.start[0])}, {number(item.start[1])})"]
    for piece in item.pieces:
        points = [f"({number(x)}, {number(y)})" for x, y in piece]
        words.append(
            f"-- {points[0]}" if len(points) == 1 else f".. controls {points[0]} and {points[1]} .. {points[2]}"
        )
    return " ".join([*words, "-- cycle"] if item.closed else words)


def _text(item: Text, colours: dict[str, str]) -> str:
    anchor = {"start": "base west", "middle": "base", "end": "base east"}[item.anchor]
    size = number(item.size * 0.75)
    look = [f"anchor={anchor}", "inner sep=0pt", f"text={colours[item.colour]}"]
    if item.turn:
        look.append(f"rotate={number(-item.turn)}")
    weight = r"\bfseries" if item.bold else ""
    words = "".join(_SPECIAL.get(c, c if c < "\u0180" else "?") for c in printable(item.text))
    font = rf"\fontsize{{{size}bp}}{{{size}bp}}\selectfont{weight}"
    return f"\\node[{', '.join(look)}] at ({number(item.x)}, {number(item.y)}) {{{font} {words}}};"
