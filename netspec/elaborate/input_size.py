"""The nearest size of the input with which a layer that does not fit does: found by trying."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from netspec.diagnostics import Diagnostic, Diagnostics, Fix
from netspec.graph import Graph
from netspec.syntax import tree as t

__all__ = ["suggest_input_size"]

_NEAR = 32
_MOST_NODES = 5_000
"""Layers that are inferred again at most, over all sizes that are tried: a tenth of a second or so."""

Trial = Callable[[t.File], Diagnostics]


def suggest_input_size(
    file: t.File, graph: Graph, diagnostics: Diagnostics, codes: frozenset[str], trial: Trial
) -> None:
    """Adds to the first finding with one of the codes the input with which it is gone, if one is near.

    `trial` elaborates a tree and gives what is found.
    """
    statement = _lone_image(file)
    found = sorted((d for d in diagnostics if d.code in codes), key=lambda d: not d.is_error)
    if statement is None or not found or diagnostics.skipped or any(d.code in ("NS309", "NS310") for d in diagnostics):
        return
    finding = found[0]
    search = _Search(file, statement, finding, diagnostics, codes, trial)
    size, whole_net = search.nearest(_MOST_NODES // max(1, len(graph.nodes)))
    if size is None:
        return
    does = "every layer fits" if whole_net else "this layer fits"
    text, span, whole = statement.span.source.text, statement.size_span, statement.span
    shown = text[whole.start : span.start] + size + text[span.end : whole.end]
    fix = Fix.replace(span, size, f"with `{' '.join(shown.split())}` {does}")
    fix = replace(fix, fallback=finding.code == "NS306")
    items = diagnostics.items
    items[next(i for i, d in enumerate(items) if d is finding)] = replace(
        finding, helps=(*finding.helps, fix.title), fixes=(*finding.fixes, fix)
    )


def _lone_image(file: t.File) -> t.Input | None:
    """The input of a net with one, where that is an image, a volume or a signal of several channels."""
    inputs = [item for item in file.items if isinstance(item, t.Input)]
    if len(inputs) != 1:
        return None
    words = {word.text.lower() for word in inputs[0].words}
    spatial = inputs[0].size.count("x") + bool(words & {"rgb", "gray", "grey"})
    return inputs[0] if spatial >= 1 and not words & {"sequence", "int"} else None


class _Search:
    """Tries sizes, the nearest first; each is a whole elaboration of the net without its recipe."""

    def __init__(
        self, file: t.File, statement: t.Input, finding: Diagnostic, diagnostics: Diagnostics, codes: frozenset[str],
        trial: Trial,
    ) -> None:  # fmt: skip
        self.file, self.statement, self.codes, self.trial = file, statement, codes, trial
        self.key = (finding.code, finding.span.start if finding.span else 0)
        self.errors = finding.is_error
        self.known = self.keys(diagnostics)
        numbers = [int(n) for n in statement.size.replace("_", "").split("x")]
        self.lead = [] if {"rgb", "gray", "grey"} & {w.text.lower() for w in statement.words} else numbers[:1]
        self.sizes = numbers[len(self.lead) :]
        self.larger_only = finding.code == "NS301"

    def nearest(self, tries: int) -> tuple[str | None, bool]:
        """The nearest size with which every layer fits, and True; else one with which this layer does, and False."""
        second = None
        for _, sizes in zip(range(tries), self.candidates(), strict=False):
            text = "x".join(map(str, [*self.lead, *sizes]))
            found = self.findings(text)
            keys = self.keys(found)
            if self.key in keys or not keys <= self.known:
                continue
            if not any(d.code in self.codes for d in found):
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

    def findings(self, size: str) -> Diagnostics:
        """What is found with another size, the recipe left out."""
        items = tuple(
            t.Input(item.name, size, item.words, item.size_span, item.span) if item is self.statement else item
            for item in self.file.items
            if not isinstance(item, t.Train)
        )
        return self.trial(t.File(self.file.source, items))

    def keys(self, diagnostics: Diagnostics) -> set[tuple[str, int]]:
        """Code and place of each finding; of the errors alone where the finding that is to be mended is one."""
        return {(d.code, d.span.start) for d in diagnostics if d.span and (d.is_error or not self.errors)}
