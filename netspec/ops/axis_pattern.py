"""Patterns of axes, `c (h p) (w q) -> (h w) (p q c)`: the notation of einops (Rogozhnikov 2022), read and checked.

    pattern: side "->" side
    side:    group*
    group:   axis | "(" axis* ")" | "..."
    axis:    NAME | NUMBER          a number is the size of an axis without a name; 1 adds an axis or removes one

The batch is never written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from netspec.diagnostics import nearest
from netspec.ops.kinds import BadValue, Kind
from netspec.records import Record
from netspec.values import Value

__all__ = ["ELLIPSIS", "Axis", "AxisPattern", "Group", "Pattern"]

ELLIPSIS = "..."
_MOST = 12
"""The most axes of one side, those in parentheses included."""
_TOKEN = re.compile(r"\s*(?P<token>->|\.\.\.|\w+|\S)")


class Axis(Record):
    """An axis by name, or the size of one without; where it is in the text."""

    name: str
    size: int
    within: tuple[int, int]


class Group(Record):
    """What one axis of a tensor consists of: one axis, several in parentheses, none (its size is 1)."""

    axes: tuple[Axis, ...]
    within: tuple[int, int]

    @property
    def is_ellipsis(self) -> bool:
        """Whether it is three dots on their own: any number of axes."""
        return len(self.axes) == 1 and self.axes[0].name == ELLIPSIS and self.within == self.axes[0].within


class Pattern:
    """A pattern as it is written, with its groups."""

    __slots__ = ("left", "right", "text")

    def __init__(self, text: str, left: tuple[Group, ...], right: tuple[Group, ...]) -> None:
        self.text, self.left, self.right = text, left, right

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f'"{self.text}"'

    @property
    def names(self) -> tuple[str, ...]:
        """The axes of the left side that have names, in order."""
        return tuple(axis.name for axis in axes_of(self.left) if axis.name not in ("", ELLIPSIS))

    def written(self, within: tuple[int, int]) -> str:
        return self.text[slice(*within)]


def axes_of(side: tuple[Group, ...]) -> Iterator[Axis]:
    for group in side:
        yield from group.axes


class AxisPattern(Kind[Pattern]):
    """A pattern in quotes; with `reduces` an axis may be missing on the right side."""

    noun = 'a pattern in quotes, such as "c h w -> (h w) c"'
    gathers = True

    def __init__(self, *, reduces: bool = False) -> None:
        self.reduces = reduces

    def read(self, value: Value) -> Pattern:
        if not isinstance(value, str):
            raise BadValue(f"expected {self.noun}")
        arrows = [match.start() for match in re.finditer("->", value)]
        if len(arrows) != 1:
            what = "no `->`" if not arrows else "more than one `->`"
            within = (arrows[1], arrows[1] + 2) if arrows else (0, len(value))
            raise _bad(value, what, within, 'write `"c h w -> (h w) c"`: before, after')
        pattern = Pattern(value, _side(value, 0, arrows[0]), _side(value, arrows[0] + 2, len(value)))
        self._ellipses(pattern)
        self._numbers(pattern)
        self._both_sides(pattern)
        return pattern

    def _ellipses(self, pattern: Pattern) -> None:
        for group in pattern.left:
            for axis in group.axes:
                if axis.name == ELLIPSIS and not group.is_ellipsis:
                    message = "`...` cannot be in parentheses on the left side"
                    raise _bad(pattern.text, message, group.within, "name the axes that are taken apart")
        here = [any(axis.name == ELLIPSIS for axis in axes_of(side)) for side in (pattern.left, pattern.right)]
        if here == [False, True]:
            where = next(axis.within for axis in axes_of(pattern.right) if axis.name == ELLIPSIS)
            raise _bad(
                pattern.text, "`...` is on the right side only", where, "`...` on the left are the axes it means"
            )
        if here == [True, False] and not self.reduces:
            where = next(axis.within for axis in axes_of(pattern.left) if axis.name == ELLIPSIS)
            raise _bad(pattern.text, "the axes of `...` are missing on the right side", where, *self._lost("..."))

    def _numbers(self, pattern: Pattern) -> None:
        for side in (pattern.left, pattern.right):
            for axis in axes_of(side):
                if axis.name or (self.reduces and side is pattern.left):
                    continue
                message = f"an axis of size {axis.size} without a name"
                help_ = f"name it, and give its size beside the pattern: `p={axis.size}`"
                if side is pattern.right:
                    message += " on the right side"
                    help_ = "the values of the left side are all that there is: nothing is repeated"
                raise _bad(pattern.text, message, axis.within, help_)

    def _both_sides(self, pattern: Pattern) -> None:
        left, right = ([a.name for a in axes_of(side)] for side in (pattern.left, pattern.right))
        for axis in axes_of(pattern.right):
            if axis.name not in left:
                known = [name for name in left if name not in right]
                near = nearest(axis.name, left) or (known[0] if len(known) == 1 else None)
                help_ = f"did you mean `{near}`?" if near else f"the axes on the left are {', '.join(left)}"
                raise _bad(pattern.text, f"axis `{axis.name}` is on the right side only", axis.within, help_)
        for axis in axes_of(pattern.left):
            if axis.name not in right and not self.reduces:
                message = f"axis `{axis.name}` is missing on the right side"
                raise _bad(pattern.text, message, axis.within, *self._lost(axis.name))
        if not pattern.right:
            end = len(pattern.text)
            message = "the result has no axes"
            raise _bad(pattern.text, message, (pattern.text.index("->"), end), "`-> ()` is a vector of one value")

    @staticmethod
    def _lost(name: str) -> tuple[str, ...]:
        return (f'`rearrange` keeps every value: put `{name}` on the right, or `reduce "…" mean` over it',)


def _bad(text: str, message: str, within: tuple[int, int], *helps: str) -> BadValue:
    return BadValue(f"{message}: `{text.strip()}`", *helps, code="NS205", within=within)


def _side(text: str, start: int, stop: int) -> tuple[Group, ...]:
    """The groups of one side of a pattern. Raises BadValue."""
    groups: list[Group] = []
    opened: tuple[int, list[Axis]] | None = None
    seen: dict[str, Axis] = {}
    for match in _TOKEN.finditer(text, start, stop):
        token, within = match["token"], match.span("token")
        if token == "(":
            if opened is not None:
                raise _bad(text, "parentheses in parentheses", within, "one level is enough: `(a b c)`")
            opened = within[0], []
        elif token == ")":
            if opened is None:
                raise _bad(text, "`)` without `(`", within)
            groups.append(Group(tuple(opened[1]), (opened[0], within[1])))
            opened = None
        else:
            axes = _axis(text, token, within, seen)
            if opened is not None:
                opened[1].extend(axes)
            else:
                groups.append(Group(axes, within))
    if opened is not None:
        raise _bad(text, "`(` without `)`", (opened[0], opened[0] + 1))
    if len(seen) > _MOST:
        raise _bad(text, f"more than {_MOST} axes on one side", (start, stop))
    return tuple(groups)


def _axis(text: str, token: str, within: tuple[int, int], seen: dict[str, Axis]) -> tuple[Axis, ...]:
    """The axis of a token: none for 1. Raises BadValue."""
    if token.isdecimal() and token.isascii():
        size = int(token[:10])
        if size == 0:
            raise _bad(text, "an axis of size 0", within, "every axis has at least one position")
        return (Axis("", size, within),) if size > 1 else ()
    if token != ELLIPSIS:
        _check_name(text, token, within)
    if token in seen:
        what = "`...`" if token == ELLIPSIS else f"axis `{token}`"
        raise _bad(
            text,
            f"{what} is twice on one side",
            within,
            *(() if token == ELLIPSIS else ("give each axis a name of its own",)),
        )
    seen[token] = Axis(token, 0, within)
    return (seen[token],)


def _check_name(text: str, token: str, within: tuple[int, int]) -> None:
    if token == ".":
        raise _bad(text, "a dot", within, "`...` stands for all other axes")
    if not re.fullmatch(r"\w+", token):
        help_ = "names are separated by spaces" if token in ",;*" else "axes are names, numbers, `( )` and `...`"
        raise _bad(text, f"`{token}` is not part of a pattern", within, help_)
    if not token.isidentifier() or not token.isascii():
        raise _bad(
            text,
            f"`{token}` is not the name of an axis",
            within,
            "a name is made of letters and digits, and begins with a letter",
        )
    if token.startswith("_") or token.endswith("_"):
        raise _bad(
            text,
            f"`{token}`: the name of an axis cannot begin or end with `_`",
            within,
            f"write `{token.strip('_') or 'h'}`",
        )
