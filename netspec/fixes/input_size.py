"""The nearest size of the input with which a layer that does not fit does: found by trying."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from netspec.diagnostics import Diagnostic, Diagnostics, Fix
from netspec.fixes.validation import Decides
from netspec.syntax import tree as t

__all__ = ["suggest_input_size"]

_NEAR = 32
_MOST_WORK = 3_000
"""Layers that are elaborated at most, over all sizes that are tried."""

Trial = Callable[[t.File, int, Decides], tuple[list[Diagnostic], int]]
"""Elaborates a tree within so much work; gives what is found, up to what decides that it is no good, and the work that it
took."""


_SIZED = frozenset(("NS301", "NS302", "NS305", "NS306"))
"""Diagnostics that another size of the input may fix."""


def suggest_input_size(file: t.File, diagnostics: Diagnostics, work: int, trial: Trial) -> None:
    """Adds to the first diagnostic of a size the input with which it is gone, if one is near."""
    statement = _lone_image(file)
    found = sorted((d for d in diagnostics if d.code in _SIZED), key=lambda d: not d.is_error)
    if statement is None or not found or diagnostics.skipped or any(d.code in ("NS309", "NS310") for d in diagnostics):
        return
    diagnostic = found[0]
    search = _Search(file, statement, diagnostic, list(diagnostics), trial)
    size, whole_net = search.nearest(work)
    if size is None:
        return
    does = "every layer fits" if whole_net else "this layer fits"
    text, span, whole = statement.span.source.text, statement.size_span, statement.span
    shown = text[whole.start : span.start] + size + text[span.end : whole.end]
    fix = Fix.replace(span, size, f"with `{' '.join(shown.split())}` {does}")
    fix = replace(fix, fallback=diagnostic.code == "NS306")
    items = diagnostics.items
    items[next(i for i, d in enumerate(items) if d is diagnostic)] = replace(diagnostic, fixes=(*diagnostic.fixes, fix))


def _lone_image(file: t.File) -> t.Input | None:
    """The input of a net with one, where that is an image, a volume or a signal of several channels."""
    inputs = [item for item in file.items if isinstance(item, t.Input)]
    if len(inputs) != 1:
        return None
    words = {word.text.lower() for word in inputs[0].words}
    spatial = len(inputs[0].sizes) - 1 + bool(words & {"rgb", "gray", "grey"})
    usable = inputs[0].numbers is not None and spatial >= 1 and not words & {"sequence", "int"}
    return inputs[0] if usable else None


class _Search:
    """Tries sizes, the nearest first; each is a whole elaboration of the net without its recipe."""

    def __init__(
        self, file: t.File, statement: t.Input, diagnostic: Diagnostic, known: Sequence[Diagnostic], trial: Trial
    ) -> None:
        self.file, self.statement, self.trial = file, statement, trial
        self.left = _MOST_WORK
        self.key = _key(diagnostic)
        self.errors = diagnostic.is_error
        self.known = {_key(d) for d in known if self.counts(d)}
        numbers = list(statement.numbers or ())
        self.lead = [] if {"rgb", "gray", "grey"} & {w.text.lower() for w in statement.words} else numbers[:1]
        self.sizes = numbers[len(self.lead) :]
        self.larger_only = diagnostic.code == "NS301"

    def nearest(self, work: int) -> tuple[str | None, bool]:
        """The nearest size with which every layer fits, and True; else one with which this layer does, and False. `work` is
        what the whole net takes: what could not be finished is not begun."""
        second = None
        for sizes in self.candidates():
            if self.left < work:
                break
            text = "x".join(map(str, [*self.lead, *sizes]))
            found = self.findings([*self.lead, *sizes])
            if any(map(self.stays_or_is_new, found)):
                continue
            if not any(d.code in _SIZED for d in found):
                return text, True
            second = second or text
        return second, False

    def candidates(self) -> Iterator[list[int]]:
        """Every axis a little larger or smaller; then, for what is too small, several times as large."""
        for distance in range(1, _NEAR + 1):
            yield [n + distance for n in self.sizes]
            if not self.larger_only and min(self.sizes) >= 4 * distance:
                yield [n - distance for n in self.sizes]
        factor = 2
        while self.larger_only and factor <= _NEAR:
            yield [n * factor for n in self.sizes]
            factor *= 2

    def findings(self, sizes: Sequence[int]) -> list[Diagnostic]:
        """What is found with other sizes, the recipe left out."""
        written = tuple(t.Literal_("int", str(n), self.statement.size_span) for n in sizes)
        items = tuple(
            t.Input(item.name, written, item.words, item.size_span, item.span) if item is self.statement else item
            for item in self.file.items
            if not isinstance(item, t.Train)
        )
        found, work = self.trial(t.File(self.file.source, items), self.left, self.stays_or_is_new)
        self.left -= max(1, work)
        return found

    def counts(self, found: Diagnostic) -> bool:
        """Whether a diagnostic matters: errors alone where the one to fix is an error."""
        return found.span is not None and (found.is_error or not self.errors)

    def stays_or_is_new(self, found: Diagnostic) -> bool:
        """Whether a size with which this is found is no good."""
        return self.counts(found) and (_key(found) == self.key or _key(found) not in self.known)


def _key(diagnostic: Diagnostic) -> tuple[str, int]:
    return diagnostic.code, diagnostic.span.start if diagnostic.span else 0
