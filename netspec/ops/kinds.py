"""The kinds of option values: each one reads a value of the language or reports why it cannot."""

from __future__ import annotations

from typing import Generic, TypeVar

from netspec.diagnostics import nearest
from netspec.values import Quantity, Size, Value, Word, kind_of, show

__all__ = [
    "BadValue",
    "Choice",
    "Flag",
    "Integer",
    "Kind",
    "Number",
    "Numbers",
    "Padding",
    "Pair",
    "PerAxis",
    "Reference",
    "Table",
]  # fmt: skip

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
MAX_INT = 10**9


class BadValue(Exception):
    """A value that an option does not accept."""

    def __init__(
        self, message: str, *helps: str, code: str = "NS204", instead: str = "", word: str = "",
        choices: tuple[str, ...] = (), fraction: float | None = None, within: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.message = message
        self.helps = helps
        self.code = code
        self.instead = instead
        """The probable intent, in the syntax of the language; the first help suggests it."""
        self.word, self.choices = word, choices
        """A word that is none of the choices."""
        self.fraction = fraction
        """A number with a fraction where a whole one belongs."""
        self.within = within
        """The part of a string that is wrong."""

    @property
    def hint(self) -> str:
        """The first help; for a misspelled word the nearest choice."""
        near = nearest(self.word, self.choices) if self.word else None
        return f"did you mean `{near}`?" if near else self.helps[0] if self.helps else ""


def as_integer(value: Value, noun: str) -> int:
    """A whole number; a float with an integral value counts as one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        plain = isinstance(value, str) and value.isdecimal() and value.isascii()
        helps, instead = ([f"write `{value}`"], str(value)) if plain else ([], "")
        raise BadValue(f"expected {noun}, found {found_text(value)}", *helps, instead=instead)
    if isinstance(value, float):
        if value != int(value):
            raise BadValue(
                f"expected {noun}, found {value:g}",
                f"round it: `round(…)` gives {round(value)}, `floor(…)` gives {int(value // 1)}",
                fraction=value,
            )
        return int(value)
    return int(value) if isinstance(value, Quantity) else value


def found_text(value: Value) -> str:
    return show(value) if value is None else f"{kind_of(value)}, {show(value)}"


class Kind(Generic[T_co]):
    """A kind of value. `noun` completes "expected …"; `gathers` means that it takes several positional values at once."""

    noun = "a value"
    gathers = False
    counts = False
    """Whether it takes only numbers, so that a word is an undefined variable."""
    words = False
    """Whether its values are words."""

    def read(self, value: Value) -> T_co:
        """Raises BadValue."""
        raise BadValue(f"expected {self.noun}, found {found_text(value)}")

    def takes_word(self, word: str) -> bool:
        """Whether a word, which may be the name of a layer, is a value of this kind."""
        return self.words

    def document(self) -> str:
        """The accepted values, for the documentation."""
        return self.noun


class Integer(Kind[int]):
    counts = True

    def __init__(self, low: int = 1, high: int = MAX_INT, *, odd: bool = False) -> None:
        self.low, self.high, self.odd = low, high, odd
        self.noun = "a whole number"

    def read(self, value: Value) -> int:
        number = as_integer(value, self.noun)
        return self.bounded(number)

    def bounded(self, number: int) -> int:
        if number < self.low:
            raise BadValue(f"{number} is too small: it must be at least {self.low}", code="NS205")
        if number > self.high:
            raise BadValue(f"{number} is too large: it must be at most {self.high:,}", code="NS205")
        if self.odd and number % 2 == 0:
            raise BadValue(f"{number} is even: it must be odd", f"try {number - 1} or {number + 1}", code="NS205")
        return number

    def document(self) -> str:
        high = "" if self.high == MAX_INT else f", at most {self.high}"
        return f"{'odd' if self.odd else 'whole'} number, at least {self.low}{high}"


class Number(Kind[float]):
    """A real number within bounds, which are inclusive unless `open`."""

    counts = True
    noun = "a number"

    def __init__(
        self, low: float = -1e30, high: float = 1e30, *, open_low: bool = False, open_high: bool = False
    ) -> None:
        self.low, self.high, self.open_low, self.open_high = low, high, open_low, open_high

    def read(self, value: Value) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            plain = isinstance(value, str) and value.replace(".", "", 1).isdecimal() and value.isascii()
            helps, instead = ([f"write `{value}`"], str(value)) if plain else ([], "")
            raise BadValue(f"expected {self.noun}, found {found_text(value)}", *helps, instead=instead)
        number = float(value)
        if number < self.low or (self.open_low and number == self.low):
            raise BadValue(
                f"{number:g} is too small: it must be {'more than' if self.open_low else 'at least'} {self.low:g}",
                code="NS205",
            )
        if number > self.high or (self.open_high and number == self.high):
            bound = f"{'less than' if self.open_high else 'at most'} {self.high:g}"
            share = f"{number / 100:g}" if self.high == 1 and 2 <= number < 100 else ""
            helps = [f"write {number:g}% as `{share}`"] if share else []
            raise BadValue(f"{number:g} is too large: it must be {bound}", *helps, code="NS205", instead=share)
        return number

    def document(self) -> str:
        low = "" if self.low <= -1e30 else f"{'more than' if self.open_low else 'at least'} {self.low:g}"
        high = "" if self.high >= 1e30 else f"{'less than' if self.open_high else 'at most'} {self.high:g}"
        return ", ".join(p for p in ("number", low, high) if p)


class Flag(Kind[bool]):
    noun = "yes or no"

    def read(self, value: Value) -> bool:
        if not isinstance(value, bool):
            words = {"true": "yes", "false": "no", "on": "yes", "off": "no", "0": "no", "1": "yes"}
            word = words.get((value.name if isinstance(value, Word) else str(value)).lower(), "")
            helps = [f"write `{word}`"] if word else []
            raise BadValue(f"expected yes or no, found {found_text(value)}", *helps, instead=word)
        return value


class Choice(Kind[str]):
    """One of a few words."""

    words = True

    def __init__(self, *choices: str) -> None:
        self.choices = choices
        self.noun = "one of " + ", ".join(choices)

    def read(self, value: Value) -> str:
        word = value.name if isinstance(value, Word) and not value.called else value
        if word is None and "none" in self.choices:
            return "none"
        if isinstance(word, str):
            found = next((w for w in (word, word.lower()) if w in self.choices), None)
            if found is not None:
                return found
            raise BadValue(f"`{word}` is not {self.noun}", code="NS205", word=word, choices=self.choices)
        raise BadValue(f"expected {self.noun}, found {found_text(value)}")


class PerAxis(Kind[tuple[int, ...]]):
    """One whole number for all spatial axes, or one per axis: `3`, `3x5`, `(3, 5)`."""

    counts = True

    def __init__(self, low: int = 1, high: int = 1_000_000, *, gathers: bool = False, most: int = 3) -> None:
        self.low, self.high, self.gathers, self.most = low, high, gathers, most
        self.noun = "a whole number or a size such as 3x5"

    def read(self, value: Value) -> tuple[int, ...]:
        each = Integer(self.low, self.high)
        if isinstance(value, (tuple, list)):
            if not 1 <= len(value) <= self.most:
                raise BadValue(f"expected one to {self.most} sizes, found {len(value)}")
            return tuple(each.read(v) for v in value)
        return (each.bounded(as_integer(value, self.noun)),)

    def document(self) -> str:
        return f"whole number at least {self.low}, or a size such as 3x5"


class Padding(Kind["tuple[int, ...] | str"]):
    """`1`, `1x2` (both ends of each axis), `(top, left, bottom, right)` (starts, then ends), or a named rule."""

    noun = "a whole number, a size such as 1x2, (top, left, bottom, right), or same"
    words = True
    rules = ("same", "same_upper", "same_lower")

    def __init__(self, *, rules: bool = True, high: int = 1_000_000, gathers: bool = False) -> None:
        self.with_rules = rules
        self.high = high
        self.gathers = gathers

    def read(self, value: Value) -> tuple[int, ...] | str:
        word = value.name if isinstance(value, Word) and not value.called else value
        if isinstance(word, str):
            if self.with_rules and word.lower() in self.rules:
                return word.lower()
            if word.lower() == "valid":
                return (0,)
            rules = self.rules if self.with_rules else ()
            raise BadValue(f"`{word}` is not a padding", f"write {self.noun}", word=word, choices=rules)
        if isinstance(value, (tuple, list)):
            if isinstance(value, Size) or len(value) in (1, 2, 4, 6):
                return tuple(self.one(v) for v in value)
            raise BadValue(f"expected {self.noun}, found {len(value)} numbers")
        return (self.one(value),)

    def one(self, value: Value) -> int:
        number = as_integer(value, self.noun)
        if number < 0:
            raise BadValue(
                "padding cannot be negative", f"to remove {-number} from each side, use `crop {-number}`", code="NS205"
            )
        if number > self.high:
            raise BadValue(f"a padding of {number:,} is too large: it must be at most {self.high:,}", code="NS205")
        return number


class Numbers(Kind[tuple[float, ...]]):
    """One number, or one per channel."""

    counts = True
    noun = "a number or a list of numbers"

    def __init__(self, *, positive: bool = False) -> None:
        self.each = Number(0.0, open_low=True) if positive else Number()

    def read(self, value: Value) -> tuple[float, ...]:
        if isinstance(value, (tuple, list)) and not isinstance(value, Size):
            if not value or len(value) > 4096:
                raise BadValue(f"expected 1 to 4096 numbers, found {len(value)}")
            return tuple(self.each.read(v) for v in value)
        return (self.each.read(value),)


class Pair(Kind[tuple[int, int]]):
    """Two whole numbers: front and back."""

    counts = True
    noun = "two whole numbers, (front, back)"

    def read(self, value: Value) -> tuple[int, int]:
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise BadValue(f"expected {self.noun}, found {found_text(value)}")
        front, back = (Integer(0).read(v) for v in value)
        return front, back


class Table(Kind[tuple[tuple[int, ...], ...]]):
    """For each filter, the list of its input channels, numbered from 0."""

    noun = "a list of lists of channel numbers"

    def read(self, value: Value) -> tuple[tuple[int, ...], ...]:
        if not isinstance(value, (list, tuple)) or isinstance(value, Size) or not value:
            raise BadValue(f"expected {self.noun}, found {found_text(value)}")
        rows = []
        for row in value:
            if not isinstance(row, (list, tuple)) or isinstance(row, Size) or not row:
                raise BadValue(f"expected {self.noun}, but one row is {found_text(row)}")
            channels = tuple(Integer(0).read(c) for c in row)
            if len(set(channels)) != len(channels):
                raise BadValue(f"{show(list(row))} contains a channel twice", code="NS205")
            rows.append(channels)
        return tuple(rows)


class Reference(Kind[str]):
    """The label of another layer."""

    words = True
    noun = "the label of a layer"

    def read(self, value: Value) -> str:
        if isinstance(value, Word) and not value.called:
            return value.name
        if isinstance(value, str):
            return value
        raise BadValue(f"expected {self.noun}, found {found_text(value)}")
