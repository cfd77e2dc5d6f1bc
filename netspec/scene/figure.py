"""A finished picture: rectangles, lines, texts and images with their places and colours. The writers know nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Figure", "Item", "Path", "Point", "Raster", "Rect", "Text"]

Point: TypeAlias = "tuple[float, float]"


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle from its upper left corner; `tip` is shown where the pointer rests on it."""

    x: float
    y: float
    width: float
    height: float
    fill: str = "none"
    stroke: str = "none"
    radius: float = 0.0
    line: float = 1.0
    dashed: bool = False
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """Straight lines and cubic curves: a piece of one point is a line to it, one of three a curve."""

    start: Point
    pieces: tuple[tuple[Point, ...], ...]
    stroke: str = "none"
    fill: str = "none"
    line: float = 1.0
    dashed: bool = False
    closed: bool = False
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text at its baseline; `y` grows downwards. `turn` is in degrees, clockwise."""

    x: float
    y: float
    text: str
    size: float = 11.0
    colour: str = "#000000"
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"
    turn: float = 0.0


@dataclass(frozen=True, slots=True)
class Raster:
    """An image of pixels, as a PNG, stretched over a rectangle; `tip` is shown where the pointer rests on it."""

    x: float
    y: float
    width: float
    height: float
    png: bytes
    tip: str = ""


Item: TypeAlias = "Rect | Path | Text | Raster"


@dataclass(slots=True)
class Figure:
    """`title` names the picture and `description` says in words what it shows, for those who do not see it.

    Sizes are in CSS pixels (96 to the inch). `notes` are for who asked for the picture: what was done otherwise than asked.
    """

    width: float
    height: float
    title: str
    description: str = ""
    background: str = "#ffffff"
    items: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
