"""Values of parameters on the command line, several at once: `32,64,128`, `2..5`, `8..512..8`, `?8..512`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from netspec.elaborate.limits import Limits

if TYPE_CHECKING:
    from netspec.analysis.solve import Unknown

__all__ = ["read_axes", "read_unknowns"]

_NUMBER = r"-?\d[\d_]*(?:\.\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\.\.({_NUMBER})(?:\.\.(\*?)({_NUMBER}))?\s*")
_BOUNDS = re.compile(r"\s*(?:(-?\d[\d_]*)?\.\.(\d[\d_]*)?(?:\.\.(\d[\d_]*))?)?\s*")
_MOST = 100_000


def _definitions(definitions: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Name and text of each. Raises UsageError."""
    seen: set[str] = set()
    for definition in definitions:
        name, equals, text = (part.strip() for part in definition.partition("="))
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise click.UsageError(f"-D needs NAME=VALUES, found `{definition}`.")
        if name in seen:
            raise click.UsageError(f"-D {name} is given twice; separate its values by commas.")
        seen.add(name)
        yield name, text


def read_axes(definitions: Iterable[str]) -> dict[str, list[Any]]:
    """The values of each parameter, in the order given. Raises UsageError."""
    return {name: _values(name, text) for name, text in _definitions(definitions)}


def read_unknowns(definitions: Iterable[str]) -> tuple[list[Unknown], dict[str, Any]]:
    """The unknowns (`width=?8..512..8`, `act=?relu,gelu`, `width=?`), and the values of other parameters.

    Raises UsageError.
    """
    from netspec.analysis.solve import Unknown
    from netspec.cli.literals import literal_value

    unknowns, fixed = [], {}
    for name, text in _definitions(definitions):
        if not text.startswith("?"):
            fixed[name] = literal_value(text)
        elif bounds := _BOUNDS.fullmatch(text[1:]):
            low, high, step = (_whole(b) if b else None for b in bounds.groups())
            if step == 0 or (high is not None and high < (1 if low is None else low)):
                raise click.UsageError(f"-D {name}={text} has no values.")
            unknowns.append(Unknown(name, 1 if low is None else low, high, step or 1))
        else:
            unknowns.append(Unknown(name, choices=tuple(_values(name, text[1:]))))
    return unknowns, fixed


def _whole(text: str) -> int:
    """A whole number that a spec may have. Raises UsageError."""
    digits, most = text.replace("_", ""), Limits().integer
    if len(digits) > len(str(most)) + 1 or abs(int(digits)) > most:
        raise click.UsageError(f"The bounds of an unknown are whole numbers up to {most:,}.")
    return int(digits)


def _values(name: str, text: str) -> list[Any]:
    from netspec.cli.literals import literal_value

    values: list[Any] = []
    for piece in _pieces(text):
        found = _RANGE.fullmatch(piece)
        values += _range(name, piece, *found.groups()) if found else [literal_value(piece)]
        if len(values) > _MOST:
            raise _too_many(name)
    return values


def _too_many(name: str) -> click.UsageError:
    return click.UsageError(f"-D {name} has more than {_MOST:,} values.")


def _pieces(text: str) -> list[str]:
    """The text at its commas, those in brackets and strings left alone."""
    pieces, depth, quoted = [""], 0, False
    for char in text:
        quoted ^= char == '"'
        depth += 0 if quoted else (char in "([{") - (char in ")]}")
        if char == "," and not depth and not quoted:
            pieces.append("")
        else:
            pieces[-1] += char
    return pieces


def _range(name: str, text: str, first: str, last: str, times: str | None, by: str | None) -> list[Any]:
    """Numbers from the first to the last, which belongs to them; by a step, or by a factor (`*2`)."""
    low, high, step = (Decimal((part or "1").replace("_", "")) for part in (first, last, by))
    if high < low or step <= (1 if times else 0) or (times and low <= 0):
        raise click.UsageError(
            f"-D {name}={text} has no values: write FIRST..LAST, FIRST..LAST..STEP or FIRST..LAST..*FACTOR."
        )
    values = [low]
    while (following := values[-1] * step if times else values[-1] + step) <= high:
        if len(values) > _MOST or following == values[-1]:  # the same: the step is lost in rounding
            raise _too_many(name)
        values.append(following)
    return [int(v) if v == v.to_integral_value() and "." not in f"{first}{by}" else float(v) for v in values]
