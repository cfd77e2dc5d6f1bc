"""What a caller says about a picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from netspec.analysis.figures import FIGURES
from netspec.scene.theme import THEMES

__all__ = ["DIRECTIONS", "ENGINES", "STYLES", "DrawOptions"]

Direction: TypeAlias = Literal["TB", "LR"]
Engine: TypeAlias = Literal["netspec", "dot"]
Style: TypeAlias = Literal["graph", "volumes", "table", "neurons"]
DIRECTIONS: tuple[str, ...] = get_args(Direction)
ENGINES: tuple[str, ...] = get_args(Engine)
STYLES: tuple[str, ...] = get_args(Style)


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """`depth` is how many levels of parts are opened (None: as many as one page shows well), `expand` names parts and
    blocks to open besides ("all": everything, each round of a repeat too). `by` is the figure that colours boxes, `columns` are
    figures written in them, `engine` is what lays out the style `graph`, `title` whether
    the network is named above the picture. `open` are the keys of the parts that are open in a
    page, where the picture is to be as the page; no other is open then."""

    direction: str = "TB"
    theme: str = "light"
    depth: int | None = None
    expand: tuple[str, ...] = ()
    by: str = ""
    columns: tuple[str, ...] = ()
    engine: str = "netspec"
    title: bool = True
    open: frozenset[str] | None = None

    @classmethod
    def of(
        cls,
        direction: str,
        theme: str,
        depth: int | None,
        expand: Iterable[str],
        by: str,
        columns: Iterable[str],
        engine: str = "netspec",
        *,
        title: bool = True,
    ) -> DrawOptions:
        """Raises ValueError for an unknown direction, theme or engine, KeyError for an unknown figure."""
        if direction not in DIRECTIONS:
            raise ValueError(f"direction is {' or '.join(DIRECTIONS)}, not {direction}")
        if theme not in THEMES:
            raise ValueError(f"theme is {' or '.join(THEMES)}, not {theme}")
        if engine not in ENGINES:
            raise ValueError(f"engine is {' or '.join(ENGINES)}, not {engine}")
        columns = tuple(columns)
        for name in (by, *columns) if by else columns:
            if name not in FIGURES:
                raise KeyError(name)
        return cls(direction, theme, depth, tuple(expand), by, columns, engine, title)
