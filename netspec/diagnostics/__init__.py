"""Diagnostics: what netspec says about a spec. They are values, collected and never raised one at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from netspec.diagnostics.codes import CODES
from netspec.diagnostics.spelling import nearest
from netspec.source import SourceFile, Span

if TYPE_CHECKING:
    from typing import Unpack

__all__ = [
    "CODES",
    "SEVERITIES",
    "Applicability",
    "Details",
    "Diagnostic",
    "Diagnostics",
    "DiagnosticsUntil",
    "Edit",
    "Fix",
    "Label",
    "Skipped",
    "SpecError",
    "Stopped",
    "is_allowed",
    "nearest",
]

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""A `note` is for what may well be meant: `--strict` makes errors of warnings and notes."""
Applicability = Literal["safe", "review", "unsure"]
"""Of a fix. `safe`: it says what the author certainly meant, and `--fix` applies it. `review`: it probably does. `unsure`:
it shows one way out, and may need more than the edits."""
_MOST_AT_ONE_PLACE = 3


@dataclass(frozen=True, slots=True)
class Label:
    """A span with the words beside its underline."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """The text that takes the place of a span; an empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that fix an error. A title that is one of the helps is not shown twice.

    A `fallback` is for where nothing nearer the cause fixes the error.
    """

    title: str
    edits: tuple[Edit, ...]
    applicability: Applicability = "review"
    fallback: bool = False
    rule: str = ""
    """The id of the rule that made it."""

    @property
    def safe(self) -> bool:
        return self.applicability == "safe"

    @classmethod
    def replace(cls, span: Span, text: str, title: str, applicability: Applicability = "review") -> Fix:
        return cls(title, (Edit(span, text),), applicability)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A statement that could not be parsed. What it would have declared or computed is unknown, and not reported again."""

    span: Span

    @property
    def text(self) -> str:
        return self.span.text


class Details(TypedDict, total=False):
    """What a diagnostic may say beside its message."""

    label: str
    secondary: Iterable[Label]
    notes: Iterable[str]
    helps: Iterable[str]
    fixes: Iterable[Fix]
    rule: str
    facts: Any


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A stable code, a short lower-case message, where, the facts, what to do, and edits that do it.

    `span` is None only where there is no text to point at (a file that cannot be read).
    """

    code: str
    severity: Severity
    message: str
    span: Span | None = None
    label: str = ""
    secondary: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    rule: str = ""
    """The code with its sub-code, where a rule explains the error: `NS101-elif`."""
    facts: Any = field(default=None, compare=False, repr=False)
    """A record of the kind of error: names, sizes and spans for code to read; people read the words."""

    @classmethod
    def with_details(
        cls, severity: Severity, code: str, message: str, span: Span | None, details: Details
    ) -> Diagnostic:
        return cls(
            code,
            severity,
            message,
            span,
            details.get("label", ""),
            tuple(details.get("secondary", ())),
            tuple(details.get("notes", ())),
            tuple(details.get("helps", ())),
            tuple(details.get("fixes", ())),
            details.get("rule", ""),
            details.get("facts"),
        )

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"{self.code} is not a registered diagnostic code")

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def __str__(self) -> str:
        where = ""
        if self.span is not None:
            where = f"{self.span.source.name}:{self.span.line}:{self.span.column}: "
        return f"{where}{self.severity}[{self.code}]: {self.message}"


@dataclass(slots=True)
class Diagnostics:
    """A collector. The same diagnostic at the same place is kept once; of those of one code at one place that differ
    from copy to copy, the first few."""

    items: list[Diagnostic] = field(default_factory=list)
    skipped: dict[tuple[SourceFile, int], Skipped] = field(default_factory=dict)
    """What the parser left out, by the place of its placeholder."""
    repaired: dict[SourceFile, list[tuple[int, int]]] = field(default_factory=dict)
    """Where a text was read as it was meant and not as it is written: edits made for what was meant do not fit there."""
    _seen: set[tuple[str, str, Span | None]] = field(default_factory=set)
    _counts: dict[tuple[str, Span | None], int] = field(default_factory=dict)

    def add(self, diagnostic: Diagnostic) -> None:
        key = (diagnostic.code, diagnostic.message, diagnostic.span)
        place = (diagnostic.code, diagnostic.span)
        if key not in self._seen and self._counts.get(place, 0) < _MOST_AT_ONE_PLACE:
            self._seen.add(key)
            self._counts[place] = self._counts.get(place, 0) + 1
            if diagnostic.fixes:
                diagnostic = replace(diagnostic, fixes=tuple(filter(self.fits, diagnostic.fixes)))
            self.items.append(diagnostic)

    def fits(self, fix: Fix) -> bool:
        """Whether the text that a fix changes is the author's, and was read as it is written."""
        return not any(edit.span.source.read_only for edit in fix.edits) and not any(
            start <= edit.span.end and edit.span.start <= stop
            for edit in fix.edits
            for start, stop in self.repaired.get(edit.span.source, ())
        )

    def error(self, code: str, message: str, span: Span | None, **details: Unpack[Details]) -> None:
        self.add(Diagnostic.with_details("error", code, message, span, details))

    def warning(self, code: str, message: str, span: Span | None, **details: Unpack[Details]) -> None:
        self.add(Diagnostic.with_details("warning", code, message, span, details))

    @property
    def has_errors(self) -> bool:
        return any(d.is_error for d in self.items)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class Stopped(Exception):
    """A diagnostic after which nothing more is asked."""


class DiagnosticsUntil(Diagnostics):
    """A collector that ends a trial: it raises Stopped once it has got a diagnostic that decides it."""

    def __init__(self, decides: Callable[[Diagnostic], bool]) -> None:
        super().__init__()
        self._decides = decides

    def add(self, diagnostic: Diagnostic) -> None:
        super().add(diagnostic)
        if self._decides(diagnostic):
            raise Stopped


class SpecError(Exception):
    """A spec (or what was asked of it) has errors; `.diagnostics` holds them all."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        from netspec.diagnostics.terminal import render_plain

        return "\n" + "\n".join(render_plain(d) for d in self.diagnostics)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: the mistake is in the spec, not in the calls that led to it."""
        return str(self).strip("\n").split("\n")

    @classmethod
    def of(
        cls, code: str, message: str, *, span: Span | None = None, notes: Iterable[str] = (), helps: Iterable[str] = (),
        facts: Any = None,
    ) -> SpecError:  # fmt: skip
        """A single error without a place in a spec, such as a file that cannot be written."""
        return cls([Diagnostic(code, "error", message, span, notes=tuple(notes), helps=tuple(helps), facts=facts)])


_ALLOW = re.compile(r"#\s*netspec:\s*allow\s+((?:NS\d{3}(?:-[a-z0-9-]+)?[,\s]*)+)")


def is_allowed(diagnostic: Diagnostic) -> bool:
    """Whether the line of a warning says that it is intended: `# netspec: allow NS305`, or one rule of that code."""
    if diagnostic.span is None:
        return False
    found = _ALLOW.search(diagnostic.span.source.line_text(diagnostic.span.line))
    allowed = re.split(r"[,\s]+", found.group(1)) if found is not None else []
    return diagnostic.code in allowed or diagnostic.rule in filter(None, allowed)
