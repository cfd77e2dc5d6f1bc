"""Which parts are drawn open, with what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netspec.report.outline import named_parts
from netspec.scene.options import DrawOptions
from netspec.scene.parts import Part, Parts

__all__ = ["depth_for_a_page", "opened"]

PAGE = 48
"""How many boxes one page shows well: parts are opened as long as there are at most so many."""


def opened(parts: Parts, options: DrawOptions, page: int = PAGE) -> Callable[[Part], bool]:
    """By depth, and those asked for together with what stands around them; `page` is how many boxes a page shows well. Raises
    UnknownPart for a name that no part has."""
    if (keys := options.open) is not None:
        return lambda part: parts.key(part) in keys
    level = {id(parts.root): 0}
    for part in parts.root.walk():
        for member in part.members:
            level[id(member)] = level[id(part)] + (not member.is_frame)
    wanted: set[int] = set()
    if options.expand:
        named_parts(parts.graph, (name for name in options.expand if name != "all"))
        _open_named(parts.root, frozenset(options.expand), wanted)
    depth = options.depth if options.depth is not None else depth_for_a_page(parts, page)
    return lambda part: id(part) in wanted or level[id(part)] <= depth or part.is_frame


def _open_named(root: Part, names: frozenset[str], wanted: set[int]) -> None:
    around: list[tuple[Part, tuple[Part, ...]]] = [(root, ())]
    while around:
        part, outer = around.pop()
        for member in part.members:
            region = member.region
            if region is not None and {region.block, region.name, member.name, "all"} & names:
                wanted.update(id(p) for p in (*outer, part, member))
            if member.members:
                around.append((member, (*outer, part)))


def depth_for_a_page(parts: Parts, page: int = PAGE) -> int:
    """The deepest level at which all boxes fit on a page."""
    depth = 0
    row = _without_frames(parts.root.members)
    while True:
        shown = _without_frames(inner for part in row for inner in part.members or [part])
        if len(shown) > page or len(shown) == len(row):
            return depth
        row, depth = shown, depth + 1


def _without_frames(parts: Iterable[Part]) -> list[Part]:
    """What is drawn of parts that are closed, where frames are not."""
    found: list[Part] = []
    for part in parts:
        found += _without_frames(part.members) if part.is_frame else [part]
    return found
