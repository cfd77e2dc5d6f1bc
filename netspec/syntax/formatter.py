"""The formatter: one canonical form of a spec, its comments kept, its meaning unchanged.

Statements are printed from the tree; comments are woven in by their place in the source: those on lines of their own
before the statement that follows them, the others after the line that they are on, aligned in runs.
Braces and brackets that are on one line stay on one line where they fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

from netspec.source import SourceFile, Span
from netspec.syntax import tree as t
from netspec.syntax.comments import Comment, Line, aligned, comments_of
from netspec.syntax.printer import Printer

__all__ = ["format_tree", "same_meaning"]

WIDTH = 100
_INDENT = "  "


def format_tree(file: t.File) -> str:
    """The canonical text of a parsed file."""
    return _Formatter(file).text()


def same_meaning(a: Any, b: Any) -> bool:
    """Whether two trees are alike but for spans and for the case of built-in layer names."""
    if isinstance(a, Span):
        return isinstance(b, Span)
    if isinstance(a, SourceFile):
        return isinstance(b, SourceFile)
    if isinstance(a, t.TreeNode):
        return type(a) is type(b) and all(same_meaning(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(same_meaning(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, str) and isinstance(b, str):
        return a == b or a.lower() == b.lower()
    return bool(a == b)


class _Formatter(Printer):
    def __init__(self, file: t.File) -> None:
        super().__init__({i.name for i in file.items if isinstance(i, (t.Block, t.Shared))})
        self.file = file
        self.source = file.source.text
        self.comments = list(comments_of(self.source))
        self.lines: list[Line] = []

    def text(self) -> str:
        self.statements(self.file.items, 0, 0, len(self.source))
        while self.lines and not self.lines[0].text and not self.lines[0].comment:
            self.lines.pop(0)
        out = [line.rstrip() for line in aligned(self.lines)]
        return "\n".join(out).rstrip("\n") + "\n" if any(out) else ""

    # Lines and comments

    def put(self, depth: int, text: str, comment: str = "") -> None:
        self.lines.append(Line(_INDENT * depth + text if text else "", comment))

    def blank(self, start: int, end: int) -> None:
        """One blank line where the source has any between two places."""
        between = self.source[start:end]
        if between.count("\n") > 1 and re.search(r"\n[ \t]*\n", between) and self.lines and self.lines[-1].text:
            self.lines.append(Line(""))

    def statements(self, items: Sequence[Any], depth: int, start: int, end: int) -> None:
        """Statements between two places of the source, with the comments around them."""
        at = start
        for item in items:
            at = self.comments_before(item.span.start, depth, at)
            self.blank(at, item.span.start)
            first = len(self.lines)
            self.statement(item, depth)
            stray = [c for c in self.comments if not c.used and item.span.start <= c.start < item.span.end]
            self.lines[first:first] = [Line(_INDENT * depth + c.text) for c in stray]
            for comment in stray:
                comment.used = True
            self.trail(item.span.end)
            at = item.span.end
            for comment in self.comments:
                if comment.used and at <= comment.start and "\n" not in self.source[at : comment.start]:
                    at = comment.end
        self.comments_before(end, depth, at)

    def comments_before(self, end: int, depth: int, at: int) -> int:
        for comment in self.comments:
            if not comment.used and at <= comment.start < end:
                self.blank(at, comment.start)
                self.put(depth, comment.text)
                comment.used = True
                at = comment.end
        return at

    def trail(self, at: int) -> None:
        """A comment after the line just printed."""
        comment = self.comment_behind(at)
        if comment is not None and not self.lines[-1].comment:
            self.lines[-1].comment = comment.text
            comment.used = True

    def comment_behind(self, at: int) -> Comment | None:
        stop = self.source.find("\n", at)
        stop = len(self.source) if stop < 0 else stop
        return next(
            (
                c
                for c in self.comments
                if not c.used and at <= c.start < stop and not self.source[at : c.start].strip(" \t;,->")
            ),
            None,
        )

    def has_comments(self, span: Span) -> bool:
        return any(span.start <= c.start < span.end for c in self.comments)

    # Statements

    def statement(self, item: Any, depth: int) -> None:
        getattr(self, f"_{type(item).__name__.lower()}")(item, depth)

    def _net(self, item: t.Net, depth: int) -> None:
        self.put(depth, f"net {item.name}{self.parameters(item.parameters)}")

    def _use(self, item: t.Use, depth: int) -> None:
        path = f"<{item.path}>" if item.library else f'"{item.path}"'
        alias = f" as {item.alias}" if item.alias else ""
        self.put(depth, f"use {path}{alias}" + (" with defaults" if item.defaults else ""))

    def _block(self, item: t.Block, depth: int) -> None:
        self.braced(f"block {item.name}{self.parameters(item.parameters)}", item.body, depth)

    def _function(self, item: t.Function, depth: int) -> None:
        parameters = self.parameters(item.parameters) or "()"
        self.put(depth, f"fn {item.name}{parameters} = {self.expr(item.body)}")

    def _shared(self, item: t.Shared, depth: int) -> None:
        self.braced(f"shared {item.name}", item.body, depth)

    def _input(self, item: t.Input, depth: int) -> None:
        parts = ["input", *([item.name] if item.name else []), self.extents(item.sizes), *(w.text for w in item.words)]
        self.put(depth, " ".join(parts))

    def _port(self, item: t.Port, depth: int) -> None:
        self.put(depth, f"input {', '.join(name.text for name in item.names)}")

    def _let(self, item: t.Let, depth: int) -> None:
        head = f"let {item.name} = "
        if self.breaks(item.value, depth, head, ""):
            self.put_list(depth, head, item.value, "")
        else:
            self.put(depth, head + self.expr(item.value))

    def _default(self, item: t.Default, depth: int) -> None:
        names = ", ".join(self.layer_name(n.text) for n in item.layers)
        self.put(depth, " ".join([f"default {names}", *map(self.option, item.options)]))

    def _expect(self, item: t.Expect, depth: int) -> None:
        self.put(depth, f"expect {self.expr(item.condition)}")

    def _fit(self, item: t.Fit, depth: int) -> None:
        self.put(depth, f"fit {item.mode.text}")

    def _output(self, item: t.Output, depth: int) -> None:
        self.put(depth, f"output {item.name}")

    def _aux(self, item: t.Aux, depth: int) -> None:
        self.braced(" ".join(["aux", *map(self.option, item.options)]), item.body, depth)

    def _train(self, item: t.Train, depth: int) -> None:
        self.settings("train", item.settings, item.span, depth)

    def settings(self, head: str, settings: Iterable[t.Setting], span: Span, depth: int) -> None:
        self.put(depth, head + " {")
        opening = self.source.index("{", span.start) + 1
        self.trail(opening)
        self.statements(list(settings), depth + 1, opening, span.end - 1)
        self.put(depth, "}")

    def _setting(self, item: t.Setting, depth: int) -> None:
        parts = [item.name, *(self.expr(v) for v in item.values), *map(self.option, item.options)]
        if item.settings is None:
            self.put(depth, " ".join(parts))
        else:
            self.settings(" ".join(parts), item.settings, item.span, depth)

    # Flow

    def _chain(self, chain: t.Chain, depth: int) -> None:
        """On one line where it fits and no comment is between its links, else a link a line."""
        inline = self.inline_chain(chain)
        if inline is not None and len(_INDENT * depth + inline) <= WIDTH:
            self.put(depth, inline)
            return
        for i, step in enumerate(chain.steps):
            self.step(step, depth + (1 if i else 0), "-> " if i else "")
            if i + 1 < len(chain.steps):
                self.trail(step.span.end)

    def step(self, step: t.Step, depth: int, lead: str) -> None:
        head = lead + (f"{step.label.text}: " if step.label else "")
        tail = self.times(step)
        inline = self.inline_term(step.term)
        if inline is not None and len(_INDENT * depth + head + inline + tail) <= WIDTH:
            self.put(depth, head + inline + tail)
            return
        before = len(self.lines)
        self.spread(step.term, depth, head)
        assert len(self.lines) > before
        self.lines[-1].text += tail

    def spread(self, term: Any, depth: int, head: str) -> None:
        """A term over several lines."""
        if isinstance(term, t.Body):
            self.braced(head.rstrip(), term, depth, spread=True)
        elif isinstance(term, (t.Join, t.Fed)):
            self.join(term, depth, head)
        elif isinstance(term, t.Residual):
            self.braced(f"{head}{self.opening(term)}", term.body, depth, spread=True)
            if isinstance(term.otherwise, t.Body):
                self.continued(" else", term.otherwise, depth)
            elif term.otherwise == "none":
                self.lines[-1].text += " else none"
        elif isinstance(term, t.If):
            self.when(term, depth, head)
        else:
            opening = self.opening(term)
            if isinstance(term, t.For) and self.breaks(
                term.items, depth, f"{head}for {self.for_names(term.names)} in ", " {"
            ):
                self.put_list(depth, f"{head}for {self.for_names(term.names)} in ", term.items, "")
                self.continued("", term.body, depth)
            elif isinstance(term, t.Layer) and term.options:
                *_, last = term.options
                text = self.inline_term(term) or ""
                if self.breaks(last.value, depth, text, ""):
                    shown = self.expr(last.value)
                    self.put_list(depth, head + text.removesuffix(shown), last.value, "")
                else:
                    self.put(depth, head + text)
            elif opening is not None:
                self.braced(head + opening, term.body, depth, spread=True)
            else:
                self.put(depth, head + (self.inline_term(term) or ""))

    def when(self, term: t.If, depth: int, head: str) -> None:
        self.braced(f"{head}if {self.expr(term.condition)}", term.body, depth, spread=True)
        otherwise = term.otherwise
        while isinstance(otherwise, t.If):
            self.continued(f" else if {self.expr(otherwise.condition)}", otherwise.body, depth)
            otherwise = otherwise.otherwise
        if otherwise is not None:
            self.continued(" else", otherwise, depth)

    def continued(self, head: str, body: t.Body, depth: int) -> None:
        """`} else {` after the line just printed."""
        comment = self.lines[-1].comment
        last = self.lines.pop().text
        self.braced(last.removeprefix(_INDENT * depth) + head, body, depth, spread=True)
        if comment:
            index = next(i for i in range(len(self.lines) - 1, -1, -1) if self.lines[i].text.startswith(last + head))
            self.lines.insert(index, Line(_INDENT * depth + comment))

    def braced(self, head: str, body: t.Body, depth: int, *, spread: bool = False) -> None:
        inline = None if spread else self.inline_body(body)
        head = f"{head} " if head else ""
        if inline is not None and len(_INDENT * depth + head + inline) <= WIDTH:
            self.put(depth, head + inline)
            return
        if not body.statements and not self.has_comments(body.span):
            self.put(depth, head + "{}")
            return
        self.put(depth, head + "{")
        self.trail(body.span.start + 1)
        self.statements(body.statements, depth + 1, body.span.start + 1, body.span.end - 1)
        self.put(depth, "}")

    def before_branches(self, term: t.Join | t.Fed) -> str:
        return (
            self.layer(term.layer)
            if isinstance(term, t.Fed)
            else " ".join([term.kind, *map(self.option, term.options)])
        )

    def join(self, term: t.Join | t.Fed, depth: int, head: str) -> None:
        self.put(depth, f"{head}{self.before_branches(term)} [")
        before = (term.layer,) if isinstance(term, t.Fed) else term.options
        after = before[-1].span.end if before else term.span.start
        opening = self.source.index("[", after) + 1
        self.trail(opening)
        self.statements(term.branches, depth + 1, opening, term.span.end - 1)
        self.put(depth, "]")

    # On one line, or None where it cannot be

    def inline_chain(self, chain: t.Chain) -> str | None:
        parts = []
        for step in chain.steps:
            inline = self.inline_term(step.term)
            if inline is None:
                return None
            parts.append((f"{step.label.text}: " if step.label else "") + inline + self.times(step))
        for a, b in zip(chain.steps, chain.steps[1:], strict=False):
            if any(a.span.end <= c.start < b.span.start for c in self.comments):
                return None
        return " -> ".join(parts)

    def inline_term(self, term: Any) -> str | None:
        if isinstance(term, t.Layer):
            return self.layer(term)
        if isinstance(term, t.From):
            return f"from {term.label}"
        if isinstance(term, t.Scalar):
            return self.scalar(term)
        if isinstance(term, t.Body):
            return self.inline_body(term)
        if "\n" in term.span.text or self.has_comments(term.span):
            return None
        if isinstance(term, (t.Join, t.Fed)):
            branches = [self.inline_chain(b) for b in term.branches]
            if None in branches:
                return None
            inside = f" {'; '.join(b for b in branches if b)} " if branches else ""
            return f"{self.before_branches(term)} [{inside}]"
        return self.inline_braced(term)

    def inline_braced(self, term: Any) -> str | None:
        head = self.opening(term)
        body = self.inline_body(term.body)
        otherwise = getattr(term, "otherwise", None)
        rest: str | None = ""
        if isinstance(otherwise, t.Body):
            rest = self.inline_body(otherwise)
        elif isinstance(otherwise, t.If):
            rest = self.inline_braced(otherwise)
        elif otherwise == "none":
            rest = "none"
        if body is None or rest is None:
            return None
        return f"{head} {body}" + (f" else {rest}" if rest else "")

    def inline_body(self, body: t.Body) -> str | None:
        """`{ a; b }` where the source has it on one line, of chains and short statements only."""
        if "\n" in body.span.text or self.has_comments(body.span):
            return None
        if not body.statements:
            return "{}"
        saved = self.lines
        parts = []
        for statement in body.statements:
            self.lines = []
            self.statement(statement, 0)
            parts += [line.text for line in self.lines]
            single = len(self.lines) == 1
            self.lines = saved
            if not single:
                return None
        return "{ " + "; ".join(parts) + " }"

    def put_list(self, depth: int, head: str, items: t.Sequence_, tail: str) -> None:
        """A list with an item a line; one of tuples alike in length reads as a table."""
        self.put(depth, head + "[")
        self.trail(items.span.start + 1)
        for item, text in zip(items.items, self.rows(items), strict=True):
            for comment in [
                c for c in self.comments if c.alone and not c.used and items.span.start < c.start < item.span.start
            ]:
                self.put(depth + 1, comment.text)
                comment.used = True
            self.put(depth + 1, text + ",")
            self.trail(item.span.end)
        self.put(depth, "]" + tail)

    def breaks(self, expr: t.Expr, depth: int, head: str, tail: str) -> TypeGuard[t.Sequence_]:
        """Whether an expression is a list that needs a line for each item: it is too long, or holds comments."""
        if not isinstance(expr, t.Sequence_) or expr.kind != "list" or not expr.items:
            return False
        return self.has_comments(expr.span) or len(_INDENT * depth + head + self.expr(expr) + tail) > WIDTH
